//! The number on pages without scripts: the page for an `<iframe>` and the picture.

use live_users_testkit::Server;
use reqwest::Response;
use serde_json::Value;

use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, get, header, seen, start, start_with};

const PAGE: &str = "/embed";
const PICTURE: &str = "/badge.svg";

/// What the proxy answers when the backend says this, and what it has asked.
async fn told(
    (proxy, backend): (&Server, &mut Backend),
    path: &str,
    headers: &[(&str, &str)],
    says: &str,
) -> (Response, String) {
    tokio::join!(get(proxy, path, headers), async {
        let request = backend.next().await;
        let line = request.head.lines().next().unwrap_or_default().to_owned();
        request.say(says).await;
        line
    })
}

fn count(live_users: u64, suspect: u64) -> String {
    ok(&format!(r#"{{"liveUsers":{live_users},"suspect":{suspect}}}"#))
}

/// The texts of an answer to read, without its marks.
fn words(markup: &str) -> String {
    let mut words = String::new();
    for part in markup.split('<') {
        let text = part.split_once('>').map_or(part, |(_, text)| text);
        words.push_str(text);
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn policy(answer: &Response) -> Vec<String> {
    let policy = header(answer, "content-security-policy").expect("a policy");
    policy.split("; ").map(str::to_owned).collect()
}

#[tokio::test]
async fn both_say_the_number_and_its_doubt_and_never_0_for_what_is_not_known() {
    let mut backend = Backend::start();
    let proxy = start(&backend.url);
    let broken = ok("nonsense");
    for (says, on_page, on_picture) in [
        (count(3, 0), "3 users live, as of ", "3 users live"),
        (count(1, 0), "1 user live, as of ", "1 user live"),
        (count(0, 0), "0 users live, as of ", "0 users live"),
        (count(11, 4), "about 11 users live, as of ", "about 11 users live"),
        (broken, "live count unavailable, as of ", "unknown"),
    ] {
        let (page, _) = told((&proxy, &mut backend), PAGE, &[], &says).await;
        assert_eq!(header(&page, "content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(header(&page, "cache-control"), Some("no-store"));
        let (status, html) = seen(page).await;
        let (_, main) = html.split_once("<main>").expect("a main part");
        let main = words(main);
        let Some(as_of) = main.strip_prefix(&format!("Live users {on_page}")) else {
            panic!("{on_page}: {main}")
        };
        assert!(status == 200 && as_of.len() == "2026-11-23 09:30:05 UTC".len(), "{as_of}");
        assert!(as_of.starts_with("20") && as_of.ends_with(" UTC"), "{as_of}");

        let (picture, _) = told((&proxy, &mut backend), PICTURE, &[], &says).await;
        assert_eq!(header(&picture, "content-type"), Some("image/svg+xml"));
        let (status, svg) = seen(picture).await;
        // Twice: the title is for who hears it.
        assert_eq!((status, words(&svg)), (200, format!("{on_picture} {on_picture}")));
        assert!(svg.contains(&format!("aria-label=\"{on_picture}\"")), "{svg}");
    }
    drop(backend);
    let (status, html) = seen(get(&proxy, PAGE, &[]).await).await;
    assert!(status == 200 && html.contains(">live count unavailable<"), "{html}");
    let (status, svg) = seen(get(&proxy, PICTURE, &[]).await).await;
    assert_eq!((status, words(&svg).as_str()), (200, "unknown unknown"));
}

#[tokio::test]
async fn the_page_alone_may_be_framed_and_by_the_allowed_origins_alone() {
    for (allowed, framing) in [
        ("", "frame-ancestors 'self'"),
        ("*", "frame-ancestors *"),
        (
            "https://a.example, https://*.b.example,http://localhost:*",
            "frame-ancestors 'self' https://a.example https://*.b.example http://localhost:*",
        ),
    ] {
        let settings = [&TOKENS[..], &[("ALLOWED_ORIGINS", allowed)]].concat();
        let proxy = start_with(NO_BACKEND, &settings);
        let page = get(&proxy, PAGE, &[]).await;
        assert_eq!(header(&page, "x-frame-options"), None);
        assert_eq!(header(&page, "cross-origin-resource-policy"), Some("cross-origin"));
        let policy_of_page = policy(&page);
        assert!(policy_of_page.iter().any(|it| it == framing), "{policy_of_page:?}");
        assert!(policy_of_page.iter().any(|it| it == "script-src 'self'"), "{policy_of_page:?}");
        for path in [
            "/embed?theme=blue",
            "/embed/",
            "/admin/badge.svg",
            PICTURE,
            "/api/live-users",
            "/admin/sign-in",
            "/admin/existing-agents",
            "/docs",
            "/view",
        ] {
            let answer = get(&proxy, path, &[]).await;
            assert_eq!(header(&answer, "x-frame-options"), Some("DENY"), "{path}");
            assert!(policy(&answer).iter().any(|it| it == "frame-ancestors 'none'"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_picture_may_be_shown_everywhere_and_caches_ask_each_time() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &[("ALLOWED_ORIGINS", "https://a.example")]);
    let origin = ("Origin", "https://a.example");
    let (first, _) = told((&proxy, &mut backend), PICTURE, &[origin], &count(3, 0)).await;
    assert_eq!(header(&first, "access-control-allow-origin"), Some("https://a.example"));
    let tag = header(&first, "etag").expect("a tag").to_owned();
    for (known, says, status) in
        [(tag.as_str(), count(3, 0), 304), (&tag, count(4, 0), 200), ("\"x\"", count(3, 0), 200)]
    {
        let known = [("If-None-Match", known), ("Origin", "https://other.example")];
        let (answer, _) = told((&proxy, &mut backend), PICTURE, &known, &says).await;
        assert_eq!(answer.status(), status);
        assert_eq!(header(&answer, "cache-control"), Some("no-cache"));
        assert_eq!(header(&answer, "cross-origin-resource-policy"), Some("cross-origin"));
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&answer, "access-control-allow-origin"), None);
        assert!(policy(&answer).iter().any(|it| it == "sandbox"), "{:?}", policy(&answer));
    }
}

#[tokio::test]
async fn what_is_asked_for_is_on_them_escaped() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let says = ok(r#"{"liveUsers":2,"agent":"a\"<b>"}"#);
    let query = "?agent=a%22%3Cb%3E&theme=dark&interval=30";
    let path = format!("{PAGE}{query}");
    let (page, line) = told((&proxy, &mut backend), &path, &[], &says).await;
    let expected = "GET /api/live-users?agent=a%22%3Cb%3E&public=true HTTP/1.1";
    assert_eq!(line, expected);
    let (status, html) = seen(page).await;
    assert_eq!(status, 200);
    for part in [
        "<html lang=\"en\" data-theme=\"dark\">",
        "<live-users agent=\"a&#34;&#60;b&#62;\" interval=\"30\">",
        ">2 users live<",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    // An admin sees there what everybody sees.
    let label = "%3Cscript%3E%26%22K%C3%B6ln";
    let path = format!("{PICTURE}?agent=a%22%3Cb%3E&label={label}");
    let (picture, line) = told((&proxy, &mut backend), &path, &[RIGHT], &says).await;
    assert_eq!(line, expected);
    let (_, svg) = seen(picture).await;
    let widest = format!("{PICTURE}?label={}", "%F0%9F%98%80".repeat(40));
    let (picture, _) = told((&proxy, &mut backend), &widest, &[], &says).await;
    assert_eq!(picture.status(), 200, "40 characters, however many bytes");
    assert!(svg.contains(">&#60;script&#62;&#38;&#34;Köln</text>"), "{svg}");
    assert!(svg.contains(">2 users live</text>") && !svg.contains("<script>"), "{svg}");
}

#[tokio::test]
async fn a_wrong_parameter_is_refused_and_the_backend_is_not_asked() {
    let backend = Backend::start();
    let proxy = start(&backend.url);
    let long = format!("/badge.svg?label={}", "x".repeat(41));
    for (path, field) in [
        ("/embed?theme=blue", "theme"),
        ("/embed?interval=0", "interval"),
        ("/embed?interval=3601", "interval"),
        ("/embed?label=a", "label"),
        ("/embed?agent=%ff", "agent"),
        ("/embed?agent=a&agent=b", "agent"),
        ("/badge.svg?label=a%0Ab", "label"),
        ("/badge.svg?label=%E2%80%AEevil", "label"),
        ("/badge.svg?label=a%EF%BF%BE", "label"),
        (&long, "label"),
        ("/badge.svg?theme=dark", "theme"),
        ("/badge.svg?agent=%ff", "agent"),
    ] {
        let (status, body) = seen(get(&proxy, path, &[]).await).await;
        let body: Value = serde_json::from_str(&body).expect("the envelope");
        assert_eq!((status, &body["field"]), (400, &field.into()), "{path}");
    }
    assert!(backend.is_idle());
}

#[tokio::test]
async fn an_agent_that_is_not_public_is_not_found_and_has_no_number() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let says = ok(r#"{"error":"agent: there is no such agent here","field":"agent"}"#);
    let says = says.replacen("200 OK", "404 Not Found", 1);
    let path = format!("{PAGE}?agent=booking");
    let (page, _) = told((&proxy, &mut backend), &path, &[], &says).await;
    assert_eq!(header(&page, "x-frame-options"), None, "the page in the frame says why");
    let (status, html) = seen(page).await;
    assert!(status == 404 && html.contains(">There is no such agent here.<"), "{html}");
    assert!(!html.contains("<script") && !html.contains("<live-users"), "{html}");
    let path = format!("{PICTURE}?agent=booking");
    let (picture, _) = told((&proxy, &mut backend), &path, &[], &says).await;
    assert_eq!(header(&picture, "content-type"), Some("image/svg+xml"));
    assert_eq!(header(&picture, "cross-origin-resource-policy"), Some("cross-origin"));
    let (status, svg) = seen(picture).await;
    assert_eq!((status, words(&svg).as_str()), (404, "unknown unknown"));
    // A backend of before tells the total of all: that is nobody's number.
    let (picture, _) = told((&proxy, &mut backend), &path, &[], &count(9, 0)).await;
    assert_eq!(words(&seen(picture).await.1), "unknown unknown");
}

#[tokio::test]
async fn a_total_that_is_not_public_is_on_neither_whoever_asks() {
    let backend = Backend::start();
    let settings = [&TOKENS[..], &[("PUBLIC_TOTAL", "false"), ("ALLOWED_ORIGINS", "*")]].concat();
    let proxy = start_with(&backend.url, &settings);
    for headers in [&[][..], &[RIGHT]] {
        let (status, html) = seen(get(&proxy, PAGE, headers).await).await;
        assert!(status == 403 && html.contains(">The number is not public here.<"), "{html}");
        assert!(!html.contains("<live-users"), "{html}");
        let (status, body) = seen(get(&proxy, PICTURE, headers).await).await;
        assert!(status == 403 && body.contains("PUBLIC_TOTAL"), "{body}");
    }
    assert!(backend.is_idle());
}

#[tokio::test]
async fn both_are_reads_of_the_total() {
    for path in [PAGE, PICTURE] {
        let settings = [("READS_PER_SECOND", "1"), ("TRUSTED_PROXIES", "127.0.0.1")];
        let proxy = start_with(NO_BACKEND, &settings);
        let client = ("X-Forwarded-For", "192.0.2.1");
        let mut refused = None;
        for _ in 0..200 {
            let answer = get(&proxy, path, &[client]).await;
            if answer.status() == 429 {
                refused = Some(answer);
                break;
            }
            assert_eq!(answer.status(), 200, "{path}");
        }
        let refused = refused.expect("a refusal");
        assert_eq!(header(&refused, "retry-after"), Some("1"), "{path}");
        let total = get(&proxy, "/api/live-users", &[client]).await;
        assert_eq!(total.status(), 429, "the limit is one for all");
        assert_eq!(get(&proxy, path, &[("X-Forwarded-For", "192.0.2.2")]).await.status(), 200);
    }
}
