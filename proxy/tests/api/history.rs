//! The history: what of a question is passed on, and what is let through as a picture.

use reqwest::Method;

use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, ok};
use crate::proxy::{get, header, seen, start_with};
use crate::questions::through;

const PICTURE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><style>text{}</style></svg>\n";

fn picture(kind: &str) -> String {
    ok(PICTURE).replacen("application/json", kind, 1)
}

#[tokio::test]
async fn a_query_is_passed_on_with_its_time_zone() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    for (path, passed_on, says) in [
        (
            "history?from=-1h&to=now&step=1m&agent=a&tz=America/New_York",
            "history?from=-1h&to=now&step=1m&agent=a&tz=America%2FNew_York",
            ok("{}"),
        ),
        (
            "history?from=2026-11-23T09:30:00%2B01:00",
            "history?from=2026-11-23T09%3A30%3A00%2B01%3A00",
            ok("{}"),
        ),
        ("history", "history", ok("{}")),
        (
            "history.svg?theme=dark&width=5&height=6&step=1h&tz=UTC",
            "history.svg?theme=dark&width=5&height=6&step=1h&tz=UTC",
            picture("image/svg+xml"),
        ),
        ("history.svg", "history.svg", picture("image/svg+xml")),
    ] {
        let path = format!("/api/live-users/{path}");
        let (answer, line) = through(&proxy, &mut backend, (Method::GET, &path), &says).await;
        assert_eq!(line, format!("GET /api/live-users/{passed_on} HTTP/1.1"));
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_picture_comes_out_as_an_image_that_can_do_nothing() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let asked = (Method::GET, "/api/live-users/history.svg");
    let (answer, _) = through(&proxy, &mut backend, asked, &picture("image/svg+xml")).await;
    assert_eq!(header(&answer, "content-type"), Some("image/svg+xml"));
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
    assert_eq!(header(&answer, "cross-origin-resource-policy"), Some("same-origin"));
    let policy = header(&answer, "content-security-policy").unwrap().to_owned();
    let expected = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";
    assert_eq!(policy, expected);
    assert_eq!(seen(answer).await, (200, PICTURE.to_owned()));
}

#[tokio::test]
async fn everything_else_than_a_picture_is_told_in_the_envelope() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let wrong = ok(r#"{"error":"width: invalid","field":"width","expected":"a whole number"}"#);
    let wrong = wrong.replacen("200 OK", "400 Bad Request", 1);
    let fields = r#""error":"width: invalid","field":"width","expected":"a whole number""#;
    let no_picture = r#""error":"the backend's answer is not a picture""#;
    for (says, status, told) in [
        (wrong, 400, fields),
        (ok("{}"), 502, no_picture),
        (picture("text/html"), 502, no_picture),
        (picture("image/svg+xml; charset=utf-7"), 502, no_picture),
    ] {
        let asked = (Method::GET, "/api/live-users/history.svg?width=1");
        let (answer, _) = through(&proxy, &mut backend, asked, &says).await;
        assert_eq!(header(&answer, "content-type"), Some("application/json"), "{says}");
        let expected = format!(r#"{{"success":false,"liveUsers":0,{told}}}"#);
        assert_eq!(seen(answer).await, (status, expected), "{says}");
    }
    let nobody = get(&proxy, "/api/live-users/history.svg", &[]).await;
    assert_eq!(header(&nobody, "content-type"), Some("application/json"));
    assert_eq!(nobody.status(), 401);
    let other = ("Authorization", "Bearer of-somebody-else-entirely");
    assert_eq!(get(&proxy, "/api/live-users/history.svg", &[other]).await.status(), 403);
    assert!(backend.is_idle());
    let (head, says) = ((Method::HEAD, "/api/live-users/history.svg"), picture("image/svg+xml"));
    assert_eq!(through(&proxy, &mut backend, head, &says).await.0.status(), 200);
    let post =
        crate::proxy::ask(&proxy, Method::POST, "/api/live-users/history.svg", &[RIGHT]).await;
    assert_eq!((post.status().as_u16(), header(&post, "allow")), (405, Some("GET, HEAD")));
}
