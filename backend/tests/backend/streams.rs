//! What is told at once: the total to anybody, the summary to who shows the token.

use std::time::{Duration, Instant};

use live_users_testkit::{Answer, Events, Heard, Server, Socket, Twilio, get, send};
use serde_json::Value;

use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::start;

const SHOWN: (&str, &str) = ("Authorization", "Bearer 4p1t0k3n4p1t0k3n4p1t0k3n");

fn at(server: &Server, path: &str) -> String {
    format!("{}/api/live-users{path}", server.url)
}

fn live_users(json: &str) -> u64 {
    let value: Value = serde_json::from_str(json).expect("JSON");
    value["liveUsers"].as_u64().expect("a number")
}

/// The next total that is another one.
async fn next_total(socket: &mut Socket, than: u64) -> u64 {
    loop {
        match live_users(&socket.text().await) {
            same if same == than => {}
            other => return other,
        }
    }
}

fn refusal<T>(opened: Result<T, Answer>) -> Answer {
    opened.err().expect("refused")
}

#[tokio::test]
async fn the_total_is_told_at_once_with_the_same_bytes_by_both_streams() {
    let (server, twilio) = start(&[]);
    let mut events = Events::open(&at(&server, "/stream"), &[]).await.unwrap();
    let mut socket = Socket::open(&at(&server, "/ws"), &[]).await.unwrap();
    for n in 0..=5 {
        if n > 0 {
            twilio.start(n);
        }
        let event = events.next_event().await.unwrap();
        assert_eq!(socket.text().await, event.clone().into_text());
        let frame: Value = serde_json::from_slice(&event.data).unwrap();
        assert_eq!((&frame["liveUsers"], &frame["seq"]), (&n.into(), &n.into()));
        let epoch = frame["epoch"].as_str().unwrap();
        assert_eq!(event.id, Some(format!("{epoch}-{n}")));
        assert!(frame["asOf"].as_str().unwrap().ends_with('Z'), "{frame}");
        assert_eq!(frame.as_object().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn what_leaves_the_number_as_it_is_is_no_news_and_the_last_change_is_always_told() {
    let (server, twilio) = start(&[]);
    let mut socket = Socket::open(&at(&server, "/ws"), &[]).await.unwrap();
    assert_eq!(live_users(&socket.text().await), 0);
    for n in 1..=100 {
        twilio.start(n);
        twilio.start(n);
    }
    let (mut last, mut frames) = (0, 0);
    while last < 100 {
        let next = next_total(&mut socket, last).await;
        assert!(next > last, "{next} after {last}");
        (last, frames) = (next, frames + 1);
    }
    assert!(frames <= 100);
}

#[tokio::test]
async fn who_comes_back_is_not_told_again_what_it_has() {
    let (server, twilio) = start(&[]);
    let mut events = Events::open(&at(&server, "/stream"), &[]).await.unwrap();
    let id = events.next_event().await.unwrap().id.unwrap();
    drop(events);
    let known = [("Last-Event-ID", id.as_str())];
    let mut events = Events::open(&at(&server, "/stream"), &known).await.unwrap();
    twilio.start(1);
    assert_eq!(live_users(&events.next().await.unwrap()), 1, "the change, and not what was before");
    let other = [("Last-Event-ID", "0-0")];
    let mut events = Events::open(&at(&server, "/stream"), &other).await.unwrap();
    assert_eq!(live_users(&events.next().await.unwrap()), 1);
}

#[tokio::test]
async fn the_summary_is_told_to_who_shows_the_token_and_is_what_the_summary_is() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    for path in ["/summary/stream", "/summary/ws"] {
        let wrong = ("Authorization", "Bearer 0123456789abcdef");
        for (headers, status) in [(&[][..], 401), (&[wrong][..], 403)] {
            let by_event = Events::open(&at(&server, path), headers).await;
            assert_eq!(refusal(by_event).status, status, "{path}");
        }
        assert_eq!(refusal(Socket::open(&at(&server, path), &[]).await).status, 401, "{path}");
    }
    let mut events = Events::open(&at(&server, "/summary/stream"), &[SHOWN]).await.unwrap();
    let mut socket = Socket::open(&at(&server, "/summary/ws"), &[SHOWN]).await.unwrap();
    let shape = |json: &str| {
        let value: Value = serde_json::from_str(json).expect("JSON");
        value.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let asked = send("GET", &at(&server, "/summary"), &[SHOWN], b"").body;
    assert_eq!(shape(&events.next().await.unwrap()), shape(&asked));
    assert_eq!(live_users(&socket.text().await), 0);
    twilio.start(1);
    assert_eq!(next_total(&mut socket, 0).await, 1);
    // Without any record it is told again, because what it says of time goes on.
    assert_eq!(live_users(&socket.text().await), 1);
}

#[tokio::test]
async fn a_page_of_another_origin_may_listen_only_if_it_is_allowed() {
    let origins = "https://a.example, https://*.c.example, http://localhost:*";
    let (server, _) = start(&[("ALLOWED_ORIGINS", origins)]);
    let own = server.url.clone();
    for (origin, is_allowed) in [
        (own.as_str(), true),
        ("https://a.example", true),
        ("https://www.c.example", true),
        ("http://localhost:5173", true),
        ("https://c.example", false),
        ("https://b.example", false),
        ("null", false),
    ] {
        let opened = Socket::open(&at(&server, "/ws"), &[("Origin", origin)]).await;
        assert_eq!(opened.is_ok(), is_allowed, "{origin}");
        if let Err(answer) = opened {
            assert_eq!(answer.status, 403);
        }
    }
}

#[tokio::test]
async fn streams_are_limited_and_a_place_is_free_when_one_ends() {
    let (server, _) = start(&[("STREAMS_MAX", "2")]);
    let url = at(&server, "/ws");
    let mut first = Socket::open(&url, &[]).await.unwrap();
    let mut second = Socket::open(&url, &[]).await.unwrap();
    assert_eq!(live_users(&first.text().await) + live_users(&second.text().await), 0);
    assert_eq!(Socket::open(&url, &[]).await.unwrap().next().await, Heard::Closed(1013));
    let busy = refusal(Events::open(&at(&server, "/stream"), &[]).await);
    assert_eq!((busy.status, busy.header("retry-after")), (503, "10"));
    assert!(busy.body.contains("STREAMS_MAX is 2"), "{}", busy.body);
    assert_eq!(get(&at(&server, "")).status, 200, "the number can be asked for all the same");
    drop(first);
    // The server hears of the end when it does.
    loop {
        if let Heard::Text(json) = Socket::open(&url, &[]).await.unwrap().next().await {
            assert_eq!(live_users(&json), 0);
            break;
        }
    }
}

#[tokio::test]
async fn a_client_that_has_left_its_event_stream_keeps_no_place_until_the_next_heartbeat() {
    let (server, _) = start(&[("STREAMS_MAX", "1")]);
    let url = at(&server, "/stream");
    let mut first = Events::open(&url, &[]).await.unwrap();
    assert_eq!(live_users(&first.next().await.unwrap()), 0);
    let left = Instant::now();
    drop(first);
    while let Err(busy) = Events::open(&url, &[]).await {
        assert_eq!(busy.status, 503);
        assert!(left.elapsed() < Duration::from_secs(12), "the place is still taken");
    }
}

#[tokio::test]
async fn a_client_that_talks_is_closed_with_the_code_for_it() {
    let (server, _) = start(&[]);
    let mut socket = Socket::open(&at(&server, "/ws"), &[]).await.unwrap();
    socket.text().await;
    socket.say("hello").await;
    assert_eq!(socket.next().await, Heard::Closed(1003));
    let mut socket = Socket::open(&at(&server, "/ws"), &[]).await.unwrap();
    socket.text().await;
    socket.say("x".repeat(1_000_000)).await;
    assert_eq!(socket.next().await, Heard::Closed(1009));
}

#[tokio::test]
async fn the_end_of_the_server_ends_all_streams_and_is_not_held_up_by_them() {
    let (server, _) = start(&[WITH_TOKEN]);
    let mut events = Events::open(&at(&server, "/stream"), &[]).await.unwrap();
    let mut socket = Socket::open(&at(&server, "/ws"), &[]).await.unwrap();
    let mut summary = Events::open(&at(&server, "/summary/stream"), &[SHOWN]).await.unwrap();
    // This one never answers a close, because nobody reads it.
    let mut silent = Socket::open(&at(&server, "/summary/ws"), &[SHOWN]).await.unwrap();
    silent.text().await;
    events.next().await.unwrap();
    summary.next().await.unwrap();
    socket.text().await;
    server.ask_to_stop();
    assert_eq!(socket.next().await, Heard::Closed(1001));
    assert_eq!(events.next().await, None);
    while summary.next().await.is_some() {}
    let (status, log) = server.terminate();
    assert!(status.success() && log.contains("stopped"), "{log}");
    assert!(!log.contains(API_TOKEN), "{log}");
}

#[tokio::test]
async fn a_stream_is_opened_by_get_and_a_websocket_by_a_request_for_one() {
    let (server, _) = start(&[]);
    for path in ["/stream", "/ws", "/summary/stream", "/summary/ws"] {
        for method in ["HEAD", "POST"] {
            let answer = send(method, &at(&server, path), &[], b"");
            assert_eq!((answer.status, answer.header("allow")), (405, "GET"), "{method} {path}");
        }
    }
    let answer = get(&at(&server, "/ws"));
    assert_eq!((answer.status, answer.header("upgrade")), (426, "websocket"));
    assert!(answer.body.contains("WebSocket"), "{}", answer.body);
}

#[test]
fn polling_is_answered_in_full_only_if_something_has_changed() {
    let (server, twilio) = start(&[]);
    let url = at(&server, "");
    let first = get(&url);
    assert_eq!(first.header("cache-control"), "no-cache");
    let tag = first.header("etag").to_owned();
    let again = |twilio: &Twilio| {
        let answer = send("GET", &url, &[("If-None-Match", &tag)], b"");
        assert_eq!(answer.header("cache-control"), "no-cache");
        (answer.status, answer.body, twilio.count())
    };
    assert_eq!(again(&twilio), (304, String::new(), r#"{"liveUsers":0}"#.to_owned()));
    twilio.start(1);
    let changed = r#"{"liveUsers":1}"#.to_owned();
    assert_eq!(again(&twilio), (200, changed.clone(), changed));
    twilio.end(1);
    assert_eq!(again(&twilio).0, 304);
}
