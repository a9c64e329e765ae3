//! Accounts and sub-accounts with tokens of their own: whose calls are whose, and who is asked.

use live_users_simulator::rest::{Behaviour, CallsApi, StandIn};
use live_users_testkit::{Server, Twilio};
use live_users_twilio::CallStatus;
use serde_json::{Value, json};

use crate::honest::{API_TOKEN, WITH_TOKEN, ask, read};
use crate::receiver::Receiver;
use crate::referee::{A, note};
use crate::{AGENTS, TOKEN, agents_file, start};

pub(crate) const ACME: &str = "AC00000000000000000000000000000002";
pub(crate) const OTHER: &str = "AC00000000000000000000000000000003";
pub(crate) const ACME_TOKEN: &str = "4cm3t0k3n4cm3t0k3n4cm3t0k3n4cm3t";
pub(crate) const OTHER_TOKEN: &str = "0th3rt0k3n0th3rt0k3n0th3rt0k3n00";

pub(crate) const TABLES: &str = r#"
    [[account]]
    id = "acme"
    sid = "AC00000000000000000000000000000002"
    auth_token_env = "ACME_AUTH_TOKEN"

    [[account]]
    id = "other"
    sid = "AC00000000000000000000000000000003"
    auth_token_env = "OTHER_AUTH_TOKEN"
"#;

const READER: &str = r#"
    [[token]]
    id = "wall"
    secret_env = "WALL_TOKEN"
    accounts = ["acme"]
"#;

const WALL: &str = "w4llt0k3nw4llt0k3nw4llt0k3n";

fn start_with(more: &[(&str, &str)]) -> Server {
    let (_folder, agents) = agents_file(&format!("{AGENTS}\n{TABLES}{READER}"));
    let own = [
        WITH_TOKEN,
        ("AGENTS_FILE", agents.as_str()),
        ("ACME_AUTH_TOKEN", ACME_TOKEN),
        ("OTHER_AUTH_TOKEN", OTHER_TOKEN),
        ("WALL_TOKEN", WALL),
        // Nobody answers there unless a test says so.
        ("TWILIO_API_URL", "http://127.0.0.1:9"),
    ];
    start(&[&own, more].concat()).0
}

/// What becomes of the start of a call of this account, signed with this token.
fn begin(server: &Server, call: u8, account: &str, token: &str) -> u16 {
    let sid = crate::honest::sid(call);
    let from = format!("+1415555010{call}");
    let fields = [
        ("CallSid", sid.as_str()),
        ("AccountSid", account),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", from.as_str()),
        ("To", "+15005550006"),
    ];
    Twilio::new(&server.url, token).post("/voice", &fields).status
}

fn by_account(server: &Server) -> Value {
    read(server, "/summary")["byAccount"].clone()
}

#[test]
fn each_account_has_its_number_and_its_token_signs_for_no_other() {
    let server = start_with(&[]);
    assert_eq!(begin(&server, 1, ACME, ACME_TOKEN), 200);
    assert_eq!(begin(&server, 2, OTHER, OTHER_TOKEN), 200);
    assert_eq!(begin(&server, 3, OTHER, OTHER_TOKEN), 200);
    assert_eq!(begin(&server, 4, "AC00000000000000000000000000000009", TOKEN), 200);
    // A customer has the token of its own account alone.
    assert_eq!(begin(&server, 5, OTHER, ACME_TOKEN), 403);
    assert_eq!(begin(&server, 6, "AC00000000000000000000000000000009", ACME_TOKEN), 403);
    assert_eq!(
        by_account(&server),
        json!([
            { "account": null, "liveUsers": 1, "liveCalls": 1 },
            { "account": "acme", "liveUsers": 1, "liveCalls": 1 },
            { "account": "other", "liveUsers": 2, "liveCalls": 2 },
        ])
    );
    let call = read(&server, &format!("/calls/{}", crate::honest::sid(1)));
    assert_eq!(call["call"]["account"], "acme");
}

#[test]
fn who_has_the_token_of_one_account_changes_no_call_of_another() {
    let mut server = start_with(&[]);
    assert_eq!(begin(&server, 1, ACME, ACME_TOKEN), 200);
    assert_eq!(begin(&server, 2, "AC00000000000000000000000000000009", TOKEN), 200);
    let calls = || {
        let mut calls = read(&server, "/calls")["calls"].as_array().expect("a list").clone();
        calls.iter_mut().for_each(|call| call["liveMs"] = Value::Null);
        calls
    };
    let before = (by_account(&server), calls());
    for call in [1, 2] {
        let sid = crate::honest::sid(call);
        let fields =
            |status| [("CallSid", sid.as_str()), ("AccountSid", OTHER), ("CallStatus", status)];
        let other = Twilio::new(&server.url, OTHER_TOKEN);
        assert_eq!(other.post("/call-status", &fields("completed")).status, 204);
        assert_eq!(other.post("/voice?agent=support", &fields("in-progress")).status, 200);
        assert_eq!((by_account(&server), calls()), before);
        let why = read(&server, &format!("/calls/{sid}"));
        let outcomes: Vec<_> = why["evidence"].as_array().expect("a list").iter().collect();
        assert_eq!(outcomes.last().expect("some")["outcome"], "refused", "{why}");
    }
    // The reader of an account is told of nobody else.
    let own = crate::scopes::read(&server, &format!("/calls/{}", crate::honest::sid(1)), WALL);
    let pieces = own["evidence"].as_array().expect("a list");
    assert!(pieces.len() == 1 && pieces[0]["outcome"] == "started", "{own}");
    server.await_log("speaks for another account than the call's");
}

#[test]
fn a_leg_is_of_the_account_of_its_call() {
    let server = start_with(&[]);
    assert_eq!(begin(&server, 1, ACME, ACME_TOKEN), 200);
    let (call, leg) = (crate::honest::sid(1), crate::honest::sid(2));
    // It names no account.
    let fields = [
        ("CallSid", leg.as_str()),
        ("ParentCallSid", call.as_str()),
        ("CallStatus", "in-progress"),
        ("Direction", "outbound-dial"),
    ];
    assert_eq!(Twilio::new(&server.url, TOKEN).post("/call-status", &fields).status, 204);
    let explained = read(&server, &format!("/calls/{leg}"));
    assert_eq!(explained["call"]["account"], "acme", "{explained}");
}

#[test]
fn each_account_is_asked_with_its_own_token() {
    let api = CallsApi::new(ACME, ACME_TOKEN, 1).with_behaviour(Behaviour::without_lag());
    let twilio = StandIn::start(api).expect("a server");
    let url = twilio.url();
    note(&twilio, A, CallStatus::InProgress);
    let mut server = start_with(&[
        ("TWILIO_API_URL", &url),
        ("REFEREE_LOOK_SECONDS", "1"),
        ("REFEREE_REQUESTS_PER_MINUTE", "6000"),
    ]);
    assert_eq!(begin(&server, 2, OTHER, OTHER_TOKEN), 200);
    server.await_log("call started as the referee has found");
    let counted = json!([
        { "account": "acme", "liveUsers": 1, "liveCalls": 1 },
        { "account": "other", "liveUsers": 1, "liveCalls": 1 },
    ]);
    assert_eq!(by_account(&server), counted);
    // The lost end of a sub-account's call. The other account's call is no business of its list.
    note(&twilio, A, CallStatus::Completed);
    server.await_log("call ended (completed) as the referee has found");
    assert_eq!(by_account(&server)[0]["account"], "other");
    let (_, log) = server.terminate();
    assert!(log.contains("the referee has no answer for account other"), "{log}");
    assert!(!log.contains(ACME_TOKEN) && !log.contains(OTHER_TOKEN));
}

#[test]
fn what_the_referee_of_the_settings_finds_is_a_call_of_that_account_for_good() {
    const MAIN: &str = "AC00000000000000000000000000000009";
    let api = CallsApi::new(MAIN, TOKEN, 1).with_behaviour(Behaviour::without_lag());
    let twilio = StandIn::start(api).expect("a server");
    let url = twilio.url();
    note(&twilio, A, CallStatus::InProgress);
    let mut server = start_with(&[
        ("TWILIO_ACCOUNT_SID", MAIN),
        ("TWILIO_API_URL", &url),
        ("REFEREE_LOOK_SECONDS", "1"),
        ("REFEREE_REQUESTS_PER_MINUTE", "6000"),
    ]);
    assert_eq!(begin(&server, 2, MAIN, TOKEN), 200);
    server.await_log("call started as the referee has found");
    for status in ["in-progress", "completed"] {
        let fields = [("CallSid", A), ("AccountSid", OTHER), ("CallStatus", status)];
        Twilio::new(&server.url, OTHER_TOKEN).post("/call-status", &fields);
    }
    let summary = read(&server, "/summary");
    assert_eq!((&summary["liveUsers"], &summary["byAccount"]), (&json!(2), &Value::Null));
    note(&twilio, A, CallStatus::Completed);
    server.await_log("call ended (completed) as the referee has found");
}

#[test]
fn a_missing_token_ends_the_process_and_other_accounts_need_a_restart() {
    let (_folder, agents) = agents_file(TABLES);
    let env = [
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("AGENTS_FILE", agents.as_str()),
        ("ACME_AUTH_TOKEN", ACME_TOKEN),
    ];
    let output = live_users_testkit::exit_of(crate::BINARY, &[], &env);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{told}");
    assert!(told.contains("account \"other\": OTHER_AUTH_TOKEN is not set"), "{told}");
    let (_folder, agents) = agents_file(AGENTS);
    let (server, _) = start(&[WITH_TOKEN, ("AGENTS_FILE", agents.as_str())]);
    std::fs::write(&agents, TABLES).expect("a file can be written");
    let refused = ask(&server, "POST", "/agents/reload", API_TOKEN);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("expected a restart"), "{}", refused.body);
}

#[test]
fn two_tokens_of_one_account_end_the_process_and_on_a_reload_the_old_file_stays() {
    let (_folder, agents) = agents_file(TABLES);
    let own = [("TWILIO_AUTH_TOKEN", TOKEN), ("AGENTS_FILE", agents.as_str())];
    let tokens =
        [("ACME_AUTH_TOKEN", ACME_TOKEN), ("OTHER_AUTH_TOKEN", OTHER_TOKEN), ("WALL_TOKEN", WALL)];
    let exit = |env: &[&[(&str, &str)]]| {
        let output = live_users_testkit::exit_of(crate::BINARY, &[], &env.concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(!told.contains(ACME_TOKEN) && !told.contains(TOKEN), "{told}");
        told
    };
    let told = exit(&[&own, &tokens, &[("TWILIO_ACCOUNT_SID", ACME)]]);
    let expected = "account \"acme\": ACME_AUTH_TOKEN and TWILIO_AUTH_TOKEN have different tokens";
    assert!(told.contains(expected), "{told}");
    let twice = TABLES.replace(OTHER, ACME);
    let (_folder, file) = agents_file(&twice);
    let told = exit(&[&own[..1], &[("AGENTS_FILE", file.as_str())], &tokens]);
    assert!(told.contains("account 2 (\"other\"): sid: already the sid of account 1"), "{told}");
    let api = [WITH_TOKEN, ("TWILIO_API_URL", "http://127.0.0.1:9")];
    let mut server = start(&[&own[1..], &tokens, &api].concat()).0;
    std::fs::write(&agents, twice).expect("a file can be written");
    server.hang_up();
    let line = server.await_log("the agents file is refused, and the agents stay as they were");
    assert!(line.contains("account 2 (\"other\"): sid: already the sid of account 1"), "{line}");
    assert_eq!(begin(&server, 1, OTHER, OTHER_TOKEN), 200);
    let other = json!([{ "account": "other", "liveUsers": 1, "liveCalls": 1 }]);
    assert_eq!(by_account(&server), other);
}

#[test]
fn accounts_that_share_a_token_are_told_apart_by_their_ids() {
    let server = start_with(&[("OTHER_AUTH_TOKEN", ACME_TOKEN)]);
    let told = server.log();
    assert!(told.contains("accounts \"acme\" and \"other\" have a token in common"), "{told}");
    assert_eq!(begin(&server, 1, ACME, ACME_TOKEN), 200);
    assert_eq!(begin(&server, 2, OTHER, ACME_TOKEN), 200);
    let over = |account| {
        let sid = crate::honest::sid(1);
        let fields =
            [("CallSid", sid.as_str()), ("AccountSid", account), ("CallStatus", "completed")];
        let twilio = Twilio::new(&server.url, ACME_TOKEN);
        assert_eq!(twilio.post("/call-status", &fields).status, 204);
        by_account(&server)
    };
    let one = |account| json!({ "account": account, "liveUsers": 1, "liveCalls": 1 });
    assert_eq!(over(OTHER), json!([one("acme"), one("other")]), "a form speaks for its account");
    assert_eq!(over(ACME), json!([one("other")]));
}

#[test]
fn the_account_of_the_settings_may_have_a_name_in_the_file() {
    let twilios = [("TWILIO_ACCOUNT_SID", ACME), ("TWILIO_AUTH_TOKEN", ACME_TOKEN)];
    let server = start_with(&twilios);
    assert_eq!(begin(&server, 1, ACME, ACME_TOKEN), 200);
    assert_eq!(by_account(&server), json!([{ "account": "acme", "liveUsers": 1, "liveCalls": 1 }]));
}

#[test]
fn what_is_passed_on_is_signed_with_the_token_of_its_account() {
    let receiver = Receiver::start();
    let agent = format!(
        "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"+15005550006\"]\n\
         status_callback_url = \"{}/status\"\n",
        receiver.base
    );
    let (_folder, agents) = agents_file(&format!("{agent}{TABLES}"));
    let env = [
        ("AGENTS_FILE", agents.as_str()),
        ("ACME_AUTH_TOKEN", ACME_TOKEN),
        ("OTHER_AUTH_TOKEN", OTHER_TOKEN),
        ("WALL_TOKEN", WALL),
        ("TWILIO_API_URL", "http://127.0.0.1:9"),
    ];
    let (server, _) = start(&env);
    let ended = [
        ("CallSid", "CA00000000000000000000000000000001"),
        ("AccountSid", ACME),
        ("CallStatus", "completed"),
        ("Direction", "inbound"),
        ("To", "+15005550006"),
    ];
    let acme = Twilio::new(&server.url, ACME_TOKEN);
    assert_eq!(acme.post("/call-status", &ended).status, 204);
    let request = receiver.take();
    assert!(request.is_signed(&receiver, ACME_TOKEN), "{}", request.head);
    assert!(!request.is_signed(&receiver, TOKEN));
}
