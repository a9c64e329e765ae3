//! What holds for all paths: headers, methods, other origins, what does not exist.

use reqwest::{Method, Response};

use crate::backend::{Backend, Closed, ok};
use crate::proxy::{NO_BACKEND, ask, count_when, get, header, seen, start, start_with};

const PATHS: [&str; 6] =
    ["/api/live-users", "/healthz", "/readyz", "/", "/admin/existing-agents", "/live-users.js"];

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let proxy = start(NO_BACKEND);
    let more = ["/admin/sign-in", "/admin/sign-out", "/nothing", "/api/nothing"];
    for path in PATHS.into_iter().chain(more) {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let answer = ask(&proxy, method.clone(), path, &[]).await;
            assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"), "{path}");
            let is_form = path == "/admin/sign-in";
            let expected = if is_form { "same-origin" } else { "no-referrer" };
            assert_eq!(header(&answer, "referrer-policy"), Some(expected), "{path}");
            assert_eq!(header(&answer, "x-frame-options"), Some("DENY"), "{path}");
            let kind = header(&answer, "content-type").unwrap_or_default();
            // Browsers obey these in documents alone. What has no type could be one.
            let is_data =
                ["application/json", "text/javascript"].iter().any(|it| kind.starts_with(it));
            let opener = header(&answer, "cross-origin-opener-policy");
            assert_eq!(opener, (!is_data).then_some("same-origin"), "{method} {path}: {kind}");
            let permissions = header(&answer, "permissions-policy");
            assert_eq!(permissions.is_some(), !is_data, "{method} {path}: {kind}");
            assert!(permissions.is_none_or(|it| it.contains("microphone=()")), "{permissions:?}");
            let resource = header(&answer, "cross-origin-resource-policy");
            let is_public = path == "/live-users.js" && method != Method::POST;
            let expected = if is_public { "cross-origin" } else { "same-origin" };
            assert_eq!(resource, Some(expected), "{method} {path}");
            assert_eq!(header(&answer, "strict-transport-security"), None, "TLS is not known of");
            let policy = header(&answer, "content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
            let is_asset = path.ends_with(".js") && method != Method::POST;
            let expected = if is_asset { "no-cache" } else { "no-store" };
            assert_eq!(header(&answer, "cache-control"), Some(expected), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_browser_is_kept_to_tls_only_where_it_is_known_to_have_come_by_it() {
    let told = |answer: Response| header(&answer, "strict-transport-security").map(str::to_owned);
    let (tls, plain) = (("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http"));
    let trusting = start_with(NO_BACKEND, &[("TRUST_FORWARDED_HEADERS", "true")]);
    for path in PATHS.into_iter().chain(["/admin/sign-in", "/nothing"]) {
        let kept = told(get(&trusting, path, &[tls]).await);
        assert_eq!(kept.as_deref(), Some("max-age=31536000"), "{path}");
        assert_eq!(told(get(&trusting, path, &[plain]).await), None, "{path}");
    }
    assert_eq!(told(get(&start(NO_BACKEND), "/", &[tls]).await), None, "anybody can say so");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let proxy = start(NO_BACKEND);
    for path in PATHS {
        let get = get(&proxy, path, &[]).await;
        let head = ask(&proxy, Method::HEAD, path, &[]).await;
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(header(&head, "content-type"), header(&get, "content-type"), "{path}");
        assert_eq!(header(&head, "content-length"), header(&get, "content-length"), "{path}");
        assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn any_other_method_is_refused_with_the_ones_that_are_allowed() {
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    for path in PATHS {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = ask(&proxy, method.clone(), path, &[]).await;
            assert_eq!(answer.status(), 405, "{method} {path}");
            assert_eq!(header(&answer, "allow"), Some("GET, HEAD"), "{method} {path}");
            let is_envelope = answer.text().await.unwrap().starts_with(r#"{"success":false"#);
            assert_eq!(is_envelope, path.starts_with("/api"), "{path}");
        }
    }
    let big = "x".repeat(3_000_000);
    let url = format!("{}/api/live-users", proxy.url);
    // The proxy may close the connection before all is sent; it has to live on.
    let _answer_or_reset = crate::proxy::client().post(url).body(big).send().await;
    let seen = count_when(&proxy, &mut backend, &ok(r#"{"liveUsers":1}"#)).await;
    assert_eq!(seen.0, 200);
}

#[tokio::test]
async fn what_does_not_exist_is_a_404_in_the_words_of_its_place() {
    let proxy = start(NO_BACKEND);
    let text = "there is nothing at this path";
    let envelope = format!(r#"{{"success":false,"liveUsers":0,"error":"{text}"}}"#);
    for path in ["/api", "/api/", "/api/live-users/", "/api/nothing"] {
        assert_eq!(seen(get(&proxy, path, &[]).await).await, (404, envelope.clone()), "{path}");
    }
    for path in ["/nothing", "/apis", "/admin/", "/admin/../etc/passwd", "/%ff", "//"] {
        let answer = get(&proxy, path, &[]).await;
        assert_eq!(header(&answer, "content-type"), Some("text/plain; charset=utf-8"), "{path}");
        assert_eq!(seen(answer).await, (404, text.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn only_the_allowed_origins_may_read_the_count() {
    const GOOD: &str = "https://dashboard.example";
    let closed = Closed::reserve();
    let allowed =
        |answer: &Response| header(answer, "access-control-allow-origin").map(str::to_owned);
    let proxy = start_with(&closed.url, &[("ALLOWED_ORIGINS", GOOD)]);
    let good = get(&proxy, "/api/live-users", &[("Origin", GOOD)]).await;
    assert_eq!(allowed(&good).as_deref(), Some(GOOD), "also when the backend is down");
    assert_eq!(good.status(), 502);
    let preflight = [("Origin", GOOD), ("Access-Control-Request-Method", "GET")];
    let preflight = ask(&proxy, Method::OPTIONS, "/api/live-users", &preflight).await;
    assert_eq!(allowed(&preflight).as_deref(), Some(GOOD));
    assert_eq!(preflight.status(), 200);

    let bad = [("Origin", "https://elsewhere.example")];
    assert_eq!(allowed(&get(&proxy, "/api/live-users", &bad).await), None);
    assert_eq!(allowed(&get(&proxy, "/admin/existing-agents", &[("Origin", GOOD)]).await), None);

    let patterns = [("ALLOWED_ORIGINS", "https://*.dashboard.example, http://localhost:*")];
    let proxy = start_with(&closed.url, &patterns);
    for (origin, is_allowed) in
        [("https://eu.dashboard.example", true), ("http://localhost:5173", true), (GOOD, false)]
    {
        let page = [("Origin", origin)];
        let told = allowed(&get(&proxy, "/api/live-users", &page).await);
        assert_eq!(told.as_deref(), is_allowed.then_some(origin), "{origin}");
    }

    let proxy = start_with(&closed.url, &[("ALLOWED_ORIGINS", "*")]);
    assert_eq!(allowed(&get(&proxy, "/api/live-users", &bad).await).as_deref(), Some("*"));
}
