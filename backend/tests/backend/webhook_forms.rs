//! The ways in which a webhook may come: by GET, as JSON, and to a URL with a slash too many.

use live_users_testkit::{Answer, Server, Twilio, send};
use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};
use sha2::{Digest, Sha256};

use crate::{BINARY, TOKEN, start};

const SID: &str = "CA00000000000000000000000000000001";

/// Sends what stands in the URL, signed for it.
fn get(twilio: &Twilio, path_and_query: &str) -> Answer {
    let url = format!("{}{path_and_query}", twilio.url);
    let signature = sign(TOKEN, &url, &Payload::None);
    send("GET", &url, &[(SIGNATURE_HEADER, &signature)], b"")
}

fn digest(body: &str) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends a JSON body whose hash is in the signed URL.
fn json(twilio: &Twilio, path: &str, content_type: &str, body: &str) -> Answer {
    json_with_hash_of(twilio, path, content_type, body, body)
}

fn json_with_hash_of(
    twilio: &Twilio,
    path: &str,
    content_type: &str,
    body: &str,
    hashed: &str,
) -> Answer {
    let url = format!("{}{path}?bodySHA256={}", twilio.url, digest(hashed));
    let signature = sign(TOKEN, &url, &Payload::Raw(body.as_bytes()));
    let headers = [("Content-Type", content_type), (SIGNATURE_HEADER, &*signature)];
    send("POST", &url, &headers, body.as_bytes())
}

fn event(sid: &str, status: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","type":"com.twilio.voice.status-callback.call.{status}",
            "source":"/x","id":"EZ1","data":{{"sid":"{sid}","request":{{"method":"POST",
            "parameters":{{"CallSid":"{sid}","CallStatus":"{status}"}}}}}}}}"#
    )
}

#[test]
fn a_webhook_by_get_is_verified_and_taken_at_each_path() {
    let (_server, twilio) = start(&[]);
    let call = format!("CallSid={SID}&Direction=inbound&From=%2B14155550123");
    let answer = get(&twilio, &format!("/voice?agent=booking&{call}&CallStatus=ringing"));
    assert!(answer.status == 200 && answer.body.contains("<Gather"), "{}", answer.body);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    let spoken = format!("/speech-result?{call}&CallStatus=in-progress&SpeechResult=a%20table");
    assert!(get(&twilio, &spoken).body.contains("I have noted that"));
    let path = format!("/call-status?{call}&CallStatus=completed");
    assert_eq!(get(&twilio, &path).status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn a_get_without_its_signature_is_refused() {
    let (_server, twilio) = start(&[]);
    let url = format!("{}/voice?CallSid={SID}&CallStatus=ringing", twilio.url);
    let other = sign(TOKEN, &format!("{url}&x=1"), &Payload::None);
    let as_form = sign(TOKEN, &url, &Payload::Form(&Form::from_pairs([("CallSid", SID)])));
    for headers in [
        vec![],
        vec![(SIGNATURE_HEADER, other.as_str())],
        vec![(SIGNATURE_HEADER, as_form.as_str())],
    ] {
        assert_eq!(send("GET", &url, &headers, b"").status, 403);
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn a_slash_too_many_loses_no_call_and_is_told_once() {
    let (mut server, twilio) = start(&[]);
    let form = |status: &'static str| [("CallSid", SID), ("CallStatus", status)];
    for path in ["/voice/", "//voice", "//voice//?agent=booking", "/speech-result/"] {
        let answer = twilio.post(path, &form("in-progress"));
        assert!(answer.status == 200 && answer.body.contains("<Response>"), "{path}");
        assert_eq!(twilio.count(), r#"{"liveUsers":1}"#, "{path}");
    }
    assert_eq!(twilio.post("/call-status//", &form("completed")).status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    // The URL as it came is what is signed.
    let signed = Twilio { url: format!("{}/", twilio.url), ..twilio.clone() };
    assert_eq!(signed.post("/voice", &form("ringing")).status, 200);
    let signature = sign(
        TOKEN,
        &format!("{}/voice", twilio.url),
        &Payload::Form(&Form::from_pairs(form("ringing"))),
    );
    let headers =
        [("Content-Type", "application/x-www-form-urlencoded"), (SIGNATURE_HEADER, &*signature)];
    let body = Form::from_pairs(form("ringing")).encode();
    let url = format!("{}/voice/", twilio.url);
    assert_eq!(send("POST", &url, &headers, body.as_bytes()).status, 403);
    for path in ["/voices", "/voice/x", "/x/voice", "/voice/voice"] {
        assert_eq!(twilio.post(path, &form("ringing")).status, 404, "{path}");
    }
    let line = server.await_log("a slash too many");
    assert!(line.contains("/voice"), "{line}");
    let (_, log) = server.terminate();
    assert_eq!(log.matches("a slash too many").count(), 1, "one line a minute: {log}");
}

#[test]
fn a_signed_json_body_is_a_webhook() {
    let (_server, twilio) = start(&[]);
    let flat = |status| format!(r#"{{"CallSid":"{SID}","CallStatus":"{status}","Muted":false}}"#);
    let answer = json(&twilio, "/voice", "application/json; charset=utf-8", &flat("ringing"));
    assert!(answer.status == 200 && answer.body.contains("<Gather"), "{}", answer.body);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    let answer = json(&twilio, "/call-status", "application/json", &flat("completed"));
    assert_eq!(answer.status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn each_event_of_a_batch_counts() {
    let (mut server, twilio) = start(&[]);
    let ids: Vec<_> = (1..=3).map(|n| format!("CA{n:032x}")).collect();
    let batch = |status| {
        let events: Vec<_> = ids.iter().map(|sid| event(sid, status)).collect();
        format!("[{}]", events.join(","))
    };
    let post = |body: &str| json(&twilio, "/call-status", "application/json", body).status;
    assert_eq!(post(&batch("in-progress")), 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":3}"#);
    assert_eq!(post(&event(&ids[0], "completed")), 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
    // An event without a call does not lose the others.
    let mixed = format!("[{},{}]", event("", "completed"), event(&ids[1], "completed"));
    assert_eq!(post(&mixed), 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    let other = r#"[{"specversion":"1.0","type":"com.twilio.eventstreams.test-event","data":{}}]"#;
    assert_eq!(post(other), 204);
    server.await_log("an event is left");
    assert_eq!(json(&twilio, "/call-status", "application/cloudevents+json", "{}").status, 400);
    assert_eq!(post("nonsense"), 400);
}

#[test]
fn a_json_body_that_is_not_the_signed_one_is_refused() {
    let (_server, twilio) = start(&[]);
    let body = format!(r#"{{"CallSid":"{SID}","CallStatus":"in-progress"}}"#);
    let kind = "application/json";
    let other = json_with_hash_of(&twilio, "/call-status", kind, &body, "{}");
    assert_eq!(other.status, 403);
    // Without the hash nothing vouches for the body.
    let url = format!("{}/call-status", twilio.url);
    let signature = sign(TOKEN, &url, &Payload::Raw(body.as_bytes()));
    let headers = [("Content-Type", kind), (SIGNATURE_HEADER, &*signature)];
    assert_eq!(send("POST", &url, &headers, body.as_bytes()).status, 403);
    assert_eq!(send("POST", &url, &headers[..1], body.as_bytes()).status, 403);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn a_caller_is_answered_whatever_signed_json_says() {
    let (mut server, twilio) = start(&[]);
    let two = format!("[{},{}]", event("CA1", "ringing"), event("CA2", "ringing"));
    for body in ["nonsense", "[]", "7", &two] {
        let answer = json(&twilio, "/voice", "application/json", body);
        assert!(answer.status == 200 && answer.body.contains("<Response>"), "{body}");
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    server.await_log("/voice: the body cannot be read");
}

#[test]
fn a_request_whose_fields_could_be_others_is_refused_like_one_with_a_wrong_signature() {
    let env = [("TWILIO_AUTH_TOKEN", TOKEN)];
    let mut server = Server::start(BINARY, &[], &env);
    let twilio = Twilio::new(&server.url, TOKEN);
    let call = [("CallSid", SID), ("CallStatus", "in-progress")];
    for more in
        [("CallerName", "xCallSidCA2"), ("CallSidX", "1"), ("a b", "1"), ("x", "ParentCallSidCA9")]
    {
        for path in ["/voice", "/call-status"] {
            let answer = twilio.post(path, &[&call[..], &[more]].concat());
            assert_eq!(answer.status, 403, "{path} {more:?}");
        }
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    server.await_log("stands inside another name or a value");
    for fine in [
        ("CallSidLegacy", "CA9"),
        ("DialCallSid", "CA9"),
        ("SipHeader_X-Twilio-CallSid", "CA9"),
        ("parentCallSid", "CA9"),
        ("SpeechResult", "From Paris To Rome, says the CallSid"),
    ] {
        let answer = twilio.post("/voice", &[&call[..], &[fine]].concat());
        assert_eq!(answer.status, 200, "{fine:?}");
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn of_a_name_that_stands_twice_in_a_json_body_the_last_value_counts() {
    let (_server, twilio) = start(&[]);
    let body = |first: &str, last: &str| {
        format!(
            r#"{{"CallSid":"CA1","CallStatus":"{first}","x":{{"a":1,"a":2}},"CallSid":"{SID}",
                "CallStatus":"{last}"}}"#
        )
    };
    let answer = json(&twilio, "/voice", "application/json", &body("completed", "ringing"));
    assert!(answer.status == 200 && answer.body.contains("<Gather"), "{}", answer.body);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    let over = body("in-progress", "completed");
    assert_eq!(json(&twilio, "/call-status", "application/json", &over).status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}
