//! What everybody is told of calls that have been silent for a while, and of one agent alone.

use std::fs;

use jiff::Timestamp;
use live_users_testkit::{Answer, Events, Server, Socket, Twilio, send, wrong_clock};
use serde_json::{Value, json};

use crate::honest::{API_TOKEN, WITH_TOKEN, read};
use crate::replicas::team::await_look;
use crate::{agents_file, start};

const MORE: (&str, &str) = ("Accept", "application/vnd.live-users+json");

/// A backend on this journal whose clock is so far ahead.
fn start_later(journal: &str, ahead: &str, more: &[(&str, &str)]) -> (Server, Twilio) {
    let clock = wrong_clock(ahead);
    let clock: Vec<_> = clock.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let env = [WITH_TOKEN, ("JOURNAL_URL", journal), ("SUSPECT_AFTER_SECONDS", "30")];
    start(&[&clock[..], &env, more].concat())
}

fn journal() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().to_str().expect("a path of text"));
    (folder, url)
}

fn at(server: &Server, path: &str) -> String {
    format!("{}/api/live-users{path}", server.url)
}

fn total(server: &Server, query: &str, headers: &[(&str, &str)]) -> Answer {
    send("GET", &at(server, query), headers, b"")
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

#[tokio::test]
async fn calls_that_become_suspect_by_silence_alone_are_told_to_all_who_listen() {
    let (_folder, journal) = journal();
    let (server, twilio) = start_later(&journal, "+0s", &[]);
    (1..=3).for_each(|n| drop(twilio.start(n)));
    drop(server);
    let (server, twilio) = start_later(&journal, "+15s", &[]);
    let mut events = Events::open(&at(&server, "/stream"), &[]).await.expect("a stream");
    let mut socket = Socket::open(&at(&server, "/ws"), &[]).await.expect("a socket");
    let first = events.next_event().await.expect("an event");
    let (sure, first_id) = (parsed(&first.clone().into_text()), first.id);
    assert_eq!((&sure["liveUsers"], &sure["suspect"]), (&json!(3), &Value::Null));
    assert_eq!(parsed(&socket.text().await), sure);
    assert_eq!(total(&server, "", &[]).body, r#"{"liveUsers":3}"#);

    let unsure = loop {
        let frame = parsed(&socket.text().await);
        if frame["suspect"] == 3 {
            break frame;
        }
    };
    assert_eq!(unsure["liveUsers"], 3);
    assert_eq!(unsure["seq"], sure["seq"], "nothing was recorded");
    while parsed(&events.next().await.expect("an event")) != unsure {}
    // Who comes back with the frame of before has not got this one.
    let known = [("Last-Event-ID", first_id.as_deref().expect("an id"))];
    let mut back = Events::open(&at(&server, "/stream"), &known).await.expect("a stream");
    assert_eq!(parsed(&back.next().await.expect("an event")), unsure);

    let summary = read(&server, "/summary");
    assert_eq!(summary["publicSuspect"], 3);
    assert_eq!(summary["byAgent"][0]["publicSuspect"], 3, "{summary}");
    assert_eq!(total(&server, "", &[]).body, r#"{"liveUsers":3}"#, "as ever");
    twilio.start(1);
    while parsed(&socket.text().await)["suspect"] != 2 {}
    (2..=3).for_each(|n| drop(twilio.start(n)));
    while !parsed(&socket.text().await)["suspect"].is_null() {}
}

#[tokio::test]
async fn the_summary_of_a_link_tells_of_doubt_when_it_begins() {
    let (_folder, journal) = journal();
    let (server, twilio) = start_later(&journal, "+0s", &[]);
    (1..=3).for_each(|n| drop(twilio.start(n)));
    drop(server);
    let (server, _twilio) = start_later(&journal, "+20s", &[]);
    let link = json!({"name": "Wall", "scope": {"total": true}, "expires": "1d"}).to_string();
    let bearer = |token: &str| format!("Bearer {token}");
    let (api, json) = (bearer(API_TOKEN), ("Content-Type", "application/json"));
    let headers = [("Authorization", api.as_str()), json];
    let made = send("POST", &at(&server, "/links"), &headers, link.as_bytes());
    let token = bearer(parsed(&made.body)["token"].as_str().expect("a token"));
    let headers = [("Authorization", token.as_str())];
    let moment =
        |value: &Value| -> Timestamp { value.as_str().expect("a text").parse().expect("a moment") };
    let calls = read(&server, "/calls")["calls"].clone();
    let heard = calls.as_array().expect("a list").iter().map(|it| moment(&it["heardAt"]));
    let begins = heard.max().expect("three calls").as_millisecond() + 30_000;
    // Some seconds before a summary would come anyway, which is 5 s after the first one.
    let left_ms = || begins - moment(&read(&server, "/summary")["asOf"]).as_millisecond();
    await_look("the doubt is near", left_ms, |left_ms| *left_ms < 2_000);
    let mut events = Events::open(&at(&server, "/summary/stream"), &headers).await.expect("one");
    let told = loop {
        let frame = parsed(&events.next().await.expect("an event"));
        if frame["suspect"] == 3 {
            break frame;
        }
    };
    let late_ms = moment(&told["asOf"]).as_millisecond() - begins;
    assert!((0..2_000).contains(&late_ms), "it is told {late_ms} ms later");
}

#[test]
fn polled_answers_tell_the_doubt_on_request_and_from_its_share_on() {
    let (_folder, journal) = journal();
    let (server, twilio) = start_later(&journal, "+0s", &[]);
    (1..=4).for_each(|n| drop(twilio.start(n)));
    drop(server);
    let (server, twilio) = start_later(
        &journal,
        "+10m",
        &[("SUSPECT_SHARE_PERCENT", "50"), ("PUBLIC_BY_AGENT", "false")],
    );
    let plain = total(&server, "", &[]);
    assert_eq!(plain.body, r#"{"liveUsers":4}"#);
    assert!(plain.header("vary").to_lowercase().contains("accept"));
    let answer = total(&server, "", &[MORE]);
    let told = parsed(&answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.header("vary").to_lowercase().contains("accept"));
    assert_ne!(answer.header("etag"), plain.header("etag"));
    assert_eq!((&told["liveUsers"], &told["suspect"]), (&json!(4), &json!(4)));
    assert!(told["asOf"].as_str().is_some_and(|it| it.ends_with('Z')), "{told}");
    for accept in ["application/json", "*/*", "application/vnd.live-users+json;q=0", "nonsense"] {
        let answer = total(&server, "", &[("Accept", accept)]);
        assert_eq!(answer.body, r#"{"liveUsers":4}"#, "{accept}");
    }

    (1..=3).for_each(|n| drop(twilio.start(n)));
    // The doubt is looked at anew just after the number.
    let more = || parsed(&total(&server, "", &[MORE]).body);
    let told = await_look("no doubt", more, |told| told["suspect"].is_null());
    assert_eq!(told["liveUsers"], 4, "one of four is less than half");
    drop(server);

    let always = [("PUBLIC_SUSPECT", "true"), ("SUSPECT_SHARE_PERCENT", "0")];
    let (server, _) = start_later(&journal, "+15m", &always);
    assert_eq!(parsed(&total(&server, "", &[]).body)["suspect"], 4);
}

const AGENTS: &str = r#"
    [[agent]]
    id = "booking"
    name = "Bookings"
    account = "acme"
    public = true
    numbers = ["+15005550006"]

    [[agent]]
    id = "support"
    name = "Support"
    account = "zeta"
    numbers = ["+15005550007"]

    [[token]]
    id = "wall"
    secret_env = "WALL_TOKEN"
    accounts = ["acme"]
"#;

const WALL: &str = "w4llt0k3nw4llt0k3nw4llt0k3n";

#[test]
fn the_doubt_of_each_agent_in_the_summary_is_of_its_own_calls() {
    let ((_folder, journal), (_agents, file)) = (journal(), agents_file(AGENTS));
    let env = [("AGENTS_FILE", file.as_str()), ("WALL_TOKEN", WALL)];
    let (server, twilio) = start_later(&journal, "+0s", &env);
    (1..=3).for_each(|n| drop(twilio.start(n)));
    drop(server);
    let more = [("SUSPECT_SHARE_PERCENT", "70")];
    let (server, twilio) = start_later(&journal, "+10m", &[&env[..], &more].concat());
    let fields = [("CallStatus", "ringing"), ("Direction", "inbound"), ("To", "+15005550007")];
    for n in 1..=2 {
        // Callers of the other agent, too.
        let (sid, from) = (format!("CA{:032x}", 70 + n), format!("+1415555{n:04}"));
        let fields = [&fields[..], &[("CallSid", &sid), ("From", &from)]].concat();
        assert_eq!(twilio.post("/voice", &fields).status, 200);
    }
    let summary = read(&server, "/summary");
    let told = |of: &Value| (of["liveUsers"].clone(), of["publicSuspect"].clone());
    let [booking, support] = [0, 1].map(|n| told(&summary["byAgent"][n]));
    assert_eq!(booking, (json!(3), json!(3)), "{summary}");
    assert_eq!(support, (json!(2), Value::Null), "{summary}");
    assert_eq!(summary["publicSuspect"], Value::Null, "less than 70 % of all: {summary}");
}

fn start_agents(file: &str, more: &[(&str, &str)]) -> (Server, Twilio) {
    start(&[&[WITH_TOKEN, ("AGENTS_FILE", file), ("WALL_TOKEN", WALL)], more].concat())
}

#[test]
fn everybody_may_ask_for_a_public_agent_and_learns_of_no_other() {
    let (_agents, file) = agents_file(AGENTS);
    let (server, twilio) = start_agents(&file, &[]);
    (1..=2).for_each(|n| drop(twilio.start(n)));
    assert_eq!(total(&server, "?agent=booking", &[]).body, r#"{"liveUsers":2}"#);
    assert_eq!(total(&server, "?agent=%20b%6foking", &[]).body, r#"{"liveUsers":2}"#);
    let told = parsed(&total(&server, "?agent=booking", &[MORE]).body);
    assert_eq!((&told["liveUsers"], &told["agent"]), (&json!(2), &json!("booking")));

    let hidden = total(&server, "?agent=support", &[]);
    assert_eq!((hidden.status, &parsed(&hidden.body)["field"]), (404, &json!("agent")));
    for unknown in ["nobody", "Booking", "booking%00", "%2B15005550006"] {
        let answer = total(&server, &format!("?agent={unknown}"), &[]);
        assert_eq!((answer.status, &answer.body), (404, &hidden.body), "{unknown}");
        for stream in ["/stream", "/ws"] {
            let answer = total(&server, &format!("{stream}?agent={unknown}"), &[]);
            assert_eq!((answer.status, &answer.body), (404, &hidden.body), "{stream} {unknown}");
        }
    }

    let bearer = |token: &str| format!("Bearer {token}");
    let (api, wall) = (bearer(API_TOKEN), bearer(WALL));
    for (token, agent, status) in [
        (&api, "support", 200),
        (&api, "nobody", 404),
        (&api, "support&public=true", 404),
        (&api, "booking&public=true", 200),
        (&wall, "booking", 200),
        (&wall, "support", 404),
    ] {
        let answer = total(&server, &format!("?agent={agent}"), &[("Authorization", token)]);
        assert_eq!(answer.status, status, "{agent}: {}", answer.body);
    }
    drop(server);

    let (server, _) = start_agents(&file, &[("PUBLIC_TOTAL", "false")]);
    assert_eq!(total(&server, "?agent=booking", &[]).status, 401);
    assert_eq!(total(&server, "?agent=booking", &[("Authorization", &wall)]).status, 200);
}

#[test]
fn everybody_is_told_the_doubt_of_an_agent_on_request() {
    let (_folder, journal) = journal();
    let (_agents, file) = agents_file(AGENTS);
    let settings = [("AGENTS_FILE", &*file), ("WALL_TOKEN", WALL)];
    let (server, twilio) = start_later(&journal, "+0s", &settings);
    (1..=2).for_each(|n| drop(twilio.start(n)));
    drop(server);
    let (server, twilio) = start_later(&journal, "+10m", &settings);
    let more = || parsed(&total(&server, "?agent=booking", &[MORE]).body);
    let told = more();
    assert_eq!((&told["liveUsers"], &told["suspect"]), (&json!(2), &json!(2)), "{told}");
    assert_eq!(total(&server, "?agent=booking", &[]).body, r#"{"liveUsers":2}"#);
    for (call, left) in [(1, json!(1)), (2, Value::Null)] {
        twilio.start(call);
        // The doubt is looked at anew just after the number.
        await_look("the doubt that is left", more, |told| told["suspect"] == left);
    }
}

#[tokio::test]
async fn streams_of_an_agent_end_when_it_is_public_no_more() {
    let (_agents, file) = agents_file(AGENTS);
    let (server, twilio) = start_agents(&file, &[]);
    twilio.start(1);
    let at = at(&server, "/stream?agent=booking");
    let bearer = format!("Bearer {API_TOKEN}");
    let token = [("Authorization", bearer.as_str())];
    let mut everybody = Events::open(&at, &[]).await.expect("a stream");
    let mut operator = Events::open(&at, &token).await.expect("a stream");
    for events in [&mut everybody, &mut operator] {
        let frame = parsed(&events.next().await.expect("an event"));
        assert_eq!((&frame["liveUsers"], &frame["agent"]), (&json!(1), &json!("booking")));
    }
    fs::write(&file, AGENTS.replace("public = true", "")).expect("the file can be written");
    let reloaded =
        send("POST", &format!("{}/api/live-users/agents/reload", server.url), &token, b"");
    assert_eq!(reloaded.status, 200, "{}", reloaded.body);
    while everybody.next().await.is_some() {}
    assert_eq!(total(&server, "?agent=booking", &[]).status, 404);
    twilio.start(2);
    while parsed(&operator.next().await.expect("an event"))["liveUsers"] != 2 {}
}
