//! Whether the names of a request begin and end where its sender wrote them.
//!
//! The signature covers the URL and then the names and values without anything between them. So the
//! signed text alone does not say where a name ends and its value begins. The text itself does, as
//! long as the names that matter stand in it only as whole names: each of them then has one place,
//! and what is before and after it is fixed as well.
//!
//! Which names these are is a [`FieldNames`] of each provider that signs so.

use std::sync::LazyLock;

use super::{Joined, Rejection};
use crate::form::prefix;

/// The names of a provider's fields.
pub struct FieldNames {
    /// The fields that decide what is counted. Their names stand nowhere else in genuine requests.
    pub counting: &'static [&'static str],
    /// Fields that count little or nothing, but stand beside those that count: as they keep their
    /// places, the others' values can neither grow nor shrink.
    pub neighbours: &'static [&'static str],
    /// Counting fields whose names are words too, which people say and cities begin with.
    pub words: &'static [&'static str],
    /// Longer names that begin with the name of a counting field.
    pub longer: &'static [&'static str],
    /// The transcripts, which may end in any word.
    pub spoken: &'static [&'static str],
    /// What the names begin with of fields that a caller's SIP headers are in.
    pub header_prefix: &'static str,
}

/// Checks where the names of a provider's fields stand in what it has signed.
pub struct Boundaries {
    names: FieldNames,
    by_letter: ByLetter,
}

/// Names by the letter that they begin with. A signed text has some hundred capital letters, and
/// hardly one of them begins a name.
struct ByLetter {
    /// The names that begin with A, those that begin with B, and so on.
    names: [Vec<Known>; 26],
    /// For each first byte, the second bytes of its names: bit `n` stands for bytes that are `n` modulo
    /// 64. For most bytes there is none.
    seconds: [u64; 256],
}

/// A name that is looked for.
struct Known {
    name: &'static str,
    /// What it begins with: up to eight bytes as a number, and which bits of it they are. Many names begin
    /// alike, and most are told apart by these.
    begins: u64,
    bits: u64,
}

impl Known {
    fn of(name: &'static str) -> Self {
        let (begins, length) = (prefix(name.as_bytes()), name.len().min(8));
        Self { name, begins, bits: u64::MAX << (64 - 8 * length) }
    }
}

/// Of Twilio's fields, and of those of providers that send its forms.
pub(super) static TWILIO: LazyLock<Boundaries> = LazyLock::new(|| {
    Boundaries::of(FieldNames {
        counting: COUNTING,
        neighbours: NEIGHBOURS,
        words: WORDS,
        longer: LONGER,
        spoken: SPOKEN,
        header_prefix: "SipHeader_",
    })
});

const COUNTING: &[&str] = &[
    "AccountSid",
    "AnsweredBy",
    "CallDuration",
    "CallSid",
    "CallStatus",
    "CallbackSource",
    "ConferenceSid",
    "DialBridged",
    "DialCallDuration",
    "DialCallSid",
    "DialCallStatus",
    "EventType",
    "HandoffData",
    "ParentCallSid",
    "QueueResult",
    "QueueTime",
    "SequenceNumber",
    "SessionStatus",
    "SpeechResult",
    "StatusCallbackEvent",
    "StreamEvent",
    "Timestamp",
];

const NEIGHBOURS: &[&str] = &[
    "ApiVersion",
    "CallToken",
    "CalledCity",
    "CalledCountry",
    "CalledState",
    "CalledZip",
    "CallerCity",
    "CallerCountry",
    "CallerName",
    "CallerState",
    "CallerZip",
    "ErrorCode",
    "ErrorUrl",
    "ForwardedFrom",
    "FromCity",
    "FromCountry",
    "FromState",
    "FromZip",
    "StirVerstat",
    "ToCity",
    "ToCountry",
    "ToState",
    "ToZip",
];

const WORDS: &[&str] = &["Direction", "From", "To"];

const LONGER: &[&str] = &[
    "CallSidEndingConference",
    "CallSidLegacy",
    "CallSidToCoach",
    "CallStatusReason",
    "ConferenceSidLegacy",
    "DialCallSidLegacy",
    "ParentCallSidLegacy",
    "SpeechResultConfidence",
];

const SPOKEN: &[&str] = &["SpeechResult", "StableSpeechResult", "UnstableSpeechResult"];

/// Which bytes may be in the name of a field.
const IN_NAMES: [bool; 256] = {
    const ALL: &[u8] =
        b"_-.:[]$@!~*'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let (mut bytes, mut at) = ([false; 256], 0);
    while at < ALL.len() {
        bytes[ALL[at] as usize] = true;
        at += 1;
    }
    bytes
};

/// The longest name of a field, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// What a party begins with that a word in a text is not followed by.
const PARTY_STARTS: &[&str] = &[
    "sip:",
    "sips:",
    "tel:",
    "client:",
    "whatsapp:",
    "%2B",
    "anonymous",
    "Anonymous",
    "restricted",
    "Restricted",
    "unknown",
    "Unknown",
];

/// A number in a party has this many digits at least.
const NUMBER_DIGITS: usize = 7;

/// Where a name that matters was found in a field of the signed text.
enum Place<'a> {
    /// In the name of the field, from this byte on.
    Name(&'a [u8], usize),
    /// In its value, and only there.
    Value,
    /// In both, or in the next field as well.
    Across,
}

impl ByLetter {
    fn of(names: impl Iterator<Item = &'static str>) -> Self {
        let mut by_letter = Self { names: std::array::from_fn(|_| Vec::new()), seconds: [0; 256] };
        for name in names {
            let &[first, second, ..] = name.as_bytes() else { unreachable!("{name} is too short") };
            let letter = usize::from(first - b'A');
            by_letter.names[letter].push(Known::of(name));
            by_letter.seconds[usize::from(first)] |= 1 << (second % 64);
        }
        by_letter
    }

    /// The places in a text where one of the names may begin.
    fn places(&self, text: &[u8]) -> impl Iterator<Item = usize> {
        let mut words = text.chunks(8).zip((0..).step_by(8));
        let (mut first, mut left) = (0, 0);
        std::iter::from_fn(move || {
            loop {
                if left == 0 {
                    let (word, at) = words.next()?;
                    (first, left) = (at, capitals(word));
                    continue;
                }
                let at = first + left.trailing_zeros() as usize / 8;
                left &= left - 1;
                let pair = (text[at], *text.get(at + 1)?);
                if self.seconds[usize::from(pair.0)] >> (pair.1 % 64) & 1 == 1 {
                    return Some(at);
                }
            }
        })
    }

    /// The names that a text begins with, which begins with a capital letter.
    fn starting<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = &'static str> {
        let begins = prefix(text);
        let names = self.names[usize::from(text[0] - b'A')].iter();
        let alike = names.filter(move |known| begins & known.bits == known.begins);
        alike.map(|known| known.name).filter(|name| text.starts_with(name.as_bytes()))
    }
}

impl Boundaries {
    /// Of these names. Each begins with a capital letter and is no single one.
    pub fn of(names: FieldNames) -> Self {
        let by_letter = ByLetter::of(names.all());
        Self { names, by_letter }
    }

    /// The names.
    pub fn names(&self) -> &FieldNames {
        &self.names
    }

    /// Checks the fields in the order in which they are signed.
    ///
    /// # Errors
    /// When a name has another form than the provider's, or the name of a field that counts stands
    /// anywhere else than as a whole name.
    pub fn check_fields(&self, fields: &[(&[u8], &[u8])]) -> Result<(), Rejection> {
        self.check_joined(&Joined::from(fields.to_vec()))
    }

    pub(super) fn check_joined(&self, joined: &Joined<'_>) -> Result<(), Rejection> {
        let Joined { fields, text } = joined;
        if !fields.iter().all(|(name, _)| is_name(name)) {
            return Err(Rejection::FieldName);
        }
        // A value with the delimiter of a URL before it was signed as part of a URL.
        let is_of_url = |(name, value): &(&[u8], &[u8])| {
            value.starts_with(b"=") && self.names.all().any(|known| known.as_bytes() == *name)
        };
        if fields.iter().any(is_of_url) {
            return Err(Rejection::Boundary);
        }
        let (mut rest, mut name, mut start, mut end) = (fields.iter(), &[][..], 0, 0);
        for at in self.by_letter.places(text) {
            while end <= at
                && let Some((next, value)) = rest.next()
            {
                (name, start) = (next, end);
                end = start + name.len() + value.len();
            }
            let value_start = start + name.len();
            for known in self.by_letter.starting(&text[at..]) {
                let found_end = at + known.len();
                let place = match at {
                    _ if found_end > end => Place::Across,
                    _ if at >= value_start => Place::Value,
                    _ if found_end <= value_start => Place::Name(name, at - start),
                    _ => Place::Across,
                };
                let ends_value = found_end == end
                    && self.names.spoken.iter().any(|spoken| spoken.as_bytes() == name);
                if !ends_value && !self.names.is_harmless(known, &place, &text[found_end..]) {
                    return Err(Rejection::Boundary);
                }
            }
        }
        Ok(())
    }

    /// Checks the query of a URL as it came. Its delimiters are signed, so a name in it is a whole one
    /// or has nothing behind it that could be its value.
    ///
    /// # Errors
    /// When the name of a field that counts stands in it otherwise.
    pub fn check_query(&self, query: &str) -> Result<(), Rejection> {
        for at in self.by_letter.places(query.as_bytes()) {
            let rest = &query[at..];
            for known in self.by_letter.starting(rest.as_bytes()) {
                let after = &rest[known.len()..];
                if !self.names.is_longer_in_query(rest)
                    && is_followed_by_value(known, after.as_bytes())
                {
                    return Err(Rejection::Boundary);
                }
            }
        }
        Ok(())
    }
}

impl FieldNames {
    /// Whether a longer name of the provider stands here, up to the delimiter behind it.
    fn is_longer_in_query(&self, query: &str) -> bool {
        let name = query.split(['=', '&']).next().unwrap_or_default();
        self.all().chain(self.longer.iter().copied()).any(|known| known == name)
    }

    /// The names that are looked for.
    fn all(&self) -> impl Iterator<Item = &'static str> {
        self.counting.iter().chain(self.neighbours).chain(self.words).copied()
    }

    /// Whether a name that was found is a whole name, or could not be one.
    fn is_harmless(&self, known: &str, place: &Place<'_>, after: &[u8]) -> bool {
        let is_word = self.words.contains(&known);
        match *place {
            Place::Name(name, _) if name == known.as_bytes() => true,
            Place::Name(name, at) => {
                let mut longer = self.all().chain(self.longer.iter().copied());
                // Such names are signed behind all others, so none of the others can be hidden in them.
                let is_behind = name.starts_with(self.header_prefix.as_bytes())
                    || name.first().is_some_and(u8::is_ascii_lowercase);
                let rest = &name[at + known.len()..];
                let is_camel_case = name.iter().all(u8::is_ascii_alphabetic);
                // `DequeingCallSid`: such a name ends where its value begins, as the short one does.
                let is_end = at > 0 && rest.is_empty() && is_camel_case;
                let is_longer_neighbour = self.neighbours.contains(&known) && is_camel_case;
                let is_part_of_word =
                    is_word && !rest.is_empty() && !is_followed_by_value(known, after);
                is_part_of_word
                    || is_behind
                    || is_end
                    || is_longer_neighbour
                    || longer.any(|longer| longer.as_bytes() == name)
            }
            Place::Value => !is_followed_by_value(known, after),
            Place::Across => is_word && !is_followed_by_value(known, after),
        }
    }
}

/// Whether the text behind a name could be its value.
fn is_followed_by_value(known: &str, after: &[u8]) -> bool {
    match known {
        "Direction" => [&b"inbound"[..], b"outbound", b"trunking"]
            .iter()
            .any(|direction| after.starts_with(direction)),
        "From" | "To" => {
            let digits = after.strip_prefix(b"+").unwrap_or(after);
            let n_digits = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            n_digits >= NUMBER_DIGITS
                || PARTY_STARTS.iter().any(|start| after.starts_with(start.as_bytes()))
        }
        "Machine" => after.starts_with(b"true") || after.starts_with(b"false"),
        "Duration" => after.first().is_some_and(u8::is_ascii_digit),
        _ => after.first().is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'+'),
    }
}

/// The highest bit of each of up to eight bytes that is a capital letter, the first byte lowest. All are
/// looked at in one go: of a signed text one byte in eight is one.
fn capitals(bytes: &[u8]) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHEST: u64 = ONES << 7;
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let word = u64::from_le_bytes(word);
    // No sum is carried into the next byte: without its highest bit each is 127 at most.
    let rest = word & !HIGHEST;
    let is_from_a = rest + ONES * u64::from(0x80 - b'A');
    let is_behind_z = rest + ONES * u64::from(0x80 - b'Z' - 1);
    is_from_a & !is_behind_z & !word & HIGHEST
}

/// Whether a name has the form of the provider's: a letter, then letters, digits and a few marks,
/// as in `SipHeader_X-Team`. Applications add names of their own in the same form.
fn is_name(name: &[u8]) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let is_rest = |byte: &u8| IN_NAMES[usize::from(*byte)];
    name.len() <= NAME_BYTES_MAX && name.first().is_some_and(is_first) && name.iter().all(is_rest)
}

#[cfg(test)]
mod tests;
