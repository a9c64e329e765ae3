//! The page *Existing Agents*.

use std::path::Path;

use reqwest::Method;

use crate::admin::TOKENS;
use crate::proxy::{NO_BACKEND, ask, get, header, seen, start, start_with};
use crate::sign_in::cookie;

const PAGE: &str = "/admin/existing-agents";

const AGENTS: &str = r#"
    [[agent]]
    id = "booking"
    name = "Table bookings"
    numbers = ["+15005550006", "+442079460958"]
    capacity = 20

    [[agent]]
    id = "rude"
    name = "<script>alert('1')</script>"
    voice_url = "https://rude.example.com/voice?token=private"
"#;

#[tokio::test]
async fn the_page_shows_each_agent_and_escapes_what_it_is_called() {
    let name = format!("page-agents-{}.toml", std::process::id());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, AGENTS).unwrap();
    let settings = [TOKENS[0], ("AGENTS_FILE", file.to_str().unwrap())];
    let proxy = start_with(NO_BACKEND, &settings);
    std::fs::remove_file(&file).unwrap();
    let cookie = cookie(&proxy).await;
    let (status, html) = seen(get(&proxy, PAGE, &[("Cookie", &cookie)]).await).await;
    assert_eq!(status, 200);
    for shown in [
        "<title>Existing Agents</title>",
        "<live-users>",
        "2 agents",
        "Table bookings",
        "booking</p>",
        "+1\u{a0}500\u{a0}555\u{a0}0006",
        "+44\u{a0}207\u{a0}946\u{a0}0958",
        "Up to 20 calls at once",
        "&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;",
        "No number of its own",
        "Own voice application",
    ] {
        assert!(html.contains(shown), "{shown} is missing in {html}");
    }
    assert!(!html.contains("<script>"), "{html}");
    assert!(!html.contains("private"), "where an application lives is not for the page: {html}");
}

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
             img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
        )
    );
    let html = answer.text().await.unwrap();
    assert!(html.contains("No agents are listed yet") && html.contains("AGENTS_FILE"), "{html}");
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
