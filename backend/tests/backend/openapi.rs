//! The document of all paths: it tells of each of them, and what is answered is what it tells.

use live_users_testkit::{Answer, OpenApi, Server, get, paths_in, send};
use serde_json::{Value, json};

use crate::honest::{API_TOKEN, WITH_TOKEN, sid};
use crate::sources::post;
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

#[test]
fn an_event_is_taken_or_refused_as_the_document_says() {
    let (server, _) = start(&[WITH_TOKEN]);
    let document = OpenApi::of(&server.url, VERSION);
    let check = |body: &Value, is_taken: bool| {
        let answer = post(&server, "/api/events", API_TOKEN, body);
        assert_eq!(answer.status, if is_taken { 204 } else { 400 }, "{body}: {}", answer.body);
        document.check("POST", "/api/events", &answer);
        assert_eq!(document.takes("POST", "/api/events", body), is_taken, "{body}");
    };
    let event = json!({ "id": "1", "call": "c", "event": "started" });
    let with = |name: &str, value: Value| {
        let mut event = event.clone();
        event[name] = value;
        event
    };
    for name in ["agent", "caller", "with", "direction", "reason", "at"] {
        check(&with(name, Value::Null), true);
        check(&with(name, json!([])), false);
    }
    for name in ["id", "call", "agent", "caller"] {
        for number in [json!(7), json!(-7), json!(1.5), json!(1e300)] {
            check(&with(name, number), true);
        }
        for wrong in [json!(""), json!(" "), json!("x".repeat(257)), json!({}), json!(true)] {
            check(&with(name, wrong), false);
        }
    }
    for name in ["id", "call", "event"] {
        check(&with(name, Value::Null), false);
    }
    for (name, right, wrong) in [
        ("event", json!("heartbeat"), json!("hangup")),
        ("with", json!("machine"), json!("bot")),
        ("direction", json!("outbound"), json!("dial")),
        ("reason", json!("no-answer"), json!("gone")),
        ("at", json!("2026-11-23T09:30:00Z"), json!("today")),
        ("at", json!(1_795_426_200_000_u64), json!(1_795_426_200)),
    ] {
        check(&with(name, right), true);
        check(&with(name, wrong), false);
    }
    check(&with("else", json!({ "more": 1 })), true);
    let cloud_event = json!({ "specversion": "1.0", "id": "2", "source": "/app", "type": "x.started",
        "subject": "c", "time": null, "data": { "agent": null } });
    for (body, is_taken) in [
        (cloud_event.clone(), true),
        (json!([cloud_event, event]), true),
        (json!([]), true),
        (json!([event, {}]), false),
        (json!([[event]]), false),
        (json!("started"), false),
        (Value::Null, false),
    ] {
        check(&body, is_taken);
    }
    let many = |n: usize| Value::Array(vec![event.clone(); n]);
    check(&many(1_000), true);
    check(&many(1_001), false);
    for name in ["id", "type"] {
        let mut wrong = cloud_event.clone();
        wrong.as_object_mut().expect("an object").remove(name);
        check(&wrong, false);
    }
    let mut wrong = cloud_event;
    wrong["data"] = Value::Null;
    check(&wrong, false);
}
