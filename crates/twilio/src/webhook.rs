//! A voice webhook or status callback: the fields of it that are used, read in one place.

use std::fmt;

use crate::field::{FieldError, FieldProblem};
use crate::form::{Form, TEXT_BYTES_MAX};
use crate::sid;
use crate::status::{CallStatus, Direction};
use crate::timestamp;

/// The longest CallSid in bytes. Twilio's have 34; the rest is for compatible providers.
pub const CALL_SID_BYTES_MAX: usize = 128;

/// The longest `From` or `To` in bytes: numbers are short, SIP addresses are not.
pub const PARTY_BYTES_MAX: usize = 256;

/// The longest country, state or city in bytes.
pub const GEOGRAPHY_BYTES_MAX: usize = 128;

/// The longest transcript in bytes. One `<Gather>` listens for at most 60 s.
pub const SPEECH_BYTES_MAX: usize = TEXT_BYTES_MAX;

/// The longest value of every other field in bytes.
const TOKEN_BYTES_MAX: usize = 64;

/// The names of country, state, city and postal code of who calls.
const FROM_PLACE: [[&str; 2]; 4] = [
    ["FromCountry", "CallerCountry"],
    ["FromState", "CallerState"],
    ["FromCity", "CallerCity"],
    ["FromZip", "CallerZip"],
];

/// The same of who is called.
const TO_PLACE: [[&str; 2]; 4] = [
    ["ToCountry", "CalledCountry"],
    ["ToState", "CalledState"],
    ["ToCity", "CalledCity"],
    ["ToZip", "CalledZip"],
];

/// What a voice webhook or status callback says, in the words of its form. Absent and blank fields are
/// `None`.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook<'a> {
    /// Which call: 1 to [`CALL_SID_BYTES_MAX`] characters of visible ASCII. Opaque, for only
    /// Twilio's own are `CA` and 32 hexadecimal digits. These it has to be if `AccountSid` is one of
    /// Twilio's.
    pub call_sid: &'a str,
    /// How the call stands.
    pub status: StatusField,
    /// Who began the call; `None` also when it is a direction that is not known.
    pub direction: Option<Direction>,
    /// The call that this one is a leg of, in the form of `call_sid`.
    pub parent_call_sid: Option<&'a str>,
    /// Whether this call is a leg of another one, also when that one's id cannot be used.
    pub has_parent: bool,
    /// Who calls: a number, a SIP address, `client:name`, or words such as `anonymous`. Private.
    pub from: Option<&'a str>,
    /// Who is called, in the same forms. Private.
    pub to: Option<&'a str>,
    /// Where `from` is, as far as Twilio knows.
    pub from_place: Geography<'a>,
    /// Where `to` is, as far as Twilio knows.
    pub to_place: Geography<'a>,
    /// What the caller said. Private.
    pub speech_result: Option<&'a str>,
    /// The keys that the caller pressed. Private.
    pub digits: Option<&'a str>,
    /// How long the call was, in seconds; only of a call that is over. (Not the field `Duration`,
    /// which is in minutes.)
    pub call_duration_s: Option<u32>,
    /// The place of this callback among those of its call, from 0. It counts callbacks that were
    /// asked for and not states, and some providers always say 0.
    pub sequence_number: Option<u32>,
    /// When Twilio sent it, as text: RFC 2822 from Twilio, ISO 8601 from others.
    pub timestamp: Option<&'a str>,
    /// When Twilio sent it, in milliseconds since 1970; `None` also when it says so in a form that
    /// is not known.
    pub sent_at_ms: Option<u64>,
    /// What failed: the primary voice URL, on a request to the fallback URL (`11200`), or the
    /// session of a `<Connect>`, on a request to its `action`.
    pub error_code: Option<&'a str>,
    /// Whether another URL is named that failed. Only a request to the fallback URL has one.
    pub has_error_url: bool,
}

/// The field `CallStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusField {
    /// Absent or blank.
    Missing,
    /// A status that is not known here. The set is open, so this is no mistake.
    Unknown,
    /// A status that is known.
    Known(CallStatus),
}

/// Where a party of the call is. Every part may be missing: toll-free numbers have a country
/// only, and withheld ones nothing that is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Geography<'a> {
    /// Two letters: `US`.
    pub country: Option<&'a str>,
    /// State or province, as the country abbreviates it: `CA`.
    pub state: Option<&'a str>,
    /// City, in any letter case: `SAN FRANCISCO`.
    pub city: Option<&'a str>,
    /// Postal code.
    pub zip: Option<&'a str>,
}

impl Geography<'_> {
    /// Whether anything at all is told of where the party is.
    pub fn is_told(&self) -> bool {
        [self.country, self.state, self.city, self.zip].iter().any(Option::is_some)
    }
}

impl<'a> Webhook<'a> {
    /// Reads a form. Fields that are not used here are left alone.
    ///
    /// # Errors
    /// If `CallSid` cannot be used: then it is not known which call this is about. Any other field
    /// that cannot be used is no mistake but missing: neither a caller's odd address nor a bad
    /// duration may lose the end of a call.
    pub fn parse(form: &'a Form) -> Result<Self, FieldError> {
        let reader = Reader { form };
        let timestamp = reader.usable("Timestamp", TOKEN_BYTES_MAX);
        let parent = reader.call_sid("ParentCallSid");
        // Two parents that differ are as good as none.
        let is_contradictory =
            matches!(&parent, Err(mistake) if mistake.problem == FieldProblem::Contradictory);
        Ok(Self {
            call_sid: reader
                .call_sid("CallSid")?
                .ok_or_else(|| call_sid_mistake("CallSid", FieldProblem::Missing))?,
            status: match reader.usable("CallStatus", TOKEN_BYTES_MAX) {
                None if form.has("CallStatus") => StatusField::Unknown,
                None => StatusField::Missing,
                Some(text) => match CallStatus::parse(text) {
                    None => StatusField::Unknown,
                    Some(status) => StatusField::Known(status),
                },
            },
            direction: reader.usable("Direction", TOKEN_BYTES_MAX).and_then(Direction::parse),
            parent_call_sid: parent.ok().flatten(),
            has_parent: form.has("ParentCallSid") && !is_contradictory,
            from: reader.usable("From", PARTY_BYTES_MAX),
            to: reader.usable("To", PARTY_BYTES_MAX),
            from_place: reader.geography(&FROM_PLACE),
            to_place: reader.geography(&TO_PLACE),
            speech_result: reader.usable("SpeechResult", SPEECH_BYTES_MAX),
            digits: reader.usable("Digits", PARTY_BYTES_MAX),
            call_duration_s: reader.whole_number("CallDuration"),
            sequence_number: reader.whole_number("SequenceNumber"),
            sent_at_ms: timestamp.and_then(timestamp::unix_ms),
            timestamp,
            error_code: reader.usable("ErrorCode", TOKEN_BYTES_MAX),
            has_error_url: form.has("ErrorUrl"),
        })
    }
}

/// Without what the parties said and pressed, and without who they are.
impl fmt::Debug for Webhook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |field: Option<&str>| field.map(|_| format_args!("hidden"));
        f.debug_struct("Webhook")
            .field("call_sid", &self.call_sid)
            .field("status", &self.status)
            .field("direction", &self.direction)
            .field("parent_call_sid", &self.parent_call_sid)
            .field("has_parent", &self.has_parent)
            .field("from", &hidden(self.from))
            .field("to", &hidden(self.to))
            .field("from_place", &self.from_place)
            .field("to_place", &self.to_place)
            .field("speech_result", &hidden(self.speech_result))
            .field("digits", &hidden(self.digits))
            .field("call_duration_s", &self.call_duration_s)
            .field("sequence_number", &self.sequence_number)
            .field("timestamp", &self.timestamp)
            .field("sent_at_ms", &self.sent_at_ms)
            .field("error_code", &self.error_code)
            .field("has_error_url", &self.has_error_url)
            .finish()
    }
}

struct Reader<'a> {
    form: &'a Form,
}

impl<'a> Reader<'a> {
    fn call_sid(&self, field: &str) -> Result<Option<&'a str>, FieldError> {
        match self.form.text_within(field, CALL_SID_BYTES_MAX) {
            Ok(None) => Ok(None),
            Ok(Some(text)) if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(call_sid_mistake(field, FieldProblem::Invalid))
            }
            Ok(Some(text)) if sid::fits(self.form, "CA", text) => Ok(Some(text)),
            Ok(Some(_)) => Err(FieldError {
                field: field.to_owned(),
                problem: FieldProblem::Invalid,
                expected: "CA and 32 hexadecimal digits, as Twilio's have".to_owned(),
            }),
            Err(mistake) => Err(call_sid_mistake(field, mistake.problem)),
        }
    }

    /// The text of a field that is good to have and never a mistake.
    fn usable(&self, field: &str, bytes_max: usize) -> Option<&'a str> {
        self.form.text_within(field, bytes_max).ok().flatten()
    }

    fn whole_number(&self, field: &str) -> Option<u32> {
        let text = self.usable(field, TOKEN_BYTES_MAX)?;
        // `parse` alone would take a leading plus as well.
        text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The parts of a place, each under the first of two names that has something usable: Twilio sends
    /// each part twice, under a newer and an older name.
    fn geography(&self, names: &[[&str; 2]; 4]) -> Geography<'a> {
        let [country, state, city, zip] = names
            .map(|names| names.into_iter().find_map(|name| self.usable(name, GEOGRAPHY_BYTES_MAX)));
        Geography { country, state, city, zip }
    }
}

fn call_sid_mistake(field: &str, problem: FieldProblem) -> FieldError {
    let expected = format!("1 to {CALL_SID_BYTES_MAX} characters of visible ASCII");
    FieldError { field: field.to_owned(), problem, expected }
}

#[cfg(test)]
mod tests;
