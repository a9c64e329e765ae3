//! Streams as bytes on a connection: what a client may send too early, and what old clients get.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use live_users_testkit::Server;

use crate::backend::Closed;
use crate::proxy::start;

/// How long an answer may take that does not depend on time.
const PATIENCE: Duration = Duration::from_secs(60);

const UPGRADE: &str = "GET /api/live-users/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn sent(proxy: &Server, bytes: &[u8]) -> TcpStream {
    let address = proxy.url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
    stream.write_all(bytes).expect("it takes them");
    stream
}

/// Everything until these bytes.
fn until(stream: &mut TcpStream, end: &[u8]) -> String {
    let (mut bytes, mut byte) = (Vec::new(), [0; 1]);
    while !bytes.ends_with(end) {
        let n = stream.read(&mut byte).expect("an answer in time");
        assert_eq!(n, 1, "ended after {:?}", String::from_utf8_lossy(&bytes));
        bytes.push(byte[0]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A ping with a mask of zeros, which changes nothing.
fn ping(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short one");
    [&[0x89, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

#[test]
fn frames_that_come_along_with_the_request_are_answered() {
    let closed = Closed::reserve();
    let proxy = start(&closed.url);
    let (first, rest) = (ping(b"early"), ping(b"later"));
    let (begun, cut) = rest.split_at(4);
    let bytes = [UPGRADE.as_bytes(), &first, begun].concat();
    let mut stream = sent(&proxy, &bytes);
    assert!(until(&mut stream, b"\r\n\r\n").starts_with("HTTP/1.1 101 "));
    until(&mut stream, b"\x8a\x05early");
    stream.write_all(cut).unwrap();
    until(&mut stream, b"\x8a\x05later");
}

#[test]
fn events_are_in_chunks_but_for_http_1_0_and_end_the_connection() {
    let closed = Closed::reserve();
    let proxy = start(&closed.url);
    for (version, is_chunked) in [("1.1", true), ("1.0", false)] {
        let request = format!("GET /api/live-users/stream HTTP/{version}\r\nHost: a\r\n\r\n");
        let mut stream = sent(&proxy, request.as_bytes());
        let head = until(&mut stream, b"\r\n\r\n").to_lowercase();
        assert!(head.contains("\r\ncontent-type: text/event-stream\r\n"), "{head}");
        assert_eq!(head.contains("\r\ntransfer-encoding: chunked\r\n"), is_chunked, "{head}");
        let closes = head.contains("\r\nconnection: close\r\n");
        assert!(closes || !is_chunked, "HTTP/1.0 closes anyway: {head}");
        let first = until(&mut stream, b"\n\n");
        let (size, retry) = first.split_once("\r\n").unwrap_or(("", &first));
        assert_eq!(size.is_empty(), !is_chunked, "{first:?}");
        assert!(retry.starts_with("retry: "), "{first:?}");
    }
}

#[test]
fn a_client_that_sends_requests_into_its_stream_gets_no_answer_and_then_the_end() {
    let closed = Closed::reserve();
    let proxy = start(&closed.url);
    let request = "GET /api/live-users/stream HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stream = sent(&proxy, request.as_bytes());
    until(&mut stream, b"retry: ");
    // It may break while the rest is still being sent.
    let _cut = stream.write_all(request.repeat(1_000).as_bytes());
    let mut rest = Vec::new();
    let _reset = stream.read_to_end(&mut rest);
    assert!(!rest.windows(9).any(|it| it == b"HTTP/1.1 "), "another answer");
}

#[test]
fn each_of_many_readers_is_told_that_the_proxy_ends() {
    let closed = Closed::reserve();
    let proxy = start(&closed.url);
    let mut readers: Vec<_> = (0..60).map(|_| sent(&proxy, UPGRADE.as_bytes())).collect();
    readers.iter_mut().for_each(|reader| drop(until(reader, b"\r\n\r\n")));
    proxy.ask_to_stop();
    // A close frame that begins with 1001: the server goes away (RFC 6455, 7.4.1).
    readers.iter_mut().for_each(|reader| drop(until(reader, &1001_u16.to_be_bytes())));
    assert!(proxy.terminate().0.success());
}
