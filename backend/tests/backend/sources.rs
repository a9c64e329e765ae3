//! Webhooks of carriers and platforms, as their own packages have signed them, to the real binary.

use std::collections::BTreeMap;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use live_users_testkit::{Answer, OpenApi, Server, SettableClock, send};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::honest::{API_TOKEN, WITH_TOKEN, ask, read};
use crate::metrics::scrape;
use crate::{AGENTS, TOKEN, agents_file, start};

const BASE: &str = "https://calls.example.com";

/// The vectors of a kind: what its provider's packages have signed or accepted.
#[derive(Deserialize)]
struct File {
    secret: String,
    url: String,
    method: String,
    now_ms: u64,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_base64: Option<String>,
    url: Option<String>,
    method: Option<String>,
    secret: Option<String>,
    #[serde(default = "yes")]
    valid: bool,
    #[serde(default = "yes")]
    spoil: bool,
}

fn yes() -> bool {
    true
}

impl Vector {
    fn body(&self) -> Vec<u8> {
        let encoded = self.body_base64.as_ref().map(|it| BASE64.decode(it).expect("Base64"));
        encoded.or(self.body.clone().map(String::into_bytes)).expect("a body")
    }

    fn send(&self, server: &Server, file: &File, body: &[u8]) -> Answer {
        let url = self.url.as_ref().unwrap_or(&file.url).replace(BASE, &server.url);
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        send(self.method.as_ref().unwrap_or(&file.method), &url, &headers, body)
    }
}

/// What this webhook is answered with, as the provider's package has signed it, `SOURCE_SECRET` being
/// that of the vectors and the clock that of their signatures.
pub(crate) fn send_vector(server: &Server, kind: &str, name: &str) {
    let file = vectors(kind);
    let vector = file.vectors.iter().find(|vector| vector.name == name).expect("the vector");
    let answer = vector.send(server, &file, &vector.body());
    assert_eq!(answer.status, 204, "{kind}: {name}: {}", answer.body);
}

/// The secret of the vectors of a kind, and a clock that is in the time of their signatures.
pub(crate) fn secret_and_clock(kind: &str) -> (String, SettableClock) {
    let (secret, off_by) = secret_and_offset(kind);
    (secret, SettableClock::off_by(off_by))
}

/// The same, with how far that clock is off, in seconds.
pub(crate) fn secret_and_offset(kind: &str) -> (String, i64) {
    let file = vectors(kind);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let signed = i64::try_from(file.now_ms / 1_000).expect("a time");
    (file.secret, signed - i64::try_from(now).expect("a time"))
}

fn vectors(kind: &str) -> File {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/sources/src");
    let path = format!("{folder}/{kind}/fixtures/vectors.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("vectors")
}

pub(crate) fn source(id: &str, kind: &str, more: &str) -> String {
    format!(
        "[[source]]\nid = \"{id}\"\nkind = \"{kind}\"\nsecret_env = \"SOURCE_SECRET\"\n{more}\n"
    )
}

/// A backend with these sources, whose clock is off by so many seconds.
pub(crate) fn start_with(
    sources: &str,
    secret: &str,
    clock: &SettableClock,
    more: &[(&str, &str)],
) -> Server {
    let (_folder, agents) = agents_file(&format!("{AGENTS}\n{sources}"));
    let clock = clock.env();
    let clock: Vec<_> = clock.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let own = [
        WITH_TOKEN,
        ("AGENTS_FILE", agents.as_str()),
        ("PUBLIC_URL", BASE),
        ("SOURCE_SECRET", secret),
    ];
    start(&[&clock[..], &own, more].concat()).0
}

pub(crate) fn of_summary(server: &Server, id: &str) -> Value {
    let summary = read(server, "/summary");
    let sources = summary["sources"].as_array().expect("sources");
    sources.iter().find(|source| source["source"] == id).expect("the source").clone()
}

const KINDS: [&str; 11] = [
    "elevenlabs",
    "jambonz",
    "livekit",
    "openai",
    "plivo",
    "retell",
    "signalwire",
    "telnyx",
    "twilio",
    "vapi",
    "vonage",
];

#[test]
fn what_each_providers_package_has_signed_is_taken_and_anything_else_is_not() {
    for kind in KINDS {
        let (file, (_, clock)) = (vectors(kind), secret_and_clock(kind));
        // The id stands in the URL, which some have signed.
        let id = file.url.rsplit('/').next().expect("a URL");
        let server = start_with(&source(id, kind, "account = \"acme\""), &file.secret, &clock, &[]);
        let mut n_taken = 0;
        for vector in file.vectors.iter().filter(|it| it.secret.is_none()) {
            let (name, body) = (format!("{kind}: {}", vector.name), vector.body());
            if !vector.valid {
                let status = vector.send(&server, &file, &body).status;
                assert!([401, 403].contains(&status), "{name}: {status}");
                continue;
            }
            if vector.spoil && !body.is_empty() {
                let mut spoiled = body.clone();
                let last = spoiled.len() - 1;
                spoiled[last] ^= 1;
                let refused = vector.send(&server, &file, &spoiled);
                assert!([401, 403].contains(&refused.status), "{name}: {}", refused.body);
                assert_eq!(refused.body, r#"{"error":"not signed by this source"}"#, "{name}");
            }
            // Twice: whoever has no answer sends again.
            for _ in 0..2 {
                let answer = vector.send(&server, &file, &body);
                assert_eq!(answer.status, 204, "{name}: {}", answer.body);
            }
            n_taken += 1;
        }
        let headers = [("Content-Type", "application/json")];
        let unsigned = send("POST", &format!("{}/sources/{id}", server.url), &headers, b"{}");
        assert_eq!(unsigned.status, 401, "{kind}: {}", unsigned.body);
        let shown = of_summary(&server, id);
        assert!(n_taken > 2 && shown["heardAt"].is_string() && shown["refusedAt"].is_string());
        assert!(!shown["endsBy"].as_str().expect("a text").is_empty(), "{shown}");
        let (_, log) = server.terminate();
        assert!(!log.contains("15005550100"), "{kind}: a caller's number is in the log: {log}");
        assert!(!log.contains(&file.secret), "{kind}: the secret is in the log");
        assert!(!log.contains("of another account"), "{kind}: {log}");
        assert!(log.contains("expected"), "{kind}: the log has the remedy: {log}");
    }
}

pub(crate) fn post(server: &Server, path: &str, token: &str, body: &Value) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    send("POST", &format!("{}{path}", server.url), &headers, body.to_string().as_bytes())
}

pub(crate) fn event(id: &str, call: &str, event: &str) -> Value {
    json!({ "id": id, "call": call, "event": event, "agent": "booking", "caller": "+15005550100" })
}

pub(crate) fn total(server: &Server) -> String {
    ask_total(server).body
}

fn ask_total(server: &Server) -> Answer {
    live_users_testkit::get(&format!("{}/api/live-users", server.url))
}

pub(crate) const APP_TOKEN: &str = "a-token-of-an-application";

#[test]
fn events_in_our_own_words_start_move_and_end_calls() {
    let clock = SettableClock::off_by(0);
    let server = start_with(&source("app", "events", ""), APP_TOKEN, &clock, &[]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let told = |body: &Value| {
        let answer = post(&server, "/api/events", APP_TOKEN, body);
        document.check("POST", "/api/events", &answer);
        assert_eq!(answer.status, 204, "{}", answer.body);
    };
    told(&event("1", "call-1", "started"));
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
    told(&json!([event("2", "call-2", "started"), event("3", "call-3", "waiting")]));
    assert_eq!(total(&server), r#"{"liveUsers":1}"#, "one caller in two calls, and one waits");
    told(&event("4", "call-1", "transferred"));
    told(&event("5", "call-2", "ended"));
    assert_eq!(total(&server), r#"{"liveUsers":0}"#);
    told(&event("6", "call-1", "returned"));
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
    // The same event again moves nobody.
    told(&event("4", "call-1", "transferred"));
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
    let shown = of_summary(&server, "app");
    assert_eq!((&shown["liveUsers"], &shown["kind"]), (&1.into(), &"events".into()));
    let call = read(&server, "/calls/app%2Fcall-1");
    assert_eq!(call["call"]["sources"], json!(["app"]));
    assert_eq!(call["evidence"][0]["from"], "app");
    assert!(call["because"].as_str().expect("a text").contains("(app: in progress"), "{call}");
    told(&event("7", "call-1", "ended"));
    assert_eq!(total(&server), r#"{"liveUsers":0}"#);
}

#[test]
fn a_start_that_comes_again_or_has_a_time_ahead_takes_no_caller_back_from_a_person() {
    let clock = SettableClock::off_by(0);
    let server = start_with(&source("app", "events", ""), APP_TOKEN, &clock, &[]);
    let told = |id: &str, word: &str, at: Value| {
        let mut event = event(id, "call-1", word);
        event["at"] = at;
        assert_eq!(post(&server, "/api/events", APP_TOKEN, &event).status, 204);
    };
    told("1", "started", Value::from("2026-01-01T00:00:00Z"));
    told("2", "transferred", Value::Null);
    // Under another id, as from a sender that has forgotten the first.
    told("3", "started", Value::from("2026-01-01T00:00:00Z"));
    assert_eq!(total(&server), r#"{"liveUsers":0}"#);
    told("4", "returned", Value::from("3000-01-01T00:00:00Z"));
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
    told("5", "transferred", Value::Null);
    assert_eq!(total(&server), r#"{"liveUsers":0}"#);
    // One id for two calls is no repeat.
    assert_eq!(
        post(&server, "/api/events", APP_TOKEN, &event("5", "call-2", "started")).status,
        204
    );
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
}

#[test]
fn a_wrong_event_names_its_field_and_records_nothing_of_its_batch() {
    let clock = SettableClock::off_by(0);
    let server = start_with(&source("app", "events", ""), APP_TOKEN, &clock, &[]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let good = event("1", "call-1", "started");
    for (field, wrong) in [
        ("event", json!({ "id": "2", "call": "c", "event": "begun" })),
        ("call", json!({ "id": "2", "event": "started" })),
        ("id", json!({ "call": "c", "event": "started" })),
        ("at", json!({ "id": "2", "call": "c", "event": "started", "at": "yesterday" })),
        ("at", json!({ "id": "2", "call": "c", "event": "started", "at": 1_795_946_400 })),
        ("with", json!({ "id": "2", "call": "c", "event": "started", "with": "a dog" })),
        ("body", json!("text")),
    ] {
        let answer = post(&server, "/api/events", APP_TOKEN, &json!([good, wrong]));
        document.check("POST", "/api/events", &answer);
        let problem: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!((answer.status, &problem["field"]), (400, &field.into()), "{}", answer.body);
        assert!(problem["expected"].is_string());
        assert_eq!(total(&server), r#"{"liveUsers":0}"#);
    }
}

#[test]
fn who_shows_the_token_of_the_api_may_tell_of_calls_and_nobody_else() {
    let clock = SettableClock::off_by(0);
    let server = start_with("", APP_TOKEN, &clock, &[]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let started = event("1", "call-1", "started");
    for (token, status) in [("a wrong token", 403), (API_TOKEN, 204)] {
        let answer = post(&server, "/api/events", token, &started);
        assert_eq!(answer.status, status, "{}", answer.body);
        document.check("POST", "/api/events", &answer);
    }
    let url = format!("{}/api/events", server.url);
    assert_eq!(send("POST", &url, &[], started.to_string().as_bytes()).status, 401);
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
    assert_eq!(of_summary(&server, "api")["liveUsers"], 1);
    assert_eq!(of_summary(&server, "twilio")["liveUsers"], 0);
}

#[test]
fn a_call_whose_heartbeats_are_missed_is_given_up_and_says_why() {
    let clock = SettableClock::off_by(0);
    let table = source("app", "events", "heartbeat_seconds = 1\nmissed_heartbeats = 2");
    let mut server = start_with(&table, APP_TOKEN, &clock, &[]);
    let told =
        |id: &str, word: &str| post(&server, "/api/events", APP_TOKEN, &event(id, "c", word));
    assert_eq!(told("1", "started").status, 204);
    let explained = read(&server, "/calls/app%2Fc");
    assert_eq!(explained["next"]["what"], "timed-out", "{explained}");
    server.await_log("call ended (timed out)");
    assert_eq!(total(&server), r#"{"liveUsers":0}"#);
    let explained = read(&server, "/calls/app%2Fc");
    let because = explained["because"].as_str().expect("a text");
    assert!(because.contains("app is to be heard of it at least each 2 s"), "{because}");
    // A heartbeat after all: the call was up.
    let again = post(&server, "/api/events", APP_TOKEN, &event("2", "c", "heartbeat"));
    assert_eq!(again.status, 204);
    let outcomes = read(&server, "/calls/app%2Fc");
    let outcomes: Vec<_> = outcomes["evidence"]
        .as_array()
        .expect("evidence")
        .iter()
        .map(|it| &it["outcome"])
        .collect();
    assert_eq!(outcomes[..3], ["started", "ended", "resumed"]);
}

#[test]
fn a_webhook_out_of_its_time_is_refused_and_the_log_names_the_clock() {
    let (file, clock) = (vectors("vonage"), SettableClock::off_by(0));
    let mut server = start_with(&source("vonage", "vonage", ""), &file.secret, &clock, &[]);
    let vector = file.vectors.iter().find(|it| it.valid).expect("one");
    let status = vector.send(&server, &file, &vector.body()).status;
    assert!([401, 403].contains(&status), "{status}");
    let line = server.await_log("a webhook of source vonage is refused");
    assert!(line.contains("compare this machine's clock"), "{line}");
    assert!(!line.contains("is not what it signs with"), "{line}");
}

#[test]
fn silence_is_no_doubt_where_a_source_is_silent_while_a_call_goes_on() {
    let (_folder, agents) = agents_file(&format!("{AGENTS}\n{}", source("app", "events", "")));
    let own = [WITH_TOKEN, ("AGENTS_FILE", agents.as_str()), ("SOURCE_SECRET", APP_TOKEN)];
    let (server, twilio) = start(&own);
    assert_eq!(twilio.start(1).status, 200);
    let told = post(&server, "/api/events", APP_TOKEN, &event("1", "c", "started"));
    assert_eq!(told.status, 204);
    for (call, silent_s) in [(crate::honest::sid(1), 120), ("app%2Fc".to_owned(), 900)] {
        let why = read(&server, &format!("/calls/{call}"));
        assert_eq!(why["next"]["what"], "suspect", "{why}");
        let [heard, next] = [&why["call"]["heardAt"], &why["next"]["at"]].map(|at| {
            let at = at.as_str().expect("a moment");
            at.parse::<jiff::Timestamp>().expect("in RFC 3339")
        });
        let silent = next.duration_since(heard);
        assert_eq!(silent.as_millis(), silent_s * 1_000, "{why}");
    }
}

#[test]
fn a_platform_and_twilio_tell_of_one_call() {
    let clock = SettableClock::off_by(0);
    let (_folder, agents) = agents_file(&format!("{AGENTS}\n{}", source("app", "events", "")));
    let clock = clock.env();
    let clock: Vec<_> = clock.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let own = [WITH_TOKEN, ("AGENTS_FILE", agents.as_str()), ("SOURCE_SECRET", APP_TOKEN)];
    let (server, twilio) = start(&[&clock[..], &own].concat());
    assert_eq!(twilio.start(1).status, 200);
    let sid = crate::honest::sid(1);
    let told = |id: &str, word: &str| {
        let mut event = event(id, &sid, word);
        event["caller"] = Value::Null;
        assert_eq!(post(&server, "/api/events", APP_TOKEN, &event).status, 204);
    };
    told("1", "heartbeat");
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
    let call = read(&server, &format!("/calls/{sid}"));
    assert_eq!(call["call"]["sources"], json!(["twilio", "app"]));
    told("2", "transferred");
    assert_eq!(total(&server), r#"{"liveUsers":0}"#);
    told("3", "ended");
    assert_eq!(read(&server, &format!("/calls/{sid}"))["call"]["phase"], "completed");
}

#[test]
fn unknown_sources_and_long_bodies_are_refused_and_the_rest_is_counted() {
    let clock = SettableClock::off_by(0);
    let server = start_with(&source("app", "events", ""), APP_TOKEN, &clock, &[]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let unknown = post(&server, "/sources/nobody", APP_TOKEN, &json!({}));
    document.check("POST", "/sources/{id}", &unknown);
    assert_eq!(unknown.status, 404, "{}", unknown.body);
    let told = post(&server, "/sources/app", APP_TOKEN, &event("1", "c", "started"));
    document.check("POST", "/sources/{id}", &told);
    assert_eq!(told.status, 204, "{}", told.body);
    let mut long = event("2", "c", "heartbeat");
    long["transcript"] = Value::from("word ".repeat(200_000));
    assert_eq!(post(&server, "/sources/app", APP_TOKEN, &long).status, 204, "1 MB is taken");
    long["transcript"] = Value::from("word ".repeat(220_000));
    let too_long = post(&server, "/sources/app", APP_TOKEN, &long);
    document.check("POST", "/sources/{id}", &too_long);
    assert_eq!(too_long.status, 413);
    let figures = scrape(&server);
    let taken = r#"live_users_source_webhooks_total{source="app",outcome="accepted"}"#;
    assert_eq!(figures.get(taken), Some(2.0));
}

#[test]
fn wrong_sources_end_the_process_at_the_start_and_change_nothing_at_a_reload() {
    let (_folder, agents) = agents_file(&source("app", "nobody", ""));
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("AGENTS_FILE", agents.as_str()), ("PORT", "0")];
    let output = live_users_testkit::exit_of(crate::BINARY, &[], &env);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{told}");
    assert!(told.contains("kind: \"nobody\" is unknown; expected one of elevenlabs"), "{told}");
    fs::write(&agents, source("app", "events", "")).expect("a file can be written");
    let output = live_users_testkit::exit_of(crate::BINARY, &[], &env);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{told}");
    assert!(told.contains("source \"app\": SOURCE_SECRET is not set"), "{told}");
    let env = [WITH_TOKEN, ("AGENTS_FILE", agents.as_str()), ("SOURCE_SECRET", APP_TOKEN)];
    let (server, _) = start(&env);
    fs::write(&agents, source("app", "events", "").repeat(2)).expect("a file can be written");
    let reload = ask(&server, "POST", "/agents/reload", API_TOKEN);
    assert_eq!(reload.status, 422, "{}", reload.body);
    fs::write(&agents, source("other", "events", "")).expect("a file can be written");
    assert_eq!(ask(&server, "POST", "/agents/reload", API_TOKEN).status, 200);
    let told =
        |id: &str| post(&server, &format!("/sources/{id}"), APP_TOKEN, &event("1", "c", "started"));
    assert_eq!((told("app").status, told("other").status), (404, 204));
}
