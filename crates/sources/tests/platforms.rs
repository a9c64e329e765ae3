//! What the vectors of platforms cannot show: secrets that cannot be one, and events that miss
//! what they need.

use live_users_sources::{BadSecret, Kind, Request, Secrets, Unreadable};

fn kind(name: &str) -> &'static Kind {
    Kind::named(name).expect("a kind")
}

#[test]
fn a_secret_that_cannot_be_one_is_refused_without_repeating_it() {
    for (name, secret) in [
        ("livekit", "APIonlythekey"),
        ("livekit", "APIkey:"),
        ("livekit", ":secret"),
        ("openai", "dGVzdA=="),
        ("openai", "whsec_"),
        ("openai", "whsec_not!base64"),
        ("retell", ""),
        ("vapi", ""),
        ("elevenlabs", ""),
        ("vapi", "fifteen-letters"),
        ("vonage", "fifteen-letters"),
        ("livekit", "APIkey:secret"),
        ("events", "whsec_c2hvcnQ="),
        ("openai", "whsec_c2hvcnQ="),
    ] {
        let refused: BadSecret = Secrets::new(kind(name), [secret]).expect_err(name);
        let text = refused.to_string();
        assert!(secret.len() < 8 || !text.contains(secret), "{name}: {text}");
    }
}

/// What a provider may write otherwise one day, and what no event may be lost for.
const ODD: [&str; 7] = ["null", "true", "-1", "1.5", "{}", "[{}]", r#""an odd text""#];

#[test]
fn an_odd_value_in_a_field_that_is_not_needed_loses_no_event() {
    for (name, body) in [
        (
            "vapi",
            r#"{"message":{"type":"status-update","status":"ended","timestamp":1,"endedReason":2,
             "call":{"id":"call-1","type":3,"phoneCallProviderId":4,"assistantId":5,"customer":6},
             "customer":{"number":7},"phoneNumber":8,"startedAt":9,"endedAt":10,"artifact":11}}"#,
        ),
        (
            "retell",
            r#"{"event":"call_ended","call":{"call_id":"call-1","call_type":1,"call_status":2,
             "agent_id":3,"direction":4,"from_number":5,"to_number":6,"telephony_identifier":7,
             "disconnection_reason":8,"start_timestamp":9,"end_timestamp":10,"duration_ms":11}}"#,
        ),
        (
            "elevenlabs",
            r#"{"type":"post_call_transcription","event_timestamp":1,"data":{"agent_id":2,
             "conversation_id":"call-1","status":3,"metadata":{"start_time_unix_secs":4,
             "call_duration_secs":5,"phone_call":{"direction":6,"call_sid":7},"features_usage":8}}}"#,
        ),
        (
            "openai",
            r#"{"type":"realtime.call.incoming","created_at":1,
             "data":{"call_id":"call-1","sip_headers":2}}"#,
        ),
        (
            "jambonz",
            r#"{"call_sid":"call-1","call_status":"completed","direction":1,"from":2,"to":3,
             "parent_call_sid":4,"application_sid":5,"duration":6}"#,
        ),
        (
            "livekit",
            r#"{"event":"participant_left","createdAt":1,"room":2,"participant":{"sid":"call-1",
             "kind":"SIP","attributes":{"sip.ruleID":3},"disconnectReason":4}}"#,
        ),
        (
            "telnyx",
            r#"{"data":{"event_type":"call.hangup","occurred_at":1,"payload":{"call_leg_id":2,
             "call_control_id":"call-1","connection_id":3,"direction":4,"from":5,"to":6,
             "hangup_cause":7}}}"#,
        ),
        (
            "vonage",
            r#"{"uuid":"call-1","status":"completed","direction":1,"from":2,"to":3,"duration":4,
             "timestamp":5}"#,
        ),
    ] {
        let (parts, numbers) = split(body);
        for place in 0..numbers {
            for odd in ODD {
                let body = join(&parts, place, odd);
                let header = |name: &str| (name == "content-type").then_some("application/json");
                let url = "https://calls.example.com/sources/one";
                let body = body.as_bytes();
                let request = Request { method: "POST", url, header: &header, body };
                let reading = (kind(name).read)(&request);
                let text = String::from_utf8_lossy(body);
                let reading = reading.unwrap_or_else(|why| panic!("{name}: {why} of {text}"));
                assert!(reading.events.len() == 1, "{name}: {text}");
                assert_eq!(reading.events[0].call, "call-1", "{name}: {text}");
            }
        }
    }
}

/// A body apart at its numbers, which stand behind colons, and how many there are.
fn split(body: &str) -> (Vec<String>, usize) {
    let mut parts = vec![String::new()];
    let mut last = ' ';
    for c in body.chars() {
        match (c.is_ascii_digit(), last) {
            (true, ':') => parts.push(String::new()),
            // The second digit of a number.
            (true, '#') => continue,
            _ => parts.last_mut().expect("the first").push(c),
        }
        last = if c.is_ascii_digit() && matches!(last, ':' | '#') { '#' } else { c };
    }
    let numbers = parts.len() - 1;
    (parts, numbers)
}

/// The body with this in one place, and nothing in the others.
fn join(parts: &[String], place: usize, odd: &str) -> String {
    let mut body = parts[0].clone();
    for (n, part) in parts[1..].iter().enumerate() {
        body += if n == place { odd } else { "null" };
        body += part;
    }
    body
}

#[test]
fn an_event_without_the_id_that_it_needs_names_the_field() {
    for (name, body, field) in [
        ("vapi", r#"{"message":{"type":"status-update","status":"ended"}}"#, "message.call.id"),
        ("retell", r#"{"event":"call_ended","call":{"call_id":""}}"#, "call.call_id"),
        ("livekit", r#"{"event":"room_finished","room":{"name":"+15005550100"}}"#, "room.sid"),
        (
            "livekit",
            r#"{"event":"participant_left","participant":{"identity":"sip_1","kind":"SIP"}}"#,
            "participant.sid",
        ),
        ("elevenlabs", r#"{"type":"post_call_transcription"}"#, "data.conversation_id"),
        ("elevenlabs", r#"{"type":"call_initiation_failure","data":{}}"#, "data.conversation_id"),
        ("openai", r#"{"type":"realtime.call.incoming","data":{}}"#, "data.call_id"),
        ("openai", r#"{"type":"live.transport.incoming"}"#, "data.session_id"),
        ("vapi", r#"{"message":{}}"#, "message.type"),
        ("vapi", r#"{"message":[{"type":"status-update"}]}"#, "message.type"),
        ("retell", r#"{"event":["call_ended"],"call":{"call_id":"1"}}"#, "event"),
        ("retell", r#"{"event":"call_ended","call":{"call_id":{"id":"1"}}}"#, "call.call_id"),
        ("livekit", "{}", "event"),
        ("elevenlabs", r#"{"type":null}"#, "type"),
        ("openai", r#"{"type":"realtime.call.incoming","data":[]}"#, "data.call_id"),
        ("telnyx", r#"{"data":"call.hangup"}"#, "data.event_type"),
        ("jambonz", r#"{"call_sid":true}"#, "call_sid"),
        ("events", r#"{"id":"1","call":"a","event":"waiting","with":"agent"}"#, "with"),
        ("events", r#"{"id":"1","call":"a","event":"heartbeat","with":"nobody"}"#, "with"),
    ] {
        let url = "https://calls.example.com/sources/one";
        let header = |_: &str| None;
        let request = Request { method: "POST", url, header: &header, body: body.as_bytes() };
        let why: Unreadable = (kind(name).read)(&request).err().expect(name);
        assert_eq!(why.field, field, "{name}");
    }
}
