//! Counters of events since the start. Each is one atomic, without a lock; only calls that are turned
//! away are counted under one.

use std::collections::BTreeMap;

use live_users_core::Source;
use live_users_http_kit::metrics::{Counter, Started};
use parking_lot::Mutex;

/// Counters since the start of the process.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) started: Started,
    webhooks: [[Counter; Outcome::ALL.len()]; Hook::ALL.len()],
    /// Voice webhooks that were answered.
    pub(crate) twiml: Counter,
    turned_away: Mutex<BTreeMap<TurnedAwayBy, u64>>,
}

/// By what a call was turned away: the agent that it would have counted for (empty if that is not
/// configured), whose limit it was, and the word of the decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TurnedAwayBy {
    pub(crate) agent: String,
    pub(crate) limit: &'static str,
    pub(crate) decision: &'static str,
}

/// A webhook, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Voice,
    Speech,
    Status,
}

/// The result of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is recorded.
    Accepted,
    /// It is not signed by Twilio.
    Unsigned,
    /// It is not a form within the limits, or has wrong fields.
    Bad,
    /// The replica did not record it in time.
    NotRecorded,
    /// It was sent longer ago than ended calls are remembered.
    Old,
    /// It was recorded before: the same request again.
    Repeated,
    /// It tells of no call and only checks that it gets here.
    Check,
}

impl Hook {
    pub(crate) const ALL: [Self; 3] = [Self::Voice, Self::Speech, Self::Status];

    /// The source of the evidence in it.
    pub(crate) fn source(self) -> Source {
        match self {
            Self::Voice => Source::Voice,
            Self::Speech => Source::Speech,
            Self::Status => Source::StatusCallback,
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Voice => "/voice",
            Self::Speech => "/speech-result",
            Self::Status => "/call-status",
        }
    }
}

impl Outcome {
    pub(crate) const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Unsigned,
        Self::Bad,
        Self::NotRecorded,
        Self::Old,
        Self::Repeated,
        Self::Check,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unsigned => "unsigned",
            Self::Bad => "bad",
            Self::NotRecorded => "not_recorded",
            Self::Old => "old",
            Self::Repeated => "repeated",
            Self::Check => "check",
        }
    }
}

impl Counters {
    /// All counters are 0.
    pub(crate) fn new() -> Self {
        Self {
            started: Started::now(),
            webhooks: Default::default(),
            twiml: Counter::default(),
            turned_away: Mutex::default(),
        }
    }

    /// The number of webhooks at this path with this outcome.
    pub(crate) fn webhooks(&self, hook: Hook, outcome: Outcome) -> &Counter {
        &self.webhooks[hook as usize][outcome as usize]
    }

    /// A call was turned away.
    pub(crate) fn turn_away(&self, by: TurnedAwayBy) {
        *self.turned_away.lock().entry(by).or_default() += 1;
    }

    /// How many calls were turned away.
    pub(crate) fn turned_away(&self) -> BTreeMap<TurnedAwayBy, u64> {
        self.turned_away.lock().clone()
    }
}
