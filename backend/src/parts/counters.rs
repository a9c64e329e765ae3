//! Counters of events since the start: one atomic each, and no lock.

use live_users_core::Source;
use live_users_http_kit::metrics::{Counter, Started};

/// Counters since the start of the process.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) started: Started,
    webhooks: [[Counter; Outcome::ALL.len()]; Hook::ALL.len()],
    /// Voice webhooks that were answered.
    pub(crate) twiml: Counter,
    /// Requests of the referee that were not answered.
    pub(crate) referee_failures: Counter,
}

/// A webhook, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Voice,
    Speech,
    Status,
}

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is recorded.
    Accepted,
    /// It is not signed by Twilio.
    Unsigned,
    /// It is not a form within the limits, or its fields are wrong.
    Bad,
    /// The writer or the journal did not take it, or not in time.
    NotRecorded,
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
    pub(crate) const ALL: [Self; 4] =
        [Self::Accepted, Self::Unsigned, Self::Bad, Self::NotRecorded];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unsigned => "unsigned",
            Self::Bad => "bad",
            Self::NotRecorded => "not_recorded",
        }
    }
}

impl Counters {
    /// Nothing has happened yet.
    pub(crate) fn new() -> Self {
        Self {
            started: Started::now(),
            webhooks: Default::default(),
            twiml: Counter::default(),
            referee_failures: Counter::default(),
        }
    }

    /// The webhooks at this path of which this became.
    pub(crate) fn webhooks(&self, hook: Hook, outcome: Outcome) -> &Counter {
        &self.webhooks[hook as usize][outcome as usize]
    }
}
