//! Parts of the page that are loaded when they are needed, in a real Chromium: also where they cannot be.

use live_users_testkit::{Browser, Relay, Server, Twilio};

use crate::page::open_at;
use crate::{start_both, start_both_with, write_agents};

const AGENTS: &str = "[[agent]]\nid = \"booking\"\nname = \"Table bookings\"\nnumbers = [\"+15005550006\"]\n\
    [[alert]]\nid = \"busy\"\nwhen = \"users\"\nat_least = 2\n";

/// The names of the scripts that the page has loaded, without their hashes.
const SCRIPTS: &str = "performance.getEntriesByType('resource').map((it) => new URL(it.name).pathname) \
    .filter((it) => it.endsWith('.js')).map((it) => it.replace(/[.][0-9a-f]{16}[.]js$/, '')) \
    .toSorted().join(' ')";

const OPEN_DETAILS: &str = "tr.call .toggle";
const DETAILS: &str = "document.querySelector('.details')?.innerText ?? ''";

/// Both servers with one call, and a network before the proxy.
fn with_a_call() -> (Server, Server, Twilio, Relay) {
    let (backend, proxy, twilio) = start_both();
    twilio.start(1);
    let relay = Relay::start(&proxy.url);
    (backend, proxy, twilio, relay)
}

async fn wait_for_call(browser: &Browser) {
    browser.wait_for("the call", "document.querySelector('tr.call') !== null").await;
}

fn contains(text: &str, part: &str) -> String {
    format!("({text}).includes('{part}')")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_loaded_later_is_one_script_that_shares_all_else_with_the_page() {
    let (_backend, _proxy, twilio, relay) = with_a_call();
    let browser = open_at(&relay.url).await;
    wait_for_call(&browser).await;
    assert_eq!(browser.evaluate(SCRIPTS).await, "/assets/page");
    browser.click(OPEN_DETAILS).await;
    browser.wait_for("the details", &contains(DETAILS, "Why it is counted")).await;
    assert_eq!(browser.evaluate(SCRIPTS).await, "/assets/call-details /assets/page");
    // Its order is done by the page's own reader, and the page's own list is read again.
    browser.click(".details .button.is-danger").await;
    browser.wait_for("the question", "document.querySelector('#evict').open").await;
    browser.click("#evict-confirm").await;
    browser.wait_for_live_users("0 users live").await;
    browser.wait_for("no call", "document.querySelector('tr.call') === null").await;
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn details_that_cannot_be_loaded_say_so_and_come_by_themselves() {
    let (_backend, _proxy, _twilio, relay) = with_a_call();
    let browser = open_at(&relay.url).await;
    wait_for_call(&browser).await;
    relay.forbid(&["/assets/call-details."]);
    browser.click(OPEN_DETAILS).await;
    let told = "It cannot be explained: the server cannot be reached. Trying again.";
    browser.wait_for("what is wrong", &contains(DETAILS, told)).await;
    assert_eq!(browser.axe_violations().await, [""; 0]);
    // Who has closed them is not asked again, and who opens them again is answered.
    browser.click(OPEN_DETAILS).await;
    browser.wait_for("no details", "document.querySelector('.details') === null").await;
    browser.click(OPEN_DETAILS).await;
    browser.wait_for("what is wrong", &contains(DETAILS, told)).await;
    relay.forbid(&[]);
    browser.wait_for("the details", &contains(DETAILS, "Why it is counted")).await;
    assert_eq!(browser.evaluate("document.querySelectorAll('.details').length").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_cannot_be_shared_yet_can_be_once_the_server_answers() {
    let (_backend, _proxy, _twilio, relay) = with_a_call();
    let browser = open_at(&relay.url).await;
    wait_for_call(&browser).await;
    relay.forbid(&["/assets/shared-links."]);
    let error = "document.querySelector('#shared-links-error')";
    let told = "The links cannot be shown: the server cannot be reached. Trying again.";
    browser.evaluate("document.querySelector('#shared-links').scrollIntoView()").await;
    browser.wait_for("what is wrong", &format!("{error}.textContent === '{told}'")).await;
    browser.click("#share-open").await;
    let told = "No link can be shared: the server cannot be reached.";
    browser.wait_for("what is wrong", &format!("{error}.textContent === '{told}'")).await;
    assert_eq!(browser.evaluate("document.querySelector('#share').open").await, false);
    relay.forbid(&[]);
    browser.click("#share-open").await;
    browser.wait_for("the form", "document.querySelector('#share').open").await;
    browser.wait_for("no error", &format!("{error}.hidden")).await;
    browser.click("#share-cancel").await;
    let hint = "document.querySelector('#shared-links-empty').checkVisibility()";
    browser.wait_for("that there is no link", hint).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wallboard_needs_its_script_and_its_style_and_says_when_they_are_missing() {
    let (_backend, _proxy, _twilio, relay) = with_a_call();
    let notice = "document.querySelector('main > .notice[role=alert]')?.textContent ?? ''";
    let is_on = "document.documentElement.matches('.wallboard')";
    for forbidden in ["/assets/wallboard.", "/assets/wallboard-screen."] {
        // One that has neither from before.
        let browser = open_at(&relay.url).await;
        wait_for_call(&browser).await;
        relay.forbid(&[forbidden]);
        browser.click("#wallboard").await;
        let told = "The wallboard cannot be shown: the server cannot be reached.";
        browser.wait_for(forbidden, &contains(notice, told)).await;
        assert_eq!(browser.evaluate(is_on).await, false, "{forbidden}");
        relay.forbid(&[]);
        browser.click("#wallboard").await;
        browser.wait_for("the mode", is_on).await;
        browser.wait_for("its style", "!document.querySelector('#calls').checkVisibility()").await;
        assert_eq!(browser.evaluate(notice).await, "");
        assert_eq!(browser.evaluate("location.search").await, "?wallboard");
    }
    let browser = open_at(&relay.url).await;
    browser.goto(&format!("{}/admin/existing-agents?wallboard", relay.url)).await;
    // With the mode in the address, both come with the page.
    browser.wait_for("the clock", "document.querySelector('#clock')?.checkVisibility()").await;
    assert_eq!(browser.evaluate(SCRIPTS).await, "/assets/page /assets/wallboard-screen", "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_that_has_something_to_show_comes_with_the_page_or_says_why_not() {
    let (_folder, file) = write_agents(AGENTS);
    let (_backend, proxy, twilio) = start_both_with(&file);
    twilio.start(1);
    let relay = Relay::start(&proxy.url);
    relay.forbid(&["/assets/alerts."]);
    let browser = open_at(&relay.url).await;
    let text = "document.querySelector('#alerts').innerText";
    let told = "This cannot be shown: the server cannot be reached. Trying again.";
    browser.wait_for("what is wrong", &contains(text, told)).await;
    relay.forbid(&[]);
    browser.wait_for("the alerts", &contains(text, "None of 1 fires.")).await;
    assert_eq!(browser.evaluate(&contains(text, told)).await, false);
    browser.evaluate("location.reload()").await;
    browser.wait_for("the alerts", &contains(text, "None of 1 fires.")).await;
    assert_eq!(browser.evaluate(SCRIPTS).await, "/assets/alerts /assets/page", "no other part");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_parts_the_server_has_no_more_is_loaded_again() {
    let (_backend, _proxy, _twilio, relay) = with_a_call();
    let browser = open_at(&relay.url).await;
    wait_for_call(&browser).await;
    browser.evaluate("(window.isOld = true)").await;
    // As a server of another version: the part has another hash there.
    relay.mishear(Some(("/assets/call-details.", "/assets/call-detailz.")));
    // The page is not loaded again more often than each half a minute.
    browser.evaluate("(performance.now = () => 60_000, true)").await;
    browser.click(OPEN_DETAILS).await;
    browser.wait_for("another page", "window.isOld === undefined").await;
    relay.mishear(None);
    wait_for_call(&browser).await;
    browser.click(OPEN_DETAILS).await;
    browser.wait_for("the details", &contains(DETAILS, "Why it is counted")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_loaded_again_waits_for_a_dialog_and_says_so() {
    let (_backend, _proxy, _twilio, relay) = with_a_call();
    let browser = open_at(&relay.url).await;
    wait_for_call(&browser).await;
    browser.click("#share-open").await;
    browser.wait_for("the form", "document.querySelector('#share').open").await;
    browser.evaluate("(window.isOld = true)").await;
    relay.mishear(Some(("/assets/call-details.", "/assets/call-detailz.")));
    browser.evaluate("(performance.now = () => 60_000, true)").await;
    // A pointer would not reach it behind the dialog: what was asked for before may come late.
    browser.evaluate(&format!("document.querySelector('{OPEN_DETAILS}').click()")).await;
    let told = "is loaded again when the dialog is closed";
    browser.wait_for("what is waited for", &contains(DETAILS, told)).await;
    assert_eq!(browser.evaluate("window.isOld").await, true);
    relay.mishear(None);
    browser.click("#share-cancel").await;
    browser.wait_for("another page", "window.isOld === undefined").await;
    wait_for_call(&browser).await;
}
