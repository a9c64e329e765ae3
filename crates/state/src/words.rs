//! The words that stand for values: in the journal, in the API and in the log the same.

use std::borrow::Cow;

use live_users_core::{
    AnsweredBy, Attendance, CallId, Connection, Direction, EndReason, Endpoint, Instead, LimitOf,
    Outcome, Party, Phase, Presence, Queue, Said, Source,
};

use crate::activity::ActivityKind;
use crate::corrections::Cause;
use crate::format::DecodeError;
use crate::shared_links::LinkView;

/// A word out of one of the tables here.
pub type Word = Cow<'static, str>;

pub(crate) const SOURCES: &[(&str, Source)] = &[
    ("voice", Source::Voice),
    ("speech", Source::Speech),
    ("status-callback", Source::StatusCallback),
    ("clock", Source::Clock),
    ("referee", Source::Referee),
    ("operator", Source::Operator),
    ("event", Source::Event),
];

pub(crate) const LINK_VIEWS: &[(&str, LinkView)] =
    &[("page", LinkView::Page), ("wallboard", LinkView::Wallboard)];

pub(crate) const PARTIES: &[(&str, Party)] = &[
    ("agent", Party::Agent),
    ("waiting", Party::Waiting),
    ("person", Party::Person),
    ("machine", Party::Machine),
];

pub(crate) const ANSWERED_BY: &[(&str, AnsweredBy)] =
    &[("human", AnsweredBy::Human), ("machine", AnsweredBy::Machine), ("fax", AnsweredBy::Fax)];

pub(crate) const ENDPOINTS: &[(&str, Endpoint)] =
    &[("person", Endpoint::Person), ("agent", Endpoint::Agent)];

pub(crate) const CONNECTIONS: &[(&str, Connection)] = &[
    ("agent", Connection::Agent),
    ("waiting", Connection::Waiting),
    ("person", Connection::Person),
    ("machine", Connection::Machine),
];

pub(crate) const QUEUES: &[(&str, Queue)] =
    &[("waiting", Queue::Waiting), ("bridged", Queue::Bridged), ("machine", Queue::Machine)];

pub(crate) const INSTEADS: &[(&str, Instead)] =
    &[("refuse", Instead::Refuse), ("queue", Instead::Queue), ("elsewhere", Instead::Elsewhere)];

pub(crate) const LIMITS_OF: &[(&str, LimitOf)] =
    &[("agent", LimitOf::Agent), ("account", LimitOf::Account)];

pub(crate) const ATTENDANCES: &[(&str, Attendance)] = &[
    ("joined", Attendance::Joined),
    ("held", Attendance::Held),
    ("resumed", Attendance::Resumed),
    ("left", Attendance::Left),
    ("over", Attendance::Over),
];

pub(crate) const PRESENCES: &[(&str, Presence)] =
    &[("left", Presence::Left), ("joined", Presence::Joined), ("held", Presence::Held)];

pub(crate) const DIRECTIONS: &[(&str, Direction)] = &[
    ("inbound", Direction::Inbound),
    ("outbound", Direction::Outbound),
    ("dial", Direction::Dial),
];

/// The words for some values and those for all reasons why a call is over: the one table of these.
macro_rules! with_reasons {
    ($over:path, $($word:literal => $value:expr),*) => {
        &[
            $(($word, $value),)*
            ("timed-out", $over(EndReason::TimedOut)),
            ("unlisted", $over(EndReason::Unlisted)),
            ("handed-over", $over(EndReason::HandedOver)),
            ("canceled", $over(EndReason::Canceled)),
            ("no-answer", $over(EndReason::NoAnswer)),
            ("busy", $over(EndReason::Busy)),
            ("failed", $over(EndReason::Failed)),
            ("completed", $over(EndReason::Completed)),
            ("goodbye", $over(EndReason::Goodbye)),
            ("evicted", $over(EndReason::Evicted)),
        ]
    };
}

pub(crate) const SAID: &[(&str, Said)] = with_reasons!(
    Said::Over,
    "nothing" => Said::Nothing,
    "dialing" => Said::Dialing,
    "in-progress" => Said::InProgress,
    "still-up" => Said::StillUp
);

pub(crate) const PHASES: &[(&str, Phase)] = with_reasons!(
    Phase::Ended,
    "dialing" => Phase::Dialing,
    "live" => Phase::Live
);

pub(crate) const KINDS: &[(&str, ActivityKind)] = &[
    ("started", ActivityKind::Started),
    ("answered", ActivityKind::Answered),
    ("ended", ActivityKind::Ended),
    ("healed", ActivityKind::Corrected),
    ("evicted", ActivityKind::Evicted),
    ("moved", ActivityKind::Moved),
];

pub(crate) const CAUSES: &[(&str, Cause)] = &[
    ("missed-start", Cause::MissedStart),
    ("missed-answer", Cause::MissedAnswer),
    ("missed-end", Cause::MissedEnd),
    ("timed-out", Cause::TimedOut),
    ("evicted", Cause::Evicted),
    ("wrong-end", Cause::WrongEnd),
];

/// The word for a value. Every value has one: a test holds the tables to that.
pub(crate) fn word<T: PartialEq>(table: &'static [(&'static str, T)], value: &T) -> Word {
    let found = table.iter().find(|(_, other)| other == value);
    Cow::Borrowed(found.map_or("", |(name, _)| name))
}

pub(crate) fn value<T: Copy>(
    table: &[(&str, T)],
    name: &str,
    field: &'static str,
) -> Result<T, DecodeError> {
    let found = table.iter().find(|(other, _)| *other == name);
    found.map(|(_, value)| *value).ok_or(DecodeError::Value(field))
}

/// The same of a word that may be missing.
pub(crate) fn optional<T: Copy>(
    table: &[(&str, T)],
    name: Option<&str>,
    field: &'static str,
) -> Result<Option<T>, DecodeError> {
    name.map(|name| value(table, name, field)).transpose()
}

pub(crate) fn call_id(text: &str, field: &'static str) -> Result<CallId, DecodeError> {
    CallId::parse(text).map_err(|_| DecodeError::Value(field))
}

/// Where evidence comes from, in a word.
pub fn of_source(source: Source) -> Word {
    word(SOURCES, &source)
}

/// What evidence says, in a word.
pub fn of_said(said: Said) -> Word {
    word(SAID, &said)
}

/// Where a call is in its life, in a word: `dialing`, `live`, or why it is over.
pub fn of_phase(phase: Phase) -> Word {
    word(PHASES, &phase)
}

/// By which limit a call was turned away, in a word.
pub fn of_limit(limit: LimitOf) -> Word {
    word(LIMITS_OF, &limit)
}

/// All words for where evidence comes from, and all for what it says.
pub fn of_evidence() -> (impl Iterator<Item = &'static str>, impl Iterator<Item = &'static str>) {
    (SOURCES.iter().map(|(word, _)| *word), SAID.iter().map(|(word, _)| *word))
}

/// With whom a caller is connected, in a word.
pub fn of_party(party: Party) -> Word {
    word(PARTIES, &party)
}

/// Who or what has answered a call, in a word.
pub fn of_answered_by(answered_by: AnsweredBy) -> Word {
    word(ANSWERED_BY, &answered_by)
}

/// What is at the other end of a leg, in a word.
pub fn of_endpoint(endpoint: Endpoint) -> Word {
    word(ENDPOINTS, &endpoint)
}

/// Which way a call goes, in a word.
pub fn of_direction(direction: Direction) -> Word {
    word(DIRECTIONS, &direction)
}

/// What happened to a call, in a word.
pub fn of_kind(what: ActivityKind) -> Word {
    word(KINDS, &what)
}

/// Why a call is over, in a word.
pub fn of_reason(reason: EndReason) -> Word {
    of_phase(Phase::Ended(reason))
}

/// What a piece of evidence did to its call, in a word; without the reason, if the call is over.
pub fn of_outcome(outcome: Outcome) -> Word {
    Cow::Borrowed(match outcome {
        Outcome::Started => "started",
        Outcome::Dialing => "dialing",
        Outcome::Answered => "answered",
        Outcome::Confirmed => "confirmed",
        Outcome::Ended(_) => "ended",
        Outcome::EndedUnseen(_) => "ended-unseen",
        Outcome::Duplicate => "duplicate",
        Outcome::Late => "late",
        Outcome::Leg => "leg",
        Outcome::Resumed => "resumed",
        Outcome::Refused => "refused",
    })
}

/// Why the count was wrong until it was healed, in a word.
pub fn of_cause(cause: Cause) -> Word {
    word(CAUSES, &cause)
}
