//! What is told at once: by SSE, by WebSocket, from one stream of the backend.

use live_users_testkit::{Answer, Events, Heard, Server, Socket};
use reqwest::Method;
use serde_json::Value;

use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, Closed, Request, ok};
use crate::proxy::{ask, count_when, get, header, seen, start, start_with, timeless};

const READERS: usize = 100;

/// It says that the connection closes, or the proxy would send its next request into it.
const REFUSAL: &str = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

fn at(proxy: &Server, path: &str) -> String {
    format!("{}/api/live-users{path}", proxy.url)
}

/// A frame of the backend. Its summary has more in it.
fn frame(live_users: u64, epoch: &str, seq: u64) -> String {
    let as_of = "2026-11-23T09:30:00.000Z";
    format!(r#"{{"liveUsers":{live_users},"epoch":"{epoch}","seq":{seq},"asOf":"{as_of}"}}"#)
}

fn in_envelope(frame: &str) -> String {
    format!(r#"{{"success":true,{}"#, &frame[1..])
}

/// The backend's side of the one stream.
async fn opened(backend: &mut Backend) -> Request {
    let mut request = backend.next().await;
    request.open_stream().await;
    request
}

fn refusal<T>(opened: Result<T, Answer>) -> Answer {
    opened.err().expect("refused")
}

async fn socket(proxy: &Server, path: &str) -> Socket {
    Socket::open(&at(proxy, path), &[RIGHT]).await.expect("a socket")
}

async fn events(proxy: &Server, path: &str) -> Events {
    Events::open(&at(proxy, path), &[RIGHT]).await.expect("a stream")
}

#[tokio::test]
async fn all_who_listen_share_one_stream_and_nobody_listens_for_nobody() {
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    assert_eq!(count_when(&proxy, &mut backend, &ok(r#"{"liveUsers":3}"#)).await.0, 200);
    assert!(backend.is_idle(), "a stream for nobody");
    let (mut sockets, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..READERS {
        sockets.push(socket(&proxy, "/ws").await);
        streams.push(events(&proxy, "/stream").await);
    }
    let mut upstream = opened(&mut backend).await;
    assert!(upstream.head.starts_with("GET /api/live-users/stream HTTP/1.1\r\n"));
    assert!(!upstream.head.to_lowercase().contains("authorization"), "{}", upstream.head);
    for seq in 1..=3 {
        let frame = frame(seq * 2, "0a1b", seq);
        upstream.tell(&frame).await;
        for socket in &mut sockets {
            assert_eq!(timeless(&socket.text().await), in_envelope(&frame));
        }
        for stream in &mut streams {
            let event = stream.next_event().await.unwrap();
            assert_eq!(event.id, Some(format!("0a1b-{seq}")));
            assert_eq!(timeless(&event.into_text()), in_envelope(&frame));
        }
    }
    assert!(backend.is_idle(), "more than one stream for {} readers", 2 * READERS);
}

#[tokio::test]
async fn with_a_token_one_stream_has_the_summary_for_admins_and_the_total_for_everybody() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let mut total = Events::open(&at(&proxy, "/stream"), &[]).await.unwrap();
    let mut summary = socket(&proxy, "/summary/ws").await;
    let mut upstream = opened(&mut backend).await;
    let head = upstream.head.to_lowercase();
    assert!(
        head.starts_with("get /api/live-users/summary/stream?changes=true http/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("authorization: bearer backend-0123456789abcdef\r\n"), "{head}");
    for (live_users, seq) in [(1, 1), (1, 2), (2, 3)] {
        let frame = frame(live_users, "e", seq).replace('}', r#","byAgent":[]}"#);
        upstream.tell(&frame).await;
        assert_eq!(timeless(&summary.text().await), in_envelope(&frame));
        // Only what changes the number; read at once, since a reader that is late skips to the present.
        if seq != 2 {
            let frame = self::frame(live_users, "e", seq);
            assert_eq!(total.next().await.map(|it| timeless(&it)), Some(in_envelope(&frame)));
        }
    }
    assert!(backend.is_idle());
}

#[tokio::test]
async fn the_summary_is_for_admins_and_for_pages_of_our_own() {
    let backend = Backend::start();
    let allowed = ("ALLOWED_ORIGINS", "https://a.example");
    let proxy = start_with(&backend.url, &[TOKENS[0], TOKENS[1], allowed]);
    let wrong = ("Authorization", "Bearer of-somebody-else-entirely");
    for path in ["/summary/stream", "/summary/ws"] {
        for (headers, status) in [(&[][..], 401), (&[wrong][..], 403)] {
            let by_events = refusal(Events::open(&at(&proxy, path), headers).await);
            assert_eq!(by_events.status, status, "{path}");
        }
    }
    assert_eq!(refusal(Socket::open(&at(&proxy, "/summary/ws"), &[]).await).status, 401);
    for (origin, total, summary) in [
        (proxy.url.as_str(), true, true),
        ("https://a.example", true, false),
        ("https://b.example", false, false),
        ("null", false, false),
    ] {
        let origin = [RIGHT, ("Origin", origin)];
        for (path, is_allowed) in [("/ws", total), ("/summary/ws", summary)] {
            match Socket::open(&at(&proxy, path), &origin).await {
                Ok(_) => assert!(is_allowed, "{path} {origin:?}"),
                Err(answer) => {
                    assert_eq!((is_allowed, answer.status), (false, 403), "{path} {origin:?}");
                    assert!(answer.body.starts_with(r#"{"success":false"#), "{}", answer.body);
                }
            }
        }
    }
    let allowed = Method::GET;
    let answer = ask(&proxy, allowed, "/api/live-users/stream", &[("Origin", "https://a.example")]);
    assert_eq!(header(&answer.await, "access-control-allow-origin"), Some("https://a.example"));
}

#[tokio::test]
async fn a_lost_backend_is_told_at_once_with_the_last_count_and_so_is_its_return() {
    let closed = Closed::reserve();
    let mut proxy = start(&closed.url);
    let mut socket = socket(&proxy, "/ws").await;
    let unreachable = r#"{"success":false,"liveUsers":0,"error":"the backend cannot be reached"}"#;
    assert_eq!(timeless(&socket.text().await), unreachable);

    let mut backend = closed.open();
    let mut upstream = opened(&mut backend).await;
    upstream.tell(&frame(3, "e", 7)).await;
    assert_eq!(timeless(&socket.text().await), in_envelope(&frame(3, "e", 7)));
    drop(upstream);
    let told = timeless(&socket.text().await);
    let lost: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&lost["success"], &lost["liveUsers"]), (&false.into(), &0.into()));
    assert_eq!(lost["error"], "the backend has stopped");
    assert_eq!(lost["last"]["liveUsers"], 3);
    assert!(lost["last"]["asOf"].as_str().unwrap().ends_with('Z'), "{lost}");
    // Who comes now is told the same, and not an old number.
    let mut late = events(&proxy, "/stream").await;
    let event = late.next_event().await.unwrap();
    assert_eq!((event.id.clone(), timeless(&event.into_text())), (None, told));

    // The same value again is news, and so is another epoch.
    let mut upstream = opened(&mut backend).await;
    for frame in [frame(3, "e", 7), frame(3, "new", 1)] {
        upstream.tell(&frame).await;
        assert_eq!(timeless(&socket.text().await), in_envelope(&frame));
        assert_eq!(late.next().await.map(|it| timeless(&it)), Some(in_envelope(&frame)));
    }
    proxy.await_log("stream is lost");
    proxy.await_log("stream is open");
}

#[tokio::test]
async fn whatever_the_backend_answers_in_place_of_a_stream_is_told_as_trouble() {
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    let mut socket = socket(&proxy, "/ws").await;
    let not_a_count = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: [3]\n\n";
    let says_why = not_a_count.replace("[3]", r#"{"error":"the writer has stopped"}"#);
    for (says, error) in [
        (
            "HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "the backend answered with status 500",
        ),
        (&ok(&frame(3, "e", 1)), "the backend's answer is not a stream"),
        (not_a_count, "the backend's answer is not a count"),
        (&says_why, "the number is not known at present"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "the backend's answer broke off or was not HTTP"),
    ] {
        let mut request = backend.next().await;
        request.start_to_say(says).await;
        // The connection stays open until it is heard: only the latest value is told, and that it
        // was closed would be told in place of this.
        await_error(&mut socket, error).await;
    }
}

/// Reads until this is said to be wrong. What went wrong before may be told before.
async fn await_error(socket: &mut Socket, error: &str) {
    let mut others = Vec::new();
    for _ in 0..20 {
        let told: Value = serde_json::from_str(&socket.text().await).expect("JSON");
        assert_eq!(told["success"], false);
        if told["error"] == error {
            return;
        }
        others.push(told["error"].to_string());
    }
    panic!("{error:?} was expected, and not {others:?}");
}

#[tokio::test]
async fn a_backend_that_refuses_the_token_still_tells_the_total() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let mut total = socket(&proxy, "/ws").await;
    let mut summary = socket(&proxy, "/summary/ws").await;
    backend.next().await.say(REFUSAL).await;
    let mut upstream = opened(&mut backend).await;
    assert!(upstream.head.starts_with("GET /api/live-users/stream "), "{}", upstream.head);
    upstream.tell(&frame(3, "e", 1)).await;
    assert_eq!(timeless(&total.text().await), in_envelope(&frame(3, "e", 1)));
    assert!(summary.text().await.contains("the backend refuses the proxy's BACKEND_TOKEN"));
}

#[tokio::test]
async fn a_reader_that_does_not_read_skips_to_now_and_holds_nobody_up() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let mut slow = socket(&proxy, "/summary/ws").await;
    let mut fast = socket(&proxy, "/summary/ws").await;
    let mut upstream = opened(&mut backend).await;
    let big = format!(r#","more":"{}"}}"#, "x".repeat(20_000));
    for seq in 1..=30 {
        let frame = frame(seq, "e", seq).replace('}', &big);
        upstream.tell(&frame).await;
        assert_eq!(timeless(&fast.text().await), in_envelope(&frame));
    }
    let (mut frames, mut last) = (0, 0);
    while last < 30 {
        let frame: Value = serde_json::from_str(&slow.text().await).unwrap();
        last = frame["seq"].as_u64().unwrap();
        frames += 1;
    }
    assert!(frames <= 3, "{frames} old frames were kept for a slow reader");
}

#[tokio::test]
async fn streams_are_limited() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &[("STREAMS_MAX", "1")]);
    let mut first = socket(&proxy, "/ws").await;
    opened(&mut backend).await.tell(&frame(3, "e", 1)).await;
    first.text().await;
    assert_eq!(socket(&proxy, "/ws").await.next().await, Heard::Closed(1013));
    let busy = get(&proxy, "/api/live-users/stream", &[]).await;
    assert_eq!(header(&busy, "retry-after"), Some("10"));
    let (status, body) = seen(busy).await;
    assert_eq!(status, 503);
    assert!(body.contains(r#""success":false"#) && body.contains("STREAMS_MAX is 1"), "{body}");
}

#[tokio::test]
async fn the_end_of_the_proxy_ends_all_streams_and_is_not_held_up_by_them() {
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    let mut socket = socket(&proxy, "/ws").await;
    let mut events = events(&proxy, "/stream").await;
    let mut upstream = opened(&mut backend).await;
    upstream.tell(&frame(3, "e", 1)).await;
    socket.text().await;
    events.next().await.unwrap();
    proxy.ask_to_stop();
    assert_eq!(socket.next().await, Heard::Closed(1001));
    assert_eq!(events.next().await, None);
    assert!(proxy.terminate().0.success());
}

#[tokio::test]
async fn polling_is_answered_in_full_only_if_something_has_changed() {
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    let mut poll = async |known: &str, live_users: u64| {
        let headers = [("If-None-Match", known)];
        let asked = get(&proxy, "/api/live-users", &headers);
        let (answer, ()) =
            tokio::join!(asked, async { backend.next().await.count(live_users).await });
        assert_eq!(header(&answer, "cache-control"), Some("no-cache"));
        let tag = header(&answer, "etag").unwrap().to_owned();
        (answer.status().as_u16(), answer.text().await.unwrap(), tag)
    };
    let (status, body, tag) = poll("\"\"", 3).await;
    assert_eq!((status, body.as_str()), (200, r#"{"success":true,"liveUsers":3}"#));
    assert_eq!(poll(&tag, 3).await, (304, String::new(), tag.clone()));
    assert_eq!(poll(&tag, 4).await.0, 200);
}

#[tokio::test]
async fn a_stream_is_opened_by_get_and_a_websocket_by_a_request_for_one() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    for path in ["/stream", "/ws", "/summary/stream", "/summary/ws"] {
        let path = format!("/api/live-users{path}");
        for method in [Method::HEAD, Method::POST] {
            let answer = ask(&proxy, method.clone(), &path, &[RIGHT]).await;
            let allow = header(&answer, "allow").map(str::to_owned);
            assert_eq!((answer.status().as_u16(), allow.as_deref()), (405, Some("GET")));
        }
    }
    let answer = get(&proxy, "/api/live-users/ws", &[]).await;
    assert_eq!(header(&answer, "upgrade"), Some("websocket"));
    assert_eq!(answer.status().as_u16(), 426);
    assert!(backend.is_idle());
}
