//! Every webhook of the shared fixtures, played over HTTP against the running binary.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use live_users_testkit::Twilio;
use serde_json::Value;

use crate::start;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/twilio/tests/fixtures/webhooks")
}

fn index() -> Value {
    let text = std::fs::read_to_string(folder().join("index.json")).expect("the index");
    serde_json::from_str(&text).expect("JSON")
}

fn entry<'a>(index: &'a Value, number: &str) -> &'a Value {
    let entries = index["entries"].as_array().expect("entries");
    let found = entries.iter().find(|e| e["file"].as_str().expect("a file").starts_with(number));
    found.expect("an entry of that number")
}

/// The fixtures' paths are another application's; these are ours for the same purpose.
fn our_path(theirs: &str) -> &'static str {
    match theirs {
        "/twilio/voice" | "/twilio/fallback" => "/voice",
        "/twilio/gather" => "/speech-result",
        "/twilio/status" => "/call-status",
        other => panic!("no path of ours is for {other}"),
    }
}

/// The body with the present as its `Timestamp`, if it has one. What is older than ended calls are
/// remembered starts no call.
fn sent_now(body: &[u8]) -> Vec<u8> {
    let now = format!("Timestamp={:.0}", Timestamp::now());
    let fields = body.split(|byte| *byte == b'&').map(|field| match field {
        _ if field.starts_with(b"Timestamp=") => now.as_bytes(),
        other => other,
    });
    fields.collect::<Vec<_>>().join(&b'&')
}

/// Plays one fixture, signed anew for our URL, and returns the count after it.
fn play(twilio: &Twilio, entry: &Value) -> u64 {
    let file = entry["file"].as_str().expect("a file");
    let body = std::fs::read(folder().join(file)).expect("a fixture");
    let path = our_path(entry["path"].as_str().expect("a path"));
    let answer = twilio.post_body(path, &sent_now(&body));
    let expected = if path == "/call-status" { 204 } else { 200 };
    assert_eq!(answer.status, expected, "{file}: {}", answer.body);
    let count: Value = serde_json::from_str(&twilio.count()).expect("JSON");
    count["liveUsers"].as_u64().expect("a number")
}

/// What the fixture does to the count of a backend that has seen nothing. The index counts
/// outbound calls from their first sight on; here they count from `in-progress` on.
fn effect_alone(entry: &Value) -> u64 {
    let (status, path) = (entry["call_status"].as_str(), entry["path"].as_str());
    let outbound = entry["direction"].as_str().is_some_and(|d| d.starts_with("outbound"));
    let leg = entry["kind"] == "dial_leg_status_callback";
    match status.expect("a status") {
        _ if leg => 0,
        "in-progress" | "answered" => 1,
        "ringing" if path != Some("/twilio/status") && !outbound => 1,
        _ => 0,
    }
}

#[test]
fn each_of_the_thirty_webhooks_alone_has_its_effect_and_no_other() {
    let index = index();
    let entries = index["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 30);
    for entry in entries {
        let (_server, twilio) = start(&[]);
        let file = &entry["file"];
        assert_eq!(play(&twilio, entry), effect_alone(entry), "{file} once");
        assert_eq!(play(&twilio, entry), effect_alone(entry), "{file} again");
    }
}

#[test]
fn each_sequence_has_its_count_after_each_webhook() {
    let index = index();
    let sequences = index["sequences"].as_array().expect("sequences");
    assert_eq!(sequences.len(), 11);
    for sequence in sequences {
        let name = sequence["name"].as_str().expect("a name");
        if name.ends_with("counting legs") {
            continue; // The other way to count: here a leg belongs to its parent's conversation.
        }
        let (_server, twilio) = start(&[]);
        let live = |n: &Value| n.as_u64().expect("a number");
        let theirs: Vec<_> =
            sequence["live_after_each"].as_array().expect("counts").iter().map(live).collect();
        let expected = match name {
            "outbound happy path" => vec![0, 0, 1, 0],
            "outbound out of order" => vec![0, 0, 0, 0],
            // While the leg to a person is up, the caller is with that person.
            "dial leg inside inbound call, counting conversations" => vec![1, 0, 1, 0],
            _ => theirs,
        };
        let deliver = sequence["deliver"].as_array().expect("files").iter();
        let counts: Vec<_> = deliver
            .map(|number| play(&twilio, entry(&index, number.as_str().expect("a number"))))
            .collect();
        assert_eq!(counts, expected, "{name}");
    }
}

#[test]
fn all_thirty_together_count_each_person_once_and_leave_no_private_word_in_the_log() {
    let (server, twilio) = start(&[("RUST_LOG", "trace")]);
    let index = index();
    let mut last = 0;
    for entry in index["entries"].as_array().expect("entries") {
        last = play(&twilio, entry);
    }
    // By the rules: calls 7, 8, 9, a, b, c, d, e, 10, 11 and 12 are live. Call 12 is an answered
    // outbound call; no two of them are one person.
    assert_eq!(last, 11);
    let (status, log) = server.terminate();
    assert!(status.success());
    assert!(log.contains("CAfa4e0000000000000000000000000001"), "the log names calls:\n{log}");
    for private in
        ["415555", "4155550123", "266696687", "alice", "agent-7", "book a table", "BRIEN"]
    {
        assert!(!log.contains(private), "{private} is in the log:\n{log}");
    }
    assert!(!log.contains(crate::TOKEN));
}
