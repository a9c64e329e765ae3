//! The status of a call, and the report at its end.

use jiff::Timestamp;
use live_users_core::{AnsweredBy, Direction, EndReason};
use serde::Deserialize;
use serde_json::Number;

use crate::json::{id, parse};
use crate::{CallEvent, Reading, Request, Unreadable, What};

#[derive(Deserialize)]
struct Body {
    message: Message,
}

/// `ServerMessageStatusUpdate` and `ServerMessageEndOfCallReport`, without transcripts, messages
/// and artifacts. Others have a type, too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    status: Option<String>,
    ended_reason: Option<String>,
    call: Option<Call>,
    customer: Option<Party>,
    phone_number: Option<Party>,
    timestamp: Option<Number>,
    started_at: Option<String>,
    ended_at: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    phone_call_provider_id: Option<String>,
    assistant_id: Option<String>,
    customer: Option<Party>,
    phone_number: Option<Party>,
}

/// The customer, or the number of ours.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Party {
    number: Option<String>,
    sip_uri: Option<String>,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let Body { message } = parse(request.body)?;
    let (kind, status) = (message.kind.as_str(), message.status.as_deref().unwrap_or_default());
    // What ended is told twice: at once, and when the report is ready. The second may come alone.
    let is_report = kind == "end-of-call-report";
    let what = match (kind, status) {
        ("status-update", "scheduled" | "queued" | "ringing") => What::Dialing,
        ("status-update", "in-progress") => What::Answered,
        ("status-update", "forwarding") => What::Transferred,
        ("status-update", "ended") | ("end-of-call-report", _) => end(&message),
        ("status-update", _) => return Ok(Reading::ignoring(format!("status-update {status}"))),
        _ => return Ok(Reading::ignoring(message.kind)),
    };
    let machine = message.ended_reason.as_deref() == Some("voicemail");
    let (started_ms, ended_ms) = (millis(message.started_at), millis(message.ended_at));
    let conversed = matches!(what, What::Left | What::Ended(EndReason::Completed));
    let duration_ms = started_ms.zip(ended_ms).and_then(|(from, to)| to.checked_sub(from));
    let duration_s = duration_ms.filter(|_| is_report && conversed);
    let sent_ms = message.timestamp.as_ref().and_then(Number::as_u64);

    let call = message.call.unwrap_or_default();
    let customer = message.customer.or(call.customer).and_then(address);
    let ours = message.phone_number.or(call.phone_number).and_then(address);
    let (direction, from, to) = match call.kind.as_deref() {
        Some("outboundPhoneCall") => (Some(Direction::Outbound), ours, customer),
        // A person in a browser calls the agent, too.
        Some("inboundPhoneCall" | "webCall") => (Some(Direction::Inbound), customer, ours),
        // Who is at the other end of a WebSocket, only the application knows.
        _ => (None, None, None),
    };
    Ok(Reading::of(CallEvent {
        also: call.phone_call_provider_id.into_iter().filter(|it| !it.is_empty()).collect(),
        direction,
        from,
        to,
        agent: call.assistant_id,
        answered_by: machine.then_some(AnsweredBy::Machine),
        duration_s: duration_s.and_then(|it| u32::try_from(it / 1_000).ok()),
        // A report is sent some time after the end.
        at_ms: if is_report { ended_ms } else { sent_ms },
        ..CallEvent::new(id(call.id, "message.call.id")?, what)
    }))
}

fn address(party: Party) -> Option<String> {
    party.number.or(party.sip_uri)
}

fn millis(text: Option<String>) -> Option<u64> {
    let time: Timestamp = text?.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

/// How a call is over. There are some 600 reasons; most of them are mistakes of a part while the
/// call was up, and so they are no failure to put it through.
fn end(message: &Message) -> What {
    let reason = message.ended_reason.as_deref().unwrap_or_default();
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
