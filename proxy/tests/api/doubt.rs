//! What is told of calls that have been silent for a while, and of one agent alone.

use live_users_testkit::{Events, Socket};
use reqwest::Response;
use serde_json::{Value, json};

use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, ok};
use crate::proxy::{get, header, seen, start, start_with};

const MORE: (&str, &str) = ("Accept", "application/vnd.live-users+json, application/json;q=0.5");
const AS_OF: &str = "2026-11-23T09:30:00.000Z";
const TOTAL: &str = "/api/live-users";

/// What the proxy answers when the backend says this, and what it has asked.
async fn told(
    backend: &mut Backend,
    asked: impl Future<Output = Response>,
    says: &str,
) -> (Response, String) {
    let backend = async {
        let request = backend.next().await;
        let head = request.head.clone();
        request.say(says).await;
        head
    };
    tokio::join!(asked, backend)
}

fn not_found() -> String {
    let body = r#"{"error":"agent: there is no such agent here","field":"agent"}"#;
    ok(body).replacen("200 OK", "404 Not Found", 1)
}

#[tokio::test]
async fn a_polled_answer_has_the_doubt_on_request_or_by_a_setting() {
    let says = ok(&format!(r#"{{"liveUsers":11,"suspect":4,"asOf":"{AS_OF}"}}"#));
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    let (plain, head) = told(&mut backend, get(&proxy, TOTAL, &[]), &says).await;
    assert!(head.to_lowercase().contains("accept: application/vnd.live-users+json"), "{head}");
    assert!(header(&plain, "vary").is_some_and(|vary| vary.to_lowercase().contains("accept")));
    assert_eq!(seen(plain).await.1, r#"{"success":true,"liveUsers":11}"#);
    let (more, _) = told(&mut backend, get(&proxy, TOTAL, &[MORE]), &says).await;
    assert_eq!(header(&more, "content-type"), Some("application/json"));
    let expected = format!(r#"{{"success":true,"liveUsers":11,"suspect":4,"asOf":"{AS_OF}"}}"#);
    assert_eq!(seen(more).await.1, expected);
    // A backend of before tells none.
    let says_old = ok(r#"{"liveUsers":11}"#);
    let (more, _) = told(&mut backend, get(&proxy, TOTAL, &[MORE]), &says_old).await;
    assert_eq!(seen(more).await.1, r#"{"success":true,"liveUsers":11}"#);

    let proxy = start_with(&backend.url, &[("PUBLIC_SUSPECT", "true")]);
    let (always, _) = told(&mut backend, get(&proxy, TOTAL, &[]), &says).await;
    assert_eq!(seen(always).await.1, expected);
}

#[tokio::test]
async fn frames_have_the_doubt_that_is_public_and_not_all_that_a_summary_has() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let at = |path: &str| format!("{}{TOTAL}{path}", proxy.url);
    let mut total = Socket::open(&at("/ws"), &[]).await.expect("a socket");
    let mut upstream = backend.next().await;
    assert!(upstream.head.contains("/summary/stream?changes=true "), "{}", upstream.head);
    upstream.open_stream().await;
    let summary = |doubt: &str| {
        format!(r#"{{"liveUsers":20,"byAgent":[],{doubt},"epoch":"e","seq":1,"asOf":"{AS_OF}"}}"#)
    };
    for (doubt, told) in [
        (r#""suspect":1"#, Value::Null),
        (r#""suspect":3,"publicSuspect":3"#, json!(3)),
        (r#""suspect":1"#, Value::Null),
    ] {
        upstream.tell(&summary(doubt)).await;
        let frame: Value = serde_json::from_str(&total.text().await).expect("JSON");
        assert_eq!((&frame["suspect"], &frame["liveUsers"]), (&told, &json!(20)), "{doubt}");
    }
}

#[tokio::test]
async fn a_public_agent_is_asked_for_as_everybody_whatever_the_proxy_may_read() {
    let says = ok(r#"{"liveUsers":2,"agent":"book ing"}"#);
    let mut backend = Backend::start();
    let path = format!("{TOTAL}?agent=book%20ing");
    for (tokens, query) in [(&TOKENS[..], "agent=book+ing&public=true"), (&[], "agent=book+ing")] {
        let proxy = start_with(&backend.url, tokens);
        let (answer, head) = told(&mut backend, get(&proxy, &path, &[]), &says).await;
        assert!(head.starts_with(&format!("GET {TOTAL}?{query} HTTP/1.1")), "{head}");
        assert_eq!(seen(answer).await.1, r#"{"success":true,"liveUsers":2}"#);
    }
    let proxy = start_with(&backend.url, &TOKENS);
    let (answer, head) = told(&mut backend, get(&proxy, &path, &[RIGHT]), &says).await;
    assert!(head.starts_with(&format!("GET {TOTAL}?agent=book+ing HTTP/1.1")), "{head}");
    assert_eq!(answer.status(), 200);

    let (answer, _) = told(&mut backend, get(&proxy, &path, &[]), &not_found()).await;
    let (status, body) = seen(answer).await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["success"], &body["field"]), (404, &json!(false), &json!("agent")));
    // A backend of before tells the total of all: that is nobody's number.
    let total = ok(r#"{"liveUsers":9}"#);
    let (answer, _) = told(&mut backend, get(&proxy, &path, &[]), &total).await;
    let (status, body) = seen(answer).await;
    assert!(status == 502 && !body.contains('9'), "{body}");
}

#[tokio::test]
async fn a_stream_of_an_agent_is_one_for_all_and_ends_when_it_is_public_no_more() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let at = format!("{}{TOTAL}/stream?agent=booking", proxy.url);
    let says = r#"{"liveUsers":2,"agent":"booking"}"#;
    let (first, _) = tokio::join!(Events::open(&at, &[]), async {
        backend.next().await.say(&ok(says)).await;
    });
    let mut upstream = backend.next().await;
    let (second, _) = tokio::join!(Events::open(&at, &[]), async {
        backend.next().await.say(&ok(says)).await;
    });
    let mut opened = [first.expect("a stream"), second.expect("a stream")];
    let line = format!("GET {TOTAL}/stream?agent=booking&public=true HTTP/1.1");
    assert!(upstream.head.starts_with(&line), "{}", upstream.head);
    upstream.open_stream().await;
    let frame =
        format!(r#"{{"liveUsers":2,"agent":"booking","epoch":"e","seq":1,"asOf":"{AS_OF}"}}"#);
    upstream.tell(&frame).await;
    for events in &mut opened {
        let frame: Value =
            serde_json::from_str(&events.next().await.expect("a frame")).expect("JSON");
        assert_eq!((&frame["liveUsers"], &frame["agent"]), (&json!(2), &json!("booking")));
    }
    assert!(backend.is_idle(), "both read one stream");
    drop(upstream);
    // It is opened again, and refused.
    backend.next().await.say(&not_found()).await;
    for events in &mut opened {
        while events.next().await.is_some() {}
    }
    let (refused, _) = tokio::join!(Events::open(&at, &[]), async {
        backend.next().await.say(&not_found()).await;
    });
    assert_eq!(refused.err().map(|answer| answer.status), Some(404));
}

#[tokio::test]
async fn what_everybody_may_read_is_told_also_while_the_token_of_the_proxy_is_refused() {
    let refusal = ok("{}").replacen("200 OK", "403 Forbidden", 1);
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let agent = format!("{TOTAL}?agent=booking");
    for (path, query, with_token, says) in [
        (TOTAL, "", "", r#"{"liveUsers":3}"#),
        ("/readyz", "", "", r#"{"liveUsers":3}"#),
        ("/badge.svg", "", "", r#"{"liveUsers":3}"#),
        (&agent, "?agent=booking", "&public=true", r#"{"liveUsers":3,"agent":"booking"}"#),
    ] {
        let (answer, heads) = tokio::join!(get(&proxy, path, &[]), async {
            let request = backend.next().await;
            let with = request.head.clone();
            request.say(&refusal).await;
            let request = backend.next().await;
            let without = request.head.clone();
            request.say(&ok(says)).await;
            [with, without]
        });
        let [with, without] = heads.map(|head| head.to_lowercase());
        assert!(with.starts_with(&format!("get {TOTAL}{query}{with_token} http")), "{with}");
        assert!(without.starts_with(&format!("get {TOTAL}{query} http")), "{without}");
        assert!(with.contains("\nauthorization:") && !without.contains("\nauthorization:"));
        let (status, body) = seen(answer).await;
        let told = if path == "/readyz" { "ready" } else { "3" };
        assert!(status == 200 && body.contains(told), "{path}: {status} {body}");
    }
    // Where it is not public, the refusal of the token is what is wrong.
    let (answer, ()) = tokio::join!(get(&proxy, TOTAL, &[]), async {
        backend.next().await.say(&refusal).await;
        backend.next().await.say(&refusal.replace("403 Forbidden", "401 Unauthorized")).await;
    });
    let (status, body) = seen(answer).await;
    assert!(status == 502 && body.contains("status 403"), "{status} {body}");
    // What an admin asks for is not for everybody.
    let (answer, ()) = tokio::join!(get(&proxy, &agent, &[RIGHT]), async {
        backend.next().await.say(&refusal).await;
    });
    assert_eq!(seen(answer).await.0, 502);
    assert!(backend.is_idle());

    let at = format!("{}{TOTAL}/stream?agent=booking", proxy.url);
    let says = r#"{"liveUsers":2,"agent":"booking"}"#;
    let (events, _) = tokio::join!(Events::open(&at, &[]), async {
        backend.next().await.say(&ok(says)).await;
    });
    backend.next().await.say(&refusal).await;
    let mut upstream = backend.next().await;
    let head = upstream.head.to_lowercase();
    assert!(head.starts_with(&format!("get {TOTAL}/stream?agent=booking http")), "{head}");
    assert!(!head.contains("\nauthorization:"), "{head}");
    upstream.open_stream().await;
    upstream
        .tell(&format!(
            r#"{{"liveUsers":2,"agent":"booking","epoch":"e","seq":1,"asOf":"{AS_OF}"}}"#
        ))
        .await;
    let frame = events.expect("a stream").next().await.expect("a frame");
    assert!(frame.contains(r#""success":true,"liveUsers":2"#), "{frame}");
}
