//! The clients that are generated from the OpenAPI documents, against both servers: that for JavaScript in a
//! real Chromium, that for Python by the virtual environment of `cargo xtask setup`.

mod documents;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use live_users_testkit::{Browser, Server};
use serde_json::{Value, json};

use crate::{ADMIN_TOKEN, API_TOKEN, start_both};

const CALLERS: [u8; 3] = [1, 2, 3];
const JAVASCRIPT: &str = "clients/javascript-api/generated";

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// What a client told of a server with the three calls, of which it has evicted one.
fn check(who: &str, told: &Value) {
    let sid = |n| format!("CA{n:032x}");
    let mut calls: Vec<_> = CALLERS.map(sid).into();
    for (what, expected) in [
        ("total", json!(3)),
        ("summary", json!(3)),
        ("role", json!("operate")),
        ("pages", json!(2)),
        ("history", json!({ "agent": "booking", "stepMs": 60_000, "hasPoints": true })),
        ("table", json!(4)),
        ("lines", json!(3)),
        ("activities", json!(3)),
        ("later", json!(0)),
        ("setup", json!(3)),
        ("ready", json!("ready")),
        ("picture", json!("<svg")),
        ("metrics", json!(true)),
        ("explained", told["calls"][0].clone()),
        ("evicted", told["calls"][0].clone()),
        ("shared", json!({ "agent": "booking" })),
        ("links", json!(["a screen"])),
        ("revoked", json!(true)),
        ("linksLeft", json!(0)),
        ("left", json!(2)),
    ] {
        assert_eq!(told[what], expected, "{who}: {what}: {told}");
    }
    for (what, status) in
        [("badStep", 400), ("noCall", 404), ("wrongToken", 403), ("noToken", 401), ("again", 409)]
    {
        assert_eq!(told[what]["status"], status, "{who}: {what}: {told}");
        let error = told[what]["error"].as_str().expect("a text");
        assert!(!error.is_empty(), "{who}: {what}: {told}");
    }
    let listed = told["calls"].as_array().expect("a list");
    let mut listed: Vec<_> = listed.iter().map(|it| it.as_str().expect("a text")).collect();
    listed.sort_unstable();
    calls.sort_unstable();
    assert_eq!(listed, calls, "{who}: {told}");
}

fn three_calls() -> (Server, Server) {
    let (backend, proxy, twilio) = start_both();
    for n in CALLERS {
        assert_eq!(twilio.start(n).status, 200);
    }
    (backend, proxy)
}

#[test]
fn the_python_client_reads_both_servers() {
    let read = |url: &str, token: &str, more: &[&str]| {
        let python = in_repository("target/venv/bin/python");
        assert!(python.exists(), "run `cargo xtask setup`");
        let script = in_repository("crates/stack/tests/stack/api_clients/read.py");
        let mut command = Command::new(python);
        command.env_clear().env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PYTHONPATH", in_repository("clients/python-api"));
        let output = command.arg(script).args([url, token]).args(more).output().expect("Python");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && error.is_empty(), "{error}");
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let (backend, _proxy) = three_calls();
    check("backend", &read(&backend.url, API_TOKEN, &[]));
    let (mut backend, proxy) = three_calls();
    check("proxy", &read(&proxy.url, ADMIN_TOKEN, &[]));
    backend.kill();
    check_away(&read(&proxy.url, ADMIN_TOKEN, &["away"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_javascript_client_reads_both_servers_in_a_browser() {
    let browser = Browser::start().await;
    let (backend, _proxy) = three_calls();
    check("backend", &run(&browser, &backend.url, API_TOKEN, "read").await);
    assert_eq!(run(&browser, &backend.url, API_TOKEN, "hear").await, 2);
    let (mut backend, proxy) = three_calls();
    check("proxy", &run(&browser, &proxy.url, ADMIN_TOKEN, "read").await);
    assert_eq!(run(&browser, &proxy.url, ADMIN_TOKEN, "hear").await, 2);
    backend.kill();
    check_away(&run(&browser, &proxy.url, ADMIN_TOKEN, "away").await);
}

fn check_away(told: &Value) {
    let status = told["status"].as_u64().expect("a status");
    assert!([502, 503, 504].contains(&status), "{told}");
    assert!(!told["error"].as_str().expect("a text").is_empty(), "{told}");
}

/// What a function of the module read.mjs tells, on a page of the server's own origin.
async fn run(browser: &Browser, url: &str, token: &str, function: &str) -> Value {
    browser.goto(&serve(url)).await;
    let call = format!(
        "import('/read.mjs').then(async (it) => {{ \
           const [{{ LiveUsersApi }}, {{ createClient }}] = await Promise.all(\
             [import('/generated/index.js'), import('/generated/client/index.js')]); \
           window.told = await it.{function}({{ LiveUsersApi, createClient }}, location.origin, '{token}'); \
         }}).catch((error) => {{ window.told = {{ failed: String(error.stack) }}; }})"
    );
    browser.evaluate(&format!("void {call}")).await;
    browser.wait_for("an answer", "window.told !== undefined").await;
    let told = browser.evaluate("window.told").await;
    assert_eq!(told["failed"], Value::Null, "{function}");
    told
}

/// Serves the client as it is committed, and passes on what is for the server, as a web server in front of it
/// would.
fn serve(server: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let server = server.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for browser in listener.incoming().flatten() {
            let server = server.clone();
            std::thread::spawn(move || answer(browser, &server));
        }
    });
    url
}

fn answer(mut browser: TcpStream, server: &str) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    // Byte by byte, so that no body is read with it.
    while !head.ends_with(b"\r\n\r\n") && browser.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (kind, body) = match path.strip_prefix("/generated/") {
        Some(file) => ("text/javascript", std::fs::read(in_repository(JAVASCRIPT).join(file))?),
        None if path == "/read.mjs" => {
            let file = in_repository("crates/stack/tests/stack/api_clients/read.mjs");
            ("text/javascript", std::fs::read(file)?)
        }
        None if path == "/" => ("text/html", b"<!doctype html><title>A page</title>".to_vec()),
        None => return pass_on(browser, &head, server),
    };
    let length = body.len();
    write!(browser, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n")?;
    browser.write_all(b"Connection: close\r\n\r\n")?;
    browser.write_all(&body)
}

/// One request and its answer, for as long as that lasts.
fn pass_on(browser: TcpStream, head: &str, server: &str) -> std::io::Result<()> {
    let mut upstream = TcpStream::connect(server)?;
    let (first, rest) = head.split_once("\r\n").unwrap_or_default();
    let rest = rest.replace("Connection: keep-alive\r\n", "");
    write!(upstream, "{first}\r\nConnection: close\r\n{rest}")?;
    let (mut more, mut answer) = (browser.try_clone()?, upstream.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut more, &mut upstream));
    std::io::copy(&mut answer, &mut &browser)?;
    browser.shutdown(std::net::Shutdown::Both)
}
