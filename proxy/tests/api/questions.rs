//! The details: what is asked of the backend, and what can never be.

use live_users_testkit::Server;
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::admin::{RIGHT, TOKENS, gated};
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, ask, header, seen, start_with};

/// Asks as an admin, with the test answering for the backend: what came out, and the request line
/// that the backend saw.
pub(crate) async fn through(
    proxy: &Server,
    backend: &mut Backend,
    (method, path): (Method, &str),
    says: &str,
) -> (Response, String) {
    tokio::join!(ask(proxy, method, path, &[RIGHT]), async {
        let request = backend.next().await;
        let line = request.head.lines().next().unwrap_or_default().to_owned();
        request.say(says).await;
        line
    })
}

#[tokio::test]
async fn each_path_leads_to_its_own_and_the_answer_comes_out_in_the_envelope() {
    let mut backend = Backend::start();
    let proxy = start_with(&format!("{}/behind", backend.url), &TOKENS);
    let says = ok(r#"{"liveUsers":3,"calls":[{"CallSid":"CA0"}],"asOf":1.50}"#);
    for (method, path) in gated() {
        let (answer, line) = through(&proxy, &mut backend, (method.clone(), path), &says).await;
        let asked = if method == Method::POST { "POST" } else { "GET" };
        assert_eq!(line, format!("{asked} /behind{path} HTTP/1.1"));
        assert_eq!(header(&answer, "content-type"), Some("application/json"), "{path}");
        assert_eq!(header(&answer, "cache-control"), Some("no-store"), "{path}");
        let (status, body) = seen(answer).await;
        assert_eq!(status, 200, "{path}");
        if method != Method::HEAD {
            let calls = r#"{"success":true,"liveUsers":3,"calls":[{"CallSid":"CA0"}],"asOf":1.50}"#;
            assert_eq!(body, calls, "{path}");
        }
    }
}

#[tokio::test]
async fn no_call_sid_leads_to_another_path_of_the_backend() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let longest = "x".repeat(128);
    for (sid, passed_on) in [
        ("CA0", "CA0"),
        ("%252e%252e", "%252e%252e"),
        ("a%3Fb=c%23d", "a%3Fb=c%23d"),
        ("a+b", "a+b"),
        ("a%2Fb", "a%2Fb"),
        ("a%2f..b%2fevict", "a%2F..b%2Fevict"),
        ("a%5cb", "a%5Cb"),
        (&longest, &longest),
    ] {
        for (method, end) in [(Method::GET, ""), (Method::POST, "/evict")] {
            let path = format!("/api/live-users/calls/{sid}{end}");
            let (answer, line) =
                through(&proxy, &mut backend, (method.clone(), &path), &ok("{}")).await;
            let expected = format!("{method} /api/live-users/calls/{passed_on}{end} HTTP/1.1");
            assert_eq!((answer.status().as_u16(), line), (200, expected));
        }
    }
    let too_long = "x".repeat(129);
    let slashes = ["..%2f..%2fsummary", "a%2F..%2Fb", "a%2f", "%2fb", "a%2F%2Fb", "a%5c..%5cb"];
    let others =
        [".%2e", "%2e%2E", "%2e", "%20", "a%0d%0ab", "%00", "%7f", "%ff", "%c3%a9", &too_long];
    for sid in slashes.into_iter().chain(others) {
        for (method, end) in [(Method::GET, ""), (Method::POST, "/evict")] {
            let answer = raw(&proxy, &format!("{method} /api/live-users/calls/{sid}{end}")).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{sid}: {answer}");
            let body =
                r#"{"success":false,"liveUsers":0,"error":"CallSid: invalid; expected 1 to 128"#;
            assert!(answer.contains(body) && answer.contains(r#""field":"CallSid","expected""#));
        }
    }
    for path in
        ["/api/live-users/calls/a/b", "/api/live-users/calls//evict", "/api/live-users/calls/"]
    {
        let answer = raw(&proxy, &format!("GET {path}")).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    assert!(backend.is_idle());
}

#[tokio::test]
async fn no_id_of_an_alert_leads_to_another_path_of_the_backend() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let too_long = "a".repeat(65);
    for id in ["..", "%2e%2e", "a%2fb", "a%3Fb", "a+b", "%00", &too_long] {
        let answer = raw(&proxy, &format!("POST /api/live-users/alerts/{id}/test")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{id}: {answer}");
        assert!(answer.contains(r#""field":"id","expected""#), "{id}: {answer}");
    }
    assert!(backend.is_idle());
}

/// An admin's request as it is written here: a client would put the path in order first.
async fn raw(proxy: &Server, request: &str) -> String {
    let address = proxy.url.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let (name, value) = RIGHT;
    let head = format!(
        "{request} HTTP/1.1\r\nHost: proxy\r\n{name}: {value}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("a whole answer");
    answer
}

#[tokio::test]
async fn a_query_is_passed_on_decoded_once() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    for (query, passed_on) in [
        (
            "?limit=5&after=CA0&agent=booking&suspect=true",
            "?limit=5&after=CA0&agent=booking&suspect=true",
        ),
        ("?agent=a%26suspect%3Dtrue&after=%0d%0a", "?agent=a%26suspect%3Dtrue&after=%0D%0A"),
        ("?limit", "?limit="),
        ("?%6cimit=7", "?limit=7"),
        ("?", ""),
        ("?&&", ""),
        (
            "?source=twilio&country=US&search=m%C3%BCn&searchCountries=DE,AT&account=a",
            "?source=twilio&country=US&search=m%C3%BCn&searchCountries=DE%2CAT&account=a",
        ),
    ] {
        let path = format!("/api/live-users/calls{query}");
        let (_, line) = through(&proxy, &mut backend, (Method::GET, &path), &ok("{}")).await;
        assert_eq!(line, format!("GET /api/live-users/calls{passed_on} HTTP/1.1"));
    }
}

#[tokio::test]
async fn a_parameter_that_a_path_does_not_have_is_refused_and_the_backend_is_not_asked() {
    let mut backend = Backend::start();
    let open = [&TOKENS[..], &[("ALLOWED_ORIGINS", "*")]].concat();
    let proxy = start_with(&backend.url, &open);
    for (path, field) in [
        ("calls?token=x&limit=5", "token"),
        ("calls?Limit=6", "Limit"),
        ("calls?debug", "debug"),
        ("calls?agent=a&agent=b", "agent"),
        ("calls?+15005550006=1", "query"),
        ("activity?agent=booking", "agent"),
        ("summary?limit=1", "limit"),
        ("calls/CA0?limit=1", "limit"),
        ("summary?format=csv", "format"),
        ("history.svg?lang=en", "lang"),
        ("stream?tz=UTC", "tz"),
        ("ws?token=x", "token"),
        ("summary/stream?limit=1", "limit"),
        ("../live-users?callback=x", "callback"),
    ] {
        let path = format!("/api/live-users/{path}").replace("live-users/../", "");
        let origin = ("Origin", "https://elsewhere.example");
        for headers in [&[RIGHT, origin][..], &[]] {
            let answer = ask(&proxy, Method::GET, &path, headers).await;
            assert_eq!(answer.status(), 400, "{path}");
            assert_eq!(header(&answer, "cache-control"), Some("no-store"), "{path}");
            let body: Value = answer.json().await.expect("the envelope");
            assert_eq!(
                (&body["success"], &body["field"]),
                (&false.into(), &field.into()),
                "{path}"
            );
            assert!(body["expected"].is_string() && !body.to_string().contains("500"), "{body}");
        }
    }
    // A page of another origin may read why.
    let headers = [("Origin", "https://elsewhere.example")];
    let answer = ask(&proxy, Method::GET, "/api/live-users?x=1", &headers).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), Some("*"));
    for page in ["/live-users.js?v=2", "/favicon.svg?v=2", "/admin/sign-in?utm_source=mail"] {
        assert_eq!(ask(&proxy, Method::GET, page, &[]).await.status(), 200, "{page}");
    }
    // The first question that the backend has got is this one.
    let asked = (Method::GET, "/api/live-users/calls?limit=1");
    let (_, line) = through(&proxy, &mut backend, asked, &ok("{}")).await;
    assert_eq!(line, "GET /api/live-users/calls?limit=1 HTTP/1.1");
}

#[tokio::test]
async fn each_parameter_that_the_backend_takes_is_told_of_and_passed_on() {
    let document = |own: &str| -> Value {
        let whole = live_users_wire::openapi::document(own).expect("a document");
        serde_json::from_str(&whole).expect("JSON")
    };
    let theirs = document(include_str!("../../../backend/openapi.json"));
    let ours = document(include_str!("../../openapi.json"));
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let mut n_passed_on = 0;
    for path in ours["paths"].as_object().expect("paths").keys() {
        let [mut of_backend, mut of_proxy] = [&theirs, &ours].map(|it| query_parameters(it, path));
        // Which of several backends is asked.
        of_proxy.retain(|it| it["name"] != "shard");
        // By this one proxies ask as everybody; nobody needs to ask a proxy for it.
        of_backend.retain(|it| it["name"] != "public");
        let has_rows = path == "/api/live-users/stretches";
        if !path.starts_with("/api/live-users") || of_backend.is_empty() || has_rows {
            continue;
        }
        if path == "/api/live-users/activity" {
            // Of several shards, `after` has a place in each.
            let names =
                |all: &[&Value]| all.iter().map(|it| it["name"].clone()).collect::<Vec<_>>();
            assert_eq!(names(&of_proxy), names(&of_backend), "{path}");
        } else {
            assert_eq!(of_proxy, of_backend, "{path}");
        }
        // A stream of an agent is opened when the backend has said that it may be read.
        if path.ends_with("/stream") || path.ends_with("/ws") {
            continue;
        }
        let names = of_backend.iter().map(|it| it["name"].as_str().expect("a name"));
        let value = |name: &str| match name {
            "format" => "json".to_owned(),
            name => format!("of-{name}"),
        };
        let query: Vec<_> = names.map(|name| format!("{name}={}", value(name))).collect();
        n_passed_on += query.len();
        let asked = format!("{path}?{}", query.join("&"));
        let (_, line) = through(&proxy, &mut backend, (Method::GET, &asked), &ok("{}")).await;
        assert_eq!(line, format!("GET {asked} HTTP/1.1"));
    }
    assert!(n_passed_on >= 21, "the document is read: {n_passed_on}");
}

/// The parameters of a query that a document has for reading a path, by name.
fn query_parameters<'a>(document: &'a Value, path: &str) -> Vec<&'a Value> {
    let told = document["paths"][path]["get"]["parameters"].as_array().into_iter().flatten();
    let resolved = told.map(|it| match it["$ref"].as_str().and_then(|it| it.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).expect("it is there"),
        None => it,
    });
    let mut found: Vec<_> = resolved.filter(|it| it["in"] == "query").collect();
    found.sort_by_key(|it| it["name"].as_str());
    found
}

#[tokio::test]
async fn other_methods_are_refused_in_the_envelope_and_no_other_origin_is_let_in() {
    let origin = ("Origin", "https://elsewhere.example");
    let open = [&TOKENS[..], &[("ALLOWED_ORIGINS", "*")]].concat();
    let proxy = start_with(NO_BACKEND, &open);
    for (asked, path) in gated() {
        let (allowed, others) = match asked {
            Method::POST => ("POST", [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS]),
            _ => ("GET, HEAD", [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS]),
        };
        for other in others {
            let preflight = ("Access-Control-Request-Method", "GET");
            let answer = ask(&proxy, other.clone(), path, &[RIGHT, origin, preflight]).await;
            assert_eq!(answer.status(), 405, "{other} {path}");
            assert_eq!(header(&answer, "allow"), Some(allowed), "{other} {path}");
            assert_eq!(header(&answer, "access-control-allow-origin"), None, "{other} {path}");
            let (_, body) = seen(answer).await;
            let is_envelope = body.starts_with(r#"{"success":false,"liveUsers":0,"error":""#);
            assert!(is_envelope || other == Method::HEAD, "{other} {path}: {body}");
        }
        let answer = ask(&proxy, asked.clone(), path, &[RIGHT, origin]).await;
        assert_eq!(answer.status(), 502, "{asked} {path}");
        assert_eq!(header(&answer, "access-control-allow-origin"), None, "{asked} {path}");
    }
}
