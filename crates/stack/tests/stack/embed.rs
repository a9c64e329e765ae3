//! The element on pages of other people, in a real Chromium.

use live_users_testkit::Browser;

use crate::page::serve;
use crate::start_both;

#[tokio::test(flavor = "multi_thread")]
async fn the_element_works_on_a_page_that_requires_trusted_types() {
    let (_backend, proxy, twilio) = start_both();
    let origin = &proxy.url;
    let elsewhere = serve(format!(
        "<!doctype html><title>Elsewhere</title>\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; script-src {origin}; \
         connect-src {origin} {}; require-trusted-types-for 'script'; trusted-types 'none'\">\
         <script type=module src={origin}/live-users.js></script><live-users></live-users>",
        origin.replacen("http", "ws", 1)
    ));
    twilio.start(1);
    let browser = Browser::start().await;
    browser.goto(&elsewhere).await;
    browser.wait_for_live_users("1 user live").await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}
