//! The page *Existing Agents*.

use live_users_testkit::Server;
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::TOKENS;
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, ask, get, header, start, start_with};
use crate::sign_in::cookie;

const PAGE: &str = "/admin/existing-agents";

#[tokio::test]
async fn the_page_allows_and_needs_nothing_inline_or_from_elsewhere() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let cookie = cookie(&proxy).await;
    let answer = get(&proxy, PAGE, &[("Cookie", &cookie)]).await;
    assert_eq!(header(&answer, "content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    assert_eq!(
        header(&answer, "content-security-policy"),
        Some(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; \
             require-trusted-types-for 'script'; trusted-types 'none'"
        )
    );
    let html = answer.text().await.unwrap();
    assert!(html.contains("<title>Existing Agents</title>") && html.contains("<live-users"));
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" on"));
    assert_eq!(
        html.matches("<script").count(),
        html.matches("<script type=\"module\" src=").count()
    );

    for (_, after) in html.match_indices("=\"/").map(|(at, _)| html.split_at(at + 2)) {
        let path = after.split('"').next().unwrap();
        if path == "/admin/sign-out" {
            continue;
        }
        if path.starts_with("/api/") {
            // An export: the question is right, and there is nobody to answer it.
            let from_the_page = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
            let asked = get(&proxy, &path.replace("&amp;", "&"), &from_the_page).await;
            assert_eq!(asked.status(), 502, "{path}");
            continue;
        }
        assert_eq!(get(&proxy, path, &[]).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn the_interface_is_a_page_for_people_that_loads_nothing() {
    let proxy = start(NO_BACKEND);
    let answer = get(&proxy, "/docs", &[]).await;
    assert_eq!(header(&answer, "content-type"), Some("text/html; charset=utf-8"));
    let policy = header(&answer, "content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let html = answer.text().await.unwrap();
    for text in
        ["/api/live-users/history.svg", "CallPage", "id=\"schema-HistoryView\"", "searchCountries"]
    {
        assert!(html.contains(text), "{text}");
    }
    for other in ["<script", " src=", "<link", " style=", "url(", "=\"http"] {
        assert!(!html.contains(other), "{other}");
    }
}

#[tokio::test]
async fn the_root_leads_to_the_page() {
    let proxy = start(NO_BACKEND);
    for method in [Method::GET, Method::HEAD] {
        let answer = ask(&proxy, method, "/", &[]).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (307, Some(PAGE)));
    }
    let answer = ask(&proxy, Method::GET, "/?lang=de&agent=a%20b", &[]).await;
    let with_query = format!("{PAGE}?lang=de&agent=a%20b");
    assert_eq!(header(&answer, "location"), Some(with_query.as_str()), "its language stays");
}

/// What a browser says of a request for the page by its own address.
const TYPED: (&str, &str) = ("Sec-Fetch-Site", "none");

const SUMMARY: &str = r#"{"liveUsers":11,"byAgent":[{"name":"</script><script>alert(1)"}],"asOf":"2026-11-23T09:30:05.678Z"}"#;

/// The page, while the test answers for the backend. `None` as an answer is none at all.
async fn page(proxy: &Server, backend: &mut Backend, says: Option<&str>) -> (String, String) {
    let mut waiting = Vec::new();
    let cookie = cookie(proxy).await;
    let headers = [("Cookie", cookie.as_str()), TYPED];
    tokio::join!(
        async {
            let answer = get(proxy, PAGE, &headers).await;
            assert_eq!(answer.status(), 200);
            answer.text().await.expect("text")
        },
        async {
            let request = backend.next().await;
            let line = request.head.lines().next().unwrap_or_default().to_owned();
            match says {
                Some(says) => request.say(says).await,
                None => waiting.push(request),
            }
            line
        }
    )
}

#[tokio::test]
async fn the_page_comes_with_its_first_number_and_all_that_is_behind_it() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let (html, asked) = page(&proxy, &mut backend, Some(&ok(SUMMARY))).await;
    assert_eq!(asked, "GET /api/live-users/summary HTTP/1.1");
    assert!(html.contains("11 users live<span class=\"first-as-of\">, as of 09:30:05 UTC</span>"));
    let (_, data) =
        html.split_once("<script id=\"first-data\" type=\"application/json\">").unwrap();
    let data: Value = serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap();
    let access = json!({ "id": null, "role": "operate", "accounts": null });
    assert_eq!(data["access"], access);
    assert_eq!(data["summary"]["success"], true);
    assert_eq!(data["summary"]["byAgent"][0]["name"], "</script><script>alert(1)");
    assert_eq!(html.matches("<script").count(), 2, "{html}");
}

#[tokio::test]
async fn the_page_comes_without_data_where_the_backend_has_none_at_once() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let failing = ok("{}").replace("200 OK", "500 Bad");
    let wrong = [ok("nonsense"), ok(r#"{"liveUsers":-1}"#), ok(r#"{"liveUsers":1}"#), failing];
    // The last never answers, and is given far longer than the page waits.
    for says in wrong.iter().map(|it| Some(it.as_str())).chain([None]) {
        let html = page(&proxy, &mut backend, says).await.0;
        assert!(html.contains("<title>Existing Agents</title>"), "{says:?}");
        for none in ["first-data", "first-as-of", "<!--", "users live<"] {
            assert!(!html.contains(none), "{says:?} {none}");
        }
    }
}

#[tokio::test]
async fn only_a_request_of_a_browser_that_may_read_gets_data() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let cookie = cookie(&proxy).await;
    for site in ["cross-site", "same-site"] {
        let headers = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", site)];
        let html = get(&proxy, PAGE, &headers).await.text().await.unwrap();
        assert!(!html.contains("first-data"), "{site}");
    }
    assert!(backend.is_idle(), "the backend was asked");
}
