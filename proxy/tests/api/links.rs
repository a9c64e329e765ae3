//! Shared links in a browser: a session of its own, below a path of its own.

use live_users_testkit::Server;
use reqwest::{Method, Response};
use serde_json::json;

use crate::account_backend::{ACME, LINK, OVER, World};
use crate::admin::{ADMIN_TOKEN, BACKEND_TOKEN, RIGHT, TOKENS};
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, ask, client, cookie_in, get, header, post_form, seen, start_with};
use crate::sign_in::{OURS, post as sign_in};

const VIEW: &str = "/view/000000000000000a";

/// Opens a link, as the page of /view does.
async fn open(proxy: &Server, headers: &[(&str, &str)], token: &str) -> Response {
    post_form(proxy, "/view", headers, &format!("token={token}")).await
}

/// What a browser sends as `Cookie` below the path of the link from then on.
async fn cookie(world: &World, token: &str) -> String {
    let answer = open(&world.proxy, &[OURS], token).await;
    assert_eq!(answer.status(), 303);
    cookie_in(&answer)
}

#[tokio::test]
async fn a_link_leads_to_its_page_by_a_cookie_of_its_own() {
    let mut world = World::start();
    let answer = open(&world.proxy, &[OURS], LINK).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, Some(VIEW)));
    let set = header(&answer, "set-cookie").expect("a cookie");
    assert!(set.starts_with("__Secure-live-users-link="), "{set}");
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/view/000000000000000a"] {
        assert!(set.contains(part), "{part}: {set}");
    }
    assert!(!set.contains("__Host-live-users") && !set.contains(LINK), "{set}");
    assert_eq!(world.asked()[0].body, json!({ "token": LINK }));
    let answer = get(&world.proxy, VIEW, &[("Cookie", &cookie_in(&answer))]).await;
    assert_eq!(answer.status(), 200);
    assert!(header(&answer, "set-cookie").is_some_and(|set| set.contains("Path=/view/")));
    let html = answer.text().await.expect("a page");
    for part in [
        r#"data-base="/view/000000000000000a/" data-view="wallboard" data-detail="numbers""#,
        r#"<live-users summary src="/view/000000000000000a/""#,
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("/admin/sign-out"), "nobody signs out here");
    let asked = world.asked();
    assert_eq!(
        (asked[0].what.as_str(), asked[0].access.as_deref()),
        ("GET /summary", Some("link:a"))
    );
    world.proxy.await_log("link 000000000000000a is opened from");
    assert!(!world.proxy.log().contains(LINK), "{}", world.proxy.log());
}

#[tokio::test]
async fn what_is_read_below_a_link_is_read_for_it_and_by_no_other_session() {
    let world = World::start();
    let (link, admin) = (cookie(&world, LINK).await, world.cookie(ADMIN_TOKEN).await);
    let both = format!("{admin}; {link}");
    for path in
        ["", "/summary", "/calls?limit=1", "/calls/CA0", "/history?from=-1h", "/history.svg"]
    {
        world.asked();
        let below = format!("{VIEW}/api/live-users{path}");
        assert_eq!(
            get(&world.proxy, &below, &[("Cookie", &link), OURS]).await.status(),
            200,
            "{path}"
        );
        assert_eq!(get(&world.proxy, &below, &[("Cookie", &both), OURS]).await.status(), 200);
        let asked = world.asked();
        assert_eq!(asked.len(), 2, "{asked:?}");
        for asked in asked {
            assert_eq!(asked.what.trim_end(), format!("GET {path}").trim_end());
            assert_eq!(asked.access.as_deref(), Some("link:a"), "{path}: also beside an admin");
            assert_eq!(asked.bearer, BACKEND_TOKEN);
        }
        for cookie in [admin.as_str(), "a=b", &link.replace("000a", "000b")] {
            let status = get(&world.proxy, &below, &[("Cookie", cookie), OURS]).await.status();
            assert_eq!(status, 401, "{path}: {cookie}");
        }
        let other = below.replace("000a", "000b");
        assert_eq!(get(&world.proxy, &other, &[("Cookie", &both), OURS]).await.status(), 401);
        assert_eq!(
            get(&world.proxy, &below, &[("Cookie", &link)]).await.status(),
            403,
            "not a page"
        );
        assert!(world.asked().is_empty());
    }
    // An admin's own requests stay an admin's, and the cookie of the link opens none of them.
    let summary = "/api/live-users/summary";
    let answer = get(&world.proxy, summary, &[("Cookie", &both), OURS]).await;
    assert_eq!(seen(answer).await.1, r#"{"success":true,"liveUsers":3,"of":"all"}"#);
    assert_eq!(get(&world.proxy, summary, &[("Cookie", &link), OURS]).await.status(), 401);
    assert_eq!(
        get(&world.proxy, "/admin/existing-agents", &[("Cookie", &both)]).await.status(),
        200
    );
    assert_eq!(
        get(&world.proxy, "/admin/existing-agents", &[("Cookie", &link)]).await.status(),
        303
    );
    let access = format!("{VIEW}/api/live-users/access");
    let answer = seen(get(&world.proxy, &access, &[("Cookie", &link), OURS]).await).await;
    let expected = concat!(
        r#"{"success":true,"id":"000000000000000a","role":"read","accounts":null,"link":"#,
        r#"{"name":"Lobby","scope":{"all":true},"view":"wallboard","expiresMs":4102444800000}}"#
    );
    assert_eq!(answer, (200, expected.to_owned()));
}

#[tokio::test]
async fn a_reader_of_a_link_gives_no_orders_and_finds_nothing_but_reading_below_it() {
    let world = World::start();
    let link = cookie(&world, LINK).await;
    let token = format!("Bearer {LINK}");
    world.asked();
    let by_cookie = [("Cookie", link.as_str()), OURS];
    let by_token = [("Authorization", token.as_str())];
    for (method, path) in [
        (Method::POST, "/calls/CA0/evict"),
        (Method::POST, "/links"),
        (Method::GET, "/links"),
        (Method::POST, "/links/0a/revoke"),
        (Method::GET, "/setup"),
    ] {
        let below = format!("{VIEW}/api/live-users{path}");
        let (status, body) =
            seen(ask(&world.proxy, method.clone(), &below, &by_cookie).await).await;
        assert_eq!(status, 403, "{path}: {body}");
        let path = format!("/api/live-users{path}");
        assert_eq!(ask(&world.proxy, method, &path, &by_token).await.status(), 403, "{path}");
    }
    let asked = world.asked();
    assert!(asked.iter().all(|it| it.what == "POST /access"), "{asked:?}");
    for path in ["/", "/admin/sign-out", "/metrics", "/view", "/api/sessions/ended"] {
        let answer = ask(&world.proxy, Method::POST, &format!("{VIEW}{path}"), &by_cookie).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
    // A token in Authorization works as that of an account does.
    let answer = get(&world.proxy, "/api/live-users/summary", &by_token).await;
    assert_eq!(seen(answer).await.1, r#"{"success":true,"liveUsers":6,"of":"link:a"}"#);
}

#[tokio::test]
async fn a_link_that_opens_nothing_is_told_so() {
    let world = World::start();
    let text = async |answer: Response, status: u16| {
        assert_eq!(answer.status(), status);
        let policy = header(&answer, "content-security-policy").expect("a policy").to_owned();
        assert!(policy.contains("form-action 'self'") && !policy.contains("unsafe"), "{policy}");
        let html = answer.text().await.expect("a page");
        html.split_once("role=\"alert\">")
            .map(|(_, it)| it.split('<').next().unwrap_or_default().to_owned())
    };
    let said = |text: Option<String>, part: &str| {
        let text = text.expect("an alert");
        assert!(text.contains(part), "{part}: {text}");
    };
    assert_eq!(text(get(&world.proxy, "/view", &[]).await, 200).await, None);
    for token in ["link-of-nobody-0123456789", ADMIN_TOKEN, ACME] {
        let answer = open(&world.proxy, &[OURS], token).await;
        assert!(header(&answer, "set-cookie").is_none(), "{token}");
        said(text(answer, 403).await, "does not open anything");
    }
    said(text(open(&world.proxy, &[OURS], "").await, 400).await, "not complete");
    said(text(open(&world.proxy, &[], LINK).await, 403).await, "another site");
    let foreign = [("Sec-Fetch-Site", "cross-site")];
    said(text(open(&world.proxy, &foreign, LINK).await, 403).await, "another site");
    said(text(get(&world.proxy, VIEW, &[]).await, 403).await, "has not opened this link");
    let over = cookie(&world, OVER).await;
    world.end_access("link:b");
    let page = "/view/000000000000000b";
    said(text(get(&world.proxy, page, &[("Cookie", &over)]).await, 403).await, "has ended");
    let below = format!("{page}/api/live-users/summary");
    assert_eq!(get(&world.proxy, &below, &[("Cookie", &over), OURS]).await.status(), 401);
    // Who is signed in stays so, and the form of the sign-in says where a link belongs.
    said(
        text(sign_in(&world.proxy, &[OURS], &format!("token={LINK}")).await, 403).await,
        "open the link",
    );
    let link = cookie(&world, LINK).await;
    world.end_access("link:a");
    let below = format!("{VIEW}/api/live-users/summary");
    for _ in 0..2 {
        assert_eq!(get(&world.proxy, &below, &[("Cookie", &link), OURS]).await.status(), 401);
    }
    said(text(get(&world.proxy, VIEW, &[("Cookie", &link)]).await, 403).await, "was revoked");
}

#[tokio::test]
async fn a_link_lasts_as_long_as_the_backend_says_also_where_the_clock_of_the_proxy_is_ahead() {
    let world = World::start();
    // It has ended long ago by the clock of this machine.
    let over = cookie(&world, OVER).await;
    let page = "/view/000000000000000b";
    assert_eq!(get(&world.proxy, page, &[("Cookie", &over)]).await.status(), 200);
    for path in ["", "/summary", "/calls", "/history"] {
        let below = format!("{page}/api/live-users{path}");
        let answer = get(&world.proxy, &below, &[("Cookie", &over), OURS]).await;
        let expected = r#"{"success":true,"liveUsers":6,"of":"link:b"}"#;
        if path.is_empty() {
            assert_eq!(answer.status(), 200);
        } else {
            assert_eq!(seen(answer).await, (200, expected.to_owned()), "{path}");
        }
    }
}

#[tokio::test]
async fn while_nobody_can_tell_the_page_of_a_link_is_there_and_says_so_itself() {
    let world = World::start();
    let link = cookie(&world, LINK).await;
    let alone = start_with(NO_BACKEND, &TOKENS);
    let answer = get(&alone, VIEW, &[("Cookie", &link)]).await;
    assert_eq!(answer.status(), 200, "a cookie of another proxy with the same ADMIN_TOKEN");
    let below = format!("{VIEW}/api/live-users/summary");
    assert_eq!(get(&alone, &below, &[("Cookie", &link), OURS]).await.status(), 502);
    let none = start_with(NO_BACKEND, &[]);
    let (status, html) = seen(get(&none, "/view", &[]).await).await;
    assert!(status == 200 && html.contains("no ADMIN_TOKEN") && !html.contains("<form"), "{html}");
    let without = TOKENS.into_iter().filter(|(name, _)| *name != "BACKEND_TOKEN");
    let cannot_ask = start_with(NO_BACKEND, &without.collect::<Vec<_>>());
    let (status, html) = seen(get(&cannot_ask, "/view", &[]).await).await;
    assert!(status == 200 && html.contains("no BACKEND_TOKEN"), "{html}");
}

#[tokio::test]
async fn the_streams_of_a_link_end_when_it_is_revoked() {
    let mut world = World::start();
    let link = cookie(&world, LINK).await;
    let below = format!("{VIEW}/api/live-users/summary/stream");
    let mut stream = get(&world.proxy, &below, &[("Cookie", &link), OURS]).await;
    assert_eq!(stream.status(), 200);
    let (access, mut backend) = world.opened().await;
    assert_eq!(access.as_deref(), Some("link:a"));
    backend
        .tell(
            r#"{"liveUsers":3,"byAgent":[],"epoch":"e","seq":1,"asOf":"2026-11-23T09:30:00.000Z"}"#,
        )
        .await;
    let mut text = String::new();
    while !text.contains("liveUsers") {
        let chunk = stream.chunk().await.expect("bytes").expect("a frame");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    world.end_access("link:a");
    drop(backend);
    while stream.chunk().await.expect("bytes").is_some() {}
}

#[tokio::test]
async fn admins_share_list_and_revoke_links() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let body = r#"{"name":"Lobby","scope":{"total":true},"expires":"1d"}"#;
    let url = format!("{}/api/live-users/links", proxy.url);
    let share = client().post(&url).header(RIGHT.0, RIGHT.1).body(body).send();
    let (answer, request) = tokio::join!(share, async {
        let request = backend.next().await;
        let (head, body) = (request.head.clone(), request.body.clone());
        request.say(&ok(r#"{"link":{},"token":"link-1"}"#)).await;
        (head, body)
    });
    let (head, sent) = request;
    assert_eq!(seen(answer.unwrap()).await.1, r#"{"success":true,"link":{},"token":"link-1"}"#);
    assert!(head.starts_with("POST /api/live-users/links "), "{head}");
    assert_eq!(sent, body);
    assert!(head.contains(&format!("Bearer {BACKEND_TOKEN}")), "{head}");
    for (method, path) in [(Method::GET, ""), (Method::POST, "/000000000000000a/revoke")] {
        let path = format!("/api/live-users/links{path}");
        let (answer, head) = tokio::join!(ask(&proxy, method, &path, &[RIGHT]), async {
            let request = backend.next().await;
            let head = request.head.clone();
            request.say(&ok("{}")).await;
            head
        });
        assert_eq!(answer.status(), 200);
        assert!(head.contains(&path), "{head}");
    }
    for path in ["/x/revoke", "/..%2f..%2fx/revoke"] {
        let path = format!("/api/live-users/links{path}");
        assert_eq!(ask(&proxy, Method::POST, &path, &[RIGHT]).await.status(), 400, "{path}");
    }
    for bytes in [16 * 1024 + 1, 1024 * 1024] {
        let long = "x".repeat(bytes);
        let answer = client().post(&url).header(RIGHT.0, RIGHT.1).body(long).send().await.unwrap();
        let (status, body) = seen(answer).await;
        let told = r#""field":"body","expected":"at most 16384 bytes""#;
        assert!(status == 413 && body.contains(told), "as the backend says it: {status} {body}");
    }
    for method in [Method::PUT, Method::DELETE] {
        let answer = ask(&proxy, method, "/api/live-users/links", &[RIGHT]).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "allow")),
            (405, Some("GET, HEAD, POST"))
        );
    }
    // A page of another site cannot have a link made by an admin's browser.
    let answer = client().post(&url).header("Sec-Fetch-Site", "cross-site").body(body).send().await;
    assert_eq!(answer.unwrap().status(), 401);
}
