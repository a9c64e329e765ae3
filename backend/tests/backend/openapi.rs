//! The document of all paths: it tells of each of them, and what is answered is what it tells.

use live_users_testkit::{Answer, OpenApi, Server, get, paths_in, send};

use crate::honest::{API_TOKEN, WITH_TOKEN, sid};
use crate::{AGENTS, agents_file, start};

const VERSION: &str = env!("CARGO_PKG_VERSION");

const GATED: [&str; 9] = [
    "/metrics",
    "/api/live-users/summary",
    "/api/live-users/activity",
    "/api/live-users/calls",
    "/api/live-users/calls/{callSid}",
    "/api/live-users/history",
    "/api/live-users/history.svg",
    "/api/live-users/setup",
    "/api/live-users/alerts",
];

/// Whoever sends webhooks adds parameters of its own.
const WEBHOOKS: [&str; 6] =
    ["/voice", "/speech-result", "/call-status", "/api/events", "/sources/{id}", "/docs"];

fn ask(server: &Server, method: &str, path: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    send(method, &format!("{}{path}", server.url), &[("Authorization", &authorization)], b"")
}

#[test]
fn every_route_is_in_the_document_and_none_more() {
    let (server, _) = start(&[]);
    let document = OpenApi::of(&server.url, VERSION);
    assert_eq!(document.paths(), paths_in(include_str!("../../src/http/routes.rs")));
    document.check_methods();
    document.check_parameters(&WEBHOOKS);
}

#[test]
fn each_parameter_that_the_document_has_is_read() {
    let (server, _) = start(&[WITH_TOKEN]);
    let document = OpenApi::of(&server.url, VERSION);
    let authorization = format!("Bearer {API_TOKEN}");
    let headers = [("Authorization", authorization.as_str())];
    document.check_that_parameters_are_read(&WEBHOOKS, &headers);
}

#[test]
fn what_is_read_is_what_the_document_says() {
    let (_folder, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let document = OpenApi::of(&server.url, VERSION);
    let check = |path: &str, query: &str, status: u16| {
        let asked = path.replace("{callSid}", &sid(1)) + query;
        let answer = ask(&server, "GET", &asked, API_TOKEN);
        assert_eq!(answer.status, status, "{asked}: {}", answer.body);
        document.check("GET", path, &answer);
    };
    check("/api/live-users/calls/{callSid}", "", 404);
    for n in 1..=3 {
        document.check("POST", "/voice", &twilio.start(n));
    }
    document.check("POST", "/call-status", &twilio.end(2));
    for path in GATED {
        check(path, "", 200);
        document.check("GET", path, &get(&format!("{}{path}", server.url)));
        document.check("GET", path, &ask(&server, "GET", path, "0123456789abcdef"));
    }
    for path in ["/api/live-users", "/healthz", "/readyz", "/openapi.json", "/docs"] {
        check(path, "", 200);
    }
    check("/api/live-users/calls", "?limit=1", 200);
    for path in ["calls", "activity"] {
        check(&format!("/api/live-users/{path}"), "?limit=0", 400);
        check(&format!("/api/live-users/{path}"), "?limit=1001", 400);
    }
    for path in ["/api/live-users/history", "/api/live-users/history.svg"] {
        check(path, "?agent=booking&step=1m&from=-30m&to=now", 200);
        check(path, "?step=1s", 400);
        check(path, "?agent=nobody", 404);
    }
    check("/api/live-users/ws", "", 426);
    let (path, evict) = ("/api/live-users/calls/{callSid}/evict", |n| {
        ask(&server, "POST", &format!("/api/live-users/calls/{}/evict", sid(n)), API_TOKEN)
    });
    for (n, status) in [(1, 200), (1, 409), (9, 404)] {
        let answer = evict(n);
        assert_eq!(answer.status, status, "{}", answer.body);
        document.check("POST", path, &answer);
    }
    // With what has been healed in them.
    for path in &GATED[1..5] {
        check(path, "", 200);
    }
}

#[test]
fn webhooks_are_refused_as_the_document_says() {
    let (server, twilio) = start(&[]);
    let document = OpenApi::of(&server.url, VERSION);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    for path in ["/voice", "/speech-result", "/call-status"] {
        let url = format!("{}{path}", server.url);
        let fields = [("CallSid", "CA1"), ("CallStatus", "in-progress")];
        document.check("POST", path, &twilio.post(path, &fields));
        let checked = twilio.post(path, &[("LiveUsersCheck", "it-gets-here")]);
        assert_eq!(checked.status, 200, "{path}: {}", checked.body);
        document.check("POST", path, &checked);
        let long = vec![b'a'; 100_000];
        for (headers, body, status) in
            [(&form[..], &b"CallSid=CA1"[..], 403), (&[], b"", 415), (&form, &long, 413)]
        {
            let answer = send("POST", &url, headers, body);
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
            document.check("POST", path, &answer);
        }
    }
    let bad = twilio.post("/call-status", &[("CallSid", "two words")]);
    assert_eq!(bad.status, 400);
    document.check("POST", "/call-status", &bad);
}
