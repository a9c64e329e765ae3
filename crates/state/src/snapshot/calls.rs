//! Calls in a snapshot, legs and calls that are over among them.
//!
//! ```text
//! the version, 1
//! how many calls there are
//! of each, in the order of Tracker::calls_in_order:
//!     its id
//!     three bytes: its phase; its direction, how its agent is known and who answered; flags
//!     since when it is in its phase, as the way from the call before
//!     when it was heard of, as the way from that; if it is another moment, when it was first heard of
//!     its caller in 8 bytes, its agent, its place
//!     if there are any, the fields of `details`: their length, and each with its tag and length
//! ```
//!
//! A later version may add fields with tags of their own, whose texts stand in them as they are. This
//! version skips those. What must not be skipped raises the version, and is refused.

use std::num::NonZeroU64;

use live_users_core::{
    AgentFrom, AnsweredBy, Call, CallId, Caller, Details, Direction, EndReason, Endpoint, Leg,
    Millis, Phase,
};

use super::details;
use crate::binary::{Reader, Writer};
use crate::format::DecodeError;

/// The version that is written.
const VERSION: u8 = 1;

/// How many calls a part has at most: about 2.5 MB.
pub(super) const CALLS_MAX: usize = 65_536;

/// The phase of a code is that in its place. Codes never change; new ones come at the end.
const PHASES: [Phase; 12] = [
    Phase::Dialing,
    Phase::Live,
    Phase::Ended(EndReason::TimedOut),
    Phase::Ended(EndReason::Unlisted),
    Phase::Ended(EndReason::HandedOver),
    Phase::Ended(EndReason::Canceled),
    Phase::Ended(EndReason::NoAnswer),
    Phase::Ended(EndReason::Busy),
    Phase::Ended(EndReason::Failed),
    Phase::Ended(EndReason::Completed),
    Phase::Ended(EndReason::Goodbye),
    Phase::Ended(EndReason::Evicted),
];
const DIRECTIONS: [Option<Direction>; 4] =
    [None, Some(Direction::Inbound), Some(Direction::Outbound), Some(Direction::Dial)];
const ANSWERED_BY: [Option<AnsweredBy>; 4] =
    [None, Some(AnsweredBy::Human), Some(AnsweredBy::Machine), Some(AnsweredBy::Fax)];
const ENDPOINTS: [Option<Endpoint>; 3] = [None, Some(Endpoint::Person), Some(Endpoint::Agent)];

/// The bits of the second byte: direction (2), the strength of the word about the agent (2), who
/// answered (2), and whether a URL names the agent.
const WORD: u8 = 2;
const ANSWER: u8 = 4;
const BY_URL: u8 = 1 << 6;
/// The bits of the third byte: what is at the other end (2), and these.
const PROVEN: u8 = 1 << 2;
const COLLEAGUE: u8 = 1 << 3;
const FIRM: u8 = 1 << 4;
const LEG: u8 = 1 << 5;
const HAS_CALLER: u8 = 1 << 6;
const HAS_DETAILS: u8 = 1 << 7;
/// The bit of the first byte that says when it was first heard of stands apart.
const HAS_FIRST: u8 = 1 << 7;

/// The code of a value.
#[expect(clippy::cast_possible_truncation, reason = "the tables have a dozen values at most")]
pub(super) fn code<T: PartialEq>(table: &[T], value: &T) -> u8 {
    let found = table.iter().position(|it| it == value);
    found.expect("each value has a code, as a test holds") as u8
}

/// The value of a code.
pub(super) fn of_code<T: Copy>(table: &[T], code: u8) -> Option<T> {
    table.get(usize::from(code)).copied()
}

/// The next calls, at most [`CALLS_MAX`] of them. `None` if there are no more.
pub(super) fn encode(calls: &mut impl ExactSizeIterator<Item = Call>) -> Option<Vec<u8>> {
    let count = calls.len().min(CALLS_MAX);
    if count == 0 {
        return None;
    }
    let mut writer = Writer::default();
    writer.byte(VERSION);
    writer.number(count as u64);
    let mut before = 0;
    for call in calls.take(count) {
        write(&mut writer, &call, before);
        before = call.since.0;
    }
    Some(writer.finish())
}

fn write(writer: &mut Writer, call: &Call, before: u64) {
    let it = &call.details;
    writer.id(&call.id);
    let has_first = call.first != call.since;
    writer.byte(code(&PHASES, &call.phase) | flag(HAS_FIRST, has_first));
    writer.byte(
        code(&DIRECTIONS, &call.direction)
            | it.word.min(3) << WORD
            | code(&ANSWERED_BY, &it.answered_by) << ANSWER
            | flag(BY_URL, call.agent_from == AgentFrom::Url),
    );
    let has_details = details::is_worth_it(it);
    writer.byte(
        code(&ENDPOINTS, &it.endpoint)
            | flag(PROVEN, it.is_proven)
            | flag(COLLEAGUE, it.is_colleague)
            | flag(FIRM, it.is_firm)
            | flag(LEG, it.leg.is_some())
            | flag(HAS_CALLER, call.caller.is_some())
            | flag(HAS_DETAILS, has_details),
    );
    writer.way(before, call.since.0);
    writer.way(call.since.0, call.heard.0);
    if has_first {
        writer.way(call.since.0, call.first.0);
    }
    if let Some(Caller(hash)) = call.caller {
        writer.bytes(&hash.get().to_le_bytes());
    }
    writer.agent(&call.agent);
    writer.place(&call.place);
    if has_details {
        details::write(writer, it, call.since.0);
    }
}

fn flag(bit: u8, is_set: bool) -> u8 {
    if is_set { bit } else { 0 }
}

/// The calls of a part, one after the other. After an error there are no more.
pub(super) struct Calls<'a> {
    reader: Reader<'a>,
    left: usize,
    before: u64,
}

impl<'a> Calls<'a> {
    pub(super) fn begin(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        match reader.byte() {
            Some(VERSION) => {}
            Some(version) if version > VERSION => return Err(DecodeError::NewerPart(version)),
            _ => return Err(DecodeError::Value("calls")),
        }
        let left = reader.number().and_then(|count| usize::try_from(count).ok());
        // A call has 20 bytes or more, so a wrong number asks for no more room than there are bytes.
        let left = left.filter(|count| *count <= reader.left() && *count <= CALLS_MAX);
        Ok(Self { reader, left: left.ok_or(DecodeError::Value("calls"))?, before: 0 })
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.left
    }
}

impl Iterator for Calls<'_> {
    type Item = Result<Call, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let is_whole = self.reader.is_at_end();
            self.reader = Reader::new(&[]);
            return (!is_whole).then_some(Err(DecodeError::Value("calls")));
        }
        self.left -= 1;
        let call = read(&mut self.reader, self.before);
        match &call {
            Some(call) => self.before = call.since.0,
            None => (self.left, self.reader) = (0, Reader::new(&[])),
        }
        Some(call.ok_or(DecodeError::Value("calls")))
    }
}

fn read(reader: &mut Reader<'_>, before: u64) -> Option<Call> {
    let id: CallId = reader.id()?;
    let [first, second, third] = reader.array()?;
    let since = reader.way(before)?;
    let heard = reader.way(since)?;
    let begun = if first & HAS_FIRST == 0 { since } else { reader.way(since)? };
    let caller = match third & HAS_CALLER {
        0 => None,
        _ => Some(Caller(NonZeroU64::new(u64::from_le_bytes(reader.array()?))?)),
    };
    let (agent, place) = (reader.agent()?, reader.place()?);
    let mut it = Details {
        word: second >> WORD & 3,
        answered_by: of_code(&ANSWERED_BY, second >> ANSWER & 3)?,
        is_proven: third & PROVEN != 0,
        is_colleague: third & COLLEAGUE != 0,
        is_firm: third & FIRM != 0,
        leg: (third & LEG != 0).then(Leg::default),
        endpoint: of_code(&ENDPOINTS, third & 3)?,
        ..Details::default()
    };
    if third & HAS_DETAILS != 0 {
        details::read(reader, &mut it, since)?;
    }
    Some(Call {
        id,
        phase: of_code(&PHASES, first & !HAS_FIRST)?,
        first: Millis(begun),
        since: Millis(since),
        heard: Millis(heard),
        direction: of_code(&DIRECTIONS, second & 3)?,
        caller,
        agent,
        agent_from: if second & BY_URL == 0 { AgentFrom::Address } else { AgentFrom::Url },
        place,
        // It follows from the rest.
        party: None,
        details: it,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;

    #[test]
    fn each_value_has_a_code_that_stays() {
        assert!(words::PHASES.iter().all(|(_, phase)| PHASES.contains(phase)));
        assert!(words::DIRECTIONS.iter().all(|(_, it)| DIRECTIONS.contains(&Some(*it))));
        assert!(words::ANSWERED_BY.iter().all(|(_, it)| ANSWERED_BY.contains(&Some(*it))));
        assert!(words::ENDPOINTS.iter().all(|(_, it)| ENDPOINTS.contains(&Some(*it))));
        assert_eq!(code(&PHASES, &Phase::Live), 1);
        assert_eq!(code(&PHASES, &Phase::Ended(EndReason::Evicted)), 11);
        assert_eq!(code(&DIRECTIONS, &Some(Direction::Dial)), 3);
    }
}
