//! The status of a call, and the callbacks of `<Dial>`: its `callbackUrl` tells of the leg, its
//! `action` that the verb is over.

use live_users_core::{AnsweredBy, Direction, EndReason};
use live_users_twilio::{CALL_SID_BYTES_MAX, Form, PARTY_BYTES_MAX};

use crate::compatible;
use crate::{CallEvent, Reading, Request, Unreadable, What};

/// The longest value of a short field, in bytes.
const TOKEN_BYTES_MAX: usize = 64;

struct Fields<'a>(&'a Form);

impl Fields<'_> {
    fn text(&self, name: &str, bytes_max: usize) -> Option<&str> {
        self.0.text_within(name, bytes_max).ok().flatten()
    }

    fn token(&self, name: &str) -> Option<&str> {
        self.text(name, TOKEN_BYTES_MAX)
    }

    fn party(&self, name: &str) -> Option<String> {
        self.text(name, PARTY_BYTES_MAX).map(str::to_owned)
    }

    fn id(&self, name: &str) -> Option<String> {
        let text = self.text(name, CALL_SID_BYTES_MAX)?;
        text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| text.to_owned())
    }

    fn seconds(&self, name: &str) -> Option<u32> {
        let text = self.token(name)?;
        // `parse` alone would take a leading plus as well.
        text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let form = compatible::form(request);
    let form = form.ok_or(Unreadable { field: "body", expected: "a form" })?;
    let fields = Fields(&form);
    let expected = "1 to 128 characters of visible ASCII";
    let call = fields.id("CallUUID").ok_or(Unreadable { field: "CallUUID", expected })?;
    if let Some(action) = fields.token("DialAction").or_else(|| fields.token("DialBLegStatus")) {
        let leg = leg(&fields, &call, action);
        return Ok(
            leg.map_or_else(|| Reading::ignoring(format!("DialAction {action}")), Reading::of)
        );
    }
    let status = fields.token("CallStatus").unwrap_or_default();
    let dialled = fields.token("DialStatus").map(|status| end_of_leg(&fields, &call, status));
    let what = match (what(status, &fields), &dialled) {
        (Some(What::Up), Some(_)) => Some(What::Returned),
        (what, _) => what,
    };
    let mut reading =
        Reading { events: dialled.flatten().into_iter().collect(), ..Reading::default() };
    let Some(what) = what else {
        reading.ignored.push(format!("CallStatus {status}"));
        return Ok(reading);
    };
    let direction = match fields.token("Direction") {
        Some("inbound") => Some(Direction::Inbound),
        Some("outbound") => Some(Direction::Outbound),
        _ => None,
    };
    let answered_by = match (status, fields.token("Machine")) {
        ("machine", _) | (_, Some("true")) => Some(AnsweredBy::Machine),
        (_, Some("false")) => Some(AnsweredBy::Human),
        _ => None,
    };
    let is_over = matches!(what, What::Ended(_));
    reading.events.push(CallEvent {
        direction,
        from: fields.party("From"),
        to: fields.party("To"),
        answered_by,
        duration_s: fields.seconds("Duration").filter(|_| is_over),
        ..CallEvent::new(call, what)
    });
    Ok(reading)
}

fn what(status: &str, fields: &Fields<'_>) -> Option<What> {
    Some(match status {
        "ringing" => What::Dialing,
        "in-progress" => What::Up,
        "machine" if fields.token("HangupCause").is_none() => What::Up,
        other => What::Ended(end_reason(other)?),
    })
}

/// Of `CallStatus` and of `DialStatus`.
fn end_reason(status: &str) -> Option<EndReason> {
    Some(match status {
        "completed" | "machine" => EndReason::Completed,
        "busy" => EndReason::Busy,
        "failed" => EndReason::Failed,
        "no-answer" | "timeout" => EndReason::NoAnswer,
        "cancel" => EndReason::Canceled,
        _ => return None,
    })
}

/// What the `callbackUrl` of a `<Dial>` is told of the leg.
fn leg(fields: &Fields<'_>, parent: &str, action: &str) -> Option<CallEvent> {
    let what = match action {
        "answer" | "connected" => What::Up,
        "hangup" => What::Ended(match fields.token("DialBLegHangupCause") {
            Some("USER_BUSY") => EndReason::Busy,
            Some("NO_ANSWER" | "NO_USER_RESPONSE" | "CALL_REJECTED") => EndReason::NoAnswer,
            Some("ORIGINATOR_CANCEL") => EndReason::Canceled,
            _ => EndReason::Completed,
        }),
        _ => return None,
    };
    Some(CallEvent {
        from: fields.party("DialBLegFrom"),
        to: fields.party("DialBLegTo"),
        duration_s: fields.seconds("DialBLegDuration"),
        ..of_leg(fields, parent, what)?
    })
}

/// That the leg is over, since the verb is. `None` if nobody has answered: then no leg is named.
fn end_of_leg(fields: &Fields<'_>, parent: &str, status: &str) -> Option<CallEvent> {
    let reason = end_reason(status).unwrap_or(EndReason::Completed);
    of_leg(fields, parent, What::Ended(reason))
}

fn of_leg(fields: &Fields<'_>, parent: &str, what: What) -> Option<CallEvent> {
    let leg = fields.id("DialBLegUUID").filter(|leg| leg != parent)?;
    Some(CallEvent {
        parent: Some(parent.to_owned()),
        direction: Some(Direction::Dial),
        ..CallEvent::new(leg, what)
    })
}
