//! What an event says. A batch is taken as a whole or not at all.

use live_users_core::{Direction, EndReason};
use serde::Deserialize;
use serde_json::Value;

use crate::{CallEvent, NotDistinct, Reading, Request, UnknownFields, Unreadable, What, distinct};

/// The most events in one batch.
const EVENTS_MAX: usize = 1_000;

/// The longest text of a field, in bytes.
const TEXT_BYTES_MAX: usize = 256;

const EVENT: Unreadable = Unreadable {
    field: "event",
    expected: "started, answered, waiting, transferred, returned, ended or heartbeat",
};

/// The fields of an event, plain or in the `data` of a CloudEvent.
pub const FIELDS: [&str; 9] =
    ["id", "call", "event", "agent", "caller", "with", "at", "direction", "reason"];

/// One event, plain or in the `data` of a CloudEvent.
#[derive(Deserialize)]
struct Event {
    id: Option<Value>,
    call: Option<Value>,
    event: Option<Value>,
    agent: Option<Value>,
    caller: Option<Value>,
    #[serde(rename = "with")]
    party: Option<Value>,
    at: Option<Value>,
    direction: Option<Value>,
    reason: Option<Value>,
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let body = distinct(request.body).map_err(|why| match why {
        NotDistinct::NotJson => {
            Unreadable { field: "body", expected: "an event or an array of events in JSON" }
        }
        NotDistinct::Repeated(name) => Unreadable {
            field: FIELDS.into_iter().find(|it| *it == name).unwrap_or("body"),
            expected: "each field once",
        },
    })?;
    let items = match body {
        Value::Array(items) => items,
        one => vec![one],
    };
    if items.len() > EVENTS_MAX {
        return Err(Unreadable { field: "body", expected: "at most 1000 events" });
    }
    let mut unknown = UnknownFields::default();
    let mut events = Vec::new();
    for item in items {
        note_unknown(&item, &mut unknown);
        events.push(event(item)?);
    }
    Ok(Reading { events, unknown, ..Reading::default() })
}

/// Notes the fields that are none of ours. CloudEvents may have more attributes than their
/// specification names (its extensions), so of these only `data` is looked at.
fn note_unknown(item: &Value, unknown: &mut UnknownFields) {
    let is_cloud_event = item.get("specversion").is_some();
    let ours = if is_cloud_event { item.get("data") } else { Some(item) };
    let names = ours.and_then(Value::as_object).into_iter().flat_map(|fields| fields.keys());
    names.filter(|name| !FIELDS.contains(&name.as_str())).for_each(|name| unknown.add(name));
}

fn event(item: Value) -> Result<CallEvent, Unreadable> {
    let is_cloud_event = item.get("specversion").is_some();
    let event = if is_cloud_event { from_cloud_event(item)? } else { plain(item)? };
    let required = |value: &Option<Value>, field, expected| {
        text(value, field, expected)?.ok_or(Unreadable { field, expected })
    };
    let id = required(&event.id, "id", "an id of the event, the same when it is sent again")?;
    let call = required(&event.call, "call", "the id of the call")?;
    let word = required(&event.event, EVENT.field, EVENT.expected)?;
    let party = text(&event.party, "with", WITH)?;
    let direction = direction(text(&event.direction, "direction", "inbound or outbound")?)?;
    let reason = reason(text(&event.reason, "reason", REASONS)?)?;
    let what = what(&word, party.as_deref(), direction, reason)?;
    let caller = text(&event.caller, "caller", "a phone number, or an id of the person")?;
    let caller = caller.map(|caller| identity(&caller));
    let (from, to) = match direction {
        Some(Direction::Outbound) => (None, caller),
        _ => (caller, None),
    };
    Ok(CallEvent {
        id: Some(id),
        // Who tells of a call without saying more means somebody who talks with an agent.
        direction: direction.or((what != What::StillUp).then_some(Direction::Inbound)),
        from,
        to,
        agent: text(&event.agent, "agent", "the id of an agent")?,
        at_ms: at(event.at.as_ref())?,
        ..CallEvent::new(call, what)
    })
}

fn plain(item: Value) -> Result<Event, Unreadable> {
    serde_json::from_value(item)
        .map_err(|_| Unreadable { field: "body", expected: "an object with id, call and event" })
}

/// The fields stand in `data`; what CloudEvents have fields of their own for may stand in these: the
/// last word of `type` is the event, `subject` the call, `time` when it happened.
fn from_cloud_event(item: Value) -> Result<Event, Unreadable> {
    let own = |name: &str| item.get(name).cloned();
    let (id, kind, subject, time) = (own("id"), own("type"), own("subject"), own("time"));
    let word = kind.as_ref().and_then(Value::as_str).and_then(|kind| kind.rsplit('.').next());
    let word = word.map(|word| Value::from(word.to_owned()));
    let data = own("data").unwrap_or_else(|| Value::Object(Default::default()));
    let data: Event = serde_json::from_value(data)
        .map_err(|_| Unreadable { field: "data", expected: "an object with call" })?;
    Ok(Event {
        id,
        call: data.call.or(subject),
        event: data.event.or(word),
        at: data.at.or(time),
        ..data
    })
}

/// A text, or a number as its digits; `None` if it is missing.
fn text(
    value: &Option<Value>,
    field: &'static str,
    expected: &'static str,
) -> Result<Option<String>, Unreadable> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(Unreadable { field, expected }),
    };
    let is_usable = !text.is_empty() && text.len() <= TEXT_BYTES_MAX;
    if is_usable { Ok(Some(text)) } else { Err(Unreadable { field, expected }) }
}

fn direction(word: Option<String>) -> Result<Option<Direction>, Unreadable> {
    Ok(Some(match word.as_deref() {
        None => return Ok(None),
        Some("inbound") => Direction::Inbound,
        Some("outbound") => Direction::Outbound,
        Some(_) => {
            return Err(Unreadable { field: "direction", expected: "inbound or outbound" });
        }
    }))
}

const REASONS: &str = "completed, busy, failed, no-answer or canceled";

fn reason(word: Option<String>) -> Result<EndReason, Unreadable> {
    Ok(match word.as_deref() {
        None | Some("completed") => EndReason::Completed,
        Some("busy") => EndReason::Busy,
        Some("failed") => EndReason::Failed,
        Some("no-answer") => EndReason::NoAnswer,
        Some("canceled") => EndReason::Canceled,
        Some(_) => return Err(Unreadable { field: "reason", expected: REASONS }),
    })
}

const WITH: &str = "agent, person or machine";

/// What has happened. `with` is who is with the caller now, and so the last word about that; an event
/// that says the contrary is a mistake.
fn what(
    word: &str,
    party: Option<&str>,
    direction: Option<Direction>,
    reason: EndReason,
) -> Result<What, Unreadable> {
    if party.is_some_and(|party| !["agent", "person", "machine"].contains(&party)) {
        return Err(Unreadable { field: "with", expected: WITH });
    }
    Ok(match (word, party) {
        ("ended", _) => What::Ended(reason),
        // Who is called is not on the line before an answer.
        ("started", _) if direction == Some(Direction::Outbound) => What::Dialing,
        ("waiting", None) => What::Waiting,
        ("waiting", Some(_)) => {
            let expected = "nothing: nobody is with a caller who waits";
            return Err(Unreadable { field: "with", expected });
        }
        ("heartbeat", None) => What::StillUp,
        ("started" | "answered" | "transferred" | "returned" | "heartbeat", Some("machine")) => {
            What::Machine
        }
        ("started" | "answered" | "returned" | "heartbeat", Some("person")) => What::Transferred,
        ("transferred" | "heartbeat", Some("agent")) | ("returned", _) => What::Returned,
        ("started" | "answered", _) => What::Answered,
        ("transferred", _) => What::Transferred,
        _ => return Err(EVENT),
    })
}

/// A caller as the rest of this system knows people: a phone number or an address as it is, and any
/// other id as that of a client.
fn identity(caller: &str) -> String {
    let is_number = caller.bytes().filter(u8::is_ascii_digit).count() >= 7
        && caller.bytes().all(|byte| byte.is_ascii_digit() || b"+ -().".contains(&byte));
    let is_address = ["sip:", "sips:", "tel:", "client:", "whatsapp:"]
        .iter()
        .any(|scheme| caller.to_ascii_lowercase().starts_with(scheme));
    if is_number || is_address { caller.to_owned() } else { format!("client:{caller}") }
}

/// The year 2000, in milliseconds since 1970: a smaller number is of another unit.
const YEAR_2000_MS: u64 = 946_684_800_000;

/// A time in RFC 3339, or milliseconds since 1970.
fn at(value: Option<&Value>) -> Result<Option<u64>, Unreadable> {
    const AT: Unreadable =
        Unreadable { field: "at", expected: "a time in RFC 3339, or milliseconds since 1970" };
    let ms = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => {
            let moment: Option<jiff::Timestamp> = text.parse().ok();
            moment.and_then(|moment| u64::try_from(moment.as_millisecond()).ok())
        }
        Some(_) => None,
    };
    // Whoever gives seconds means another time.
    ms.filter(|ms| *ms >= YEAR_2000_MS).map(Some).ok_or(AT)
}
