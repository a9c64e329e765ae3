//! The details: what of the backend's answer comes out, and how many may ask.

use live_users_testkit::Server;
use reqwest::Method;

use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, Closed, ok};
use crate::proxy::{Seen, get, header, seen, start_with};
use crate::questions::through;

/// Nobody answers in these tests, so that a slow machine changes nothing.
const IMPATIENT: (&str, &str) = ("BACKEND_TIMEOUT_MS", "100");

const MIB: usize = 1024 * 1024;

async fn summary_when(proxy: &Server, backend: &mut Backend, says: &str) -> Seen {
    let summary = (Method::GET, "/api/live-users/summary");
    seen(through(proxy, backend, summary, says).await.0).await
}

fn failure(status: u16, error: &str) -> Seen {
    (status, format!(r#"{{"success":false,"liveUsers":0,"error":"{error}"}}"#))
}

fn status(status: &str, body: &str) -> String {
    ok(body).replacen("200 OK", status, 1)
}

#[tokio::test]
async fn what_the_backend_says_is_wrong_with_a_request_is_passed_on() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let fields = r#""error":"limit: invalid","field":"limit","expected":"a number""#;
    let problem = format!("{{{fields}}}");
    for (line, code) in
        [("400 Bad Request", 400), ("404 Not Found", 404), ("409 Conflict", 409), ("503 Busy", 503)]
    {
        let says = status(line, &problem);
        let expected = (code, format!(r#"{{"success":false,"liveUsers":0,{fields}}}"#));
        assert_eq!(summary_when(&proxy, &mut backend, &says).await, expected);
        let bare = status(line, r#"{"error":"there is no such call"}"#);
        let expected = failure(code, "there is no such call");
        assert_eq!(summary_when(&proxy, &mut backend, &bare).await, expected);
        let foreign = status(line, "<html>nginx</html>");
        let expected = failure(502, &format!("the backend answered with status {code}"));
        assert_eq!(summary_when(&proxy, &mut backend, &foreign).await, expected);
    }
}

#[tokio::test]
async fn every_wrong_answer_is_a_502_that_says_what_is_wrong() {
    let elsewhere = Backend::start();
    let mut backend = Backend::start();
    let mut proxy = start_with(&backend.url, &TOKENS);
    let refuses = "the backend refuses the proxy's BACKEND_TOKEN: expected the backend's API_TOKEN";
    let redirect = format!(
        "HTTP/1.1 307 Elsewhere\r\nLocation: {}/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url
    );
    let no_object = "the backend's answer is not a JSON object";
    for (says, error) in [
        (status("401 Unauthorized", "{}"), refuses),
        (status("403 Forbidden", r#"{"error":"no"}"#), refuses),
        (redirect, "the backend answered with a redirect"),
        (status("500 Oops", r#"{"error":"at line 3"}"#), "the backend answered with status 500"),
        (status("204 No Content", ""), "the backend answered with status 204"),
        (status("405 No", r#"{"error":"no"}"#), "the backend answered with status 405"),
        (ok(""), "the backend's answer is not JSON"),
        (ok("<html>"), "the backend's answer is not JSON"),
        (ok(r#"{"liveUsers":3"#), "the backend's answer is not JSON"),
        (ok("[3]"), no_object),
        (ok(r#"{"success":true,"liveUsers":3}"#), no_object),
        (String::new(), "the backend's answer broke off or was not HTTP"),
    ] {
        assert_eq!(summary_when(&proxy, &mut backend, &says).await, failure(502, error), "{says}");
    }
    assert!(elsewhere.is_idle(), "a redirect was followed, and the token went along");
    let line = proxy.await_log("no details for an admin");
    assert!(line.contains("WARN") && line.contains("BACKEND_TOKEN"), "{line}");
    let (_, log) = proxy.terminate();
    assert!(!log.contains("0123456789"), "a token is in the log: {log}");
}

#[tokio::test]
async fn a_missing_backend_token_is_a_502_that_names_it() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS[..1]);
    let answer = seen(get(&proxy, "/api/live-users/summary", &[RIGHT]).await).await;
    let error = "BACKEND_TOKEN is not set in the proxy: expected the backend's API_TOKEN";
    assert_eq!(answer, failure(502, error));
    assert!(backend.is_idle());
}

#[tokio::test]
async fn unreachable_is_a_502_and_slow_a_504() {
    let closed = Closed::reserve();
    let proxy = start_with(&closed.url, &[&TOKENS[..], &[IMPATIENT]].concat());
    let ask = || async { seen(get(&proxy, "/api/live-users/summary", &[RIGHT]).await).await };
    assert_eq!(ask().await, failure(502, "the backend cannot be reached"));
    let _silent = closed.open();
    assert_eq!(ask().await, failure(504, "the backend did not answer in time"));
}

#[tokio::test]
async fn an_answer_has_at_most_8_mib() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let of = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - r#"{"a":""}"#.len()));
    let (status, body) = summary_when(&proxy, &mut backend, &ok(&of(8 * MIB))).await;
    assert_eq!((status, body.len()), (200, 8 * MIB + r#""success":true,"#.len()));
    let too_big = failure(502, "the backend's answer is too big");
    assert_eq!(summary_when(&proxy, &mut backend, &ok(&of(8 * MIB + 1))).await, too_big);
}

#[tokio::test]
async fn at_most_32_are_under_way_and_the_total_is_not_held_up() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let mut held = Vec::new();
    let mut asking = Vec::new();
    for _ in 0..32 {
        let url = format!("{}/api/live-users/summary", proxy.url);
        let request = crate::proxy::client().get(url).header(RIGHT.0, RIGHT.1);
        asking.push(tokio::spawn(request.send()));
        held.push(backend.next().await);
    }
    let busy = get(&proxy, "/api/live-users/calls", &[RIGHT]).await;
    assert_eq!(header(&busy, "retry-after"), Some("1"));
    let says = "32 of these requests are under way: expected fewer, ask again later";
    assert_eq!(seen(busy).await, failure(503, says));

    let (total, ()) = tokio::join!(get(&proxy, "/api/live-users", &[]), async {
        backend.next().await.count(1).await;
    });
    assert_eq!(total.status(), 200);

    for request in held {
        request.say(&ok("{}")).await;
    }
    for asked in asking {
        assert_eq!(asked.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(summary_when(&proxy, &mut backend, &ok("{}")).await.0, 200, "there is room again");
}

#[tokio::test]
async fn an_order_is_carried_out_also_when_whoever_gave_it_goes_away() {
    let mut backend = Backend::start();
    let mut proxy = start_with(&backend.url, &TOKENS);
    let url = format!("{}/api/live-users/calls/CA0/evict", proxy.url);
    let request = crate::proxy::client().post(url).header(RIGHT.0, RIGHT.1);
    let asking = tokio::spawn(request.send());
    let held = backend.next().await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert_eq!(get(&proxy, "/healthz", &[]).await.status(), 200);
    held.say(&status("403 Forbidden", "{}")).await;
    let line = proxy.await_log("no details for an admin");
    assert!(line.contains("BACKEND_TOKEN"), "the answer was still heard: {line}");
}
