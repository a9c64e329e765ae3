//! Bad input gets a clear answer that names the field, and changes no count.

use live_users_testkit::{Answer, SettableClock, Twilio, send};
use live_users_twilio::{Form, Payload, sign};
use proptest::prelude::*;
use serde_json::Value;

use crate::honest::{API_TOKEN, WITH_TOKEN, read};
use crate::sources::{of_summary, source, start_with};
use crate::{TOKEN, start};

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).expect("a JSON body")
}

fn assert_problem(answer: &Answer, status: u16, field: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let problem = json(answer);
    assert_eq!(problem["field"], field, "{}", answer.body);
    assert!(problem["error"].as_str().expect("a text").contains(field), "{}", answer.body);
}

#[test]
fn a_status_callback_is_refused_only_if_nobody_can_tell_which_call_it_is_about() {
    let (_server, twilio) = start(&[]);
    let long = "x".repeat(300);
    let good = [("CallStatus", "in-progress"), ("From", "+14155550123")];
    let cases: [&[&str]; 5] = [&[], &[""], &["CA 1"], &[&long], &["CA1", "CA2"]];
    for call_sids in cases {
        let call_sids = call_sids.iter().map(|call_sid| ("CallSid", *call_sid));
        let fields: Vec<_> = good.into_iter().chain(call_sids).collect();
        let answer = twilio.post("/call-status", &fields);
        assert_problem(&answer, 400, "CallSid");
        assert!(json(&answer)["expected"].is_string(), "{}", answer.body);
    }
    assert!(
        twilio.post("/call-status", &[("CallSid", "a"), ("CallSid", "b")]).body.contains("twice")
    );
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    let longest = "x".repeat(128);
    let answer = twilio.post("/call-status", &[("CallSid", &longest), good[0]]);
    assert_eq!(answer.status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn the_end_of_a_call_is_not_lost_by_another_field() {
    let (mut server, twilio) = start(&[]);
    let long = "x".repeat(9_000);
    let sides = [
        "From=%FF".to_owned(),
        format!("From={long}"),
        format!("To={long}&Direction={long}"),
        "Direction=sideways".to_owned(),
        "From=%2B14155550123&From=%2B14155550124".to_owned(),
        "Direction=inbound&Direction=outbound-dial".to_owned(),
        "CallDuration=soon&SequenceNumber=-1&Timestamp=never&AnsweredBy=%FF".to_owned(),
        "ParentCallSid=CA8&ParentCallSid=CA9".to_owned(),
    ];
    for (n, side) in (1..).zip(&sides) {
        twilio.start(n);
        assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
        let body = format!("CallSid=CA{n:032x}&CallStatus=completed&{side}");
        assert_eq!(twilio.post_body("/call-status", body.as_bytes()).status, 204, "{side}");
        assert_eq!(twilio.count(), r#"{"liveUsers":0}"#, "{side}");
    }
    server.await_log("From: not valid UTF-8");
    let (_, log) = server.terminate();
    assert_eq!(log.matches("counts as not said").count(), 1, "one line a minute: {log}");
    assert!(!log.contains("1415555"), "{log}");
}

#[test]
fn a_status_that_is_not_known_is_noted_and_ends_nothing() {
    let (mut server, twilio) = start(&[]);
    twilio.start(1);
    let sid = "CA00000000000000000000000000000001";
    for status in ["levitating", "In-Progress", "early-media", ""] {
        let fields = [("CallSid", sid), ("CallStatus", status)];
        assert_eq!(twilio.post("/call-status", &fields).status, 204, "{status}");
    }
    assert_eq!(twilio.post("/call-status", &[("CallSid", sid)]).status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    let line = server.await_log("which is not known");
    assert!(line.contains("CallStatus is levitating"), "{line}");
    let (_, log) = server.terminate();
    assert_eq!(log.matches("it is noted").count(), 1, "one line a minute: {log}");
}

#[test]
fn a_parent_that_cannot_be_used_makes_a_leg_and_no_user() {
    let (_server, twilio) = start(&[]);
    for parent in ["CA9", "no id", &"9".repeat(200)] {
        let fields = [("CallSid", "CA1"), ("CallStatus", "in-progress"), ("ParentCallSid", parent)];
        assert_eq!(twilio.post("/call-status", &fields).status, 204);
        assert_eq!(twilio.count(), r#"{"liveUsers":0}"#, "{parent}");
    }
}

#[test]
fn an_agent_in_the_url_that_can_be_none_loses_neither_start_nor_end_of_a_call() {
    let (mut server, twilio) = start(&[]);
    let long = "x".repeat(65);
    let agents = ["a%20b", "sales.team", "caf%C3%A9", "%FF", "a:b", "a&agent=b", long.as_str()];
    for (n, agent) in (1..).zip(agents) {
        let sid = format!("CA{n:032x}");
        let fields = [("CallSid", sid.as_str()), ("CallStatus", "in-progress")];
        assert_eq!(twilio.post(&format!("/voice?agent={agent}"), &fields).status, 200);
        assert_eq!(twilio.count(), r#"{"liveUsers":1}"#, "{agent}");
        let fields = [fields[0], ("CallStatus", "completed")];
        assert_eq!(twilio.post(&format!("/call-status?agent={agent}"), &fields).status, 204);
        assert_eq!(twilio.count(), r#"{"liveUsers":0}"#, "{agent}");
    }
    server.await_log("the agent in the URL is left out");
    let fields = [("CallSid", "CA1"), ("CallStatus", "in-progress")];
    assert_eq!(twilio.post("/call-status?agent=nobody", &fields).status, 204);
    server.await_log("call started, 1 live: CA1, agent nobody");
    let (_, log) = server.terminate();
    assert_eq!(log.matches("is left out").count(), 1, "one line a minute: {log}");
}

#[test]
fn a_caller_hears_no_error_whatever_is_wrong_with_a_signed_voice_webhook() {
    let (_server, twilio) = start(&[]);
    let long = "x".repeat(5_000);
    let bodies = [
        String::new(),
        "CallSid=".to_owned(),
        format!("CallSid={long}"),
        "CallSid=CA%FF".to_owned(),
        "CallSid=CA1&CallSid=CA2&CallStatus=in-progress".to_owned(),
    ];
    for path in ["/voice", "/speech-result", "/voice?agent=a%20b", "/speech-result?agent=%FF"] {
        for body in &bodies {
            let answer = twilio.post_body(path, body.as_bytes());
            assert_eq!(answer.status, 200, "{path} {body}");
            assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
            assert!(answer.body.contains("<Response>"), "{}", answer.body);
        }
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn what_is_only_good_to_have_loses_no_call_and_no_end_of_one() {
    let (_server, twilio) = start(&[]);
    twilio.start(1);
    let sid = "CA00000000000000000000000000000001";
    let end = [("CallSid", sid), ("CallStatus", "completed"), ("CallDuration", "1.5")];
    assert_eq!(twilio.post("/call-status", &end).status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    let body = b"CallSid=CA1&CallStatus=ringing&Direction=inbound&FromCity=%FF%FE&FromCountry=U%00";
    assert_eq!(twilio.post_body("/voice", body).status, 200);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn an_inbound_caller_is_on_the_line_even_if_the_status_is_one_nobody_has_heard_of() {
    let (_server, twilio) = start(&[]);
    let fields = [("CallSid", "CA1"), ("CallStatus", "trying"), ("Direction", "inbound")];
    assert_eq!(twilio.post("/voice", &fields).status, 200);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn a_body_of_three_megabytes_is_refused_and_the_server_lives_on() {
    let (_server, twilio) = start(&[]);
    let body = format!("CallSid=CA1&SpeechResult={}", "x".repeat(3_000_000));
    for path in ["/voice", "/call-status"] {
        assert_problem(&twilio.post_body(path, body.as_bytes()), 413, "body");
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn a_form_with_too_many_fields_is_refused() {
    let (_server, twilio) = start(&[]);
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let url = format!("{}/call-status", twilio.url);
    let answer = send("POST", &url, &headers, "a=1&".repeat(600).as_bytes());
    assert_problem(&answer, 400, "body");
}

#[test]
fn a_wrong_method_or_content_type_or_path_is_named() {
    let (_server, twilio) = start(&[]);
    for path in ["/voice", "/speech-result", "/call-status"] {
        let url = format!("{}{path}", twilio.url);
        for method in ["PUT", "DELETE", "HEAD"] {
            let answer = send(method, &url, &[], b"");
            let refused = (answer.status, answer.header("allow"));
            assert_eq!(refused, (405, "GET, POST"), "{method} {path}");
        }
        for content_type in ["application/xml", "text/plain", "multipart/form-data", ""] {
            let answer = send("POST", &url, &[("Content-Type", content_type)], b"CallSid=CA1");
            assert_problem(&answer, 415, "Content-Type");
        }
    }
    let answer = send("POST", &format!("{}/api/live-users", twilio.url), &[], b"");
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));
    let nothing = send("GET", &format!("{}/nothing", twilio.url), &[], b"");
    assert_eq!(nothing.status, 404);
    assert!(json(&nothing)["error"].is_string());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1))]

    /// One server, many bodies: signed noise never gets a 5xx, never stops the server.
    #[test]
    fn signed_noise_is_answered(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 200),
        statuses in prop::collection::vec("[a-z-]{0,12}|in-progress|completed", 200),
    ) {
        let (_server, twilio) = start(&[]);
        for (noise, status) in bodies.iter().zip(&statuses) {
            // The noise is a value: as a name it would not have the form of the provider's.
            let noise = Form::from_pairs([("x", &*String::from_utf8_lossy(noise))]).encode();
            let body = format!("CallSid=CA1&CallStatus={status}&{noise}").into_bytes();
            for path in ["/voice", "/speech-result", "/call-status"] {
                let answer = post_if_form(&twilio, path, &body);
                prop_assert!(matches!(answer.status, 200 | 204), "{}", answer.status);
                prop_assert!(path == "/call-status" || answer.status == 200);
            }
        }
        let count = twilio.count();
        prop_assert!(count == r#"{"liveUsers":0}"# || count == r#"{"liveUsers":1}"#, "{}", count);
    }
}

#[test]
fn a_name_that_stands_twice_in_json_is_refused_and_named() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    let authorization = format!("Bearer {API_TOKEN}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    for (path, body, field) in [
        ("links", r#"{"name":"a","name":"b","scope":{"total":true},"expires":"1d"}"#, "name"),
        ("links", r#"{"name":"a","scope":{"total":true,"total":true},"expires":"1d"}"#, "scope"),
        ("links", r#"{"+15005550100":1,"+15005550100":2}"#, "body"),
        ("access", r#"{"token":"0123456789","token":"9876543210"}"#, "token"),
        ("events", r#"{"id":"1","call":"c","event":"started","event":"ended"}"#, "event"),
        (
            "events",
            r#"[{"id":"1","call":"c","event":"started"},{"id":"2","call":"c","call":"d","event":"ended"}]"#,
            "call",
        ),
        (
            "events",
            r#"{"specversion":"1.0","id":"1","type":"a.started","type":"a.ended","data":{"call":"c"}}"#,
            "body",
        ),
    ] {
        let api = if path == "events" { "/api" } else { "/api/live-users" };
        let answer =
            send("POST", &format!("{}{api}/{path}", server.url), &headers, body.as_bytes());
        assert_problem(&answer, 400, field);
        let repeats = ["+15005550100", "0123456789"].iter().any(|it| answer.body.contains(it));
        assert!(!repeats, "{}", answer.body);
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#, "of a batch nothing is taken");
    let links = format!("{}/api/live-users/links", server.url);
    let links = send("GET", &links, &headers[..1], b"");
    assert_eq!(json(&links)["links"], Value::Array(Vec::new()));
}

#[test]
fn a_name_that_stands_twice_in_the_json_of_a_provider_loses_no_call() {
    let (secret, clock) = ("vapi-secret-0123456789", SettableClock::off_by(0));
    let server = start_with(&source("vapi", "vapi", ""), secret, &clock, &[]);
    let headers = [("Content-Type", "application/json"), ("X-Vapi-Secret", secret)];
    let tell = |status: &str| {
        let body = format!(
            r#"{{"message":"x","message":{{"type":"hang","type":"status-update","status":"queued",
                "status":"{status}","call":{{"id":"call-0","id":"call-1"}},"x":1,"x":2}}}}"#
        );
        let url = format!("{}/sources/vapi", server.url);
        let answer = send("POST", &url, &headers, body.as_bytes());
        assert_eq!(answer.status, 204, "{}", answer.body);
    };
    tell("in-progress");
    assert_eq!(of_summary(&server, "vapi")["liveUsers"], 1);
    assert!(read(&server, "/calls/vapi%2Fcall-1")["because"].is_string());
    tell("ended");
    assert_eq!(of_summary(&server, "vapi")["liveUsers"], 0);
}

fn post_if_form(twilio: &Twilio, path: &str, body: &[u8]) -> Answer {
    let url = format!("{}{path}", twilio.url);
    let form = Form::parse(body).expect("at most 200 fields");
    let signature = sign(TOKEN, &url, &Payload::Form(&form));
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("X-Twilio-Signature", signature.as_str()),
    ];
    send("POST", &url, &headers, body)
}
