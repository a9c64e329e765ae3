//! The status of a call, and the report at its end.

use jiff::Timestamp;
use live_users_core::{AnsweredBy, Direction, EndReason};
use serde::Deserialize;

use crate::bounds::{Text, object};
use crate::json::parse;
use crate::{CallEvent, Reading, Request, Unreadable, What};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "object")]
    message: Message,
}

/// `ServerMessageStatusUpdate` and `ServerMessageEndOfCallReport`, without transcripts, messages
/// and artifacts. Others have a type, too.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Message {
    #[serde(rename = "type")]
    kind: Text,
    status: Text,
    ended_reason: Text,
    #[serde(deserialize_with = "object")]
    call: Call,
    #[serde(deserialize_with = "object")]
    customer: Party,
    #[serde(deserialize_with = "object")]
    phone_number: Party,
    timestamp: Text,
    started_at: Text,
    ended_at: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Call {
    id: Text,
    #[serde(rename = "type")]
    kind: Text,
    phone_call_provider_id: Text,
    assistant_id: Text,
    #[serde(deserialize_with = "object")]
    customer: Party,
    #[serde(deserialize_with = "object")]
    phone_number: Party,
}

/// The customer, or the number of ours.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Party {
    number: Text,
    sip_uri: Text,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let Body { message } = parse(request.body)?;
    let kind = message.kind.required("message.type")?;
    let status = message.status.as_str().unwrap_or_default();
    // What ended is told twice: at once, and when the report is ready. The second may come alone.
    let is_report = kind == "end-of-call-report";
    let what = match (kind, status) {
        ("status-update", "scheduled" | "queued" | "ringing") => What::Dialing,
        ("status-update", "in-progress") => What::Answered,
        ("status-update", "forwarding") => What::Transferred,
        ("status-update", "ended") | ("end-of-call-report", _) => end(&message),
        ("status-update", _) => return Ok(Reading::ignoring(message.status.kind(kind))),
        _ => return Ok(Reading::ignoring(message.kind.kind("type"))),
    };
    let machine = message.ended_reason.as_str() == Some("voicemail");
    let (started_ms, ended_ms) = (millis(&message.started_at), millis(&message.ended_at));
    let conversed = matches!(what, What::Left | What::Ended(EndReason::Completed));
    let duration_ms = started_ms.zip(ended_ms).and_then(|(from, to)| to.checked_sub(from));
    let duration_s = duration_ms.filter(|_| is_report && conversed);
    let sent_ms = message.timestamp.number();

    let call = message.call;
    let customer = address(message.customer).or_else(|| address(call.customer));
    let ours = address(message.phone_number).or_else(|| address(call.phone_number));
    let (direction, from, to) = match call.kind.as_str() {
        Some("outboundPhoneCall") => (Some(Direction::Outbound), ours, customer),
        // A person in a browser calls the agent, too.
        Some("inboundPhoneCall" | "webCall") => (Some(Direction::Inbound), customer, ours),
        // Who is at the other end of a WebSocket, only the application knows.
        _ => (None, None, None),
    };
    Ok(Reading::of(CallEvent {
        also: call.phone_call_provider_id.id().into_iter().collect(),
        direction,
        from,
        to,
        agent: call.assistant_id.id(),
        answered_by: machine.then_some(AnsweredBy::Machine),
        duration_s: duration_s.and_then(|it| u32::try_from(it / 1_000).ok()),
        // A report is sent some time after the end.
        at_ms: if is_report { ended_ms } else { sent_ms },
        ..CallEvent::new(call.id.call("message.call.id")?, what)
    }))
}

fn address(party: Party) -> Option<String> {
    party.number.party().or_else(|| party.sip_uri.party())
}

fn millis(text: &Text) -> Option<u64> {
    let time: Timestamp = text.as_str()?.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

/// How a call is over. There are some 600 reasons; most of them are mistakes of a part while the
/// call was up, and so they are no failure to put it through.
fn end(message: &Message) -> What {
    let reason = message.ended_reason.as_str().unwrap_or_default();
    What::Ended(match reason {
        // The caller talks to somebody else now, whose carrier knows more. What an assistant is
        // asked for by `assistant-request` may be a number, too.
        "assistant-forwarded-call"
        | "assistant-request-returned-forwarding-phone-number"
        | "call.ringing.hook-executed-transfer"
        | "call.ending.hook-executed-transfer" => return What::Left,
        "customer-busy" => EndReason::Busy,
        "customer-did-not-answer" => EndReason::NoAnswer,
        "manually-canceled"
        | "scheduled-call-deleted"
        | "call.ringing.sip-inbound-caller-hungup-before-call-connect" => EndReason::Canceled,
        "twilio-failed-to-connect-call"
        | "twilio-reported-customer-misdialed"
        | "vonage-failed-to-connect-call"
        | "vonage-rejected"
        | "phone-call-provider-bypass-enabled-but-no-call-received"
        | "customer-did-not-give-microphone-permission" => EndReason::Failed,
        _ if NEVER_UP.iter().any(|it| reason.starts_with(it)) => EndReason::Failed,
        _ if reason.contains("failed-to-connect") || reason.contains("never-connected") => {
            EndReason::Failed
        }
        _ => EndReason::Completed,
    })
}

/// How reasons begin that are from before the call was up.
const NEVER_UP: [&str; 8] = [
    "call.start.",
    "call-start-",
    "call.ringing.error-",
    "call.in-progress.error-providerfault-outbound-sip-",
    "call.in-progress.error-sip-",
    "assistant-request-",
    "assistant-not-",
    "assistant-join-timed-out",
];
