//! Rows of the backend: they come out as they are, while they come in.

use live_users_testkit::Server;
use reqwest::{Method, Response};

use crate::account_backend::ACME;
use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, Request, ok};
use crate::proxy::{ask, client, cookie_in, get, header, seen, start_with};
use crate::questions::through;
use crate::sign_in::{OURS, cookie, post};

const CSV: &str = "text/csv; charset=utf-8; header=present";
const ROWS: &str = "callSid,agent\r\nCA1,booking\r\n";

fn rows(kind: &str) -> String {
    ok(ROWS).replacen("application/json", kind, 1)
}

#[tokio::test]
async fn rows_are_passed_on_in_the_form_that_was_asked_for() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    for (path, kind, passed_on, name) in [
        ("calls?format=csv&agent=a", CSV, "calls?agent=a&format=csv", "calls.csv"),
        (
            "stretches?after=1.CA1",
            "application/jsonl",
            "stretches?after=1.CA1&format=jsonl",
            "stretches.jsonl",
        ),
        (
            "history?step=exact&format=jsonl",
            "application/jsonl",
            "history?step=exact&format=jsonl",
            "history.jsonl",
        ),
    ] {
        let path = format!("/api/live-users/{path}");
        let (answer, line) = through(&proxy, &mut backend, (Method::GET, &path), &rows(kind)).await;
        assert_eq!(line, format!("GET /api/live-users/{passed_on} HTTP/1.1"));
        assert_eq!(header(&answer, "content-type"), Some(kind), "{path}");
        assert_eq!(header(&answer, "cache-control"), Some("no-store"), "{path}");
        let expected = format!("attachment; filename=\"live-users-{name}\"");
        assert_eq!(header(&answer, "content-disposition"), Some(&*expected), "{path}");
        assert_eq!(seen(answer).await, (200, ROWS.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn what_a_client_accepts_chooses_the_form() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let path = "/api/live-users/calls?limit=2";
    let asked = ask(&proxy, Method::GET, path, &[RIGHT, ("Accept", "text/csv, */*;q=0.1")]);
    let answers = async {
        let request = backend.next().await;
        let line = request.head.lines().next().unwrap_or_default().to_owned();
        request.say(&rows(CSV)).await;
        line
    };
    let (answer, line) = tokio::join!(asked, answers);
    assert_eq!(line, "GET /api/live-users/calls?limit=2&format=csv HTTP/1.1");
    assert_eq!(seen(answer).await, (200, ROWS.to_owned()));
}

#[tokio::test]
async fn what_is_not_in_that_form_or_breaks_off_does_not_look_like_rows() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let asked = (Method::GET, "/api/live-users/calls?format=csv");
    // A backend of before there were rows ignores the form.
    let (answer, _) = through(&proxy, &mut backend, asked, &ok(r#"{"calls":[]}"#)).await;
    let (status, body) = seen(answer).await;
    assert_eq!(status, 502, "{body}");
    assert!(body.contains("not in the form that was asked for"), "{body}");

    let longer = format!("Content-Length: {}", ROWS.len() + 10);
    let cut = rows(CSV).replacen(&format!("Content-Length: {}", ROWS.len()), &longer, 1);
    assert!(cut.contains(&longer));
    let url = format!("{}/api/live-users/calls?format=csv", proxy.url);
    let whole = async {
        let asked = client().get(url).header(RIGHT.0, RIGHT.1).send().await?;
        asked.bytes().await
    };
    let (whole, ()) = tokio::join!(whole, async { backend.next().await.say(&cut).await });
    assert!(whole.is_err(), "it breaks off: {whole:?}");
}

#[tokio::test]
async fn rows_are_for_admins_and_a_form_that_is_none_is_refused() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    for path in ["calls?format=csv", "stretches", "history?format=jsonl"] {
        let path = format!("/api/live-users/{path}");
        assert_eq!(get(&proxy, &path, &[]).await.status(), 401, "{path}");
    }
    let answer = get(&proxy, "/api/live-users/calls?format=xml", &[RIGHT]).await;
    let (status, body) = seen(answer).await;
    assert!(status == 400 && body.contains(r#""field":"format""#), "{body}");
}

#[tokio::test]
async fn rows_that_are_under_way_end_when_the_browser_signs_out() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let session = [("Cookie", &*cookie(&proxy).await), OURS];
    let (mut answer, mut request) = begin(&proxy, &mut backend, &session).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.chunk().await.expect("rows").as_deref(), Some(ROWS.as_bytes()));
    ask(&proxy, Method::POST, "/admin/sign-out", &session).await;
    request.start_to_say("CA2,booking\r\n").await;
    assert!(answer.chunk().await.is_err(), "it breaks off");
}

/// Asks for rows of which the backend sends the first ones, and no more.
async fn begin(
    proxy: &Server,
    backend: &mut Backend,
    shown: &[(&str, &str)],
) -> (Response, Request) {
    let path = "/api/live-users/stretches?format=csv";
    let head = rows(CSV).replacen(&format!("Content-Length: {}\r\n", ROWS.len()), "", 1);
    assert!(head.ends_with(ROWS) && !head.contains("Content-Length"));
    let begun = async {
        let mut request = backend.next().await;
        request.start_to_say(&head).await;
        request
    };
    tokio::join!(ask(proxy, Method::GET, path, shown), begun)
}

/// Signs this token in, which opens this in the backend.
async fn signed_in(proxy: &Server, backend: &mut Backend, token: &str, access: &str) -> String {
    let form = format!("token={token}");
    let (signed_in, ()) = tokio::join!(post(proxy, &[OURS], &form), async {
        backend.next().await.say(&ok(access)).await;
    });
    cookie_in(&signed_in)
}

#[tokio::test]
async fn rows_that_are_read_slowly_keep_nobody_from_asking() {
    let mut backend = Backend::start_with_tokens();
    let proxy = start_with(&backend.url, &TOKENS);
    let path = "/api/live-users/stretches?format=csv";
    let mut cookies = Vec::new();
    for n in 0..5 {
        let access = format!(
            r#"{{"active":true,"id":"acme-{n}","role":"read","accounts":["acme"],"access":"acme.{n}"}}"#
        );
        cookies.push(signed_in(&proxy, &mut backend, &format!("{ACME}{n}"), &access).await);
    }
    let customers: Vec<_> = cookies.iter().map(|it| [("Cookie", it.as_str()), OURS]).collect();
    let mut under_way = Vec::new();
    for customer in &customers[..4] {
        for _ in 0..2 {
            under_way.push(begin(&proxy, &mut backend, customer).await);
        }
        // Whatever others have, one token or link has no more.
        let refused = get(&proxy, path, customer).await;
        assert_eq!(header(&refused, "retry-after"), Some("1"));
        let (status, body) = seen(refused).await;
        let is_told = body.contains("2 exports of this token or link are under way");
        assert!(status == 503 && is_told, "{status} {body}");
    }
    let (status, body) = seen(get(&proxy, path, &customers[4]).await).await;
    assert!(status == 503 && body.contains("8 exports are under way"), "{status} {body}");
    assert!(backend.is_idle(), "the backend was not asked");
    // Admins have places of their own, and what is no row needs none of them.
    for _ in 0..8 {
        under_way.push(begin(&proxy, &mut backend, &[RIGHT]).await);
    }
    let refused = get(&proxy, path, &[RIGHT]).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after")), (503, Some("1")));
    for _ in 0..40 {
        let asked = (Method::GET, "/api/live-users/summary");
        assert_eq!(through(&proxy, &mut backend, asked, &ok("{}")).await.0.status(), 200);
    }
    // Each that ends makes room, for whoever has its share as well.
    let (mut ended, request) = under_way.remove(0);
    drop(request);
    while matches!(ended.chunk().await, Ok(Some(_))) {}
    let (answer, _request) = begin(&proxy, &mut backend, &customers[0]).await;
    assert_eq!(answer.status(), 200);
}
