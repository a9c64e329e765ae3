//! The end of a conversation, and a call that was never put through.

use live_users_core::{AnsweredBy, Direction, EndReason};
use serde::Deserialize;

use crate::bounds::{Text, flag, object};
use crate::json::parse;
use crate::{CallEvent, Reading, Request, Unreadable, What};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(rename = "type")]
    kind: Text,
    event_timestamp: Text,
    #[serde(deserialize_with = "object")]
    data: Data,
}

/// What a conversation and a failure have, without transcript, analysis and audio.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    agent_id: Text,
    conversation_id: Text,
    status: Text,
    failure_reason: Text,
    #[serde(deserialize_with = "object")]
    metadata: Metadata,
}

/// `ConversationHistoryMetadataCommonModel`; of a failure, what the carrier has said (`body`).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    start_time_unix_secs: Text,
    call_duration_secs: Text,
    #[serde(deserialize_with = "flag")]
    text_only: bool,
    #[serde(deserialize_with = "object")]
    phone_call: PhoneCall,
    #[serde(deserialize_with = "object")]
    features_usage: Features,
    #[serde(deserialize_with = "object")]
    body: Carrier,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PhoneCall {
    direction: Text,
    agent_number: Text,
    external_number: Text,
    call_sid: Text,
    call_result: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Features {
    #[serde(deserialize_with = "object")]
    transfer_to_number: Feature,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Feature {
    #[serde(deserialize_with = "flag")]
    used: bool,
}

/// What Twilio has sent, or what a SIP trunk has answered.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Carrier {
    #[serde(rename = "CallSid", alias = "call_sid")]
    call_sid: Text,
    #[serde(rename = "From", alias = "from_number")]
    from: Text,
    #[serde(rename = "To", alias = "to_number")]
    to: Text,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let Body { kind, event_timestamp, data } = parse(request.body)?;
    match kind.required("type")? {
        // A conversation in writing: nobody was on the line.
        "post_call_transcription" if data.metadata.text_only => {
            Ok(Reading::ignoring(format!("{} (text only)", kind.kind("type"))))
        }
        "post_call_transcription" => over(data).map(Reading::of),
        "call_initiation_failure" => {
            // It is sent at once, unlike the transcription.
            let at_s = event_timestamp.number();
            failed(data, at_s.map(|it| it.saturating_mul(1_000))).map(Reading::of)
        }
        // `post_call_audio` tells no more than the transcription, in far more bytes.
        _ => Ok(Reading::ignoring(kind.kind("type"))),
    }
}

fn over(data: Data) -> Result<CallEvent, Unreadable> {
    let metadata = data.metadata;
    let is_transferred = metadata.features_usage.transfer_to_number.used;
    let phone = metadata.phone_call;
    let duration_s = metadata.call_duration_secs.whole();
    let nothing_said = duration_s.unwrap_or(0) == 0;
    let what = match (phone.call_result.as_str(), data.status.as_str()) {
        (Some("busy"), _) => What::Ended(EndReason::Busy),
        (Some("no_answer"), _) => What::Ended(EndReason::NoAnswer),
        (Some("failed"), _) => What::Ended(EndReason::Failed),
        (None, Some("failed")) if nothing_said => What::Ended(EndReason::Failed),
        // The agent has left, and the caller talks to whoever was called.
        _ if is_transferred => What::Left,
        _ => What::Ended(EndReason::Completed),
    };
    let is_machine = phone.call_result.as_str() == Some("voicemail");
    let conversed = matches!(what, What::Left | What::Ended(EndReason::Completed));
    // It is sent once the conversation is analyzed, some time after its end.
    let end_s = metadata.start_time_unix_secs.number().zip(duration_s);
    let at_ms = end_s.map(|(from, long)| from.saturating_add(long.into()).saturating_mul(1_000));
    let (ours, theirs) = (phone.agent_number.party(), phone.external_number.party());
    let (direction, from, to) = match phone.direction.as_str() {
        Some("inbound") => (Some(Direction::Inbound), theirs, ours),
        Some("outbound") => (Some(Direction::Outbound), ours, theirs),
        _ => (None, None, None),
    };
    Ok(CallEvent {
        also: phone.call_sid.id().into_iter().collect(),
        direction,
        from,
        to,
        agent: data.agent_id.id(),
        answered_by: is_machine.then_some(AnsweredBy::Machine),
        duration_s: duration_s.filter(|_| conversed),
        at_ms,
        ..CallEvent::new(data.conversation_id.call("data.conversation_id")?, what)
    })
}

/// An outbound call that did not become a conversation.
fn failed(data: Data, at_ms: Option<u64>) -> Result<CallEvent, Unreadable> {
    let reason = match data.failure_reason.as_str() {
        Some("busy") => EndReason::Busy,
        Some("no-answer") => EndReason::NoAnswer,
        _ => EndReason::Failed,
    };
    let carrier = data.metadata.body;
    let call = data.conversation_id.call("data.conversation_id")?;
    Ok(CallEvent {
        also: carrier.call_sid.id().into_iter().collect(),
        direction: Some(Direction::Outbound),
        from: carrier.from.party(),
        to: carrier.to.party(),
        agent: data.agent_id.id(),
        at_ms,
        ..CallEvent::new(call, What::Ended(reason))
    })
}
