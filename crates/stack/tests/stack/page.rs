//! The page *Existing Agents* and the embedded element, in a real Chromium.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use live_users_testkit::{Browser, Relay, Server, Twilio};

use crate::{ADMIN_TOKEN, TOKEN, agents_file, backend_with, proxy_with, start_both};

fn fixture(file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../twilio/tests/fixtures/webhooks");
    std::fs::read(folder.join(file)).expect("a fixture")
}

pub(crate) async fn open(proxy: &Server) -> Browser {
    open_at(&proxy.url).await
}

/// Opens the page as an admin at this address, which may be that of a network before the proxy.
pub(crate) async fn open_at(url: &str) -> Browser {
    let browser = Browser::start().await;
    browser.sign_in(&format!("{url}/admin/existing-agents"), ADMIN_TOKEN).await;
    browser
}

/// What a person reads in the first element that this CSS selector names.
pub(crate) async fn text(browser: &Browser, selector: &str) -> String {
    let text = format!("document.querySelector('{selector}').innerText");
    browser.evaluate(&text).await.as_str().expect("a text").to_owned()
}

/// Waits until an element has this text in it, whatever blanks and lines it has.
pub(crate) async fn wait_for_text(browser: &Browser, selector: &str, text: &str) {
    let has = format!(
        "document.querySelector('{selector}').innerText.replace(/\\s+/g, ' ').includes('{text}')"
    );
    browser.wait_for(&format!("{text:?} in {selector}"), &has).await;
}

/// Fails if axe finds something in a window of one of these sizes, or something hangs out at the side.
pub(crate) async fn all_can_use_it(browser: &Browser, sizes: [(u32, u32); 2]) {
    for (width, height) in sizes {
        browser.resize(width, height).await;
        for dark in [false, true] {
            browser.set_color_scheme(dark).await;
            assert_eq!(browser.axe_violations().await, [""; 0], "{width} wide, dark: {dark}");
            let fits = "document.documentElement.scrollWidth <= window.innerWidth";
            assert_eq!(browser.evaluate(fits).await, true, "nothing hangs out at the side");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_counts_up_and_down_with_signed_webhooks() {
    let (_backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    browser.wait_for_live_users("0 users live").await;
    twilio.start(1);
    twilio.start(2);
    browser.wait_for_live_users("2 users live").await;
    assert_eq!(browser.title().await, "(2) Existing Agents");
    twilio.end(1);
    browser.wait_for_live_users("1 user live").await;
    assert_eq!(browser.title().await, "(1) Existing Agents");
    let card = "/booking/i.test(document.querySelector('#cards').innerText)";
    browser.wait_for("a card of the agent that talks", card).await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fixtures_of_three_callers_are_seen_in_the_browser() {
    let (_backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    for (file, path, shown) in [
        ("01_inbound_voice.txt", "/voice", "1 user live"),
        ("17_inbound_anonymous_number.txt", "/voice", "2 users live"),
        ("23_inbound_canada_unicode_city.txt", "/voice", "3 users live"),
        ("08_inbound_completed.txt", "/call-status", "2 users live"),
    ] {
        twilio.post_body(path, &fixture(file));
        browser.wait_for_live_users(shown).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_link_is_shown_as_such_and_heals() {
    let (mut backend, _, twilio) = start_both();
    let way = Relay::start(&backend.url);
    let proxy = proxy_with(&way.url, &[]);
    let browser = open(&proxy).await;
    twilio.start(1);
    twilio.start(2);
    browser.wait_for_live_users("2 users live").await;

    backend.kill();
    browser.wait_for_live_users("live count unavailable").await;
    let shown = browser.text_of_live_users().await.expect("a text");
    assert!(shown.contains("was 2"), "{shown}");
    // On the page one notice has the age of all.
    let age = "document.querySelector('live-users').shadowRoot.querySelector('.age')";
    assert_eq!(browser.evaluate(&format!("{age}.checkVisibility()")).await, false);
    let notice = "document.querySelector('#notice').innerText.includes('s old: ')";
    browser.wait_for("the notice with the age", notice).await;
    assert!(!shown.contains("live users") && !shown.contains("0 users"), "{shown}");
    assert_eq!(browser.title().await, "Existing Agents");
    let state =
        browser.evaluate("document.querySelector('live-users').getAttribute('state')").await;
    assert_eq!(state, "down");
    let dot = "getComputedStyle(document.querySelector('live-users').shadowRoot\
               .querySelector('[part=dot]')).backgroundColor";
    let grey = browser.evaluate(dot).await;

    // For the proxy a new backend at the same address: it has forgotten the calls, and says so.
    let backend = backend_with(&agents_file(), &[]);
    way.lead_to(&backend.url);
    browser.wait_for_live_users("0 users live").await;
    assert_ne!(browser.evaluate(dot).await, grey, "the dot has two colours");
    Twilio::new(&backend.url, TOKEN).start(3);
    browser.wait_for_live_users("1 user live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_has_got_old_is_not_shown_as_live_while_the_next_one_is_awaited() {
    let (_backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    twilio.start(1);
    browser.wait_for_live_users("1 user live").await;
    // A tab that is frozen says at once that it knows nothing any more: it will run no timer.
    let frozen = "(() => { document.dispatchEvent(new Event('freeze')); \
                  const badge = document.querySelector('live-users'); \
                  return `${badge.getAttribute('state')}, ${document.title}`; })()";
    assert_eq!(browser.evaluate(frozen).await, "connecting, Existing Agents");
    browser.wait_for_live_users("1 user live").await;

    // The computer slept for an hour, and the proxy does not answer.
    proxy.freeze(true);
    let sleep = "(() => { window.states = []; \
                 document.addEventListener('live-users-change', \
                 ({ detail }) => window.states.push(detail.state)); \
                 const now = Date.now; Date.now = () => now() + 3600e3; return true; })()";
    browser.evaluate(sleep).await;
    browser.wait_for("the link to be down", "window.states.includes('down')").await;
    let states = browser.evaluate("window.states.join()").await;
    proxy.freeze(false);
    assert_eq!(states, "connecting,down");
    let shown = browser.text_of_live_users().await.expect("a text");
    assert!(!shown.contains("user live"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_element_works_on_a_page_of_another_origin() {
    let (_backend, proxy, twilio) = start_both();
    let elsewhere = serve(format!(
        "<!doctype html><title>Elsewhere</title><style>* {{ display: none !important }}</style>\
         <script type=module src={}/live-users.js></script><live-users></live-users>",
        proxy.url
    ));
    twilio.start(1);
    let browser = Browser::start().await;
    browser.goto(&elsewhere).await;
    browser.wait_for_live_users("1 user live").await;
    assert_eq!(browser.title().await, "Elsewhere");
    assert_eq!(browser.console_errors().await, [""; 0]);
}

/// Serves one page from an origin of its own, for as long as the test runs.
pub(crate) fn serve(page: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or_default();
            let (status, body) = match request[..read].starts_with(b"GET / ") {
                true => ("200 OK", page.as_str()),
                false => ("204 No Content", ""),
            };
            let length = body.len();
            let _browser_has_gone = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            );
        }
    });
    url
}
