//! The page *Existing Agents*.

use reqwest::Method;

use crate::admin::TOKENS;
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
        assert_eq!(get(&proxy, path, &[]).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn the_root_leads_to_the_page() {
    let proxy = start(NO_BACKEND);
    for method in [Method::GET, Method::HEAD] {
        let answer = ask(&proxy, method, "/", &[]).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (307, Some(PAGE)));
    }
}
