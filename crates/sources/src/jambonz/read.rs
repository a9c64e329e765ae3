//! The status of a call, and the hooks of an application, which have the same base fields.

use live_users_core::{Direction, EndReason};
use serde::Deserialize;

use crate::json::parse;
use crate::{CallEvent, Reading, Request, Unreadable, What};

/// What every hook has (`callbacks/base.schema.json`). What is unknown in it is left out.
#[derive(Deserialize)]
struct Hook {
    call_sid: Option<String>,
    call_status: Option<String>,
    direction: Option<String>,
    from: Option<String>,
    to: Option<String>,
    parent_call_sid: Option<String>,
    application_sid: Option<String>,
    duration: Option<u32>,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let hook: Hook = parse(request.body)?;
    let call = hook.call_sid.filter(|it| !it.is_empty());
    let call = call.ok_or(Unreadable { field: "call_sid", expected: "the id of a call" })?;
    let status = hook.call_status.unwrap_or_default();
    let Some(what) = what(&status) else {
        return Ok(Reading::ignoring(format!("call_status {status}")));
    };
    let parent = hook.parent_call_sid.filter(|it| !it.is_empty());
    let direction = match (&parent, hook.direction.as_deref()) {
        (Some(_), _) => Some(Direction::Dial),
        (None, Some("inbound")) => Some(Direction::Inbound),
        (None, Some("outbound")) => Some(Direction::Outbound),
        (None, _) => None,
    };
    Ok(Reading::of(CallEvent {
        parent,
        direction,
        from: hook.from,
        to: hook.to,
        agent: hook.application_sid,
        duration_s: hook.duration,
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
