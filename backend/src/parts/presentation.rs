//! How agents, places and callers are shown, without private data.

use live_users_core::{Agent, Caller, DAY_MS, HOUR_MS, MINUTE_MS, Place, SECOND_MS};
use live_users_wire::{AgentRef, PlaceView};

/// How many digits of a phone number are shown, at its beginning and at its end.
const DIGITS_SHOWN: (usize, usize) = (2, 2);

/// A run of at least this many digits counts as a phone number.
const NUMBER_DIGITS_MIN: usize = 7;

pub(crate) fn agent_ref(agent: &Agent) -> AgentRef {
    match agent {
        Agent::Unknown => AgentRef::default(),
        Agent::Address(address) => AgentRef { agent: None, address: Some(masked(address)) },
        Agent::Id(id) => AgentRef { agent: Some(id.to_string()), address: None },
    }
}

/// Country, region and city, as far as they are known.
pub(crate) fn shown_place(place: &Place) -> PlaceView {
    PlaceView {
        country: place.country.map(|country| country.to_string()),
        region: place.region.as_deref().map(str::to_owned),
        city: place.city.as_deref().map(str::to_owned),
    }
}

/// The first digits of the hash. They show that two calls are one person's. They are too few to
/// find a person by trying numbers, even with the key.
pub(crate) fn label(Caller(hash): Caller) -> String {
    format!("{:06x}", hash.get() >> 40)
}

/// How long ago something was, as people say it: `119 s`, `2 min`. The unit stays on the line of its number.
pub(crate) fn age(ms: u64) -> String {
    let (unit_ms, unit) = match ms {
        ms if ms < 2 * MINUTE_MS => (SECOND_MS, "s"),
        ms if ms < HOUR_MS => (MINUTE_MS, "min"),
        ms if ms < DAY_MS => (HOUR_MS, "h"),
        _ => (DAY_MS, "d"),
    };
    format!("{}\u{a0}{unit}", ms / unit_ms)
}

/// Masks the middle of each phone number in an address.
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
    fn an_age_has_minutes_from_two_on() {
        for (ms, told) in [
            (0, "0\u{a0}s"),
            (119_999, "119\u{a0}s"),
            (120_000, "2\u{a0}min"),
            (3_600_000, "1\u{a0}h"),
            (200_000_000, "2\u{a0}d"),
        ] {
            assert_eq!(age(ms), told);
        }
    }

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
}
