//! Signing in and out in a real Chromium, which decides what becomes of the cookie.

use live_users_testkit::Browser;

use crate::page::serve;
use crate::{ADMIN_TOKEN, start_both};

const PAGE: &str = "/admin/existing-agents";

async fn path(browser: &Browser) -> String {
    let path = browser.evaluate("location.pathname + location.search").await;
    path.as_str().expect("a path").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_is_asked_for_the_token_and_signs_in_and_out() {
    let (_backend, proxy, _) = start_both();
    let browser = Browser::start().await;
    let page = format!("{}{PAGE}", proxy.url);
    browser.goto(&page).await;
    assert_eq!(path(&browser).await, format!("/admin/sign-in?next={PAGE}"));
    assert_eq!(browser.title().await, "Sign in - Live Users");
    browser.resize(360, 640).await;
    let width = browser.evaluate("document.documentElement.scrollWidth").await;
    assert_eq!(width, 360, "it fits on a small phone");
    let focused = browser.evaluate("document.activeElement.name").await;
    assert_eq!(focused, "token", "one can type at once");

    browser.show_token("not-the-token-at-all").await;
    let alert = "document.querySelector('[role=alert]')?.innerText.includes('not the token')";
    browser.wait_for("the page to say that it is wrong", alert).await;
    assert_eq!(path(&browser).await, "/admin/sign-in", "nothing is in the URL");
    let errors = browser.console_errors().await;
    let is_status = |error: &String| error.contains("403 (Forbidden)");
    assert!(errors.iter().all(is_status), "{errors:?}");

    browser.show_token(ADMIN_TOKEN).await;
    browser.wait_for("the page", &format!("location.pathname === '{PAGE}'")).await;
    browser.wait_for_live_users("0 users live").await;
    let seen = browser.evaluate("document.cookie").await;
    assert_eq!(seen, "", "no script sees the cookie");
    let summary = "fetch('/api/live-users/summary').then((answer) => answer.status)";
    assert_eq!(browser.evaluate(summary).await, 200, "a page of ours reads with it");
    browser.goto(&page).await;
    assert_eq!(path(&browser).await, PAGE, "signed in on the next visit too");

    browser.click("form[action='/admin/sign-out'] button").await;
    browser.wait_for("the sign-in", "location.pathname === '/admin/sign-in'").await;
    browser.goto(&page).await;
    assert_eq!(path(&browser).await, format!("/admin/sign-in?next={PAGE}"));
    browser.evaluate("history.go(-1)").await;
    browser.wait_for("no page out of a cache", "document.querySelector('[name=token]')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_keeps_the_cookie_on_loopback_by_name_too() {
    let (_backend, proxy, _) = start_both();
    let browser = Browser::start().await;
    let page = proxy.url.replace("127.0.0.1", "localhost") + PAGE;
    browser.sign_in(&page, ADMIN_TOKEN).await;
    browser.wait_for_live_users("0 users live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_another_site_finds_who_is_signed_in() {
    let (_backend, proxy, _) = start_both();
    let browser = Browser::start().await;
    let page = format!("{}{PAGE}", proxy.url);
    // `localhost` is another site than 127.0.0.1, ports apart.
    let elsewhere = serve(format!("<!doctype html><title>Chat</title><a href={page}>see</a>"));
    let elsewhere = elsewhere.replace("127.0.0.1", "localhost");
    browser.goto(&elsewhere).await;
    browser.click("a").await;
    let asked = "document.querySelector('[name=token]') && document.readyState === 'complete'";
    browser.wait_for("the sign-in, without a session", asked).await;

    browser.sign_in(&page, ADMIN_TOKEN).await;
    browser.goto(&elsewhere).await;
    browser.click("a").await;
    browser.wait_for("the page, with one", &format!("location.pathname === '{PAGE}'")).await;
    browser.wait_for_live_users("0 users live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_signs_nobody_out() {
    let (_backend, proxy, _) = start_both();
    let browser = Browser::start().await;
    let page = format!("{}{PAGE}", proxy.url);
    browser.sign_in(&page, ADMIN_TOKEN).await;
    // Another port is another origin, but the same site: the browser sends the cookie along.
    for host in ["127.0.0.1", "localhost"] {
        let elsewhere = serve(format!(
            "<!doctype html><form method=post action={}/admin/sign-out><button>x</button></form>",
            proxy.url
        ));
        browser.goto(&elsewhere.replace("127.0.0.1", host)).await;
        browser.click("button").await;
        let refused = "document.body.innerText.includes('only a page of this proxy')";
        browser.wait_for("a refusal", refused).await;
        browser.goto(&page).await;
        assert_eq!(path(&browser).await, PAGE, "still signed in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_with_the_token_behind_the_hash_signs_in_and_leaves_no_token_anywhere() {
    let (_backend, proxy, _) = start_both();
    let browser = Browser::start().await;
    let link = |token: &str| format!("{}/admin/sign-in#token={token}", proxy.url);
    let href = async || browser.evaluate("location.href").await.as_str().unwrap().to_owned();
    browser.goto(&link("not-the-token-at-all")).await;
    let alert = "document.querySelector('[role=alert]')?.innerText.includes('not the token')";
    browser.wait_for("the page to say that it is wrong", alert).await;
    assert_eq!(href().await, format!("{}/admin/sign-in", proxy.url));
    // On the page that is open already only the fragment changes.
    let changes = format!("location.hash = '#token={ADMIN_TOKEN}'");
    browser.evaluate(&changes).await;
    browser.wait_for("the page", &format!("location.pathname === '{PAGE}'")).await;
    browser.wait_for_live_users("0 users live").await;

    browser.goto(&link(ADMIN_TOKEN)).await;
    browser.wait_for("the page again", &format!("location.pathname === '{PAGE}'")).await;
    browser.wait_for_live_users("0 users live").await;
    assert_eq!(href().await, format!("{}{PAGE}", proxy.url), "no token, and no mark of one");
    let stored = "JSON.stringify([sessionStorage, localStorage, history.state, document.cookie])";
    let stored = browser.evaluate(stored).await.to_string();
    assert!(!stored.contains(ADMIN_TOKEN), "{stored}");
    let (status, log) = proxy.terminate();
    assert!(status.success() && !log.contains(ADMIN_TOKEN), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_with_the_token_signs_in_from_another_site_too() {
    let (_backend, proxy, _) = start_both();
    let browser = Browser::start().await;
    let link = format!("{}/admin/sign-in#token={ADMIN_TOKEN}", proxy.url);
    let elsewhere = serve(format!("<!doctype html><title>Chat</title><a href={link}>see</a>"));
    browser.goto(&elsewhere.replace("127.0.0.1", "localhost")).await;
    browser.click("a").await;
    browser.wait_for("the page", &format!("location.pathname === '{PAGE}'")).await;
    browser.wait_for_live_users("0 users live").await;
    assert_eq!(path(&browser).await, PAGE);
}
