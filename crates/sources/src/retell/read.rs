//! The events of calls: each of them has the whole call as it is then.

use live_users_core::{AnsweredBy, Direction, EndReason};
use serde::Deserialize;

use crate::bounds::{Text, object};
use crate::json::parse;
use crate::{CallEvent, Reading, Request, Unreadable, What};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    event: Text,
    #[serde(deserialize_with = "object")]
    call: Call,
}

/// `PhoneCallResponse` and `WebCallResponse`, without transcripts and analysis.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Call {
    call_id: Text,
    call_type: Text,
    call_status: Text,
    agent_id: Text,
    direction: Text,
    from_number: Text,
    to_number: Text,
    #[serde(deserialize_with = "object")]
    telephony_identifier: TelephonyIdentifier,
    disconnection_reason: Text,
    start_timestamp: Text,
    end_timestamp: Text,
    transfer_end_timestamp: Text,
    duration_ms: Text,
}

impl Call {
    /// Whether it goes on, as far as it says.
    pub(super) fn is_ongoing(&self) -> bool {
        self.call_status.as_str().is_none_or(|status| status == "ongoing")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TelephonyIdentifier {
    twilio_call_sid: Text,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let Body { event, call } = parse(request.body)?;
    let name = event.required("event")?;
    let reason = call.disconnection_reason.as_str().unwrap_or_default().to_owned();
    let reason = reason.as_str();
    let (what, at_ms) = match name {
        "call_started" => (What::Answered, call.start_timestamp.number()),
        "transfer_started" => (What::Waiting, None),
        "transfer_bridged" => (What::Transferred, None),
        "transfer_cancelled" => (What::Returned, None),
        // The conversation of the two people: the agent had left before.
        "transfer_ended" => {
            (What::Ended(EndReason::Completed), call.transfer_end_timestamp.number())
        }
        // The analysis repeats the end, whose own event may have been lost.
        "call_ended" | "call_analyzed" => {
            (end(reason, call.call_status.as_str()), call.end_timestamp.number())
        }
        // `transcript_updated` would be a heartbeat, and the last one comes after the end.
        _ => return Ok(Reading::ignoring(event.kind("event"))),
    };
    let is_end = matches!(what, What::Ended(_) | What::Left) && name != "transfer_ended";
    let is_machine = matches!(reason, "voicemail_reached" | "ivr_reached");
    let duration_s = call.duration_ms.number().and_then(|it| u32::try_from(it / 1_000).ok());
    Ok(Reading::of(CallEvent {
        answered_by: is_machine.then_some(AnsweredBy::Machine),
        duration_s: duration_s.filter(|_| is_end),
        at_ms,
        ..call_event(call, what)?
    }))
}

/// That this happened to a call.
pub(super) fn call_event(call: Call, what: What) -> Result<CallEvent, Unreadable> {
    let direction = match (call.direction.as_str(), call.call_type.as_str()) {
        (Some("outbound"), _) => Some(Direction::Outbound),
        // A person in a browser calls the agent, too.
        (Some("inbound"), _) | (None, Some("web_call")) => Some(Direction::Inbound),
        _ => None,
    };
    Ok(CallEvent {
        also: call.telephony_identifier.twilio_call_sid.id().into_iter().collect(),
        direction,
        from: call.from_number.party(),
        to: call.to_number.party(),
        agent: call.agent_id.id(),
        ..CallEvent::new(call.call_id.call("call.call_id")?, what)
    })
}

/// How a call is over, by its `disconnection_reason`.
fn end(reason: &str, status: Option<&str>) -> What {
    What::Ended(match reason {
        // A person has the caller now: by a transfer, or by taking the call over.
        "call_transfer" | "transfer_bridged" | "call_take_over" => return What::Left,
        "dial_busy" => EndReason::Busy,
        "dial_no_answer" | "user_declined" => EndReason::NoAnswer,
        "dial_failed"
        | "invalid_destination"
        | "telephony_provider_permission_denied"
        | "telephony_provider_unavailable"
        | "sip_routing_error"
        | "marked_as_spam"
        | "network_blocked"
        | "concurrency_limit_reached"
        | "no_concurrency_fallback"
        | "no_valid_payment"
        | "error_user_not_joined"
        | "registered_call_timeout" => EndReason::Failed,
        _ if status == Some("not_connected") => EndReason::Failed,
        _ => EndReason::Completed,
    })
}
