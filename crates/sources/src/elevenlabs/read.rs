//! The end of a conversation, and a call that was never put through.

use live_users_core::{AnsweredBy, Direction, EndReason};
use serde::Deserialize;
use serde_json::Value;

use crate::json::{id, parse};
use crate::{CallEvent, Reading, Request, Unreadable, What};

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    event_timestamp: Option<Value>,
    data: Option<Data>,
}

/// What a conversation and a failure have, without transcript, analysis and audio.
#[derive(Default, Deserialize)]
struct Data {
    agent_id: Option<String>,
    conversation_id: Option<String>,
    status: Option<String>,
    failure_reason: Option<String>,
    metadata: Option<Metadata>,
}

/// `ConversationHistoryMetadataCommonModel`; of a failure, what the carrier has said (`body`).
#[derive(Default, Deserialize)]
struct Metadata {
    start_time_unix_secs: Option<u64>,
    call_duration_secs: Option<u32>,
    text_only: Option<bool>,
    phone_call: Option<PhoneCall>,
    features_usage: Option<Features>,
    body: Option<Carrier>,
}

#[derive(Default, Deserialize)]
struct PhoneCall {
    direction: Option<String>,
    agent_number: Option<String>,
    external_number: Option<String>,
    call_sid: Option<String>,
    call_result: Option<String>,
}

#[derive(Default, Deserialize)]
struct Features {
    transfer_to_number: Option<Feature>,
}

#[derive(Default, Deserialize)]
struct Feature {
    used: Option<bool>,
}

/// What Twilio has sent, or what a SIP trunk has answered.
#[derive(Default, Deserialize)]
struct Carrier {
    #[serde(rename = "CallSid", alias = "call_sid")]
    call_sid: Option<String>,
    #[serde(rename = "From", alias = "from_number")]
    from: Option<String>,
    #[serde(rename = "To", alias = "to_number")]
    to: Option<String>,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let Body { kind, event_timestamp, data } = parse(request.body)?;
    let data = data.unwrap_or_default();
    match kind.as_str() {
        // A conversation in writing: nobody was on the line.
        "post_call_transcription" if text_only(&data) => {
            Ok(Reading::ignoring(format!("{kind} (text only)")))
        }
        "post_call_transcription" => over(data).map(Reading::of),
        "call_initiation_failure" => {
            // It is sent at once, unlike the transcription.
            let at_s = event_timestamp.and_then(|it| it.as_u64());
            failed(data, at_s.map(|it| it.saturating_mul(1_000))).map(Reading::of)
        }
        // `post_call_audio` tells no more than the transcription, in far more bytes.
        _ => Ok(Reading::ignoring(kind)),
    }
}

fn text_only(data: &Data) -> bool {
    data.metadata.as_ref().and_then(|it| it.text_only).unwrap_or(false)
}

fn over(data: Data) -> Result<CallEvent, Unreadable> {
    let metadata = data.metadata.unwrap_or_default();
    let transfer = metadata.features_usage.and_then(|it| it.transfer_to_number);
    let is_transferred = transfer.and_then(|it| it.used).unwrap_or(false);
    let phone = metadata.phone_call.unwrap_or_default();
    let duration_s = metadata.call_duration_secs;
    let nothing_said = duration_s.unwrap_or(0) == 0;
    let what = match (phone.call_result.as_deref(), data.status.as_deref()) {
        (Some("busy"), _) => What::Ended(EndReason::Busy),
        (Some("no_answer"), _) => What::Ended(EndReason::NoAnswer),
        (Some("failed"), _) => What::Ended(EndReason::Failed),
        (None, Some("failed")) if nothing_said => What::Ended(EndReason::Failed),
        // The agent has left, and the caller talks to whoever was called.
        _ if is_transferred => What::Left,
        _ => What::Ended(EndReason::Completed),
    };
    let is_machine = phone.call_result.as_deref() == Some("voicemail");
    let conversed = matches!(what, What::Left | What::Ended(EndReason::Completed));
    // It is sent once the conversation is analyzed, some time after its end.
    let end_s = metadata.start_time_unix_secs.zip(duration_s);
    let at_ms = end_s.map(|(from, long)| from.saturating_add(long.into()).saturating_mul(1_000));
    let (direction, from, to) = match phone.direction.as_deref() {
        Some("inbound") => (Some(Direction::Inbound), phone.external_number, phone.agent_number),
        Some("outbound") => (Some(Direction::Outbound), phone.agent_number, phone.external_number),
        _ => (None, None, None),
    };
    Ok(CallEvent {
        also: known(phone.call_sid),
        direction,
        from,
        to,
        agent: data.agent_id,
        answered_by: is_machine.then_some(AnsweredBy::Machine),
        duration_s: duration_s.filter(|_| conversed),
        at_ms,
        ..CallEvent::new(id(data.conversation_id, "data.conversation_id")?, what)
    })
}

/// An outbound call that did not become a conversation.
fn failed(data: Data, at_ms: Option<u64>) -> Result<CallEvent, Unreadable> {
    let reason = match data.failure_reason.as_deref() {
        Some("busy") => EndReason::Busy,
        Some("no-answer") => EndReason::NoAnswer,
        _ => EndReason::Failed,
    };
    let carrier = data.metadata.and_then(|it| it.body).unwrap_or_default();
    let call = id(data.conversation_id, "data.conversation_id")?;
    Ok(CallEvent {
        also: known(carrier.call_sid),
        direction: Some(Direction::Outbound),
        from: carrier.from,
        to: carrier.to,
        agent: data.agent_id,
        at_ms,
        ..CallEvent::new(call, What::Ended(reason))
    })
}

fn known(carrier: Option<String>) -> Vec<String> {
    carrier.into_iter().filter(|it| !it.is_empty()).collect()
}
