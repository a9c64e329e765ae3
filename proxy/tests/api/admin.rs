//! Who is let in to the details: 401, 403, and what the settings have to do with it.

use live_users_testkit::{Server, exit_of};
use reqwest::Method;

use crate::backend::{Backend, ok};
use crate::proxy::{BINARY, NO_BACKEND, ask, get, header, seen, start, start_with};

pub(crate) const ADMIN_TOKEN: &str = "admin-0123456789abcdef";
pub(crate) const BACKEND_TOKEN: &str = "backend-0123456789abcdef";
pub(crate) const TOKENS: [(&str, &str); 2] =
    [("ADMIN_TOKEN", ADMIN_TOKEN), ("BACKEND_TOKEN", BACKEND_TOKEN)];
pub(crate) const RIGHT: (&str, &str) = ("Authorization", "Bearer admin-0123456789abcdef");

/// Every gated request.
pub(crate) fn gated() -> [(Method, &'static str); 12] {
    [
        (Method::GET, "/api/live-users/summary"),
        (Method::HEAD, "/api/live-users/summary"),
        (Method::GET, "/api/live-users/setup"),
        (Method::GET, "/api/live-users/activity"),
        (Method::HEAD, "/api/live-users/activity"),
        (Method::GET, "/api/live-users/calls"),
        (Method::GET, "/api/live-users/calls?limit=1"),
        (Method::GET, "/api/live-users/calls/CA0"),
        (Method::GET, "/api/live-users/history?from=-1h&step=1m"),
        (Method::POST, "/api/live-users/calls/CA0/evict"),
        (Method::GET, "/api/live-users/alerts"),
        (Method::POST, "/api/live-users/alerts/busy/test"),
    ]
}

async fn refused(proxy: &Server, headers: &[(&str, &str)], status: u16, says: &str) {
    for (method, path) in gated() {
        let answer = ask(proxy, method.clone(), path, headers).await;
        let challenge = header(&answer, "www-authenticate").map(str::to_owned);
        let expected = (status == 401).then(|| r#"Bearer realm="live-users""#.to_owned());
        assert_eq!(challenge, expected, "{method} {path}");
        assert_eq!(header(&answer, "content-type"), Some("application/json"), "{method} {path}");
        assert_eq!(header(&answer, "cache-control"), Some("no-store"), "{method} {path}");
        let (got, body) = seen(answer).await;
        assert_eq!(got, status, "{method} {path}: {body}");
        if method != Method::HEAD {
            let envelope = r#"{"success":false,"liveUsers":0,"error":""#;
            assert!(body.starts_with(envelope) && body.contains(says), "{method} {path}: {body}");
        }
    }
}

#[tokio::test]
async fn who_shows_no_token_or_not_in_the_right_way_gets_401() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    for value in ["", "Bearer", "Bearer ", ADMIN_TOKEN, "Basic YWRtaW46MDEyMzQ1Njc4OWFiY2RlZg=="] {
        refused(&proxy, &[("Authorization", value)], 401, "Authorization").await;
    }
    refused(&proxy, &[], 401, "Authorization").await;
    let other = ("Authorization", "Bearer of-somebody-else-entirely");
    refused(&proxy, &[RIGHT, other], 401, "Authorization").await;
    refused(&proxy, &[("Cookie", "ADMIN_TOKEN=admin-0123456789abcdef")], 401, "").await;
    assert!(backend.is_idle(), "the backend was asked");
}

#[tokio::test]
async fn who_shows_another_token_gets_403_also_with_the_backends() {
    let backend = Backend::start();
    let mut proxy = start_with(&backend.url, &TOKENS);
    for token in [BACKEND_TOKEN, "x", "admin-0123456789abcde", "admin-0123456789abcdef0"] {
        let value = format!("Bearer {token}");
        refused(&proxy, &[("Authorization", &value)], 403, "Authorization").await;
    }
    assert!(backend.is_idle(), "the backend was asked");
    proxy.await_log("a token that is not ADMIN_TOKEN");
    let (_, log) = proxy.terminate();
    assert!(!log.contains("0123456789"), "a token is in the log: {log}");
}

#[tokio::test]
async fn without_an_admin_token_nobody_is_let_in_and_the_total_is_public_all_the_same() {
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    refused(&proxy, &[], 403, "ADMIN_TOKEN is not set").await;
    refused(&proxy, &[RIGHT], 403, "ADMIN_TOKEN is not set").await;
    assert!(backend.is_idle(), "the backend was asked");
    let (total, ()) = tokio::join!(get(&proxy, "/api/live-users", &[]), async {
        let request = backend.next().await;
        assert!(!request.head.to_lowercase().contains("authorization"), "{}", request.head);
        request.count(2).await;
    });
    assert_eq!(total.status(), 200);
}

#[tokio::test]
async fn the_admins_token_stays_here_and_the_backend_is_shown_its_own() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let headers = [RIGHT, ("Cookie", "a=b"), ("X-Forwarded-For", "192.0.2.1")];
    let (answer, head) = tokio::join!(get(&proxy, "/api/live-users/summary", &headers), async {
        let request = backend.next().await;
        let head = request.head.to_lowercase();
        request.say(&ok("{}")).await;
        head
    });
    assert_eq!(answer.status(), 200);
    assert!(head.contains("authorization: bearer backend-0123456789abcdef\r\n"), "{head}");
    for kept in ["admin-", "cookie", "forwarded"] {
        assert!(!head.contains(kept), "{kept} in {head}");
    }
}

#[test]
fn on_an_address_that_others_can_reach_there_has_to_be_an_admin_token() {
    let open = [("BACKEND_URL", NO_BACKEND), ("HOST", "0.0.0.0")];
    let output = exit_of(BINARY, &[], &open);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("1 mistake ") && text.contains("ADMIN_TOKEN is not set"), "{text}");
}
