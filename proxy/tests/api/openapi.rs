//! The document of all paths: it tells of each of them, and what is answered is what it tells.

use live_users_testkit::{Answer, OpenApi, Server, paths_in, send};
use tokio::task::spawn_blocking;

use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, start, start_with};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// As a backend of before there were parties tells it.
const CALL: &str = r#"{"callSid":"CA1","phase":"live","counted":true,"suspect":false,
    "direction":"inbound","agent":null,"address":"+15…06","caller":"3fa9c2","country":"US",
    "region":null,"city":null,"firstHeardAt":"2026-11-23T09:30:00.000Z",
    "since":"2026-11-23T09:30:00.000Z","heardAt":"2026-11-23T09:30:00.000Z","liveMs":5}"#;

/// People share links to pages, and programs add parameters of their own to these.
const PAGES: [&str; 7] = [
    "/docs",
    "/",
    "/admin/existing-agents",
    "/admin/sign-in",
    "/admin/sign-out",
    "/view",
    "/view/{id}",
];

#[test]
fn every_route_is_in_the_document_and_none_more() {
    let proxy = start(NO_BACKEND);
    let document = OpenApi::of(&proxy.url, VERSION);
    let mut routes = paths_in(include_str!("../../src/routes.rs"));
    // The table has names for these.
    for (source, path) in [
        (include_str!("../../src/page.rs"), "/admin/existing-agents"),
        (include_str!("../../src/sign_in.rs"), "/admin/sign-in"),
        (include_str!("../../src/sign_in.rs"), "/admin/sign-out"),
        (include_str!("../../src/view.rs"), "/view"),
        (include_str!("../../src/view.rs"), "/view/{id}"),
    ] {
        assert!(source.contains(&format!("PATH: &str = \"{path}\"")), "{path}");
        routes.insert(path.replace("{id}", "{}"));
    }
    assert_eq!(document.paths(), routes);
    document.check_methods();
    document.check_parameters(&PAGES);
}

async fn asked(url: String, method: &'static str, headers: &'static [(&str, &str)]) -> Answer {
    spawn_blocking(move || send(method, &url, headers, b"")).await.expect("an answer")
}

/// The answer of the proxy to an admin, when the backend says this.
async fn when(
    (proxy, backend): (&Server, &mut Backend),
    (method, path): (&'static str, &str),
    says: &str,
) -> Answer {
    let url = format!("{}{}", proxy.url, path.replace("{callSid}", "CA1").replace("{id}", "busy"));
    let (answer, ()) =
        tokio::join!(asked(url, method, &[RIGHT]), async { backend.next().await.say(says).await });
    answer
}

#[tokio::test]
async fn what_is_passed_on_is_what_the_document_says() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let url = proxy.url.clone();
    let document = spawn_blocking(move || OpenApi::of(&url, VERSION)).await.unwrap();
    let count = ok(r#"{"liveUsers":3}"#);
    for path in ["/api/live-users", "/readyz"] {
        for says in [&count, "nonsense\r\n\r\n"] {
            let answer = when((&proxy, &mut backend), ("GET", path), says).await;
            document.check("GET", path, &answer);
        }
    }
    let with_party = r#""liveMs":5,"party":"agent","stretches":[{"with":"agent","agent":null,
        "address":"+15…06","from":"2026-11-23T09:30:00.000Z","to":null}]"#;
    let now = CALL.replace(r#""liveMs":5"#, with_party);
    let seen = r#"{"accepted":1,"lastAgoMs":5}"#;
    let setup = format!(
        r#"{{"instance":"00","publicUrl":"https://a.example","agentsFile":null,
        "urls":{{"voice":"https://a.example/voice",
        "statusCallback":"https://a.example/call-status#rc=5"}},"providerApi":{{"state":"fails",
        "reason":"no","lastAnswerAgoMs":null}},"webhooks":{{"sinceMs":9,"voice":{seen},
        "speechResult":{seen},"callStatus":{seen},"refused":{{"count":0,"lastAgoMs":null}}}},
        "numbers":[{{"number":"+15005550006","agent":null,"voiceAgoMs":1,"speechResultAgoMs":null,
        "callStatusAgoMs":2}}],"foundByAsking":{{"calls":0,"lastAgoMs":null}}}}"#
    );
    let calls =
        format!(r#"{{"calls":[{CALL},{now}],"asOf":"2026-11-23T09:30:00.000Z","next":null}}"#);
    let evicted = format!(r#"{{"call":{CALL}}}"#);
    let (calls_path, evict_path) =
        ("/api/live-users/calls", "/api/live-users/calls/{callSid}/evict");
    let setup_path = "/api/live-users/setup";
    let (alerts_path, test_path) = ("/api/live-users/alerts", "/api/live-users/alerts/{id}/test");
    let rule = r#""when":"users","threshold":2,"below":true,"agent":"booking","value":1"#;
    let at = "2026-11-23T09:30:00.000Z";
    let alerts = format!(
        r#"{{"alerts":[{{"alert":"busy","firing":true,"since":"{at}",{rule},"forSeconds":60}}],
        "recent":[{{"alert":"busy","state":"firing","at":"{at}","since":"{at}",{rule}}}]}}"#
    );
    let tested = r#"{"alert":"busy","hooks":["ops"]}"#.to_owned();
    for (operation, says) in [
        (("GET", calls_path), &calls),
        (("POST", evict_path), &evicted),
        (("GET", setup_path), &setup),
        (("GET", alerts_path), &alerts),
        (("POST", test_path), &tested),
    ] {
        let answer = when((&proxy, &mut backend), operation, &ok(says)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        document.check(operation.0, operation.1, &answer);
    }
    for (status, path) in [
        ("400 Bad", "/api/live-users/history"),
        ("404 Not", "/api/live-users/calls/{callSid}"),
        ("500 Bad", "/api/live-users/summary"),
        ("503 Bad", "/api/live-users/activity"),
    ] {
        let body = r#"{"error":"no","field":"from"}"#;
        let says = ok(body).replace("200 OK", status);
        let answer = when((&proxy, &mut backend), ("GET", path), &says).await;
        assert!(answer.status >= 400, "{path}");
        document.check("GET", path, &answer);
    }
}

#[test]
fn what_the_proxy_says_itself_is_what_the_document_says() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let document = OpenApi::of(&proxy.url, VERSION);
    let check = |method: &str, path: &str, headers: &[(&str, &str)], status: u16| {
        let answer = send(method, &format!("{}{path}", proxy.url), headers, b"");
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        document.check(method, path, &answer);
    };
    let wrong = [("Authorization", "Bearer of-somebody-else-entirely")];
    for path in [
        "/api/live-users/summary",
        "/api/live-users/access",
        "/api/live-users/history.svg",
        "/metrics",
    ] {
        check("GET", path, &[], 401);
        check("GET", path, &[("Authorization", "Bearer short")], 403);
        // Nobody can tell whether it is the token of an account.
        check("GET", path, &wrong, 502);
    }
    check("GET", "/api/live-users/access", &[RIGHT], 200);
    check("GET", "/api/live-users/summary", &[RIGHT], 502);
    check("GET", "/api/live-users", &[], 502);
    check("GET", "/api/live-users/ws", &[], 426);
    check("GET", "/metrics", &[RIGHT], 200);
    check("GET", "/healthz", &[], 200);
    check("GET", "/readyz", &[], 503);
    check("GET", "/openapi.json", &[], 200);
    check("GET", "/docs", &[], 200);
    check("GET", "/embed", &[], 200);
    check("GET", "/badge.svg", &[], 200);
    check("GET", "/", &[], 307);
    check("GET", "/admin/existing-agents", &[], 303);
    check("GET", "/admin/sign-in", &[], 200);
    check("POST", "/admin/sign-in", &[], 400);
    check("POST", "/admin/sign-out", &[], 403);
    for (method, path) in [
        ("GET", "/admin/existing-agents"),
        ("GET", "/admin/sign-in"),
        ("POST", "/admin/sign-in"),
        ("POST", "/admin/sign-out"),
        ("GET", "/view"),
        ("POST", "/view"),
        ("GET", "/embed"),
        ("GET", "/badge.svg"),
    ] {
        let answer = send(method, &format!("{}{path}?lang=zh", proxy.url), &[], b"");
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        document.check(method, path, &answer);
    }
}
