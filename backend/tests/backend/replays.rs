//! Requests that are sent again, and signed requests that no call of the account can have sent.

use live_users_testkit::{Server, Twilio, send};
use serde_json::Value;

use crate::honest::API_TOKEN;
use crate::{AGENTS, agents_file, start};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const CALL: &str = "CA0000000000000000000000000000000f";

fn call(status: &'static str) -> [(&'static str, &'static str); 4] {
    [("AccountSid", ACCOUNT), ("CallSid", CALL), ("CallStatus", status), ("From", "+14155550123")]
}

fn start_with_agents(env: &[(&str, &str)]) -> (Server, Twilio) {
    let (_folder, agents) = agents_file(AGENTS);
    start(&[&[("AGENTS_FILE", agents.as_str()), ("API_TOKEN", API_TOKEN)], env].concat())
}

fn read(server: &Server, path: &str) -> String {
    let authorization = format!("Bearer {API_TOKEN}");
    let url = format!("{}{path}", server.url);
    send("GET", &url, &[("Authorization", &authorization)], b"").body
}

/// The agents that have a live call, by id.
fn talking(server: &Server) -> Vec<String> {
    let summary: Value =
        serde_json::from_str(&read(server, "/api/live-users/summary")).expect("JSON");
    let agents = summary["byAgent"].as_array().expect("a list").iter();
    let busy = agents.filter(|agent| agent["liveUsers"] == 1);
    busy.map(|agent| agent["agent"].as_str().expect("an id").to_owned()).collect()
}

fn outcomes(server: &Server, path: &str, outcome: &str) -> String {
    let page = read(server, "/metrics");
    let name = format!("live_users_webhooks_total{{path=\"{path}\",outcome=\"{outcome}\"}} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&name).map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in {page}"))
}

#[test]
fn an_attempt_of_a_request_that_was_recorded_is_answered_and_changes_nothing() {
    let (server, twilio) = start_with_agents(&[]);
    let support = [&call("in-progress")[..], &[("CallerCity", "PARIS")]].concat();
    let first = twilio.post_as("r-1", "/voice?agent=booking", &call("in-progress"));
    twilio.post_as("r-2", "/voice?agent=support", &support);
    assert_eq!(talking(&server), ["support"]);
    let again = twilio.post_as("r-1", "/voice?agent=booking", &call("in-progress"));
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(talking(&server), ["support"]);
    assert_eq!(outcomes(&server, "/voice", "repeated"), "1");
    // Another request with the same fields is another word: the call moves.
    twilio.post_as("r-3", "/voice?agent=booking", &call("in-progress"));
    assert_eq!(talking(&server), ["booking"]);
    for n in 1..=3 {
        assert_eq!(twilio.post_as("r-4", "/call-status", &call("completed")).status, 204);
        assert_eq!(outcomes(&server, "/call-status", "repeated"), (n - 1).to_string());
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn a_call_of_another_account_is_answered_and_not_counted() {
    let (mut server, twilio) = start_with_agents(&[("TWILIO_WEBHOOK_ACCOUNTS", ACCOUNT)]);
    let other = ACCOUNT.replace('1', "2");
    let foreign = [("AccountSid", other.as_str()), ("CallSid", CALL), ("CallStatus", "ringing")];
    let answer = twilio.post("/voice", &foreign);
    assert!(answer.status == 200 && answer.body.contains("<Response>"), "{answer:?}");
    server
        .await_log("/voice is answered but not counted: AccountSid: invalid; expected an account");
    let answer = twilio.post("/call-status", &foreign);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("AccountSid") && !answer.body.contains(&other), "{answer:?}");
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    twilio.post("/voice", &call("ringing"));
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn the_account_of_the_referee_is_the_one_whose_webhooks_count() {
    let referee = [
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        // Nothing listens there.
        ("TWILIO_API_URL", "http://127.0.0.1:1"),
    ];
    let (_server, twilio) = start_with_agents(&referee);
    let other = ACCOUNT.replace('1', "2");
    let foreign = [("AccountSid", other.as_str()), ("CallSid", CALL), ("CallStatus", "ringing")];
    assert_eq!(twilio.post("/voice", &foreign).status, 200);
    // Twilio cannot be asked either, so nothing is known.
    assert!(twilio.count().contains("the number is not known at present"), "{}", twilio.count());
    twilio.post("/voice", &call("ringing"));
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn a_call_of_twilios_has_an_id_of_twilios() {
    let (mut server, twilio) = start_with_agents(&[]);
    let odd = [("AccountSid", ACCOUNT), ("CallSid", "CA1"), ("CallStatus", "ringing")];
    let answer = twilio.post("/voice", &odd);
    assert!(answer.status == 200 && answer.body.contains("<Response>"), "{answer:?}");
    server.await_log("CallSid: invalid; expected CA and 32 hexadecimal digits");
    assert_eq!(twilio.post("/call-status", &odd).status, 400);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}
