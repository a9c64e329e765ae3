//! The status of a call, and the hooks of an application, which have the same base fields.

use live_users_core::{Direction, EndReason};
use serde::Deserialize;

use crate::bounds::Text;
use crate::json::parse;
use crate::{CallEvent, Reading, Request, Unreadable, What};

/// What every hook has (`callbacks/base.schema.json`). What is unknown in it is left out.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Hook {
    call_sid: Text,
    call_status: Text,
    direction: Text,
    from: Text,
    to: Text,
    parent_call_sid: Text,
    application_sid: Text,
    duration: Text,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let hook: Hook = parse(request.body)?;
    let call = hook.call_sid.call("call_sid")?;
    let Some(what) = hook.call_status.as_str().and_then(what) else {
        return Ok(Reading::ignoring(hook.call_status.kind("call_status")));
    };
    let parent = hook.parent_call_sid.id();
    let direction = match (&parent, hook.direction.as_str()) {
        (Some(_), _) => Some(Direction::Dial),
        (None, Some("inbound")) => Some(Direction::Inbound),
        (None, Some("outbound")) => Some(Direction::Outbound),
        (None, _) => None,
    };
    Ok(Reading::of(CallEvent {
        parent,
        direction,
        from: hook.from.party(),
        to: hook.to.party(),
        agent: hook.application_sid.id(),
        duration_s: hook.duration.whole(),
        ..CallEvent::new(call, what)
    }))
}

fn what(status: &str) -> Option<What> {
    Some(match status {
        "queued" | "trying" | "ringing" | "early-media" => What::Dialing,
        "in-progress" => What::Up,
        "completed" => What::Ended(EndReason::Completed),
        "failed" => What::Ended(EndReason::Failed),
        "busy" => What::Ended(EndReason::Busy),
        "no-answer" => What::Ended(EndReason::NoAnswer),
        _ => return None,
    })
}
