//! Who shows wrong tokens is made to wait.

use live_users_testkit::Server;
use reqwest::Response;

use crate::admin::{ADMIN_TOKEN, RIGHT, TOKENS};
use crate::backend::Backend;
use crate::proxy::{NO_BACKEND, get, header, seen, start_with};
use crate::sign_in::{OURS, cookie, post};

const SUMMARY: &str = "/api/live-users/summary";

/// More than are free, each another one; the last answer.
async fn guess(proxy: &Server, headers: &[(&str, &str)]) -> Response {
    for n in 0..20 {
        let value = format!("Bearer guess-{n}");
        let answer = get(proxy, SUMMARY, &[headers, &[("Authorization", &value)]].concat()).await;
        match answer.status().as_u16() {
            403 => {}
            429 => return answer,
            status => panic!("status {status}"),
        }
    }
    panic!("one can guess for ever");
}

fn seconds(answer: &Response) -> u64 {
    header(answer, "retry-after").expect("how long").parse().expect("seconds")
}

#[tokio::test]
async fn guesses_by_api_and_by_form_count_together_and_are_told_how_long_to_wait() {
    let mut proxy = start_with(NO_BACKEND, &TOKENS);
    for n in 0..5 {
        assert_eq!(post(&proxy, &[OURS], &format!("token=guess-by-form-{n}")).await.status(), 403);
    }
    let answer = guess(&proxy, &[]).await;
    let wait_s = seconds(&answer);
    assert!((1..=60).contains(&wait_s), "{wait_s}");
    let (_, body) = seen(answer).await;
    assert!(body.starts_with(r#"{"success":false,"liveUsers":0,"error":"too many"#), "{body}");
    assert!(body.contains(" s\""), "{body}");

    // Ever longer waits: by now none is over before it is asked for the next time.
    let answer = loop {
        let answer = post(&proxy, &[OURS], &format!("token={ADMIN_TOKEN}")).await;
        match answer.status().as_u16() {
            429 => break answer,
            303 => drop(guess(&proxy, &[]).await),
            status => panic!("status {status}"),
        }
    };
    let wait_s = seconds(&answer);
    let (_, html) = seen(answer).await;
    let alert = format!("Too many wrong tokens. Try again in {wait_s} second");
    assert!(html.contains(&alert) && html.contains("role=\"alert\""), "{html}");
    proxy.await_log("was not looked at after too many wrong ones, from 127.0.0.1");
    let (_, log) = proxy.terminate();
    assert!(!log.contains("guess-"), "{log}");
}

#[tokio::test]
async fn sessions_and_browsers_that_were_signed_in_before_are_not_kept_out_with_the_others() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let cookie = cookie(&proxy).await;
    guess(&proxy, &[]).await;
    let known = [OURS, ("Cookie", cookie.as_str())];
    assert_eq!(get(&proxy, SUMMARY, &known).await.status(), 502, "the backend is not there");
    let answer = post(&proxy, &known, &format!("token={ADMIN_TOKEN}")).await;
    assert_eq!(answer.status(), 303);
}

#[tokio::test]
async fn a_program_with_an_old_token_keeps_nobody_out() {
    let backend = Backend::start();
    let old = [("Authorization", "Bearer the-token-of-yesterday")];
    // Without a backend nobody can tell whether it is the token of an account.
    for (url, status) in [(backend.url.as_str(), 403), (NO_BACKEND, 502)] {
        let proxy = start_with(url, &TOKENS);
        for _ in 0..50 {
            assert_eq!(get(&proxy, SUMMARY, &old).await.status(), status);
        }
        let right = get(&proxy, "/metrics", &[RIGHT]).await;
        assert_eq!(right.status(), 200);
    }
}

#[tokio::test]
async fn behind_a_reverse_proxy_clients_are_told_apart_if_it_is_trusted() {
    let (one, other) = (("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "192.0.2.2"));
    let trusted = [&TOKENS[..], &[("TRUST_FORWARDED_HEADERS", "true")]].concat();
    let mut proxy = start_with(NO_BACKEND, &trusted);
    guess(&proxy, &[one]).await;
    assert_eq!(get(&proxy, SUMMARY, &[RIGHT, other]).await.status(), 502);
    proxy.await_log("from 192.0.2.1");

    let trusted = [&TOKENS[..], &[("TRUSTED_PROXIES", "127.0.0.0/8,::1")]].concat();
    let proxy = start_with(NO_BACKEND, &trusted);
    guess(&proxy, &[("Forwarded", "for=192.0.2.1")]).await;
    let other = ("Forwarded", "for=\"192.0.2.2:80\"");
    assert_eq!(get(&proxy, SUMMARY, &[RIGHT, other]).await.status(), 502);

    let mut proxy = start_with(NO_BACKEND, &TOKENS);
    for n in 0.. {
        let address = format!("192.0.2.{n}");
        let value = format!("Bearer guess-{n}");
        let headers = [("Authorization", value.as_str()), ("X-Forwarded-For", &address)];
        match get(&proxy, SUMMARY, &headers).await.status().as_u16() {
            403 if n < 20 => {}
            429 => break,
            status => panic!("status {status}: anybody can send the header"),
        }
    }
    proxy.await_log("TRUSTED_PROXIES");
}
