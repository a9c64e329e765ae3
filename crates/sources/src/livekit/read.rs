//! Who joins and leaves a room by telephone.
//!
//! Names of rooms and identities of participants often hold phone numbers, so neither is an id of
//! ours: a call is `participant.sid`, a room is `room.sid`.

use std::collections::BTreeMap;

use live_users_core::{Direction, EndReason};
use live_users_twilio::PARTY_BYTES_MAX;
use serde::Deserialize;

use crate::bounds::{Text, object};
use crate::json::parse;
use crate::{CallEvent, Reading, Request, Unreadable, What};

/// `livekit.WebhookEvent`. Readers of JSON of protocol buffers take both spellings of a name, a
/// number for the name of an enum's value, and 64-bit integers as text and as numbers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    event: Text,
    #[serde(deserialize_with = "object")]
    room: Room,
    #[serde(deserialize_with = "object")]
    participant: Participant,
    #[serde(alias = "created_at", rename = "createdAt")]
    created_at: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Room {
    sid: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Participant {
    sid: Text,
    kind: Text,
    #[serde(deserialize_with = "object")]
    attributes: BTreeMap<String, Text>,
    #[serde(alias = "disconnect_reason", rename = "disconnectReason")]
    disconnect_reason: Text,
}

/// Whether it is this value of an enum, of which unknown ones must not be refused.
fn is(value: &Text, name: &str, number: u64) -> bool {
    value.as_str() == Some(name) || value.number() == Some(number)
}

impl Participant {
    /// Agents, recorders and people in browsers are participants, too; only telephones are callers.
    pub(super) fn is_telephone(&self) -> bool {
        is(&self.kind, "SIP", 3)
    }

    /// An attribute that the SIP service sets.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let value = self.attributes.get(name).and_then(Text::as_str);
        value.filter(|it| (1..=PARTY_BYTES_MAX).contains(&it.len())).map(str::to_owned)
    }

    fn has_left_because(&self, name: &str, number: u64) -> bool {
        is(&self.disconnect_reason, name, number)
    }
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let event: Event = parse(request.body)?;
    let at_ms = event.created_at.number().map(|it| it.saturating_mul(1_000));
    let name = event.event.required("event")?;
    if name == "room_finished" {
        let room = event.room.sid.call("room.sid")?;
        return Ok(Reading::of(CallEvent { at_ms, ..CallEvent::new(room, What::RoomOver) }));
    }
    let participant = event.participant;
    let Some(what) = what(name, &participant).filter(|_| participant.is_telephone()) else {
        return Ok(Reading::ignoring(event.event.kind("event")));
    };
    Ok(Reading::of(CallEvent { at_ms, ..call_event(participant, event.room.sid.id(), what)? }))
}

/// That this happened to the call of a participant.
pub(super) fn call_event(
    participant: Participant,
    room: Option<String>,
    what: What,
) -> Result<CallEvent, Unreadable> {
    let direction = direction(&participant);
    let theirs = participant.attribute("sip.phoneNumber");
    let ours = participant.attribute("sip.trunkPhoneNumber");
    let (from, to) = match direction {
        Some(Direction::Outbound) => (ours, theirs),
        _ => (theirs, ours),
    };
    Ok(CallEvent {
        also: also(&participant),
        room,
        direction,
        from,
        to,
        ..CallEvent::new(participant.sid.call("participant.sid")?, what)
    })
}

/// Other ids of the call: LiveKit's own of the SIP call, the carrier's, and the `Call-ID`.
fn also(participant: &Participant) -> Vec<String> {
    let header = participant.attribute("sip.callIDFull");
    let header = header.map(|it| format!("sip-call-id/{it}"));
    let ids =
        [participant.attribute("sip.callID"), participant.attribute("sip.twilio.callSid"), header];
    ids.into_iter().flatten().collect()
}

/// A rule has dispatched an inbound call to its room; an outbound call has only a trunk.
pub(super) fn direction(participant: &Participant) -> Option<Direction> {
    let has = |name| participant.attribute(name).is_some();
    match (has("sip.ruleID"), has("sip.trunkID") || has("sip.callStatus")) {
        (true, _) => Some(Direction::Inbound),
        (false, true) => Some(Direction::Outbound),
        (false, false) => None,
    }
}

/// What it means for the call that something happened to its participant.
///
/// A participant joins, and its track is published, while the phone still rings, in either
/// direction (`livekit/sip`, `inbound.go` and `outbound.go`); and no event tells that its
/// attributes have changed. So the status counts, as far as events happen to show it. Without one:
///
/// - an inbound call is accepted as soon as somebody in the room listens to its track, which takes
///   an agent a second or so: its track counts as the answer;
/// - an outbound call rings for up to three minutes, and often in vain: its track, which has the
///   dial tone, counts for nothing.
fn what(event: &str, participant: &Participant) -> Option<What> {
    let status = participant.attribute("sip.callStatus");
    let is_inbound = direction(participant) == Some(Direction::Inbound);
    match (event, status.as_deref()) {
        ("participant_left", status) => end(participant, status),
        ("participant_connection_aborted", _) => Some(What::Ended(EndReason::Failed)),
        // It says so shortly before it leaves: nothing that would be counted.
        ("participant_joined" | "track_published", Some("hangup")) => None,
        ("track_published", _) if is_inbound => Some(What::Answered),
        ("participant_joined" | "track_published", Some("active" | "automation")) => {
            Some(What::Answered)
        }
        ("participant_joined", _) | ("track_published", Some("dialing" | "ringing")) => {
            Some(What::Dialing)
        }
        // An SIP service from before there was a status.
        ("track_published", _) => Some(What::Answered),
        _ => None,
    }
}

/// How a call is over whose participant has left; `None` if it only goes elsewhere.
fn end(participant: &Participant, status: Option<&str>) -> Option<What> {
    let because = |name, number| participant.has_left_because(name, number);
    if because("MIGRATION", 8) {
        return None;
    }
    Some(What::Ended(if because("USER_UNAVAILABLE", 11) {
        EndReason::NoAnswer
    } else if because("USER_REJECTED", 12) {
        EndReason::Busy
    } else if because("SIP_TRUNK_FAILURE", 13) || because("JOIN_FAILURE", 7) {
        EndReason::Failed
    } else if matches!(status, Some("dialing" | "ringing")) {
        EndReason::Canceled
    } else {
        EndReason::Completed
    }))
}
