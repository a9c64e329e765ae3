//! The words that stand for values: in the journal, in the API and in the log the same.

use std::borrow::Cow;

use live_users_core::{CallId, Direction, EndReason, Phase, Said, Source};

use crate::activity::What;
use crate::drift::Cause;
use crate::record::FormError;

/// A word out of one of the tables here.
pub type Name = Cow<'static, str>;

pub(crate) const SOURCES: &[(&str, Source)] = &[
    ("voice", Source::Voice),
    ("speech", Source::Speech),
    ("status-callback", Source::StatusCallback),
    ("clock", Source::Clock),
    ("referee", Source::Referee),
    ("operator", Source::Operator),
];

pub(crate) const DIRECTIONS: &[(&str, Direction)] = &[
    ("inbound", Direction::Inbound),
    ("outbound", Direction::Outbound),
    ("dial", Direction::Dial),
];

pub(crate) const SAID: &[(&str, Said)] = &[
    ("nothing", Said::Nothing),
    ("dialing", Said::Dialing),
    ("in-progress", Said::InProgress),
    ("timed-out", Said::Over(EndReason::TimedOut)),
    ("canceled", Said::Over(EndReason::Canceled)),
    ("no-answer", Said::Over(EndReason::NoAnswer)),
    ("busy", Said::Over(EndReason::Busy)),
    ("failed", Said::Over(EndReason::Failed)),
    ("completed", Said::Over(EndReason::Completed)),
    ("goodbye", Said::Over(EndReason::Goodbye)),
    ("evicted", Said::Over(EndReason::Evicted)),
];

pub(crate) const PHASES: &[(&str, Phase)] = &[
    ("dialing", Phase::Dialing),
    ("live", Phase::Live),
    ("timed-out", Phase::Ended(EndReason::TimedOut)),
    ("canceled", Phase::Ended(EndReason::Canceled)),
    ("no-answer", Phase::Ended(EndReason::NoAnswer)),
    ("busy", Phase::Ended(EndReason::Busy)),
    ("failed", Phase::Ended(EndReason::Failed)),
    ("completed", Phase::Ended(EndReason::Completed)),
    ("goodbye", Phase::Ended(EndReason::Goodbye)),
    ("evicted", Phase::Ended(EndReason::Evicted)),
];

/// The word for a value. Every value has one: a test holds the tables to that.
pub(crate) fn name<T: PartialEq>(table: &'static [(&'static str, T)], value: &T) -> Name {
    let found = table.iter().find(|(_, other)| other == value);
    Cow::Borrowed(found.map_or("", |(name, _)| name))
}

pub(crate) fn value<T: Copy>(
    table: &[(&str, T)],
    name: &str,
    field: &'static str,
) -> Result<T, FormError> {
    let found = table.iter().find(|(other, _)| *other == name);
    found.map(|(_, value)| *value).ok_or(FormError::Value(field))
}

pub(crate) fn call_id(text: &str, field: &'static str) -> Result<CallId, FormError> {
    CallId::parse(text).map_err(|_| FormError::Value(field))
}

pub(crate) const WHATS: &[(&str, What)] = &[
    ("started", What::Started),
    ("answered", What::Answered),
    ("ended", What::Ended),
    ("healed", What::Healed),
    ("evicted", What::Evicted),
];

pub(crate) const CAUSES: &[(&str, Cause)] = &[
    ("missed-start", Cause::MissedStart),
    ("missed-answer", Cause::MissedAnswer),
    ("missed-end", Cause::MissedEnd),
    ("timed-out", Cause::TimedOut),
    ("evicted", Cause::Evicted),
];

/// Where evidence comes from, in a word.
pub fn of_source(source: Source) -> Name {
    name(SOURCES, &source)
}

/// What evidence says, in a word.
pub fn of_said(said: Said) -> Name {
    name(SAID, &said)
}

/// Where a call is in its life, in a word: `dialing`, `live`, or why it is over.
pub fn of_phase(phase: Phase) -> Name {
    name(PHASES, &phase)
}

/// Which way a call goes, in a word.
pub fn of_direction(direction: Direction) -> Name {
    name(DIRECTIONS, &direction)
}

/// What happened to a call, in a word.
pub fn of_what(what: What) -> Name {
    name(WHATS, &what)
}

/// Why a call is over, in a word.
pub fn of_reason(reason: EndReason) -> Name {
    of_phase(Phase::Ended(reason))
}

/// Why the count was wrong until it was healed, in a word.
pub fn of_cause(cause: Cause) -> Name {
    name(CAUSES, &cause)
}
