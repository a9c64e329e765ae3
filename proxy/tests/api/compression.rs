//! Answers that are made anew each time, compressed.

use live_users_testkit::Server;
use reqwest::{Method, Response};

use crate::admin::{RIGHT, TOKENS};
use crate::assets::decode;
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, ask, get, header, start_with};

/// As browsers say it.
const ALL: &str = "gzip, deflate, br, zstd";

async fn answer(
    (proxy, backend): (&Server, &mut Backend),
    path: &str,
    accepted: &str,
    says: &str,
) -> Response {
    let headers = [RIGHT, ("Accept-Encoding", accepted)];
    let (answer, ()) =
        tokio::join!(get(proxy, path, &headers), async { backend.next().await.say(says).await });
    answer
}

fn long() -> String {
    format!(r#"{{"calls":["{}"]}}"#, "a call like the one before, ".repeat(200))
}

#[tokio::test]
async fn each_encoding_of_a_long_answer_has_the_same_bytes() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let expected = long().replacen('{', "{\"success\":true,", 1);
    let says = ok(&long());
    for path in ["/summary", "/setup", "/calls", "/activity", "/calls/CA1", "/history"] {
        let path = format!("/api/live-users{path}");
        for (accepted, coding) in [
            (ALL, Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0.1, gzip;q=0.2", Some("gzip")),
            ("br;q=0, gzip;q=0", None),
            ("identity", None),
        ] {
            let answer = answer((&proxy, &mut backend), &path, accepted, &says).await;
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(header(&answer, "content-encoding"), coding, "{path} {accepted}");
            // What comes in several forms varies by `Accept` as well, in a line of its own.
            let varies = answer.headers().get_all("vary").iter().any(|it| it == "accept-encoding");
            assert!(varies, "{path} {accepted}: {:?}", answer.headers());
            assert_eq!(header(&answer, "content-type"), Some("application/json"));
            let bytes = answer.bytes().await.unwrap();
            assert_eq!(decode(coding, &bytes), expected.as_bytes(), "{path} {accepted}");
            assert_eq!(coding.is_some(), bytes.len() < expected.len() / 4, "{path} {accepted}");
        }
    }
    let svg = format!("<svg>{}</svg>", "<path/>".repeat(1000));
    let says = ok(&svg).replace("application/json", "image/svg+xml");
    let answer = answer((&proxy, &mut backend), "/api/live-users/history.svg", ALL, &says).await;
    assert_eq!(header(&answer, "content-encoding"), Some("br"));
    assert_eq!(decode(Some("br"), &answer.bytes().await.unwrap()), svg.as_bytes());
}

#[tokio::test]
async fn short_answers_and_those_with_a_tag_come_as_they_are() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    for (path, says, expected) in [
        ("/api/live-users", r#"{"liveUsers":3}"#, r#"{"success":true,"liveUsers":3}"#),
        ("/api/live-users/summary", r#"{"liveUsers":3}"#, r#"{"success":true,"liveUsers":3}"#),
    ] {
        let answer = answer((&proxy, &mut backend), path, ALL, &ok(says)).await;
        assert_eq!(header(&answer, "content-encoding"), None, "{path}");
        assert_eq!(answer.text().await.unwrap(), expected, "{path}");
    }
    let headers = [("Accept-Encoding", ALL)];
    for path in ["/nothing", "/healthz", "/api/live-users/summary"] {
        let answer = get(&proxy, path, &headers).await;
        assert_eq!(header(&answer, "content-encoding"), None, "{path}");
    }
}

#[tokio::test]
async fn no_stream_is_compressed() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let headers = [RIGHT, ("Accept-Encoding", ALL)];
    let path = "/api/live-users/stream";
    let (answer, _stream) = tokio::join!(get(&proxy, path, &headers), async {
        let mut request = backend.next().await;
        request.open_stream().await;
        request.tell(r#"{"liveUsers":3,"epoch":"a","seq":1}"#).await;
        request
    });
    assert_eq!(header(&answer, "content-type"), Some("text/event-stream"));
    assert_eq!(header(&answer, "content-encoding"), None);
}

#[tokio::test]
async fn a_long_document_of_the_proxys_own_is_compressed_for_get_and_head() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    for method in [Method::GET, Method::HEAD] {
        let answer = ask(&proxy, method, "/openapi.json", &[("Accept-Encoding", "gzip")]).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "content-encoding")),
            (200, Some("gzip"))
        );
    }
}
