//! Tokens of accounts: who signs in with one, or shows it, gets its part and no more.

use reqwest::Method;
use serde_json::json;

use crate::account_backend::{ACME, BETA, World};
use crate::admin::{ADMIN_TOKEN, BACKEND_TOKEN, RIGHT, TOKENS};
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, ask, get, header, seen, start_with};
use crate::sign_in::{OURS, post};

const PAGE: &str = "/admin/existing-agents";
const SUMMARY: &str = "/api/live-users/summary";

/// What is read with a scope.
const READ: [&str; 6] = [
    "/summary",
    "/calls?limit=1",
    "/calls/CA0",
    "/activity",
    "/history?from=-1h&step=1m",
    "/history.svg",
];

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn a_session_of_an_account_asks_the_backend_for_that_account() {
    let world = World::start();
    let cookie = world.cookie(ACME).await;
    let lookups = world.asked();
    assert_eq!(lookups.len(), 1, "{lookups:?}");
    assert_eq!((lookups[0].what.as_str(), &lookups[0].access), ("POST /access", &None));
    assert_eq!(lookups[0].bearer, BACKEND_TOKEN, "or a guess would be one of the proxy");
    assert_eq!(lookups[0].body, json!({ "token": ACME }));
    for path in READ {
        let headers = [("Cookie", cookie.as_str()), OURS];
        let answer = get(&world.proxy, &format!("/api/live-users{path}"), &headers).await;
        assert_eq!(answer.status(), 200, "{path}");
        let asked = world.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert_eq!(asked[0].what, format!("GET {path}"));
        assert_eq!(asked[0].bearer, BACKEND_TOKEN, "the token of the account stays here");
        assert_eq!(asked[0].access.as_deref(), Some("acme.1"), "{path}");
    }
    // Who has ADMIN_TOKEN sees everything, at the same time.
    let admin = world.cookie(ADMIN_TOKEN).await;
    let answer = get(&world.proxy, SUMMARY, &[("Cookie", &admin), OURS]).await;
    assert_eq!(seen(answer).await.1, r#"{"success":true,"liveUsers":3,"of":"all"}"#);
    let asked = world.asked();
    assert_eq!((asked.len(), &asked[0].access), (1, &None), "no look-up of ADMIN_TOKEN");
}

#[tokio::test]
async fn the_page_is_told_what_its_reader_sees_and_has_the_number_of_that() {
    let world = World::start();
    let acme = r#"{"success":true,"id":"acme-wall","role":"read","accounts":["acme"]}"#;
    let beta = r#"{"success":true,"id":"beta","role":"operate","accounts":["beta","b.2"]}"#;
    let all = r#"{"success":true,"id":null,"role":"operate","accounts":null}"#;
    for (token, access, scope) in
        [(ACME, acme, Some("acme.1")), (BETA, beta, Some("beta.1")), (ADMIN_TOKEN, all, None)]
    {
        let cookie = world.cookie(token).await;
        world.asked();
        let headers = [("Cookie", cookie.as_str()), OURS];
        let (status, body) =
            seen(get(&world.proxy, "/api/live-users/access", &headers).await).await;
        assert_eq!((status, body.as_str()), (200, access));
        assert!(world.asked().is_empty(), "the cookie says all of it");
        let (status, html) = seen(get(&world.proxy, PAGE, &headers).await).await;
        assert_eq!(status, 200);
        assert_eq!(html.contains("<live-users summary>"), scope.is_some());
        let asked = world.asked();
        let asked: Vec<_> =
            asked.iter().map(|it| (it.what.as_str(), it.access.as_deref())).collect();
        assert_eq!(asked, [("GET /summary", scope)], "what comes with the page is of its reader");
    }
}

#[tokio::test]
async fn what_a_role_may_not_do_is_refused_without_asking() {
    let world = World::start();
    let evict = "/api/live-users/calls/CA0/evict";
    for (token, may_evict) in [(ACME, false), (BETA, true)] {
        let (cookie, bearer) = (world.cookie(token).await, bearer(token));
        for shown in
            [&[("Cookie", cookie.as_str()), OURS][..], &[("Authorization", bearer.as_str())]]
        {
            world.asked();
            let (status, body) = seen(ask(&world.proxy, Method::POST, evict, shown).await).await;
            let asked = world.asked();
            let evicts: Vec<_> = asked.iter().filter(|it| it.what.contains("evict")).collect();
            assert_eq!((status, evicts.len()), if may_evict { (200, 1) } else { (403, 0) });
            if may_evict {
                assert_eq!(evicts[0].access.as_deref(), Some("beta.1"));
            } else {
                assert!(body.contains("expected a token with the role operate"), "{body}");
            }
            let (status, body) =
                seen(get(&world.proxy, "/api/live-users/setup", shown).await).await;
            assert!(status == 403 && body.contains("expected ADMIN_TOKEN"), "{status} {body}");
            assert!(world.asked().is_empty(), "{token}");
        }
        let metrics = get(&world.proxy, "/metrics", &[("Authorization", &bearer)]).await;
        assert_eq!(metrics.status(), 403);
    }
}

#[tokio::test]
async fn a_session_ends_when_the_backend_says_that_its_access_has() {
    let world = World::start();
    let (acme, beta) = (world.cookie(ACME).await, world.cookie(BETA).await);
    world.end_access("acme.1");
    let headers = [("Cookie", acme.as_str()), OURS];
    let answer = get(&world.proxy, SUMMARY, &headers).await;
    assert_eq!(answer.status(), 401, "or the page would not lead to the sign-in");
    world.asked();
    for path in ["/summary", "/calls", "/access", "/history.svg", "/summary/stream"] {
        let answer = get(&world.proxy, &format!("/api/live-users{path}"), &headers).await;
        assert_eq!(answer.status(), 401, "{path}");
    }
    assert_eq!(get(&world.proxy, PAGE, &headers).await.status(), 303);
    assert!(world.asked().is_empty(), "it is over");
    let html = get(&world.proxy, "/admin/sign-in", &headers).await.text().await.unwrap();
    assert!(html.contains("was changed or removed"), "{html}");
    let others = get(&world.proxy, SUMMARY, &[("Cookie", &beta), OURS]).await;
    assert_eq!(others.status(), 200);
}

#[tokio::test]
async fn a_token_that_is_shown_is_looked_up_once_in_a_while_and_not_after_its_end() {
    let world = World::start();
    let acme = bearer(ACME);
    let lookups = |world: &World| {
        let asked = world.asked();
        asked.iter().filter(|it| it.what == "POST /access").count()
    };
    for _ in 0..5 {
        let answer = get(&world.proxy, SUMMARY, &[("Authorization", &acme)]).await;
        assert_eq!(seen(answer).await.1, r#"{"success":true,"liveUsers":6,"of":"acme.1"}"#);
    }
    assert!(lookups(&world) <= 2, "five within ten seconds on any machine that is not stuck");
    world.end_access("acme.1");
    world.trouble(Some(&ok(r#"{"active":false}"#)));
    for _ in 0..2 {
        assert_eq!(get(&world.proxy, SUMMARY, &[("Authorization", &acme)]).await.status(), 403);
    }
    assert_eq!(lookups(&world), 1, "what is kept is forgotten, and what is wrong is known");
}

#[tokio::test]
async fn a_wrong_token_is_wrong_and_after_many_none_is_looked_up() {
    let world = World::start();
    let wrong = |n: usize| format!("token=wrong-{n}-0123456789abcdef");
    for n in 0..10 {
        assert_eq!(post(&world.proxy, &[OURS], &wrong(n)).await.status(), 403);
    }
    assert_eq!(world.asked().len(), 10);
    for form in [wrong(10), format!("token={ACME}")] {
        let answer = post(&world.proxy, &[OURS], &form).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "set-cookie")), (429, None));
        assert!(header(&answer, "retry-after").is_some());
    }
    assert!(world.asked().is_empty(), "guesses reach the backend");
    let World { proxy, .. } = &world;
    assert_eq!(get(proxy, SUMMARY, &[RIGHT]).await.status(), 429, "from the same address");
}

#[tokio::test]
async fn the_backends_own_token_and_what_can_be_none_sign_nobody_in() {
    let world = World::start();
    for token in [BACKEND_TOKEN, "short", "acme-token%200123456789"] {
        let answer = post(&world.proxy, &[OURS], &format!("token={token}")).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "set-cookie")), (403, None));
    }
    let asked = world.asked();
    assert_eq!(asked.len(), 1, "only what has the form of a secret: {asked:?}");
}

#[tokio::test]
async fn while_nobody_can_tell_whose_a_token_is_nobody_is_let_in() {
    let world = World::start();
    let acme = bearer(ACME);
    let answer = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let nobody = r#"{"active":true,"id":null,"role":"read","accounts":null,"access":"a.1"}"#;
    for (says, expected, told) in [
        (answer("500 Oops", ""), 502, "status 500"),
        (answer("429 Slow", ""), 503, "looks at no token now"),
        (answer("200 OK", "[]"), 502, "not an access"),
        (answer("403 No", ""), 502, "BACKEND_TOKEN: expected the backend"),
        (answer("200 OK", r#"{"active":true,"role":"root","access":"a.1"}"#), 502, "not an access"),
        (answer("200 OK", &nobody.replace(r#""active":true,"#, "")), 502, "not an access"),
        (answer("200 OK", nobody), 403, "not an access"),
    ] {
        world.trouble(Some(&says));
        let refused = post(&world.proxy, &[OURS], &format!("token={ACME}")).await;
        assert_eq!(header(&refused, "set-cookie"), None);
        let (status, html) = seen(refused).await;
        assert_eq!(status, expected, "{says}");
        assert!(html.contains(told) && !html.contains(ACME), "{html}");
        let (status, body) =
            seen(get(&world.proxy, SUMMARY, &[("Authorization", &acme)]).await).await;
        assert!(status == expected && body.contains(told), "{status} {body}");
    }
    world.trouble(None);
    world.cookie(ACME).await;
    let down = start_with(NO_BACKEND, &TOKENS);
    let (status, html) = seen(post(&down, &[OURS], &format!("token={ACME}")).await).await;
    assert!(status == 502 && html.contains("cannot be reached"), "{status} {html}");
    let answer = post(&down, &[OURS], &format!("token={ADMIN_TOKEN}")).await;
    assert_eq!(answer.status(), 303, "ADMIN_TOKEN needs no backend");
    let (_, log) = down.terminate();
    assert!(!log.contains("0123456789abcdef"), "{log}");
}

#[tokio::test]
async fn a_backend_of_before_is_asked_as_it_can_be() {
    let world = World::start();
    world.is_old(true);
    world.cookie(ACME).await;
    let asked = world.asked();
    assert_eq!(asked.len(), 2, "it takes no question about somebody else: {asked:?}");
    assert_eq!((asked[1].what.as_str(), asked[1].bearer.as_str()), ("GET /access", ACME));
    let wrong = "token=wrong-0123456789abcdef";
    assert_eq!(post(&world.proxy, &[OURS], wrong).await.status(), 403);
    world.is_old(false);
    world.cookie(BETA).await;
    // A still older one has no such tokens.
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    assert_eq!(post(&proxy, &[OURS], &format!("token={ACME}")).await.status(), 403);
    // Without a token for the backend nothing could be asked for an account.
    let proxy = start_with(&backend.url, &TOKENS[..1]);
    assert_eq!(post(&proxy, &[OURS], &format!("token={ACME}")).await.status(), 403);
}

#[tokio::test]
async fn the_total_is_of_all_where_it_is_public_and_else_of_the_account() {
    let path = "/api/live-users";
    let public = World::start();
    let acme = public.cookie(ACME).await;
    let headers = [("Cookie", acme.as_str()), OURS];
    assert_eq!(
        seen(get(&public.proxy, path, &headers).await).await.1,
        r#"{"success":true,"liveUsers":3}"#
    );
    let private = World::start_with(&[("PUBLIC_TOTAL", "false")]);
    let acme = private.cookie(ACME).await;
    let headers = [("Cookie", acme.as_str()), OURS];
    let told = seen(get(&private.proxy, path, &headers).await).await.1;
    assert_eq!(told, r#"{"success":true,"liveUsers":6}"#);
    assert_eq!(get(&private.proxy, path, &[]).await.status(), 401);
}
