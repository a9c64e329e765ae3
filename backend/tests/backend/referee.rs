//! The referee of the real binary, against a stand-in for Twilio's REST API.

use live_users_simulator::rest::{Behaviour, CallFacts, CallsApi, StandIn};
use live_users_testkit::{Server, Socket, Twilio, get, send};
use live_users_twilio::{CallStatus, Direction};
use serde_json::Value;

use crate::honest::API_TOKEN;
use crate::replicas::team::await_that;
use crate::{AGENTS, TOKEN, agents_file, start};

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";

pub(crate) fn stand_in(token: &str) -> StandIn {
    let api = CallsApi::new(ACCOUNT, token, 1).with_behaviour(Behaviour::without_lag());
    StandIn::start(api).expect("a server")
}

pub(crate) fn note(twilio: &StandIn, sid: &str, status: CallStatus) {
    let facts = CallFacts {
        sid,
        parent: None,
        status,
        direction: Direction::Inbound,
        from: "+14155550123",
        to: "+15005550006",
    };
    twilio.api().note(0, &facts);
}

pub(crate) fn start_with(twilio: &StandIn, more: &[(&str, &str)]) -> (Server, Twilio) {
    let url = twilio.url();
    // Only what is on an agent's number is added.
    let (_folder, agents) = agents_file(AGENTS);
    let env = [
        ("AGENTS_FILE", agents.as_str()),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_URL", &url),
        ("REFEREE_LOOK_SECONDS", "1"),
        ("REFEREE_REQUESTS_PER_MINUTE", "6000"),
        ("API_TOKEN", API_TOKEN),
    ];
    start(&[&env, more].concat())
}

fn summary(server: &Server) -> Value {
    let url = format!("{}/api/live-users/summary", server.url);
    let authorization = format!("Bearer {API_TOKEN}");
    let answer = send("GET", &url, &[("Authorization", &authorization)], b"");
    serde_json::from_str(&answer.body).expect("JSON")
}

pub(crate) const A: &str = "CA000000000000000000000000000000aa";

#[test]
fn calls_that_webhooks_have_not_told_of_are_found_and_their_ends_too() {
    let twilio = stand_in(TOKEN);
    note(&twilio, A, CallStatus::InProgress);
    let (mut server, webhooks) = start_with(&twilio, &[]);
    server.await_log("call started as the referee has found, 1 live");
    assert_eq!(webhooks.count(), r#"{"liveUsers":1}"#);
    note(&twilio, A, CallStatus::Completed);
    server.await_log("call ended (completed) as the referee has found, 0 live");
    assert_eq!(webhooks.count(), r#"{"liveUsers":0}"#);
    let summary = summary(&server);
    assert_eq!(summary["referee"]["state"], "watching");
    let by_cause = &summary["drift"]["byCause"];
    assert_eq!((&by_cause["missed-start"], &by_cause["missed-end"]), (&1.into(), &1.into()));
}

#[test]
fn what_was_missed_while_we_were_down_is_found_after_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let twilio = stand_in(TOKEN);
    let (mut server, webhooks) = start_with(&twilio, &[("JOURNAL_URL", &url)]);
    webhooks.start(1);
    note(&twilio, &format!("CA{:032x}", 1), CallStatus::InProgress);
    server.kill();
    note(&twilio, &format!("CA{:032x}", 1), CallStatus::Completed);
    note(&twilio, A, CallStatus::InProgress);
    let (mut server, webhooks) = start_with(&twilio, &[("JOURNAL_URL", &url)]);
    server.await_log("call started as the referee has found");
    server.await_log("call ended (completed) as the referee has found");
    assert_eq!(webhooks.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn wrong_credentials_end_nothing_are_told_and_never_shown() {
    let twilio = stand_in("another token than ours");
    let (mut server, webhooks) = start_with(&twilio, &[]);
    webhooks.start(1);
    let line = server.await_log("the referee has no answer: credentials refused: status 401");
    let settings = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "`live-users doctor`"];
    assert!(settings.iter().all(|it| line.contains(it)), "{line}");
    assert_eq!(webhooks.count(), r#"{"liveUsers":1}"#);
    let summary = summary(&server);
    assert_eq!(summary["referee"]["state"], "failing");
    assert!(summary["referee"]["failure"].as_str().unwrap().contains("401"), "{summary}");
    let ready = get(&format!("{}/readyz", server.url));
    assert_eq!(ready.status, 200, "webhooks are recorded all the same");
    let (_, log) = server.terminate();
    assert!(!log.contains(TOKEN), "{log}");
}

#[test]
fn refusals_for_too_many_requests_are_waited_out() {
    let twilio = stand_in(TOKEN);
    twilio.api().behaviour.too_many_per_mille = 1000;
    note(&twilio, A, CallStatus::InProgress);
    let (mut server, webhooks) = start_with(&twilio, &[]);
    server.await_log("the referee has no answer: too many requests");
    twilio.api().behaviour.too_many_per_mille = 0;
    server.await_log("the referee is answered again");
    server.await_log("call started as the referee has found, 1 live");
    assert_eq!(webhooks.count(), r#"{"liveUsers":1}"#);
}

#[tokio::test]
async fn where_only_asking_tells_of_calls_there_is_no_number_before_twilio_answers() {
    let twilio = stand_in("another token");
    let (mut server, webhooks) = start_with(&twilio, &[]);
    server.await_log("the referee has no answer: credentials refused: status 401");
    let authorization = format!("Bearer {API_TOKEN}");
    let read = |path: &str| {
        let url = format!("{}{path}", server.url);
        let answer = send("GET", &url, &[("Authorization", &authorization)], b"");
        (answer.status, answer.body)
    };
    let why =
        "Twilio's list of calls was not read yet, and nothing else tells this server of calls";
    // Everybody may read the total, and nobody but the operator why there is none.
    let not_known = r#"{"error":"the number is not known at present"}"#;
    assert_eq!(read("/api/live-users"), (503, not_known.to_owned()));
    let warning = format!(r#"{{"status":"ready","warnings":["the number is unknown: {why}"]}}"#);
    assert_eq!(read("/readyz"), (200, warning));
    let with_failure = format!("{why} (credentials refused: status 401)");
    let summary = read("/api/live-users/summary");
    assert_eq!(summary, (503, format!(r#"{{"error":"{with_failure}"}}"#)));
    assert_eq!(read("/api/live-users/calls"), (503, format!(r#"{{"error":"{why}"}}"#)));
    let metrics = read("/metrics").1;
    assert!(metrics.contains("\nlive_users_count_known 0.0\n"), "{metrics}");
    assert!(!metrics.contains("live_users_users"), "{metrics}");
    let url = format!("{}/api/live-users/ws", server.url);
    let mut socket = Socket::open(&url, &[]).await.expect("a stream");
    assert_eq!(socket.text().await, not_known);
    // A webhook shows that there is another source.
    webhooks.start(1);
    assert_eq!(webhooks.count(), r#"{"liveUsers":1}"#);
    assert!(socket.text().await.starts_with(r#"{"liveUsers":1,"#));
    assert_eq!(read("/readyz"), (200, r#"{"status":"ready"}"#.to_owned()));
}

#[test]
fn where_webhooks_are_expected_twilio_need_not_answer() {
    let twilio = stand_in("another token");
    let expected = [("PUBLIC_URL", "https://calls.example.com")];
    let (mut server, webhooks) = start_with(&twilio, &expected);
    server.await_log("the referee has no answer: credentials refused: status 401");
    assert_eq!(webhooks.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn where_only_asking_tells_of_calls_those_on_other_numbers_are_told() {
    let twilio = stand_in(TOKEN);
    let facts = CallFacts {
        sid: A,
        parent: None,
        status: CallStatus::InProgress,
        direction: Direction::Inbound,
        from: "+14155550123",
        to: "+12065550199",
    };
    twilio.api().note(0, &facts);
    let (mut server, webhooks) = start_with(&twilio, &[]);
    server.await_log("1 calls are up on numbers that no agent has, and are not counted");
    // The line is written before the number is known that comes of the same list.
    await_that("the number is known", || webhooks.count() == r#"{"liveUsers":0}"#);
    assert_eq!(summary(&server)["referee"]["unlisted"], 1);
    // Without any number of an agent, the whole account counts.
    let (mut server, webhooks) = start_with(&twilio, &[("AGENTS_FILE", "")]);
    server.await_log("call started as the referee has found, 1 live");
    assert_eq!(webhooks.count(), r#"{"liveUsers":1}"#);
}
