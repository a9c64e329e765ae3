//! The events of a call of the Voice API. Each is of one leg, which `uuid` names; all legs of a
//! conversation have one `conversation_uuid`, so it is no id of a call.

use live_users_core::{AnsweredBy, Direction, EndReason};
use live_users_twilio::unix_ms;
use serde::Deserialize;

use crate::bounds::Text;
use crate::json::parse;
use crate::{CallEvent, Reading, Request, Unreadable, What};

/// What is used of an event. What is unknown in it is left out.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    uuid: Text,
    /// The leg, in a result of machine detection.
    call_uuid: Text,
    /// What the legs of a `connect` share with the call that it is in.
    conversation_uuid: Text,
    status: Text,
    direction: Text,
    from: Text,
    to: Text,
    duration: Text,
    timestamp: Text,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let event: Event = parse(request.body)?;
    // The request for instructions has none, nor have transfers between conversations, recordings,
    // inputs and mistakes.
    let Some(what) = event.status.as_str().and_then(what) else {
        return Ok(Reading::ignoring(event.status.kind("status")));
    };
    let answered_by = match event.status.as_str() {
        Some("human") => Some(AnsweredBy::Human),
        Some("machine") => Some(AnsweredBy::Machine),
        _ => None,
    };
    let to = event.to.party();
    let direction = match event.direction.as_str() {
        // The leg of an application that hears the caller: nobody calls by it.
        _ if to.as_deref().is_some_and(is_socket) => Some(Direction::Dial),
        Some("inbound") => Some(Direction::Inbound),
        Some("outbound") => Some(Direction::Outbound),
        _ => None,
    };
    let is_over = matches!(what, What::Ended(_));
    let leg = event.uuid.id().map_or_else(|| event.call_uuid.call("uuid"), Ok)?;
    Ok(Reading::of(CallEvent {
        session: event.conversation_uuid.id(),
        direction,
        from: event.from.party(),
        to,
        answered_by,
        duration_s: event.duration.whole().filter(|_| is_over),
        at_ms: event.timestamp.as_str().and_then(unix_ms),
        ..CallEvent::new(leg, what)
    }))
}

fn is_socket(to: &str) -> bool {
    ["ws://", "wss://"].iter().any(|scheme| to.starts_with(scheme))
}

fn what(status: &str) -> Option<What> {
    Some(match status {
        // Of an inbound call `ringing` may come before `started`.
        "started" | "ringing" => What::Dialing,
        "answered" | "human" | "machine" => What::Up,
        "completed" => What::Ended(EndReason::Completed),
        "busy" => What::Ended(EndReason::Busy),
        "cancelled" => What::Ended(EndReason::Canceled),
        "failed" => What::Ended(EndReason::Failed),
        "rejected" | "timeout" | "unanswered" => What::Ended(EndReason::NoAnswer),
        _ => return None,
    })
}
