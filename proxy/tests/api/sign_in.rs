//! Signing in and out, as a browser does it without JavaScript.

use live_users_testkit::{Server, exit_of};
use reqwest::{Method, Response};

use crate::admin::{ADMIN_TOKEN, BACKEND_TOKEN, TOKENS};
use crate::backend::Backend;
use crate::proxy::{
    BINARY, NO_BACKEND, ask, cookie_in, get, header, post_form, seen, start, start_with,
};

const PAGE: &str = "/admin/existing-agents";
const SIGN_IN: &str = "/admin/sign-in";
const SIGN_OUT: &str = "/admin/sign-out";

/// What a browser says of a form on a page of ours.
pub(crate) const OURS: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// Sends the form.
pub(crate) async fn post(proxy: &Server, headers: &[(&str, &str)], form: &str) -> Response {
    post_form(proxy, SIGN_IN, headers, form).await
}

/// Signs in, and returns what a browser sends as `Cookie` from then on.
pub(crate) async fn cookie(proxy: &Server) -> String {
    let answer = post(proxy, &[OURS], &format!("token={ADMIN_TOKEN}")).await;
    assert_eq!(answer.status(), 303);
    cookie_in(&answer)
}

async fn is_in(proxy: &Server, cookie: &str) -> bool {
    get(proxy, PAGE, &[("Cookie", cookie)]).await.status() == 200
}

fn alert(html: &str) -> &str {
    let (_, rest) = html.split_once("role=\"alert\">").expect("an alert");
    rest.split('<').next().expect("its text")
}

#[tokio::test]
async fn the_page_asks_to_sign_in_and_the_sign_in_leads_back() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    for method in [Method::GET, Method::HEAD] {
        let answer = ask(&proxy, method, &format!("{PAGE}?agent=a&b=1"), &[]).await;
        let location = "/admin/sign-in?next=/admin/existing-agents%3Fagent%3Da%26b%3D1";
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, Some(location)));
    }
    let answer =
        get(&proxy, &format!("{SIGN_IN}?next=/admin/existing-agents%3Fagent%3Da"), &[]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "referrer-policy"), Some("same-origin"), "or Origin is null");
    let policy = header(&answer, "content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
    let html = answer.text().await.unwrap();
    for part in [
        r#"<form method="post" action="/admin/sign-in">"#,
        r#"name="next" value="/admin/existing-agents?agent=a""#,
        r#"<label for="token">"#,
        r#"type="password" required autofocus"#,
        r#"autocomplete="current-password""#,
    ] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    let script = r#"<script src="/assets/sign-in."#;
    assert_eq!(html.matches("<script").count(), html.matches(script).count(), "{html}");
    assert!(!html.contains("role=\"alert\"") && !html.contains("role=\"status\""), "{html}");

    let form = format!("token=+{ADMIN_TOKEN}%0A&next=%2Fadmin%2Fexisting-agents%3Fagent%3Da");
    let answer = post(&proxy, &[OURS], &form).await;
    let location = header(&answer, "location");
    assert_eq!((answer.status().as_u16(), location), (303, Some("/admin/existing-agents?agent=a")));
    let cookie = cookie_in(&answer);
    let page = get(&proxy, PAGE, &[("Cookie", &cookie)]).await;
    assert_eq!((page.status().as_u16(), header(&page, "cache-control")), (200, Some("no-store")));
    let again = get(&proxy, &format!("{SIGN_IN}?next=/healthz"), &[("Cookie", &cookie)]).await;
    assert_eq!((again.status().as_u16(), header(&again, "location")), (303, Some("/healthz#")));
}

#[tokio::test]
async fn the_cookie_is_for_this_host_and_for_no_script_and_no_other_site() {
    let proxy = start_with(NO_BACKEND, &[TOKENS[0], ("SESSION_HOURS", "2")]);
    let answer = post(&proxy, &[OURS], &format!("token={ADMIN_TOKEN}")).await;
    let set: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(set.len(), 1);
    let set = set[0].to_str().unwrap();
    let mut parts: Vec<_> = set.split("; ").collect();
    let value = parts.remove(0).strip_prefix("__Host-live-users=").expect("its name").to_owned();
    parts.sort_unstable();
    // 2 hours, and 30 days in which it opens nothing any more.
    let kept = format!("Max-Age={}", 2 * 3600 + 30 * 24 * 3600);
    assert_eq!(parts, ["HttpOnly", &kept, "Path=/", "SameSite=Strict", "Secure"]);
    assert!(!value.contains(ADMIN_TOKEN) && value.len() > 60, "{value}");
    assert_ne!(cookie_in(&answer), cookie(&proxy).await, "each session is another");
}

#[tokio::test]
async fn a_wrong_token_is_told_as_an_error_and_repeated_nowhere() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    for (token, status, says) in [
        ("wrong-0123456789abcdef", 403, "That is not the token"),
        (BACKEND_TOKEN, 403, "That is not the token"),
        ("", 400, "Enter the token"),
        ("+%0A", 400, "Enter the token"),
    ] {
        let answer = post(&proxy, &[OURS], &format!("token={token}&next=/healthz")).await;
        assert_eq!(header(&answer, "set-cookie"), None);
        let (got, html) = seen(answer).await;
        assert_eq!(got, status, "{token}");
        assert!(alert(&html).contains(says), "{html}");
        assert!(html.contains(r#"aria-invalid="true""#) && html.contains(r#"value="/healthz""#));
        assert!(!html.contains("0123456789abcdef"), "{html}");
    }
    for body in [&"a".repeat(9000), "token=a&token=b"] {
        assert_eq!(post(&proxy, &[OURS], body).await.status(), 400, "{body:.20}");
    }
    let json = [OURS, ("Content-Type", "application/json")];
    assert_eq!(ask(&proxy, Method::POST, SIGN_IN, &json).await.status(), 400);
    // A token in the URL is none.
    let answer =
        ask(&proxy, Method::POST, &format!("{SIGN_IN}?token={ADMIN_TOKEN}"), &[OURS]).await;
    assert_eq!(answer.status(), 400);
    let (_, log) = proxy.terminate();
    assert!(!log.contains("0123456789abcdef"), "{log}");
}

#[tokio::test]
async fn whatever_is_said_to_come_next_it_is_on_this_host() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let cookie = cookie(&proxy).await;
    for next in [
        "https://elsewhere.example",
        "//elsewhere.example",
        "%2F%2Felsewhere.example",
        "/%5Celsewhere.example",
        "/%09/elsewhere.example",
        "javascript:alert(1)",
        "%0D%0ASet-Cookie:a=b",
        "",
    ] {
        let form = format!("token={ADMIN_TOKEN}&next={next}");
        let signed_in = post(&proxy, &[OURS], &form).await;
        assert_eq!(header(&signed_in, "location"), Some(PAGE), "{next}");
        let path = format!("{SIGN_IN}?next={next}");
        let shown = get(&proxy, &path, &[("Cookie", &cookie)]).await;
        let location = format!("{PAGE}#");
        assert_eq!(header(&shown, "location"), Some(location.as_str()), "{next}");
        let html = get(&proxy, &path, &[]).await.text().await.unwrap();
        assert!(html.contains(&format!(r#"name="next" value="{PAGE}""#)), "{next}: {html}");
    }
    let html = get(&proxy, &format!("{SIGN_IN}?next=/%22%3E%3Cscript%3E"), &[]).await;
    assert!(!html.text().await.unwrap().contains("<script>"));
}

#[tokio::test]
async fn signing_out_ends_the_session_also_for_a_copy_of_the_cookie() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let (one, another) = (cookie(&proxy).await, cookie(&proxy).await);
    let out = ask(&proxy, Method::POST, SIGN_OUT, &[OURS, ("Cookie", &one)]).await;
    // There is no backend that could tell others.
    let here = format!("{SIGN_IN}?ended=here");
    assert_eq!((out.status().as_u16(), header(&out, "location")), (303, Some(&*here)));
    let set = header(&out, "set-cookie").unwrap();
    assert!(set.starts_with("__Host-live-users=;") && set.contains("Max-Age=0"), "{set}");
    assert!(set.contains("Secure") && set.contains("Path=/"), "or no browser takes it: {set}");
    assert!(!is_in(&proxy, &one).await);
    assert!(is_in(&proxy, &another).await, "another browser stays signed in");

    // Who signs in anew has one session, not two.
    let headers = [OURS, ("Cookie", another.as_str())];
    let anew = cookie_in(&post(&proxy, &headers, &format!("token={ADMIN_TOKEN}")).await);
    assert!(is_in(&proxy, &anew).await && !is_in(&proxy, &another).await);

    let get = ask(&proxy, Method::GET, SIGN_OUT, &[OURS, ("Cookie", &anew)]).await;
    assert_eq!((get.status().as_u16(), header(&get, "allow")), (405, Some("POST")));
    assert!(is_in(&proxy, &anew).await, "a link signs nobody out");
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_in_or_out() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let cookie = cookie(&proxy).await;
    let host = proxy.url.strip_prefix("http://").unwrap();
    let (other_port, elsewhere) = ("http://127.0.0.1:1", "https://elsewhere.example");
    for headers in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "none")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", &proxy.url)],
        &[("Origin", elsewhere), ("X-Forwarded-Host", "elsewhere.example")],
        &[("Origin", other_port)],
        &[("Origin", "null")],
        &[],
    ] {
        let answer = post(&proxy, headers, &format!("token={ADMIN_TOKEN}")).await;
        assert_eq!(header(&answer, "set-cookie"), None, "{headers:?}");
        let (status, html) = seen(answer).await;
        assert_eq!(status, 403, "{headers:?}");
        assert!(alert(&html).contains("another site"), "{html}");
        let headers = [headers, &[("Cookie", cookie.as_str())]].concat();
        let out = ask(&proxy, Method::POST, SIGN_OUT, &headers).await;
        assert_eq!((out.status().as_u16(), header(&out, "set-cookie")), (403, None));
    }
    assert!(is_in(&proxy, &cookie).await);
    // A browser that says no more than its origin.
    let tls = format!("https://{host}");
    for origin in [proxy.url.as_str(), &tls] {
        let answer = post(&proxy, &[("Origin", origin)], &format!("token={ADMIN_TOKEN}")).await;
        assert_eq!(answer.status(), 303, "{origin}");
    }
}

#[tokio::test]
async fn who_comes_by_a_link_of_another_site_is_led_on_by_a_page_of_ours() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let path = format!("{SIGN_IN}?next=/admin/existing-agents%3Fa%3D1");
    let answer = get(&proxy, &path, &[("Sec-Fetch-Site", "cross-site")]).await;
    assert_eq!(answer.status(), 200);
    let html = answer.text().await.unwrap();
    for part in [
        r#"<noscript><meta http-equiv="refresh" content="0; url=/admin/existing-agents?a=1">"#,
        r#"<body data-next="/admin/existing-agents?a=1">"#,
        "<main hidden>",
    ] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
}

#[tokio::test]
async fn the_sign_in_says_why_a_session_is_over_and_no_more_than_is_known() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let cookie = cookie(&proxy).await;
    let (name, _) = cookie.split_once('=').unwrap();
    let unreadable = format!("{name}=nonsense");
    let told = async |proxy: &Server, path: &str, cookie: &str| {
        let html = get(proxy, path, &[("Cookie", cookie)]).await.text().await.unwrap();
        let told = html.split_once("role=\"status\">").map(|(_, rest)| rest);
        told.and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned()
    };
    let lost = format!("{SIGN_IN}?ended=lost");
    assert_eq!(told(&proxy, SIGN_IN, "").await, "");
    assert!(told(&proxy, &lost, "").await.contains("another window"));
    assert!(told(&proxy, &lost, &unreadable).await.contains("cannot be read"));
    ask(&proxy, Method::POST, SIGN_OUT, &[OURS, ("Cookie", &cookie)]).await;
    assert!(told(&proxy, SIGN_IN, &cookie).await.contains("You signed out"));
    let changed = start_with(NO_BACKEND, &[("ADMIN_TOKEN", "another-0123456789abcdef")]);
    assert!(told(&changed, SIGN_IN, &cookie).await.contains("not begun with the ADMIN_TOKEN"));
    let (status, html) = seen(post(&changed, &[OURS, ("Cookie", &cookie)], "token=x").await).await;
    assert!(status == 403 && !html.contains("role=\"status\""), "one thing at a time: {html}");
}

#[tokio::test]
async fn without_tls_a_token_is_not_looked_at() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let form = format!("token={ADMIN_TOKEN}");
    let in_the_clear = [("Origin", "http://proxy.example:3000"), ("Host", "proxy.example:3000")];
    let (status, html) = seen(post(&proxy, &in_the_clear, &form).await).await;
    assert_eq!(status, 403);
    assert!(alert(&html).contains("https://"), "{html}");
}

#[tokio::test]
async fn a_session_survives_a_restart_and_ends_with_its_token() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let cookie = cookie(&proxy).await;
    drop(proxy);
    assert!(is_in(&start_with(NO_BACKEND, &TOKENS), &cookie).await);
    const NEW: &str = "another-0123456789abcdef";
    let both = format!("{NEW}, {ADMIN_TOKEN}");
    assert!(is_in(&start_with(NO_BACKEND, &[("ADMIN_TOKEN", &both)]), &cookie).await);
    assert!(!is_in(&start_with(NO_BACKEND, &[("ADMIN_TOKEN", NEW)]), &cookie).await);
}

#[tokio::test]
async fn a_forged_or_changed_cookie_opens_nothing() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let cookie = cookie(&proxy).await;
    let (name, value) = cookie.split_once('=').unwrap();
    let cut = &cookie[..cookie.len() - 1];
    for forged in [
        cut.to_owned(),
        format!("{cookie}0"),
        format!("{name}={}", value.chars().rev().collect::<String>()),
        format!("live-users={value}"),
        format!("{name}="),
        format!("{name}={ADMIN_TOKEN}"),
    ] {
        assert!(!is_in(&proxy, &forged).await, "{forged}");
    }
    assert!(is_in(&proxy, &format!("a=b; {cookie}")).await);
}

#[tokio::test]
async fn without_an_admin_token_the_page_says_how_to_set_one() {
    let proxy = start(NO_BACKEND);
    assert_eq!(get(&proxy, PAGE, &[]).await.status(), 303);
    let (status, html) = seen(get(&proxy, SIGN_IN, &[]).await).await;
    assert_eq!(status, 200);
    assert!(html.contains("ADMIN_TOKEN") && html.contains("openssl rand -hex 32"), "{html}");
    assert!(!html.contains("<form"), "{html}");
    let (status, html) = seen(post(&proxy, &[OURS], "token=whatever").await).await;
    assert!(status == 403 && html.contains("ADMIN_TOKEN"), "{status} {html}");
    let out = ask(&proxy, Method::POST, SIGN_OUT, &[OURS]).await;
    assert_eq!(out.status(), 303);
}

#[test]
fn one_token_for_both_doors_is_refused_at_the_start() {
    let env = [("BACKEND_URL", NO_BACKEND), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    let output = exit_of(BINARY, &[], &[&env[..], &[("BACKEND_TOKEN", ADMIN_TOKEN)]].concat());
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(
        text.contains("ADMIN_TOKEN and BACKEND_TOKEN") && !text.contains(ADMIN_TOKEN),
        "{text}"
    );
}
