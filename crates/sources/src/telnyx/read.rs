//! The events of Call Control, and the forms of TeXML.
//!
//! The legs of a transfer have one `call_session_id` and no other sign of each other: it is no id of
//! a call, and says of a call that was made in it whose leg it is. `call_leg_id` is one of exactly one
//! leg.

use live_users_core::{AnsweredBy, Direction, EndReason};
use live_users_twilio::{CALL_SID_BYTES_MAX, Form, unix_ms};
use serde::Deserialize;

use crate::bounds::{Text, object};
use crate::json::parse;
use crate::{CallEvent, Reading, Request, Unreadable, What, compatible};

/// What every webhook of Call Control has (`types/*_webhook_event.py`). What is unknown in it is
/// left out.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "object")]
    data: Event,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    event_type: Text,
    occurred_at: Text,
    #[serde(deserialize_with = "object")]
    payload: Payload,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    call_control_id: Text,
    call_leg_id: Text,
    call_session_id: Text,
    /// The application of Call Control.
    connection_id: Text,
    direction: Text,
    from: Text,
    to: Text,
    hangup_cause: Text,
    /// Of a call that has left a queue.
    reason: Text,
    /// Of machine detection.
    result: Text,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    if request.is_form() {
        let form = Form::parse(request.body);
        return texml(&form.map_err(|_| Unreadable { field: "body", expected: "a form" })?);
    }
    let body: Body = parse(request.body)?;
    let Event { event_type, occurred_at, payload } = body.data;
    let Some(what) = what(event_type.required("data.event_type")?, &payload) else {
        return Ok(Reading::ignoring(event_type.kind("event_type")));
    };
    let is_detection = event_type.as_str().is_some_and(|it| it.contains(DETECTION));
    let answered_by = if is_detection { answered_by(payload.result.as_str()) } else { None };
    let agent = payload.connection_id.id();
    let direction = match payload.direction.as_str() {
        Some("incoming") => Some(Direction::Inbound),
        Some("outgoing") => Some(Direction::Outbound),
        _ => None,
    };
    Ok(Reading::of(CallEvent {
        also: payload.call_leg_id.id().into_iter().collect(),
        session: payload.call_session_id.id(),
        direction,
        from: payload.from.party(),
        to: payload.to.party(),
        room: agent.as_deref().map(connection),
        agent,
        answered_by,
        at_ms: occurred_at.as_str().and_then(unix_ms),
        ..CallEvent::new(payload.call_control_id.call("data.payload.call_control_id")?, what)
    }))
}

/// What stands for the room of a call: the connection that it is on, whose list has it.
pub(super) fn connection(id: &str) -> String {
    format!("connection/{id}")
}

/// What the types of the results of machine detection have in common.
const DETECTION: &str = ".detection.ended";

fn what(event_type: &str, payload: &Payload) -> Option<What> {
    Some(match event_type {
        "call.initiated" => What::Dialing,
        // Telnyx keeps no order of its webhooks, so this may arrive behind `call.bridged`.
        "call.answered" => What::Up,
        "call.machine.detection.ended" | "call.machine.premium.detection.ended" => What::Up,
        // Telnyx's own assistant, or an application that hears the caller.
        "call.conversation.created" | "call.streaming.started" => What::Answered,
        "call.enqueued" => What::Waiting,
        "call.dequeued" => match payload.reason.as_str() {
            Some("bridged" | "bridging-in-process") => What::Transferred,
            Some("leave" | "timeout") => What::Returned,
            // Of who has hung up, `call.hangup` tells the cause.
            _ => return None,
        },
        // Each of two legs that were connected with each other has one. With whom is not told: an
        // agent of Call Control hears the caller by a stream, so it is taken for a person.
        "call.bridged" => What::Transferred,
        "call.hangup" => What::Ended(end_reason(payload.hangup_cause.as_str())),
        _ => return None,
    })
}

fn end_reason(cause: Option<&str>) -> EndReason {
    match cause {
        Some("user_busy") => EndReason::Busy,
        Some("originator_cancel") => EndReason::Canceled,
        Some("timeout" | "no_answer" | "call_rejected") => EndReason::NoAnswer,
        Some("not_found") => EndReason::Failed,
        // `normal_clearing`, `time_limit`, `unspecified`.
        _ => EndReason::Completed,
    }
}

/// Where detection could not tell, a person is assumed, as it is for Twilio.
fn answered_by(result: Option<&str>) -> Option<AnsweredBy> {
    match result? {
        "human" | "human_residence" | "human_business" | "not_sure" => Some(AnsweredBy::Human),
        "machine" => Some(AnsweredBy::Machine),
        "fax_detected" => Some(AnsweredBy::Fax),
        _ => None,
    }
}

/// The longest value of a field that is read here, in bytes.
const TOKEN_BYTES_MAX: usize = CALL_SID_BYTES_MAX;

/// A form has no `Direction`, so who is ours follows from our own numbers.
fn texml(form: &Form) -> Result<Reading, Unreadable> {
    let mut reading = compatible::read(form)?;
    let text = |name| form.text_within(name, TOKEN_BYTES_MAX).ok().flatten();
    // An end of a leg comes first, and says nothing but that.
    if let Some(event) = reading.events.last_mut().filter(|it| text("CallSid") == Some(&it.call)) {
        let legacy = text("CallSidLegacy").filter(|it| *it != event.call);
        event
            .also
            .extend(legacy.filter(|it| it.bytes().all(|b| b.is_ascii_graphic())).map(Into::into));
        event.agent = text("ConnectionId").map(str::to_owned);
        event.room = event.agent.as_deref().map(connection);
        event.at_ms = text("Timestamp").and_then(unix_ms);
    }
    Ok(reading)
}
