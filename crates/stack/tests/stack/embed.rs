//! The element on pages of other people, in a real Chromium.

use live_users_testkit::{Browser, Server, Twilio, wrong_clock};

use serde_json::Value;

use crate::page::serve;
use crate::{
    TOKEN, agents_file, backend_with, proxy_with, sibling, start_both, start_both_with,
    write_agents,
};

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

/// What happened to the element, from the first on, in `window.seen`; put before it on a page.
const WATCH: &str = "<script>window.seen = []; document.addEventListener('live-users-change', \
                     ({ detail }) => window.seen.push(detail));</script>";

const BADGE: &str = "document.querySelector('live-users')";

fn page_with(proxy: &Server, before: &str, element: &str) -> String {
    serve(format!(
        "<!doctype html><title>Elsewhere</title>{before}{WATCH}\
         <script type=module src={}/live-users.js></script>{element}",
        proxy.url
    ))
}

/// Both servers ten minutes after three callers began who have been silent since, and their journal.
pub(crate) fn with_three_in_doubt() -> (tempfile::TempDir, Server, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = format!("file:{}", folder.path().to_str().expect("a path of text"));
    let (agents, journal) = (agents_file(), ("JOURNAL_URL", journal.as_str()));
    let backend = backend_with(&agents, &[journal]);
    let twilio = Twilio::new(&backend.url, TOKEN);
    (1..=3).for_each(|n| drop(twilio.start(n)));
    drop(backend);
    let clock = wrong_clock("+10m");
    let clock: Vec<_> = clock.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let backend = backend_with(&agents, &[&clock[..], &[journal]].concat());
    let proxy = proxy_with(&backend.url, &[("ALLOWED_ORIGINS", "*")]);
    (folder, backend, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_in_doubt_is_about_so_many_and_says_so_by_more_than_a_colour() {
    let (_folder, backend, proxy) = with_three_in_doubt();
    let browser = Browser::start().await;
    browser.goto(&page_with(&proxy, "", "<live-users></live-users>")).await;
    browser.wait_for_live_users("about 3 users live").await;
    let told = format!("[{BADGE}.getAttribute('state'), {BADGE}.getAttribute('count')].join()");
    assert_eq!(browser.evaluate(&told).await, "unsure,3");
    let detail = "(({ liveUsers, suspect }) => `${liveUsers} ${suspect}`)(window.seen.at(-1))";
    assert_eq!(browser.evaluate(detail).await, "3 3");
    let dot = format!("getComputedStyle({BADGE}.shadowRoot.querySelector('.dot'))");
    assert_eq!(browser.evaluate(&format!("{dot}.backgroundColor")).await, "rgba(0, 0, 0, 0)");
    assert_ne!(browser.evaluate(&format!("{dot}.borderTopWidth")).await, "0px");
    let pulse = format!(
        "getComputedStyle({BADGE}.shadowRoot.querySelector('.dot'), '::after').animationName"
    );
    assert_eq!(browser.evaluate(&pulse).await, "none");
    // As soon as they are heard of, it is sure again.
    let twilio = Twilio::new(&backend.url, TOKEN);
    (1..=3).for_each(|n| drop(twilio.start(n)));
    browser.wait_for("it to be sure", &format!("{BADGE}.getAttribute('state') === 'live'")).await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_of_the_viewer_changes_no_age() {
    for hours in [2, -2] {
        let (mut backend, proxy, twilio) = start_both();
        twilio.start(1);
        let clock = format!(
            "<script>const now = Date.now; Date.now = () => now() + {hours} * 3600e3;</script>"
        );
        let browser = Browser::start().await;
        browser.goto(&page_with(&proxy, &clock, "<live-users></live-users>")).await;
        browser.wait_for_live_users("1 user live").await;
        backend.kill();
        browser.wait_for_live_users("live count unavailable").await;
        let shown = browser.text_of_live_users().await.expect("a text");
        assert!(shown.contains("was 1,") && shown.contains(" s ago"), "{hours} h: {shown}");
        // The true time, which this browser does not know.
        let off = "Math.abs(window.seen.at(-1).asOf - (Date.now() - HOURS * 3600e3)) < 60e3";
        let off = off.replace("HOURS", &hours.to_string());
        assert_eq!(browser.evaluate(&off).await, true, "{hours} h");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_not_allowed_is_told_so_and_a_proxy_that_is_away_is_not_taken_for_that() {
    let (backend, _, _) = start_both();
    let env = [("BACKEND_URL", backend.url.as_str()), ("ALLOWED_ORIGINS", "https://other.example")];
    let proxy = Server::start(sibling("live-users-proxy"), &[], &env);
    let browser = Browser::start().await;
    browser.goto(&page_with(&proxy, "", "<live-users></live-users>")).await;
    let error = |text: &str| format!("window.seen.at(-1)?.error?.includes('{text}')");
    browser.wait_for("the reason", &error("not allowed")).await;
    assert_eq!(browser.evaluate(&format!("{BADGE}.getAttribute('state')")).await, "down");
    drop(proxy);
    browser.evaluate("window.dispatchEvent(new Event('online'))").await;
    browser.wait_for("the reason", &error("cannot be reached")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_has_a_badge_of_its_own_if_it_is_public() {
    let agents = "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\npublic = true\n\
                  numbers = [\"+15005550006\"]\n[[agent]]\nid = \"support\"\nname = \"Support\"\n";
    let (_folder, file) = write_agents(agents);
    let (_backend, proxy, twilio) = start_both_with(&file);
    (1..=2).for_each(|n| drop(twilio.start(n)));
    let browser = Browser::start().await;
    browser.goto(&page_with(&proxy, "", "<live-users agent=booking></live-users>")).await;
    browser.wait_for_live_users("2 users live").await;
    browser
        .wait_for("a stream", &format!("{BADGE}.getAttribute('transport') === 'websocket'"))
        .await;
    twilio.end(1);
    browser.wait_for_live_users("1 user live").await;
    browser.evaluate(&format!("{BADGE}.setAttribute('agent', 'support') ?? true")).await;
    browser.wait_for_live_users("live count unavailable").await;
    let error = "window.seen.at(-1).error.includes('there is no such agent here')";
    browser.wait_for("the reason", error).await;
    // A template that has left it out gets no number of all.
    browser.evaluate(&format!("{BADGE}.setAttribute('agent', '') ?? true")).await;
    let error =
        "window.seen.at(-1).error === 'the attribute agent is empty: expected the id of an agent'";
    browser.wait_for("the reason", error).await;
    assert_eq!(browser.evaluate(&format!("{BADGE}.hasAttribute('count')")).await, false);
}

/// A page of another origin with the proxy's page in a frame.
fn page_with_frame(proxy: &Server, query: &str, attribute: &str) -> String {
    serve(format!(
        "<!doctype html><title>Elsewhere</title><iframe {attribute} src=\"{}/embed{query}\"></iframe>\
         <img src=\"{}/badge.svg\" alt=\"\">",
        proxy.url, proxy.url
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_on_an_allowed_page_shows_the_number_live_and_on_another_page_nothing() {
    let (backend, _, twilio) = start_both();
    twilio.start(1);
    let start = |allowed: &str| {
        let env = [("BACKEND_URL", backend.url.as_str()), ("ALLOWED_ORIGINS", allowed)];
        Server::start(sibling("live-users-proxy"), &[], &env)
    };
    let browser = Browser::start().await;
    let proxy = start("http://127.0.0.1:*");
    browser.goto(&page_with_frame(&proxy, "?theme=dark", "")).await;
    let is_shown = "document.images[0].complete && document.images[0].naturalWidth > 40";
    browser.wait_for("the picture", is_shown).await;
    browser.enter_frame("iframe").await;
    browser.wait_for_live_users("1 user live").await;
    // Beyond the first number, the page has followed since.
    twilio.start(2);
    browser.wait_for_live_users("2 users live").await;
    let scheme = "getComputedStyle(document.documentElement).colorScheme";
    assert_eq!(browser.evaluate(scheme).await, "dark");
    assert_eq!(browser.axe_violations().await, [""; 0]);
    assert_eq!(browser.console_errors().await, [""; 0]);

    let proxy = start("https://other.example");
    browser.goto(&page_with_frame(&proxy, "", "")).await;
    browser.wait_for("the picture", is_shown).await;
    browser.enter_frame("iframe").await;
    browser.wait_for("the browser's own page", "location.protocol === 'chrome-error:'").await;
    assert_eq!(browser.evaluate("document.querySelector('live-users')").await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_without_scripts_shows_the_number_and_of_when_it_is() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = Browser::start().await;
    browser.goto(&page_with_frame(&proxy, "", "sandbox")).await;
    browser.enter_frame("iframe").await;
    let text = "document.querySelector('live-users').innerText";
    let is_dated = "/^1 user live, as of \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC$/";
    browser.wait_for("the number", &format!("{is_dated}.test({text})")).await;
    assert_eq!(browser.evaluate("customElements.get('live-users') === undefined").await, true);
    let heading = "getComputedStyle(document.querySelector('h1')).position";
    assert_eq!(browser.evaluate(heading).await, "absolute", "it has its style");
    let as_of = "parseFloat(getComputedStyle(document.querySelector('.as-of')).fontSize)";
    browser.wait_for("the time to be legible", &format!("{as_of} > 10")).await;
}
