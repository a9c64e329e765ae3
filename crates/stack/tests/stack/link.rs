//! How the number comes to a real Chromium: by WebSocket, and by what is left if that is blocked.

use live_users_testkit::{Browser, Events, Heard, Relay, Server, Socket};

use crate::{ADMIN_TOKEN, page, start_both};

const WEBSOCKET: &str = "Upgrade: websocket";
const SSE: &str = "GET /api/live-users/stream";

/// Remembers how each number came and how long it took, from now on, in `window.seen`.
const WATCH: &str = "(() => { window.seen = []; document.addEventListener('live-users-change', \
                     ({ detail }) => window.seen.push({ ...detail, at: Date.now() })); \
                     return true; })()";

const TRANSPORT: &str = "document.querySelector('live-users').getAttribute('transport')";

async fn wait_for_transport(browser: &Browser, name: &str) {
    browser.wait_for(name, &format!("{TRANSPORT} === '{name}'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_seen_within_a_second_of_its_webhook_by_websocket() {
    let (_backend, proxy, twilio) = start_both();
    let browser = page::open(&proxy).await;
    browser.wait_for_live_users("0 users live").await;
    wait_for_transport(&browser, "websocket").await;
    browser.evaluate(WATCH).await;
    let mut quickest = i64::MAX;
    for n in 1..=5 {
        let before = browser.evaluate("Date.now()").await.as_i64().expect("a time");
        twilio.start(n);
        let seen = format!("window.seen.at(-1)?.liveUsers === {n}");
        browser.wait_for("the change", &seen).await;
        let at = browser.evaluate("window.seen.at(-1).at").await.as_i64().expect("a time");
        quickest = quickest.min(at - before);
    }
    // The quickest, because a machine that is busy may be slow once.
    assert!(quickest < 1_000, "{quickest} ms");
    assert_eq!(browser.evaluate("window.seen.at(-1).transport").await, "websocket");
    assert_eq!(browser.console_errors().await, [""; 0], "also the page's policy allows it");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_websockets_are_blocked_events_serve_and_then_polling_and_up_again() {
    let (_backend, proxy, twilio) = start_both();
    let relay = Relay::start(&proxy.url);
    relay.forbid(&[WEBSOCKET]);
    let browser = page::open_at(&relay.url).await;
    browser.wait_for_live_users("0 users live").await;
    wait_for_transport(&browser, "sse").await;
    twilio.start(1);
    browser.wait_for_live_users("1 user live").await;

    relay.forbid(&[WEBSOCKET, SSE]);
    relay.cut(false);
    wait_for_transport(&browser, "polling").await;
    twilio.start(2);
    browser.wait_for_live_users("2 users live").await;

    // The browser says that the network has changed, and nobody has to wait.
    relay.forbid(&[]);
    browser.evaluate("window.dispatchEvent(new Event('online'))").await;
    wait_for_transport(&browser, "websocket").await;
    twilio.start(3);
    browser.wait_for_live_users("3 users live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_lost_is_shown_as_such_and_comes_back_by_itself() {
    let (_backend, proxy, twilio) = start_both();
    let relay = Relay::start(&proxy.url);
    let browser = page::open_at(&relay.url).await;
    twilio.start(1);
    browser.wait_for_live_users("1 user live").await;
    wait_for_transport(&browser, "websocket").await;
    browser.evaluate(WATCH).await;

    relay.cut(true);
    browser.wait_for_live_users("live count unavailable").await;
    let shown = browser.text_of_live_users().await.expect("a text");
    assert!(shown.contains("was 1,") && shown.contains("ago"), "{shown}");
    assert_eq!(browser.evaluate(&format!("{TRANSPORT} === null")).await, true);
    twilio.start(2);

    relay.cut(false);
    browser.wait_for_live_users("2 users live").await;
    wait_for_transport(&browser, "websocket").await;
    let states =
        "window.seen.map(({ state }) => state).filter((it, at, all) => it !== all[at - 1])";
    let states = browser.evaluate(&format!("{states}.join()")).await;
    assert_eq!(states, "connecting,down,live", "never an old number as a live one");
}

/// Many listeners of both kinds at both servers, and a browser among them.
#[tokio::test(flavor = "multi_thread")]
async fn all_see_the_same_number_and_the_end_of_the_proxy() {
    let (backend, proxy, twilio) = start_both();
    let browser = page::open(&proxy).await;
    let admin = format!("Bearer {ADMIN_TOKEN}");
    let admin = [("Authorization", admin.as_str())];
    let at = |server: &Server, path: &str| format!("{}/api/live-users{path}", server.url);
    let mut sockets = Vec::new();
    for (server, path) in [(&proxy, "/ws"), (&proxy, "/summary/ws"), (&backend, "/ws")] {
        sockets.push(Socket::open(&at(server, path), &admin).await.expect("a socket"));
    }
    let mut events = Events::open(&at(&proxy, "/stream"), &[]).await.expect("a stream");
    (1..=3).for_each(|n| drop(twilio.start(n)));
    for socket in &mut sockets {
        while !socket.text().await.contains(r#""liveUsers":3,"#) {}
    }
    while !events.next().await.expect("an event").contains(r#""liveUsers":3,"#) {}
    browser.wait_for_live_users("3 users live").await;

    let (status, _) = proxy.terminate();
    assert!(status.success());
    for socket in &mut sockets[..2] {
        while let Heard::Text(_) = socket.next().await {}
    }
    browser.wait_for_live_users("live count unavailable").await;
}
