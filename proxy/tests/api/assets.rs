//! The files that a browser loads.

use reqwest::Method;

use crate::proxy::{NO_BACKEND, ask, get, header, start};

const PUBLIC: [&str; 5] = [
    "/live-users.js",
    "/live-users-element.js",
    "/live-users-count.js",
    "/live-users-link.js",
    "/live-users-transports.js",
];
const SCRIPTS: [&str; 21] = [
    "/live-users-chart.js",
    "/live-users-chart-element.js",
    "/live-users-chart-crosshair.js",
    "/live-users-chart-draw.js",
    "/live-users-chart-scale.js",
    "/live-users-chart-style.js",
    "/admin/announce.js",
    "/admin/call-details.js",
    "/admin/calls.js",
    "/admin/cards.js",
    "/admin/dom.js",
    "/admin/evict.js",
    "/admin/feed.js",
    "/admin/format.js",
    "/admin/overview.js",
    "/admin/page.js",
    "/admin/reader.js",
    "/admin/setup.js",
    "/admin/sign-in.js",
    "/admin/store.js",
    "/admin/wallboard.js",
];
const STYLES: [&str; 7] = [
    "/admin/calls.css",
    "/admin/cards.css",
    "/admin/overview.css",
    "/admin/page.css",
    "/admin/setup.css",
    "/admin/sign-in.css",
    "/admin/wallboard.css",
];

/// What only pages of the proxy load, with the type that it has.
fn own() -> impl Iterator<Item = (&'static str, &'static str)> {
    let scripts = SCRIPTS.map(|path| (path, "text/javascript; charset=utf-8"));
    let styles = STYLES.map(|path| (path, "text/css; charset=utf-8"));
    scripts.into_iter().chain(styles).chain([("/favicon.svg", "image/svg+xml")])
}

#[tokio::test]
async fn scripts_can_be_loaded_by_pages_of_any_origin_and_the_rest_cannot() {
    let proxy = start(NO_BACKEND);
    for path in PUBLIC {
        let answer = get(&proxy, path, &[("Origin", "https://elsewhere.example")]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(header(&answer, "content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(header(&answer, "access-control-allow-origin"), Some("*"));
        assert_eq!(header(&answer, "cross-origin-resource-policy"), Some("cross-origin"));
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
    }
    for (path, content_type) in own() {
        let answer = get(&proxy, path, &[]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(header(&answer, "content-type"), Some(content_type));
        assert_eq!(header(&answer, "access-control-allow-origin"), None);
        assert_eq!(header(&answer, "cross-origin-resource-policy"), Some("same-origin"));
    }
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let proxy = start(NO_BACKEND);
    let mut tags = Vec::new();
    for path in PUBLIC.into_iter().chain(own().map(|(path, _)| path)) {
        let first = get(&proxy, path, &[]).await;
        assert_eq!(header(&first, "cache-control"), Some("no-cache"));
        let tag = header(&first, "etag").unwrap().to_owned();
        assert!(tag.starts_with('"'), "a strong tag: {tag}");
        assert!(!first.bytes().await.unwrap().is_empty());

        for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let again = get(&proxy, path, &[("If-None-Match", &known)]).await;
            assert_eq!(again.status(), 304, "{path} {known}");
            assert_eq!(header(&again, "etag"), Some(tag.as_str()));
            assert!(again.bytes().await.unwrap().is_empty());
        }
        assert_eq!(get(&proxy, path, &[("If-None-Match", "\"old\"")]).await.status(), 200);
        let head = ask(&proxy, Method::HEAD, path, &[]).await;
        assert_eq!((head.status().as_u16(), header(&head, "etag")), (200, Some(tag.as_str())));
        tags.push(tag);
    }
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), PUBLIC.len() + own().count(), "different files have different tags");
}
