//! Clients that take more than their share lose it, and everybody else is served.

use std::thread::sleep;
use std::time::{Duration, Instant};

use live_users_testkit::{Metrics, RawClient, Server, send};

use crate::admin::{RIGHT, TOKENS};
use crate::proxy::{NO_BACKEND, start_with};

/// A bound for a machine that is stuck, in seconds.
const PATIENCE_S: u64 = 60;

const ATTACKER: [u8; 2] = [0, 66];

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const HALF_HEAD: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Half: ";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn half_body(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{FORM}\r\nContent-Length: 100\r\n\r\ntoken=")
}

fn half_chunks(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{FORM}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na")
}

fn start_small(more: &[(&str, &str)]) -> Server {
    let few = [
        ("STREAMS_MAX", "10"),
        ("CONNECTIONS_MAX", "60"),
        ("CONNECTIONS_WAITING_MAX", "40"),
        ("CONNECTIONS_PER_ADDRESS", "20"),
    ];
    start_with(NO_BACKEND, &[&TOKENS[..], &few, more].concat())
}

#[test]
fn an_address_that_holds_more_than_it_may_keeps_nobody_out() {
    let proxy = start_small(&[]);
    let socket = "GET /api/live-users/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let kinds =
        ["".to_owned(), HALF_HEAD.into(), half_body("/admin/sign-in"), GET.into(), socket.into()];
    let connect = |kind: &String| {
        let mut client = RawClient::connect(&proxy.url, ATTACKER);
        client.send(kind);
        client
    };
    let mut held: Vec<_> = kinds.iter().cycle().take(200).map(connect).collect();
    let closed = || {
        let answer = send("GET", &format!("{}/metrics", proxy.url), &[RIGHT], b"");
        let metrics = Metrics::parse(&answer.body);
        metrics.get("live_users_closed_connections_total{reason=\"address\"}").expect("a figure")
    };
    let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
    while closed() < 180.0 {
        assert!(Instant::now() < deadline, "not all are known within {PATIENCE_S} s");
        // not a wait for time: between two looks at another process
        sleep(Duration::from_millis(20));
    }
    for source in [[0, 2], [0, 1], ATTACKER] {
        let mut client = RawClient::connect(&proxy.url, source);
        client.send(GET);
        assert_eq!(client.status(), Some(200), "{source:?}");
    }
    held.remove(0).until_closed();
}

#[test]
fn a_body_that_does_not_come_ends_its_connection_at_every_path() {
    let proxy = start_small(&[("REQUEST_BODY_MS", "300")]);
    let paths = [
        ("/admin/sign-in", 408),
        ("/admin/sign-out", 403),
        ("/api/live-users", 405),
        ("/api/live-users/calls/CA1/evict", 401),
        ("/healthz", 405),
        ("/nothing", 404),
    ];
    let begin = |half: String| {
        let mut client = RawClient::connect(&proxy.url, [0, 2]);
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
                assert!(answer.contains("300 ms") && lower.contains("nosniff"), "{answer}");
            }
        }
    }
}
