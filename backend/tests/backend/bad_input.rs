//! Bad input gets a clear answer that names the field, and changes no count.

use live_users_testkit::{Answer, Twilio, send};
use live_users_twilio::{Form, Payload, sign};
use proptest::prelude::*;
use serde_json::Value;

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
fn a_status_callback_with_wrong_fields_is_refused_by_name() {
    let (_server, twilio) = start(&[]);
    let long = "x".repeat(300);
    let good = [("CallSid", "CA1"), ("CallStatus", "in-progress"), ("From", "+14155550123")];
    let cases: [(&str, Option<&str>); 8] = [
        ("CallSid", None),
        ("CallSid", Some("")),
        ("CallSid", Some("CA 1")),
        ("CallSid", Some(&long)),
        ("CallStatus", None),
        ("CallStatus", Some("levitating")),
        ("CallStatus", Some("In-Progress")),
        ("From", Some(&long)),
    ];
    for (field, value) in cases {
        let mut fields: Vec<_> = good.into_iter().filter(|(name, _)| *name != field).collect();
        fields.extend(value.map(|value| (field, value)));
        let answer = twilio.post("/call-status", &fields);
        assert_problem(&answer, 400, field);
        assert!(json(&answer)["expected"].is_string(), "{}", answer.body);
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn an_agent_that_cannot_be_one_is_refused_by_name_and_an_unknown_one_shows_up_as_itself() {
    let (mut server, twilio) = start(&[]);
    let fields = [("CallSid", "CA1"), ("CallStatus", "in-progress")];
    for query in
        ["agent=a%20b".to_owned(), format!("agent={}", "x".repeat(65)), "agent=%FF".to_owned()]
    {
        let answer = twilio.post(&format!("/call-status?{query}"), &fields);
        assert_problem(&answer, 400, "agent");
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    assert_eq!(twilio.post("/call-status?agent=nobody", &fields).status, 204);
    server.await_log("call started, 1 live: CA1, agent nobody");
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
        format!("CallSid=CA1&CallStatus=ringing&From={long}"),
        "CallSid=CA1&CallStatus=%FF".to_owned(),
        format!("CallSid=CA1&CallStatus=in-progress&To={long}"),
        "CallSid=CA1&CallStatus=ringing&From=%FF".to_owned(),
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
        for method in ["GET", "PUT", "DELETE", "HEAD"] {
            let answer = send(method, &url, &[], b"");
            assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method} {path}");
        }
        for content_type in ["application/json", "text/plain", "multipart/form-data", ""] {
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
            let mut body = format!("CallSid=CA1&CallStatus={status}&").into_bytes();
            body.extend_from_slice(noise);
            for path in ["/voice", "/speech-result", "/call-status"] {
                let answer = post_if_form(&twilio, path, &body);
                prop_assert!(matches!(answer.status, 200 | 204 | 400), "{}", answer.status);
                prop_assert!(path == "/call-status" || answer.status == 200);
            }
        }
        let count = twilio.count();
        prop_assert!(count == r#"{"liveUsers":0}"# || count == r#"{"liveUsers":1}"#, "{}", count);
    }
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
