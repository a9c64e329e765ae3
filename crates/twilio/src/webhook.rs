//! A voice webhook or status callback: the fields of it that are used, read in one place.

use std::fmt;

use crate::field::{FieldError, FieldProblem};
use crate::form::{Form, TEXT_BYTES_MAX};
use crate::status::{CallStatus, Direction};

/// The longest CallSid in bytes. Twilio's have 34; the rest is for compatible providers.
pub const CALL_SID_BYTES_MAX: usize = 64;

/// The longest `From` or `To` in bytes: numbers are short, SIP addresses are not.
pub const PARTY_BYTES_MAX: usize = 256;

/// The longest country, state or city in bytes.
pub const GEOGRAPHY_BYTES_MAX: usize = 128;

/// The longest transcript in bytes. One `<Gather>` listens for at most 60 s.
pub const SPEECH_BYTES_MAX: usize = TEXT_BYTES_MAX;

/// The longest value of every other field in bytes.
const TOKEN_BYTES_MAX: usize = 64;

/// What a voice webhook or status callback says. Absent and blank fields are `None`.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Which call: 1 to [`CALL_SID_BYTES_MAX`] characters of visible ASCII. Opaque, for only
    /// Twilio's own are `CA` and 32 hexadecimal digits.
    pub call_sid: String,
    /// How the call stands.
    pub status: StatusField,
    /// Who began the call; `None` also when it is a direction that is not known.
    pub direction: Option<Direction>,
    /// The call that this one is a leg of, in the form of `call_sid`.
    pub parent_call_sid: Option<String>,
    /// Who calls: a number, a SIP address, `client:name`, or words such as `anonymous`. Private.
    pub from: Option<String>,
    /// Who is called, in the same forms. Private.
    pub to: Option<String>,
    /// Where `from` is, as far as Twilio knows.
    pub from_place: Geography,
    /// Where `to` is, as far as Twilio knows.
    pub to_place: Geography,
    /// What the caller said. Private.
    pub speech_result: Option<String>,
    /// The keys that the caller pressed. Private.
    pub digits: Option<String>,
    /// How long the call was, in seconds; only of a call that is over. (Not the field `Duration`,
    /// which is in minutes.)
    pub call_duration_s: Option<u32>,
    /// The place of this callback among those of its call, from 0. It counts callbacks that were
    /// asked for and not states, and some providers always say 0.
    pub sequence_number: Option<u32>,
    /// When Twilio sent it, as text: RFC 2822 from Twilio, ISO 8601 from others.
    pub timestamp: Option<String>,
    /// Why the primary voice URL failed, on a request to the fallback URL: `11200`.
    pub error_code: Option<String>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Geography {
    /// Two letters: `US`.
    pub country: Option<String>,
    /// State or province, as the country abbreviates it: `CA`.
    pub state: Option<String>,
    /// City, in any letter case: `SAN FRANCISCO`.
    pub city: Option<String>,
}

impl Webhook {
    /// Reads a form. Fields that are not used here are left alone.
    ///
    /// # Errors
    /// Every field that is wrong, of those that say which call it is, how it stands and who is on
    /// it, in the order of the fields of [`Webhook`]. Any other that cannot be used is no mistake
    /// but missing: neither a bad city nor a bad duration may lose the end of a call.
    pub fn parse(form: &Form) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader { form, mistakes: Vec::new() };
        let webhook = Self {
            call_sid: reader.required_call_sid("CallSid"),
            status: match reader.text("CallStatus", TOKEN_BYTES_MAX) {
                None => StatusField::Missing,
                Some(text) => match CallStatus::parse(&text) {
                    None => StatusField::Unknown,
                    Some(status) => StatusField::Known(status),
                },
            },
            direction: reader
                .text("Direction", TOKEN_BYTES_MAX)
                .and_then(|text| Direction::parse(&text)),
            parent_call_sid: reader.call_sid("ParentCallSid"),
            from: reader.text("From", PARTY_BYTES_MAX),
            to: reader.text("To", PARTY_BYTES_MAX),
            from_place: reader.geography(["From", "Caller"]),
            to_place: reader.geography(["To", "Called"]),
            speech_result: reader.usable("SpeechResult", SPEECH_BYTES_MAX),
            digits: reader.usable("Digits", PARTY_BYTES_MAX),
            call_duration_s: reader.whole_number("CallDuration"),
            sequence_number: reader.whole_number("SequenceNumber"),
            timestamp: reader.usable("Timestamp", TOKEN_BYTES_MAX),
            error_code: reader.usable("ErrorCode", TOKEN_BYTES_MAX),
        };
        if reader.mistakes.is_empty() { Ok(webhook) } else { Err(reader.mistakes) }
    }
}

/// Without what the parties said and pressed, and without who they are.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |field: &Option<String>| field.as_ref().map(|_| format_args!("hidden"));
        f.debug_struct("Webhook")
            .field("call_sid", &self.call_sid)
            .field("status", &self.status)
            .field("direction", &self.direction)
            .field("parent_call_sid", &self.parent_call_sid)
            .field("from", &hidden(&self.from))
            .field("to", &hidden(&self.to))
            .field("from_place", &self.from_place)
            .field("to_place", &self.to_place)
            .field("speech_result", &hidden(&self.speech_result))
            .field("digits", &hidden(&self.digits))
            .field("call_duration_s", &self.call_duration_s)
            .field("sequence_number", &self.sequence_number)
            .field("timestamp", &self.timestamp)
            .field("error_code", &self.error_code)
            .finish()
    }
}

/// Reads fields one by one and collects what is wrong, so that a sender with three mistakes sees
/// three.
struct Reader<'a> {
    form: &'a Form,
    mistakes: Vec<FieldError>,
}

impl Reader<'_> {
    fn text(&mut self, field: &str, bytes_max: usize) -> Option<String> {
        match self.form.text_within(field, bytes_max) {
            Ok(text) => text.map(str::to_owned),
            Err(mistake) => {
                self.mistakes.push(mistake);
                None
            }
        }
    }

    /// Blank, and a mistake, when there is none.
    fn required_call_sid(&mut self, field: &str) -> String {
        let n_mistakes = self.mistakes.len();
        let call_sid = self.call_sid(field);
        if call_sid.is_none() && self.mistakes.len() == n_mistakes {
            self.call_sid_mistake(field, FieldProblem::Missing);
        }
        call_sid.unwrap_or_default()
    }

    fn call_sid(&mut self, field: &str) -> Option<String> {
        match self.form.text_within(field, CALL_SID_BYTES_MAX) {
            Ok(Some(text)) if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Some(text.to_owned());
            }
            Ok(Some(_)) => self.call_sid_mistake(field, FieldProblem::Invalid),
            Ok(None) => {}
            Err(mistake) => self.call_sid_mistake(field, mistake.problem),
        }
        None
    }

    fn call_sid_mistake(&mut self, field: &str, problem: FieldProblem) {
        let expected = format!("1 to {CALL_SID_BYTES_MAX} characters of visible ASCII");
        self.mistakes.push(FieldError { field: field.to_owned(), problem, expected });
    }

    /// The text of a field that is good to have and never a mistake.
    fn usable(&self, field: &str, bytes_max: usize) -> Option<String> {
        self.form.text_within(field, bytes_max).ok().flatten().map(str::to_owned)
    }

    fn whole_number(&self, field: &str) -> Option<u32> {
        let text = self.usable(field, TOKEN_BYTES_MAX)?;
        // `parse` alone would take a leading plus as well.
        text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The parts of a place under the first of two names that has something usable: Twilio sends
    /// each part twice, under a newer and an older name.
    fn geography(&self, parties: [&str; 2]) -> Geography {
        let part = |part: &str| {
            parties
                .iter()
                .find_map(|party| self.usable(&format!("{party}{part}"), GEOGRAPHY_BYTES_MAX))
        };
        Geography { country: part("Country"), state: part("State"), city: part("City") }
    }
}

#[cfg(test)]
mod tests;
