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
    ] {
        let refused: BadSecret = Secrets::new(kind(name), [secret]).expect_err(name);
        let text = refused.to_string();
        assert!(secret.len() < 8 || !text.contains(secret), "{name}: {text}");
    }
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
    ] {
        let url = "https://calls.example.com/sources/one";
        let header = |_: &str| None;
        let request = Request { method: "POST", url, header: &header, body: body.as_bytes() };
        let why: Unreadable = (kind(name).read)(&request).err().expect(name);
        assert_eq!(why.field, field, "{name}");
    }
}
