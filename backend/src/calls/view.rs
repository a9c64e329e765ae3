//! From what is known to what is shown.

use jiff::Timestamp;
use live_users_core::{Agent, Call, Caller, Millis, Phase, Place};
use live_users_state::explain::Piece;
use live_users_state::{is_suspect, words};
use live_users_wire::{AgentRef, CallPage, CallView, EvidenceView, PlaceView};

use super::page::next_after;

/// Digits of a phone number that are shown, at its beginning and at its end.
const DIGITS_SHOWN: (usize, usize) = (2, 2);

/// A run of so many digits is a phone number.
const NUMBER_DIGITS_MIN: usize = 7;

/// How things look at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Viewer {
    pub(super) now: Millis,
    pub(super) suspect_after_ms: u64,
}

impl Viewer {
    pub(super) fn is_suspect(&self, heard: Millis) -> bool {
        is_suspect(heard, self.now, self.suspect_after_ms)
    }

    pub(super) fn page(&self, (calls, more): (Vec<Call>, bool)) -> CallPage {
        let next = calls.last().filter(|_| more).map(next_after);
        let calls = calls.iter().map(|call| self.call(call)).collect();
        CallPage { calls, as_of: moment(self.now), next }
    }

    pub(super) fn call(&self, call: &Call) -> CallView {
        let counted = call.phase == Phase::Live;
        CallView {
            call_sid: call.id.to_string(),
            phase: words::of_phase(call.phase).into_owned(),
            counted,
            suspect: counted && self.is_suspect(call.heard),
            direction: call.direction.map(|it| words::of_direction(it).into_owned()),
            agent: agent_ref(&call.agent),
            caller: call.caller.map(label),
            place: shown_place(&call.place),
            first_heard_at: moment(call.first),
            since: moment(call.since),
            heard_at: moment(call.heard),
            live_ms: counted.then(|| self.now.since(call.since)),
        }
    }
}

pub(super) fn evidence(piece: &Piece) -> EvidenceView {
    EvidenceView {
        seq: piece.seq,
        at: moment(piece.at),
        source: words::of_source(piece.source).into_owned(),
        said: words::of_said(piece.said).into_owned(),
        outcome: words::of_outcome(piece.outcome).into_owned(),
        leg: piece.leg.as_ref().map(ToString::to_string),
    }
}

/// A moment as text; one that no calendar has as the last that it has.
pub(crate) fn moment(Millis(ms): Millis) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", at.unwrap_or(Timestamp::MAX))
}

pub(super) fn agent_ref(agent: &Agent) -> AgentRef {
    match agent {
        Agent::Unknown => AgentRef::default(),
        Agent::Address(address) => AgentRef { agent: None, address: Some(masked(address)) },
        Agent::Id(id) => AgentRef { agent: Some(id.to_string()), address: None },
    }
}

/// Country, region and city, as far as they are known.
pub(super) fn shown_place(place: &Place) -> PlaceView {
    PlaceView {
        country: place.country.map(|country| country.to_string()),
        region: place.region.as_deref().map(str::to_owned),
        city: place.city.as_deref().map(str::to_owned),
    }
}

/// Some of the hash: enough to see that two calls are one person's, too little to look anybody up
/// by trying numbers, even with the key.
pub(super) fn label(Caller(hash): Caller) -> String {
    format!("{:06x}", hash.get() >> 40)
}

/// An address with the middle of each phone number in it left out.
fn masked(address: &str) -> String {
    let mut shown = String::with_capacity(address.len());
    let mut digits = String::new();
    for letter in address.chars().map(Some).chain([None]) {
        match letter {
            Some(digit) if digit.is_ascii_digit() => digits.push(digit),
            other => {
                push_masked(&mut shown, &digits);
                digits.clear();
                shown.extend(other);
            }
        }
    }
    shown
}

fn push_masked(shown: &mut String, digits: &str) {
    if digits.len() < NUMBER_DIGITS_MIN {
        return shown.push_str(digits);
    }
    let (first, last) = DIGITS_SHOWN;
    shown.push_str(&digits[..first]);
    shown.push('…');
    shown.push_str(&digits[digits.len() - last..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_not_shown_in_full() {
        for (address, shown) in [
            ("+15005550006", "+15…06"),
            ("sip:bot@pbx.example.com", "sip:bot@pbx.example.com"),
            ("sip:+442079460123@pbx7.example.com", "sip:+44…23@pbx7.example.com"),
            ("12345", "12345"),
            ("", ""),
        ] {
            assert_eq!(masked(address), shown);
        }
    }

    #[test]
    fn a_moment_is_text_with_milliseconds() {
        assert_eq!(moment(Millis(1_795_000_000_007)), "2026-11-18T11:06:40.007Z");
        assert!(moment(Millis(u64::MAX)).starts_with("9999-12-3"));
    }
}
