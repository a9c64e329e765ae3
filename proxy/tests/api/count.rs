//! `GET /api/live-users` and `/readyz`: what is said when all is well, and when it is not.

use crate::backend::{Backend, Closed, ok};
use crate::proxy::{Seen, count, count_when, get, header, seen, start, start_with};

/// Nobody answers in these tests, so that a slow machine changes nothing.
const IMPATIENT: (&str, &str) = ("BACKEND_TIMEOUT_MS", "100");

/// The failure envelope with this text.
fn failure(status: u16, error: &str) -> Seen {
    (status, format!(r#"{{"success":false,"liveUsers":0,"error":"{error}"}}"#))
}

#[tokio::test]
async fn a_count_is_wrapped_in_the_envelope() {
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    for n in [3, 0, u64::MAX] {
        let says = ok(&format!(r#"{{"liveUsers":{n}}}"#));
        let expected = (200, format!(r#"{{"success":true,"liveUsers":{n}}}"#));
        assert_eq!(count_when(&proxy, &mut backend, &says).await, expected);
    }
}

#[tokio::test]
async fn the_numbers_of_agents_are_passed_on_if_the_backend_gives_them() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &[("PUBLIC_BY_AGENT", "false")]);
    let fields = r#""liveUsers":3,"byAgent":{"booking":2,"support":1}"#;
    for (says, shown) in [
        (fields, fields),
        (r#""liveUsers":0,"byAgent":{}"#, r#""liveUsers":0,"byAgent":{}"#),
        (r#""liveUsers":3,"byAgent":["of a later version"]"#, r#""liveUsers":3"#),
    ] {
        let says = ok(&format!("{{{says}}}"));
        let expected = (200, format!(r#"{{"success":true,{shown}}}"#));
        assert_eq!(count_when(&proxy, &mut backend, &says).await, expected);
    }
}

#[tokio::test]
async fn the_backend_is_asked_for_its_count_below_the_path_of_its_url() {
    let mut backend = Backend::start();
    let proxy = start(&format!("{}/behind/here", backend.url));
    let (seen, head) = tokio::join!(count(&proxy), async {
        let request = backend.next().await;
        let head = request.head.clone();
        request.count(1).await;
        head
    });
    assert_eq!(seen.0, 200);
    assert!(head.starts_with("GET /behind/here/api/live-users HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn every_wrong_answer_is_a_502_that_says_what_is_wrong() {
    let elsewhere = Backend::start();
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}/api/live-users\r\nConnection: close\r\n\
         Content-Length: 0\r\n\r\n",
        elsewhere.url
    );
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"liveUsers\":3";
    let too_big = ok(&format!(r#"{{"liveUsers":3,"padding":"{}"}}"#, "x".repeat(64 * 1024)));
    let not_a_count = "the backend's answer is not a count";
    let broken = "the backend's answer broke off or was not HTTP";
    for (says, error) in [
        (
            "HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 15\r\n\r\n{\"liveUsers\":3}",
            "the backend answered with status 500",
        ),
        (
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
            "the backend answered with status 204",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 35\r\n\r\n\
             {\"error\":\"credentials refused ...\"}",
            "the number is not known at present",
        ),
        (&redirect, "the backend answered with a redirect"),
        (&ok("<html>3</html>"), "the backend's answer is not JSON"),
        (&ok(""), "the backend's answer is not JSON"),
        (&ok(r#"{"liveUsers":"3"}"#), not_a_count),
        (&ok(r#"{"liveUsers":-3}"#), not_a_count),
        (&ok(r#"{"live_users":3}"#), not_a_count),
        (&ok("[3]"), not_a_count),
        (&too_big, "the backend's answer is too big"),
        (half, broken),
        ("", broken),
        ("SSH-2.0-OpenSSH_9.2\r\n", broken),
    ] {
        assert_eq!(count_when(&proxy, &mut backend, says).await, failure(502, error), "{says}");
    }
    assert!(elsewhere.is_idle(), "a redirect was followed");
}

#[tokio::test]
async fn a_backend_that_is_too_slow_is_a_504_also_when_only_its_body_is() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &[IMPATIENT]);
    let late = failure(504, "the backend did not answer in time");

    assert_eq!(count(&proxy).await, late, "no answer at all");

    let stalling = tokio::spawn(async move {
        let mut stalled = Vec::new();
        loop {
            let mut request = backend.next().await;
            request.start_to_say("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"live").await;
            stalled.push(request);
        }
    });
    assert_eq!(count(&proxy).await, late, "half an answer");
    stalling.abort();
}

#[tokio::test]
async fn an_old_count_is_never_given_for_a_new_one_and_the_link_heals_by_itself() {
    let closed = Closed::reserve();
    let unreachable = failure(502, "the backend cannot be reached");
    let mut proxy = start(&closed.url);
    assert_eq!(count(&proxy).await, unreachable);
    assert_eq!(count(&proxy).await, unreachable);
    let line = proxy.await_log("link to the backend");
    assert!(line.contains("WARN") && line.contains("refused"), "{line}");

    let mut backend = closed.open();
    assert_eq!(count_when(&proxy, &mut backend, &ok(r#"{"liveUsers":7}"#)).await.0, 200);
    let line = proxy.await_log("link to the backend");
    assert!(line.contains("is up"), "once down, not twice, and then up: {line}");

    drop(backend);
    assert_eq!(count(&proxy).await, unreachable);
}

#[tokio::test]
async fn the_proxy_is_ready_when_the_backend_gives_a_count() {
    let closed = Closed::reserve();
    let proxy = start(&closed.url);
    assert_eq!(
        seen(get(&proxy, "/readyz", &[]).await).await,
        (503, r#"{"status":"unready","reason":"the backend cannot be reached"}"#.to_owned())
    );
    let healthy = get(&proxy, "/healthz", &[]).await;
    assert_eq!(header(&healthy, "content-type"), Some("application/json"));
    assert_eq!(seen(healthy).await, (200, r#"{"status":"ok"}"#.to_owned()));

    let mut backend = closed.open();
    let (ready, ()) =
        tokio::join!(get(&proxy, "/readyz", &[]), async { backend.next().await.count(0).await });
    assert_eq!(seen(ready).await, (200, r#"{"status":"ready"}"#.to_owned()));
}
