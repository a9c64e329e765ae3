//! From start to stop: health, drain, who may read.

use std::io::{Read, Write};
use std::net::TcpStream;

use live_users_testkit::{exit_of, get, send};

use crate::{BINARY, TOKEN, start};

#[test]
fn the_total_follows_signed_webhooks_and_nothing_else() {
    let (server, twilio) = start(&[]);
    let total = || get(&format!("{}/api/live-users", server.url));
    assert_eq!(total().body, r#"{"liveUsers":0}"#);
    for n in 1..=3 {
        twilio.start(n);
    }
    twilio.start(2);
    let answer = total();
    assert_eq!(answer.body, r#"{"liveUsers":3}"#);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-cache");
    twilio.end(1);
    twilio.end(1);
    assert_eq!(total().body, r#"{"liveUsers":2}"#);
    let head = send("HEAD", &format!("{}/api/live-users", server.url), &[], b"");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn only_allowed_origins_may_read_the_total() {
    let (server, _) = start(&[("ALLOWED_ORIGINS", "https://a.example, https://b.example")]);
    let url = format!("{}/api/live-users", server.url);
    let allowed = |origin| {
        let answer = send("GET", &url, &[("Origin", origin)], b"");
        assert_eq!(answer.body, r#"{"liveUsers":0}"#);
        answer.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(allowed("https://b.example"), "https://b.example");
    let told = send("GET", &url, &[("Origin", "https://b.example")], b"");
    let exposed = told.header("access-control-expose-headers");
    assert!(exposed.contains("retry-after") && exposed.contains("date"), "{exposed}");
    assert_eq!(allowed("https://c.example"), "");
    let preflight = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")];
    let answer = send("OPTIONS", &url, &preflight, b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");

    let patterns = "https://*.a.example, http://localhost:*";
    let (server, _) = start(&[("ALLOWED_ORIGINS", patterns)]);
    let url = format!("{}/api/live-users", server.url);
    for (origin, is_allowed) in [
        ("https://www.a.example", true),
        ("http://localhost:5173", true),
        ("https://a.example", false),
        ("https://wwwa.example", false),
        ("http://localhost.a.example:5173", false),
    ] {
        let answer = send("GET", &url, &[("Origin", origin)], b"");
        let expected = if is_allowed { origin } else { "" };
        assert_eq!(answer.header("access-control-allow-origin"), expected, "{origin}");
        // A cache in between must not give one page's answer to another one.
        assert!(answer.header("vary").to_lowercase().contains("origin"), "{origin}");
    }

    let (server, _) = start(&[("ALLOWED_ORIGINS", "*")]);
    let url = format!("{}/api/live-users", server.url);
    let answer = send("GET", &url, &[("Origin", "https://anybody.example")], b"");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let (server, _) = start(&[]);
    let url = format!("{}/api/live-users", server.url);
    let answer = send("GET", &url, &[("Origin", "https://anybody.example")], b"");
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[test]
fn health_and_readiness_are_told_apart() {
    let (server, _) = start(&[]);
    assert_eq!(get(&format!("{}/healthz", server.url)).body, r#"{"status":"ok"}"#);
    assert_eq!(get(&format!("{}/readyz", server.url)).body, r#"{"status":"ready"}"#);
}

#[test]
fn the_health_check_of_the_binary_asks_the_running_server() {
    let (server, _) = start(&[]);
    let port = server.url.rsplit(':').next().expect("a port").to_owned();
    let check = |port: &str| {
        let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("PORT", port)];
        exit_of(BINARY, &["healthcheck"], &env).status.code()
    };
    assert_eq!(check(&port), Some(0));
    drop(server);
    assert_eq!(check(&port), Some(1));
}

#[test]
fn sigterm_ends_the_server_though_a_connection_is_kept_alive() {
    let (server, _) = start(&[]);
    let address = server.url.strip_prefix("http://").expect("http").to_owned();
    let mut idle = TcpStream::connect(&address).expect("a connection");
    write!(idle, "GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("sent");
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    let (status, log) = server.terminate();
    assert!(status.success(), "{log}");
    assert!(log.contains("SIGTERM: draining") && log.contains("stopped"), "{log}");
}

#[test]
fn sigterm_lets_a_request_under_way_finish() {
    let (mut server, _) = start(&[]);
    let address = server.url.strip_prefix("http://").expect("http").to_owned();
    let mut slow = TcpStream::connect(&address).expect("a connection");
    let head = format!(
        "POST /call-status HTTP/1.1\r\nHost: {address}\r\nContent-Length: 11\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).expect("sent");
    // The server asks for the body: the request is under way.
    let mut go_on = [0; 25];
    slow.read_exact(&mut go_on).expect("an interim answer");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    server.ask_to_stop();
    server.await_log("SIGTERM: draining");
    slow.write_all(b"CallSid=CA1").expect("sent");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(server.terminate().0.success());
}
