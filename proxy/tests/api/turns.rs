//! Look-ups of tokens that find no place at the backend.

use live_users_testkit::{Answer, send};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::account_backend::ACME;
use crate::admin::TOKENS;
use crate::backend::{Backend, Request, ok};
use crate::proxy::start_with;

/// So many look-ups are under way at most.
const PLACES: usize = 16;

/// The next request of the proxy that begins so.
async fn next(backend: &mut Backend, line: &str) -> Request {
    loop {
        let request = backend.next().await;
        if request.head.starts_with(line) {
            return request;
        }
    }
}

/// The client at this address asks for the summary with this token.
fn read(proxy: &str, address: &str, token: &str) -> JoinHandle<Answer> {
    let url = format!("{proxy}/api/live-users/summary");
    let (authorization, address) = (format!("Bearer {token}"), address.to_owned());
    spawn_blocking(move || {
        let headers = [("Authorization", authorization.as_str()), ("X-Forwarded-For", &address)];
        send("GET", &url, &headers, b"")
    })
}

#[tokio::test]
async fn that_all_places_are_taken_is_no_wrong_attempt_of_who_finds_none() {
    let mut backend = Backend::start_with_tokens();
    let settings = [&TOKENS[..], &[("TRUSTED_PROXIES", "127.0.0.1")]].concat();
    let proxy = start_with(&backend.url, &settings);
    let customer = "192.0.2.1";
    let guess = |n| read(&proxy.url, &format!("198.51.100.{n}"), "guess-0123456789abcdef");
    let guesses: Vec<_> = (0..PLACES).map(guess).collect();
    let mut held = Vec::new();
    while held.len() < PLACES {
        held.push(next(&mut backend, "POST /api/live-users/access ").await);
    }
    // More tokens than may be wrong before somebody waits.
    let token = |n| format!("customer-{n}-0123456789abcdef");
    let tokens: Vec<_> = (0..12).map(|n| read(&proxy.url, customer, &token(n))).collect();
    for answer in tokens {
        let answer = answer.await.expect("an answer");
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{}", answer.body);
        assert!(answer.body.contains("too many tokens are looked up"), "{}", answer.body);
    }
    for request in held {
        request.say(&ok(r#"{"active":false}"#)).await;
    }
    for answer in guesses {
        assert_eq!(answer.await.expect("an answer").status, 403);
    }
    let answer = read(&proxy.url, customer, ACME);
    let request = next(&mut backend, "POST /api/live-users/access ").await;
    assert!(request.body.contains(ACME), "nobody is asked about for who has gone");
    let acme = r#"{"active":true,"id":"acme","role":"read","accounts":["acme"],"access":"acme.1"}"#;
    request.say(&ok(acme)).await;
    next(&mut backend, "GET /api/live-users/summary").await.say(&ok(r#"{"liveUsers":1}"#)).await;
    let answer = answer.await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
}
