//! Who may read the total at the proxy, how often, and in whose place.

use live_users_testkit::{Events, Server};

use crate::admin::{ADMIN_TOKEN, RIGHT, TOKENS};
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, get, header, seen, start_with};
use crate::sign_in::{OURS, cookie};

const TOTAL: &str = "/api/live-users";

fn start(backend: &str, settings: &[(&str, &str)]) -> Server {
    start_with(backend, &[&TOKENS[..], settings].concat())
}

#[tokio::test]
async fn a_total_that_is_not_public_is_for_admins() {
    let mut backend = Backend::start();
    let proxy = start(&backend.url, &[("PUBLIC_TOTAL", "false"), ("ALLOWED_ORIGINS", "*")]);
    for path in [TOTAL, "/api/live-users/stream", "/api/live-users/ws"] {
        let (status, body) = seen(get(&proxy, path, &[]).await).await;
        assert_eq!(status, 401, "{path}");
        assert!(body.starts_with(r#"{"success":false,"liveUsers":0"#), "{body}");
        assert!(body.contains("the number is not public here"), "{body}");
    }
    let cookie = cookie(&proxy).await;
    let signed_in = [("Cookie", cookie.as_str()), OURS];
    for shown in [&[RIGHT][..], &signed_in] {
        let (answer, head) = tokio::join!(get(&proxy, TOTAL, shown), async {
            let request = backend.next().await;
            let head = request.head.to_lowercase();
            request.say(&ok(r#"{"liveUsers":3}"#)).await;
            head
        });
        assert_eq!(seen(answer).await, (200, r#"{"success":true,"liveUsers":3}"#.to_owned()));
        assert!(head.contains("authorization: bearer backend-"), "{head}");
    }
}

#[tokio::test]
async fn who_reads_too_often_waits_and_admins_do_not() {
    let settings = [("READS_PER_SECOND", "1"), ("TRUSTED_PROXIES", "127.0.0.1")];
    let proxy = start(NO_BACKEND, &settings);
    let client = ("X-Forwarded-For", "192.0.2.1");
    let mut refused = None;
    for _ in 0..200 {
        let answer = get(&proxy, TOTAL, &[client]).await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a refusal");
    assert_eq!(header(&refused, "retry-after"), Some("1"));
    let (_, body) = seen(refused).await;
    assert!(body.starts_with(r#"{"success":false,"liveUsers":0,"error":"the total was read too"#));
    for _ in 0..20 {
        assert_eq!(get(&proxy, TOTAL, &[client, RIGHT]).await.status(), 502, "no backend");
    }
    assert_eq!(get(&proxy, TOTAL, &[("X-Forwarded-For", "192.0.2.2")]).await.status(), 502);
}

#[tokio::test]
async fn when_all_places_for_streams_are_taken_there_are_some_for_admins() {
    let proxy = start(NO_BACKEND, &[("STREAMS_MAX", "1"), ("STREAMS_RESERVED", "1")]);
    let url = |path: &str| format!("{}{path}", proxy.url);
    let _taken = Events::open(&url("/api/live-users/stream"), &[]).await.unwrap();
    assert_eq!(Events::open(&url("/api/live-users/stream"), &[]).await.err().unwrap().status, 503);
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let shown = [("Authorization", authorization.as_str())];
    let _admin = Events::open(&url("/api/live-users/summary/stream"), &shown).await.unwrap();
    assert_eq!(
        Events::open(&url("/api/live-users/stream"), &shown).await.err().unwrap().status,
        503,
        "that was the one"
    );
}
