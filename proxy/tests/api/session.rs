//! What a session opens besides the page: the same as the token, for pages of the proxy only.

use reqwest::Method;

use crate::admin::{RIGHT, TOKENS, gated};
use crate::backend::{Backend, ok};
use crate::proxy::{ask, get, header, seen, start_with};
use crate::sign_in::{OURS, cookie};

#[tokio::test]
async fn a_page_of_the_proxy_reads_and_evicts_with_the_cookie() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let cookie = cookie(&proxy).await;
    let origin = ("Origin", proxy.url.as_str());
    for (method, path) in gated() {
        for from in [OURS, origin] {
            let headers = [("Cookie", cookie.as_str()), from];
            let (answer, head) = tokio::join!(ask(&proxy, method.clone(), path, &headers), async {
                let request = backend.next().await;
                let head = request.head.to_lowercase();
                request.say(&ok("{}")).await;
                head
            });
            assert_eq!(answer.status(), 200, "{method} {path} {from:?}");
            assert!(head.contains("bearer backend-") && !head.contains("cookie"), "{head}");
        }
    }
    let typed = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "none")];
    let (answer, ()) = tokio::join!(get(&proxy, "/api/live-users/summary", &typed), async {
        backend.next().await.say(&ok("{}")).await;
    });
    assert_eq!(answer.status(), 200, "an address that a person has typed");
}

#[tokio::test]
async fn no_other_page_does_anything_with_the_cookie() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &[&TOKENS[..], &[("ALLOWED_ORIGINS", "*")]].concat());
    let cookie = cookie(&proxy).await;
    for from in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", "https://elsewhere.example")],
        &[("Origin", "http://127.0.0.1:1")],
        &[("Origin", "null")],
        &[],
    ] {
        for (method, path) in gated() {
            let headers = [from, &[("Cookie", cookie.as_str())]].concat();
            let answer = ask(&proxy, method.clone(), path, &headers).await;
            assert_eq!(header(&answer, "access-control-allow-origin"), None);
            let (status, body) = seen(answer).await;
            assert_eq!(status, 403, "{method} {path} {from:?}");
            let is_told = body.contains("Sec-Fetch-Site") || method == Method::HEAD;
            assert!(is_told, "{body}");
        }
    }
    let typed = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "none")];
    let evict = ask(&proxy, Method::POST, "/api/live-users/calls/CA0/evict", &typed).await;
    assert_eq!(evict.status(), 403, "nobody types an order");
    assert!(backend.is_idle(), "the backend was asked");
}

#[tokio::test]
async fn a_session_that_is_none_is_401_and_a_token_that_is_shown_is_what_counts() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let cookie = cookie(&proxy).await;
    let path = "/api/live-users/summary";
    let forged = [("Cookie", "__Host-live-users=forged"), OURS];
    let answer = get(&proxy, path, &forged).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(header(&answer, "www-authenticate"), Some(r#"Bearer realm="live-users""#));
    let session = [("Cookie", cookie.as_str()), OURS];
    let wrong = [&session[..], &[("Authorization", "Bearer wrong")]].concat();
    assert_eq!(get(&proxy, path, &wrong).await.status(), 403);
    let cross_site = [RIGHT, ("Sec-Fetch-Site", "cross-site"), ("Cookie", cookie.as_str())];
    let (answer, ()) = tokio::join!(get(&proxy, path, &cross_site), async {
        backend.next().await.say(&ok("{}")).await;
    });
    assert_eq!(answer.status(), 200, "no page of another site can show the token");
    ask(&proxy, Method::POST, "/admin/sign-out", &session).await;
    assert_eq!(get(&proxy, path, &session).await.status(), 401);
}
