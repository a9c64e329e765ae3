//! Forms of providers that send what Twilio sends, and more: SignalWire's, and Telnyx's of TeXML.

use live_users_core::{AnsweredBy, Direction, EndReason};
use live_users_twilio::{
    self as twilio, CallEvents, CallStatus, DialResult, Form, QueueEvent, StatusField, StreamEvent,
    Webhook,
};

use crate::{CallEvent, Reading, Request, Unreadable, What};

/// The longest type of an event that is repeated, in bytes.
const TYPE_BYTES_MAX: usize = 64;

/// The fields of a request: of a GET its query, else its body. `None` if they are no form.
pub(crate) fn form(request: &Request<'_>) -> Option<Form> {
    if request.method == "GET" {
        let query = request.url.split_once('?').map_or("", |(_, query)| query);
        return Form::parse(query.as_bytes()).ok();
    }
    Form::parse(request.body).ok().filter(|_| request.is_form())
}

/// Reads a form. The last of the events is of the call itself; before it may be the end of a leg.
///
/// No time of an event is read: what the field `Timestamp` is differs between the providers.
pub(crate) fn read(form: &Form) -> Result<Reading, Unreadable> {
    let webhook = Webhook::parse(form).map_err(|_| Unreadable {
        field: "CallSid",
        expected: "1 to 128 characters of visible ASCII",
    })?;
    let said = CallEvents::read(form);
    let leg = said.dial.as_ref().and_then(|dial| end_of_leg(webhook.call_sid, dial));
    let mut reading = Reading { events: leg.into_iter().collect(), ..Reading::default() };
    let Some(what) = what(&webhook, &said) else {
        reading.ignored.push(kind(form));
        return Ok(reading);
    };
    let direction = match webhook.direction {
        _ if webhook.has_parent => Some(Direction::Dial),
        Some(twilio::Direction::OutboundDial) => Some(Direction::Dial),
        Some(twilio::Direction::Inbound) => Some(Direction::Inbound),
        Some(twilio::Direction::Outbound) => Some(Direction::Outbound),
        None => None,
    };
    reading.events.push(CallEvent {
        parent: webhook.parent_call_sid.map(str::to_owned),
        direction,
        from: webhook.from.map(str::to_owned),
        to: webhook.to.map(str::to_owned),
        answered_by: said.answered_by.map(answered_by),
        duration_s: webhook.call_duration_s,
        ..CallEvent::new(webhook.call_sid.to_owned(), what)
    });
    Ok(reading)
}

fn what(webhook: &Webhook<'_>, said: &CallEvents) -> Option<What> {
    let status = match webhook.status {
        StatusField::Known(status) => Some(status),
        StatusField::Missing | StatusField::Unknown => None,
    };
    // Whoever hangs up while somebody is dialled, or in a queue, is reported with both.
    if let Some(reason) = status.and_then(end_reason) {
        return Some(What::Ended(reason));
    }
    if let Some(stream) = said.stream {
        return (stream == StreamEvent::Started).then_some(What::Answered);
    }
    match said.queue {
        Some(QueueEvent::Waits) => return Some(What::Waiting),
        Some(QueueEvent::IsTaken) => return Some(What::Transferred),
        Some(QueueEvent::HasLeft) => return Some(What::Returned),
        Some(QueueEvent::HungUp) => return Some(What::Ended(EndReason::Completed)),
        None => {}
    }
    if said.dial.is_some() || said.ends_session {
        return Some(What::Returned);
    }
    // A conference may be with anybody.
    if said.conference.is_some() {
        return None;
    }
    match status {
        Some(CallStatus::Queued | CallStatus::Initiated | CallStatus::Ringing) => {
            Some(What::Dialing)
        }
        // Also `answered`: it may arrive behind what came later, and says not who is with whom.
        Some(_) => Some(What::Up),
        None => said.is_detection.then_some(What::Up).filter(|_| said.answered_by.is_some()),
    }
}

/// That the leg of a `<Dial>` is over, since the verb is. `None` if no leg is named.
fn end_of_leg(parent: &str, dial: &DialResult) -> Option<CallEvent> {
    let leg = dial.call_sid.as_deref().filter(|leg| *leg != parent)?;
    let reason = dial.status.and_then(end_reason).unwrap_or(EndReason::Completed);
    Some(CallEvent {
        parent: Some(parent.to_owned()),
        direction: Some(Direction::Dial),
        duration_s: dial.duration_s,
        ..CallEvent::new(leg, What::Ended(reason))
    })
}

fn end_reason(status: CallStatus) -> Option<EndReason> {
    match status {
        CallStatus::Completed => Some(EndReason::Completed),
        CallStatus::Busy => Some(EndReason::Busy),
        CallStatus::Failed => Some(EndReason::Failed),
        CallStatus::NoAnswer => Some(EndReason::NoAnswer),
        CallStatus::Canceled => Some(EndReason::Canceled),
        CallStatus::Queued
        | CallStatus::Initiated
        | CallStatus::Ringing
        | CallStatus::InProgress => None,
    }
}

fn answered_by(result: twilio::AnsweredBy) -> AnsweredBy {
    match result {
        twilio::AnsweredBy::Human => AnsweredBy::Human,
        twilio::AnsweredBy::Machine => AnsweredBy::Machine,
        twilio::AnsweredBy::Fax => AnsweredBy::Fax,
    }
}

/// What a form is that says nothing of who is on the line.
fn kind(form: &Form) -> String {
    let names = ["StatusCallbackEvent", "StreamEvent", "CallStatus"];
    let text = |name| form.text_within(name, TYPE_BYTES_MAX).ok().flatten();
    names
        .into_iter()
        .find_map(|name| text(name).map(|text| format!("{name} {text}")))
        .unwrap_or_else(|| "no CallStatus".to_owned())
}
