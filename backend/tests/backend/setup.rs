//! What whoever connects Twilio is told: webhooks that only check, and what has arrived.

use live_users_testkit::{Server, Twilio, send};
use live_users_twilio::CallStatus;
use serde_json::{Value, json};

use crate::honest::{WITH_TOKEN, read, sid};
use crate::metrics::scrape;
use crate::referee::{A, note, stand_in, start_with};
use crate::{AGENTS, BINARY, TOKEN, agents_file, start};

const PATHS: [&str; 3] = ["/voice", "/speech-result", "/call-status"];
const NOTHING: (&str, &str) = ("CallSid", "CA000000000000000000000000000000cc");

fn check(twilio: &Twilio, path: &str, value: &str) -> Value {
    let answer = twilio.post(path, &[("LiveUsersCheck", value)]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_str(&answer.body).expect("JSON")
}

fn number(of: &Value) -> u64 {
    of.as_u64().expect("a number")
}

#[test]
fn a_webhook_that_only_checks_says_which_process_it_has_reached_and_counts_nothing() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    let instance = read(&server, "/setup")["instance"].clone();
    assert!(instance.as_str().is_some_and(|it| it.len() == 32), "{instance}");
    for path in PATHS {
        let told = check(&twilio, path, "a-B-9");
        assert_eq!(told, json!({ "instance": instance, "check": "a-B-9" }), "{path}");
        let stranger = Twilio::new(&server.url, "another token");
        assert_eq!(stranger.post(path, &[("LiveUsersCheck", "1")]).status, 403, "{path}");
        let name =
            |outcome| format!("live_users_webhooks_total{{path=\"{path}\",outcome=\"{outcome}\"}}");
        let metrics = scrape(&server);
        assert_eq!(metrics.get(&name("check")), Some(1.0), "{path}");
        assert_eq!(metrics.get(&name("accepted")), Some(0.0), "{path}");
    }
    let both = [NOTHING, ("CallStatus", "in-progress"), ("LiveUsersCheck", "1")];
    assert_eq!(twilio.post("/voice", &both).status, 200);
    let setup = read(&server, "/setup");
    assert_eq!(setup["webhooks"]["voice"], json!({ "accepted": 0, "lastAgoMs": null }));
    assert_eq!(setup["webhooks"]["refused"]["count"], 3);
    assert_eq!(read(&server, "/summary")["seq"], 0, "nothing is recorded");
    let (other, _) = start(&[WITH_TOKEN]);
    assert_ne!(read(&other, "/setup")["instance"], instance, "another process");
}

#[test]
fn a_field_of_another_form_makes_no_check() {
    let (_server, twilio) = start(&[]);
    for value in ["", "a b", "a_b", &"x".repeat(65)] {
        let answer = twilio.post("/voice", &[NOTHING, ("LiveUsersCheck", value)]);
        assert!(answer.body.contains("<Gather "), "{value}: {}", answer.body);
    }
    assert_eq!(check(&twilio, "/voice", &"x".repeat(64))["check"], "x".repeat(64));
}

#[test]
fn a_check_is_answered_while_the_journal_cannot_be_opened_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    // A limit of the file size stands for a disk that is full.
    let script = "ulimit -S -f 0; exec \"$0\"";
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &url), WITH_TOKEN];
    let server = Server::start("/bin/sh", &["-c", script, BINARY], &env);
    let twilio = Twilio::new(&server.url, TOKEN);
    let setup = read(&server, "/setup");
    assert_eq!(check(&twilio, "/call-status", "1")["instance"], setup["instance"]);
    assert_eq!(setup["foundByAsking"], json!({ "calls": 0, "lastAgoMs": null }));
}

#[test]
fn what_has_arrived_is_told_by_kind_and_by_number_and_no_caller_is() {
    let (_folder, file) = agents_file(AGENTS);
    let env = [
        WITH_TOKEN,
        ("AGENTS_FILE", file.as_str()),
        ("PUBLIC_URL", "https://calls.example.com/x/"),
    ];
    let (server, _) = start(&env);
    let empty = read(&server, "/setup");
    let urls = json!({
        "voice": "https://calls.example.com/x/voice",
        "statusCallback": "https://calls.example.com/x/call-status#ct=500&rc=5&rp=all",
    });
    assert_eq!(empty["publicUrl"], "https://calls.example.com/x");
    assert_eq!((&empty["urls"], &empty["agentsFile"]), (&urls, &json!(file)));
    let off = json!({ "state": "off", "reason": null, "lastAnswerAgoMs": null });
    assert_eq!(empty["providerApi"], off);
    let untouched = json!({
        "number": "+15005550006", "agent": "booking",
        "voiceAgoMs": null, "speechResultAgoMs": null, "callStatusAgoMs": null,
    });
    assert_eq!(empty["numbers"], json!([untouched]));

    let (server, twilio) = start(&env[..2]);
    assert_eq!(read(&server, "/setup")["urls"], Value::Null);
    twilio.start(1);
    let called = [
        ("CallSid", sid(2)),
        ("CallStatus", "completed".to_owned()),
        ("From", "+14155550123".to_owned()),
        ("To", "+12065550100".to_owned()),
    ];
    let called: Vec<_> = called.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(twilio.post("/call-status", &called).status, 204);
    let url = format!("{}/voice", server.url);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(send("POST", &url, &form, b"CallSid=CA1").status, 403);
    let setup = read(&server, "/setup");
    let webhooks = &setup["webhooks"];
    for (kind, accepted) in [("voice", 1), ("speechResult", 0), ("callStatus", 1)] {
        assert_eq!(number(&webhooks[kind]["accepted"]), accepted, "{kind}");
        assert_eq!(webhooks[kind]["lastAgoMs"].is_u64(), accepted > 0, "{kind}");
    }
    assert_eq!(webhooks["refused"]["count"], 1);
    let [own, other] = &setup["numbers"].as_array().expect("numbers")[..] else {
        panic!("two numbers: {setup}")
    };
    assert!(own["voiceAgoMs"].is_u64() && own["callStatusAgoMs"].is_null(), "{own}");
    assert_eq!((&other["number"], &other["agent"]), (&"+12065550100".into(), &Value::Null));
    assert!(other["callStatusAgoMs"].is_u64() && other["voiceAgoMs"].is_null(), "{other}");
    assert!(!setup.to_string().contains("415555"), "a caller is told: {setup}");
}

#[test]
fn calls_that_are_found_by_asking_are_told_and_those_of_before_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let api = stand_in(TOKEN);
    note(&api, A, CallStatus::InProgress);
    let (mut server, _) = start_with(&api, &[("JOURNAL_URL", &url)]);
    server.await_log("call started as the referee has found, 1 live");
    let setup = read(&server, "/setup");
    assert_eq!(setup["foundByAsking"]["calls"], 1);
    assert!(setup["foundByAsking"]["lastAgoMs"].is_u64(), "{setup}");
    assert_eq!(setup["providerApi"]["state"], "answers");
    assert!(setup["providerApi"]["lastAnswerAgoMs"].is_u64(), "{setup}");
    server.terminate();
    let (server, _) = start_with(&api, &[("JOURNAL_URL", &url)]);
    let setup = read(&server, "/setup");
    assert_eq!(setup["foundByAsking"], json!({ "calls": 0, "lastAgoMs": null }));
}

#[test]
fn credentials_that_are_refused_are_told_with_the_reason() {
    let api = stand_in("another token than ours");
    let (mut server, _) = start_with(&api, &[]);
    server.await_log("the referee has no answer: ");
    let setup = read(&server, "/setup");
    assert_eq!(setup["providerApi"]["state"], "fails");
    let reason = setup["providerApi"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("401") && !reason.contains(TOKEN), "{reason}");
}
