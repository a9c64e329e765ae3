//! The command: settings, exit codes, the end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use live_users_testkit::{Server, exit_of};

use crate::backend::{Backend, Closed};
use crate::proxy::{BINARY, NO_BACKEND, start};

#[test]
fn every_mistake_in_the_settings_is_told_at_once_with_exit_code_64() {
    let settings = [
        ("PORT", "http"),
        ("HOST", "localhost"),
        ("BACKEND_TIMEOUT_MS", "99"),
        ("BACKEND_TOKEN", "hunter2"),
        ("ADMIN_TOKEN", "hunter3"),
        ("SESSION_HOURS", "0"),
        ("TRUST_FORWARDED_HEADERS", "yes"),
        ("ALLOWED_ORIGINS", "example.com"),
    ];
    let output = exit_of(BINARY, &[], &settings);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("9 mistakes") && !text.contains("hunter"), "{text}");
    assert!(text.contains("BACKEND_URL is not set"), "{text}");
    for (name, _) in settings {
        assert!(text.contains(name), "{name} is missing: {text}");
    }
}

#[test]
fn a_value_that_was_pasted_wrongly_is_told_by_its_name_and_never_repeated() {
    let settings = [
        ("BACKEND_URL", "'http://127.0.0.1:8080'"),
        ("BACKEND_TOKEN", "backend-0123456789abcdef\u{200b}"),
        ("ADMIN_TOKEN", "admin-0123456789 abcdef, admin-fedcba9876543210"),
    ];
    let output = exit_of(BINARY, &[], &settings);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    for says in [
        "3 mistakes",
        "BACKEND_URL has quotation marks around it",
        "BACKEND_TOKEN has an invisible character (U+200B) in it",
        "ADMIN_TOKEN (value 1) has white space (U+0020) in it",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert!(!text.contains("0123456789") && !text.contains("8080"), "{text}");
}

#[test]
fn arguments_that_do_not_exist_are_refused_with_exit_code_64() {
    let output = exit_of(BINARY, &["serve", "--fast"], &[("BACKEND_URL", NO_BACKEND)]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("unknown arguments: serve") && text.contains("Usage:"), "{text}");
    assert!(!text.contains("--fast"), "the rest may be a secret: {text}");
}

#[test]
fn help_and_version_need_no_settings_and_end_with_code_0() {
    let printed = |args: &[&str]| {
        let output = exit_of(BINARY, args, &[]);
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]), "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let help = printed(&["--help"]);
    for part in ["healthcheck", "environment variables", "docs/SETTINGS.md", "64"] {
        assert!(help.contains(part), "{part} is missing in:\n{help}");
    }
    assert!(printed(&["-h"]).contains("Usage: live-users-proxy"));
    let version = concat!("live-users-proxy ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(printed(&["--version"]), version);
}

#[test]
fn a_port_that_is_taken_is_an_error_that_says_what_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let env = [("BACKEND_URL", NO_BACKEND), ("PORT", &port)];
    let output = exit_of(BINARY, &[], &env);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("set HOST and PORT"), "{text}");
}

#[tokio::test]
async fn the_health_check_needs_only_the_address_and_its_exit_code_is_the_answer() {
    let closed = Closed::reserve();
    let proxy = start(&closed.url);
    let check = |url: &str| {
        let port = url.rsplit(':').next().unwrap().to_owned();
        exit_of(BINARY, &["healthcheck"], &[("PORT", &port)])
    };
    let healthy = check(&proxy.url);
    assert_eq!(healthy.status.code(), Some(0), "a proxy lives also when its backend does not");
    let dead = check(&closed.url);
    assert_eq!(dead.status.code(), Some(1));
    let why = String::from_utf8_lossy(&dead.stderr).into_owned();
    assert!(why.contains(&closed.url) && why.contains("HOST and PORT"), "{why}");
    assert_eq!(exit_of(BINARY, &["healthcheck"], &[("PORT", "x")]).status.code(), Some(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_request_finish_and_does_not_wait_for_idle_connections() {
    let mut backend = Backend::start();
    let mut proxy = start(&backend.url);
    let address = proxy.url.strip_prefix("http://").unwrap().to_owned();

    let mut idle = TcpStream::connect(&address).unwrap();
    write!(idle, "GET /healthz HTTP/1.1\r\nHost: proxy\r\n\r\n").unwrap();
    let mut status = [0; 15];
    idle.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK");

    let mut busy = TcpStream::connect(&address).unwrap();
    write!(busy, "GET /api/live-users HTTP/1.1\r\nHost: proxy\r\n\r\n").unwrap();
    let held = backend.next().await;

    let kill = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", proxy.pid())).status();
    assert!(kill.unwrap().success());
    proxy.await_log("SIGTERM: draining");
    held.count(6).await;
    let mut answer = String::new();
    busy.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with(r#"{"success":true,"liveUsers":6}"#), "{answer}");

    let (status, log) = proxy.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn a_name_that_is_nearly_a_settings_is_told_with_the_one_that_was_meant() {
    let output = exit_of(BINARY, &[], &[("BACKEND_ULR", "http://hunter2.example")]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    let meant = "BACKEND_ULR is no setting; did you mean BACKEND_URL?";
    assert!(text.contains(meant) && !text.contains("hunter2"), "{text}");

    let settings = [("BACKEND_URL", NO_BACKEND), ("ADMIN_TOKN", "hunter2-hunter2-hunter2")];
    let (_, log) = Server::start(BINARY, &[], &settings).terminate();
    let line = log.lines().find(|line| line.contains("did you mean")).expect("a warning");
    assert!(line.contains("ADMIN_TOKN is no setting; did you mean ADMIN_TOKEN?"), "{line}");
    assert!(line.contains("WARN") && !log.contains("hunter2"), "{log}");
}
