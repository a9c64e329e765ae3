//! Clients that take more than their share lose it, and everybody else is served.

use live_users_testkit::{Events, RawClient, Server, send};

use crate::honest::WITH_TOKEN;
use crate::metrics::scrape;
use crate::replicas::team::await_that;
use crate::start;

const ATTACKER: [u8; 2] = [0, 66];
const OTHER: [u8; 2] = [0, 2];
const TWILIO: [u8; 2] = [0, 3];

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const HALF_HEAD: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Half: ";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// Room for few.
const FEW: [(&str, &str); 4] = [
    ("STREAMS_MAX", "10"),
    ("CONNECTIONS_MAX", "60"),
    ("CONNECTIONS_WAITING_MAX", "40"),
    ("CONNECTIONS_PER_ADDRESS", "20"),
];

fn few(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [&FEW[..], &[WITH_TOKEN], more].concat()
}

fn half_body(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{FORM}\r\nContent-Length: 100\r\n\r\nCallSid=")
}

fn half_chunks(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{FORM}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na")
}

/// The status that a client at this address gets.
fn asked(server: &Server, source: [u8; 2]) -> Option<u16> {
    let mut client = RawClient::connect(&server.url, source);
    client.send(GET);
    client.status()
}

fn closed(server: &Server, reason: &str) -> f64 {
    let series = format!("live_users_closed_connections_total{{reason=\"{reason}\"}}");
    scrape(server).get(&series).expect("a figure")
}

fn open(server: &Server, state: &str) -> f64 {
    let series = format!("live_users_open_connections{{state=\"{state}\"}}");
    scrape(server).get(&series).expect("a figure")
}

#[test]
fn an_address_that_holds_more_than_it_may_keeps_nobody_out() {
    let (mut server, twilio) = start(&few(&[]));
    let kinds =
        [String::new(), HALF_HEAD.into(), half_body("/voice"), half_chunks("/x"), GET.into()];
    let connect = |kind: &String| {
        let mut client = RawClient::connect(&server.url, ATTACKER);
        client.send(kind);
        client
    };
    let mut held: Vec<_> = kinds.iter().cycle().take(100).map(connect).collect();
    await_that("all of them are known", || closed(&server, "address") >= 80.0);
    for source in [OTHER, [0, 1], ATTACKER] {
        assert_eq!(asked(&server, source), Some(200), "{source:?}");
    }
    let mut caller = RawClient::connect(&server.url, TWILIO);
    caller.send(&twilio.request("/voice", &[("CallSid", "CA1"), ("CallStatus", "ringing")]));
    assert_eq!(caller.status(), Some(200));
    // The one that waits longest goes, and in all there are as many as may be.
    held.remove(0).until_closed();
    assert_eq!(closed(&server, "full"), 0.0);
    assert!(open(&server, "waiting") + open(&server, "answering") <= 20.0 + 5.0);
    let line = server.await_log("connections are closed because there are too many");
    assert!(line.contains("127.0.0.66") && line.contains("TRUSTED_PROXIES"), "{line}");
}

#[test]
fn many_addresses_take_no_more_than_may_wait() {
    let (server, twilio) = start(&few(&[]));
    let connect = |n: u8| {
        let mut client = RawClient::connect(&server.url, [1, n]);
        client.send(if n.is_multiple_of(2) { HALF_HEAD } else { "" });
        client
    };
    // Who shows the token is not among those that go.
    scrape(&server);
    let held: Vec<_> = (1..200).map(connect).collect();
    await_that("all of them are known", || closed(&server, "full") >= 150.0);
    assert_eq!(asked(&server, OTHER), Some(200));
    assert_eq!(twilio.start(1).status, 200);
    assert!(open(&server, "waiting") <= 40.0);
    drop(held);
}

#[test]
fn a_body_that_does_not_come_ends_its_connection_at_every_path() {
    let (server, _) = start(&few(&[("REQUEST_BODY_MS", "300")]));
    let paths = [
        ("/voice", 408),
        ("/speech-result", 408),
        ("/call-status?agent=a", 408),
        ("//voice/", 408),
        ("/healthz", 405),
        ("/api/live-users", 405),
        ("/api/live-users/calls/CA1/evict", 401),
        ("/nothing", 404),
    ];
    let begin = |half: String| {
        let mut client = RawClient::connect(&server.url, OTHER);
        client.send(&half);
        client
    };
    let begun = paths.map(|(path, _)| [half_body(path), half_chunks(path)].map(begin));
    for ((path, status), clients) in paths.into_iter().zip(begun) {
        for client in clients {
            let answer = client.until_closed();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
            if status == 408 {
                let lower = answer.to_ascii_lowercase();
                assert!(lower.contains("\r\nconnection: close\r\n"), "{answer}");
                assert!(answer.contains("\"field\":\"body\"") && answer.contains("300 ms"));
            }
        }
    }
    let cut = scrape(&server).get("live_users_cut_bodies_total{reason=\"deadline\"}");
    assert_eq!(cut, Some(8.0));
}

#[test]
fn each_head_has_a_deadline_also_after_another_request() {
    let times = [("REQUEST_HEAD_MS", "1000"), ("KEEP_ALIVE_MS", "1000")];
    let (server, _) = start(&few(&times));
    let begin = |(begin, rest): (&str, &str)| {
        let mut client = RawClient::connect(&server.url, OTHER);
        client.send(begin);
        if !begin.is_empty() {
            assert_eq!(client.status(), Some(200));
        }
        client.send(rest);
        client
    };
    let begun = [("", ""), ("", HALF_HEAD), (GET, ""), (GET, HALF_HEAD)].map(begin);
    begun.into_iter().for_each(|client| drop(client.until_closed()));
    assert_eq!(open(&server, "waiting"), 0.0);
}

#[test]
fn a_head_that_does_not_end_is_cut_off_and_a_body_behind_one_is_not() {
    let (server, twilio) = start(&few(&[]));
    let mut flood = RawClient::connect(&server.url, OTHER);
    flood.send(HALF_HEAD);
    flood.send(&"a".repeat(60_000));
    assert!(flood.until_closed().starts_with("HTTP/1.1 431 "));
    assert_eq!(closed(&server, "head"), 1.0);
    let mut many = RawClient::connect(&server.url, OTHER);
    many.send(&format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-Many: a\r\n".repeat(200)));
    assert!(many.until_closed().starts_with("HTTP/1.1 4"));
    let long = "a".repeat(60_000);
    let fields = [("CallSid", "CA1"), ("CallStatus", "ringing"), ("Long", &long)];
    assert_eq!(twilio.post("/voice", &fields).status, 200);
    assert_eq!(asked(&server, OTHER), Some(200));
}

#[test]
fn who_has_signed_a_webhook_may_have_more_connections_than_others() {
    let (server, twilio) = start(&few(&[("CONNECTIONS_WAITING_MAX", "60")]));
    let begin = |source, request: &str| {
        let mut client = RawClient::connect(&server.url, source);
        client.send(request);
        assert_eq!(client.status(), Some(200));
        client
    };
    let signed = twilio.request("/voice", &[("CallSid", "CA1"), ("CallStatus", "ringing")]);
    let mut known: Vec<_> = (0..25).map(|_| begin(TWILIO, &signed)).collect();
    assert_eq!(closed(&server, "address"), 0.0);
    known[0].send(&signed);
    let strangers: Vec<_> = (0..25).map(|_| begin(ATTACKER, GET)).collect();
    assert_eq!(closed(&server, "address"), 5.0);
    drop((known, strangers));
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_share() {
    let trusted = [("TRUSTED_PROXIES", "127.0.0.1"), ("CONNECTIONS_PER_ADDRESS", "1")];
    let (server, twilio) = start(&[&[WITH_TOKEN][..], &trusted].concat());
    let stream = format!("{}/api/live-users/stream", server.url);
    let total = format!("{}/api/live-users", server.url);
    let one = [("X-Forwarded-For", "192.0.2.1")];
    let other = [("Forwarded", "for=192.0.2.2")];
    let mut first = Events::open(&stream, &one).await.expect("a stream");
    let _second = Events::open(&stream, &other).await.expect("a stream of another client");
    let refused = send("GET", &total, &one, b"");
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    assert!(refused.body.contains("1 requests from this address"), "{}", refused.body);
    assert_eq!(send("GET", &total, &[("X-Forwarded-For", "192.0.2.3")], b"").status, 200);
    assert_eq!(send("GET", &total, &[], b"").status, 200, "the proxy's own health check");
    let signed = twilio.request("/voice", &[("CallSid", "CA1"), ("CallStatus", "ringing")]);
    let signed = signed.replacen("\r\n", "\r\nX-Forwarded-For: 192.0.2.1\r\n", 1);
    let mut caller = RawClient::connect(&server.url, [0, 1]);
    caller.send(&signed);
    assert_eq!(caller.status(), Some(200), "a webhook proves who sends it");
    assert_eq!(send("GET", &total, &one, b"").status, 200, "and so its address is known");
    first.next().await;
}

#[tokio::test]
async fn streams_of_one_address_leave_it_room_for_requests() {
    let (server, _) = start(&[WITH_TOKEN, ("CONNECTIONS_PER_ADDRESS", "10")]);
    let stream = "GET /api/live-users/stream HTTP/1.1\r\nHost: a\r\n\r\n";
    let open = |_| {
        let mut client = RawClient::connect(&server.url, ATTACKER);
        client.send(stream);
        (client.status(), client)
    };
    let opened: Vec<_> = (0..12).map(open).collect();
    let statuses: Vec<_> = opened.iter().filter_map(|(status, _)| *status).collect();
    assert_eq!(statuses, [vec![200; 9], vec![503; 3]].concat());
    assert_eq!(asked(&server, ATTACKER), Some(200));
    assert_eq!(asked(&server, OTHER), Some(200));
    drop(opened);
    await_that("its places are free again", || {
        let mut client = RawClient::connect(&server.url, ATTACKER);
        client.send(stream);
        client.status() == Some(200)
    });
}
