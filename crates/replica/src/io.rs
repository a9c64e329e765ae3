//! What goes into a replica and what comes out of it, as data.

use live_users_core::{Evidence, Millis, Numbers, Outcome};
use live_users_intake::agents::Agents;
use live_users_journal::{JournalError, PageLimit, Position, Record};
use live_users_state::history::Retention;
use live_users_state::{RecoveryError, Replayed, SnapshotTask};
use live_users_twilio::rest::{Answer, Failure, Request};

use crate::log_line::LogLine;

/// One moment, as the driver's clocks show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// By a clock that nobody sets and that never goes back: milliseconds since any fixed moment of
    /// the process. Deadlines and the lease are reckoned in it.
    pub uptime: Millis,
    /// The log's time: the machine's clock, put right by the service of a shared log. Milliseconds
    /// since the Unix epoch. Records carry it, and calls are as old as it says.
    pub time: Millis,
    /// How long ago all that the log had was last known here, in milliseconds. 0 for a log of one
    /// process.
    pub log_age_ms: u64,
}

/// A number that a driver chooses, to find out what an [`Effect`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a replica takes in.
#[derive(Debug)]
pub enum Input {
    /// Evidence to record, all at one moment; answered by [`Effect::Recorded`].
    Record(Ticket, Vec<Evidence>),
    /// Somebody wants to read the state; answered by [`Effect::Answer`].
    Query(Ticket),
    /// Other replicas have appended to the log: this much of it can be read here.
    Grown(Position),
    /// The answer to [`Output::log`].
    Log(LogAnswer),
    /// The answer to [`Effect::Renew`]: whether the lease is held; `None` if nobody answers.
    Lease(Option<bool>),
    /// The answer to [`Effect::Ask`].
    Provider(Result<Answer, Failure>),
    /// The answer to [`Effect::SaveSnapshot`]: the last record that a snapshot covers now.
    Snapshot(Result<u64, RecoveryError>),
    /// The agents file was read again.
    Agents(Agents),
    /// [`crate::Replica::next_deadline`] has come.
    Tick,
    /// The process is about to end: a last try to record what is deferred.
    Shutdown,
}

/// What follows from an input.
#[derive(Debug, Default)]
#[must_use]
pub struct Output {
    /// What to do, in this order.
    pub effects: Vec<Effect>,
    /// After that, what to do with the log. While this is there the next input is its answer.
    pub log: Option<LogRequest>,
}

/// What a driver is to do.
#[derive(Debug)]
pub enum Effect {
    /// Publish these numbers.
    Publish(Publication),
    /// Write lines about what has changed, which is published by now.
    Report(Vec<LogLine>),
    /// What became of the evidence of an [`Input::Record`].
    Recorded(Ticket, Recorded),
    /// What became of an [`Input::Query`]: the state may be read, or is too old to be shown.
    Answer(Ticket, Result<(), Stale>),
    /// Ask the provider, and give what comes of it to [`Input::Provider`].
    Ask(Request),
    /// Take the lease or renew it, and give what comes of it to [`Input::Lease`].
    Renew,
    /// Save a snapshot, and give what comes of it to [`Input::Snapshot`].
    SaveSnapshot(SnapshotTask),
}

/// What each piece of evidence did once it was durable, applied and published.
pub type Recorded = Result<Vec<Outcome>, Deferred>;

/// The log cannot be written: the evidence waits in the retry buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deferred;

/// The log does not answer: what is known here is this old, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Milliseconds.
    pub age_ms: u64,
}

/// What everybody may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Live users and live calls.
    pub numbers: Numbers,
    /// How far the log is in them.
    pub at: Position,
    /// Since when it is so, by the log's time.
    pub as_of: Millis,
    /// Why the numbers must not be shown: others may have changed them since.
    pub stale: Option<Stale>,
}

/// What to do with the log. Each is one call of [`live_users_journal::Journal`], or a replay.
#[derive(Debug, PartialEq, Eq)]
pub enum LogRequest {
    /// Append this batch.
    Append(Vec<Vec<u8>>),
    /// Read a page from this record on.
    Read {
        /// Its number.
        from_seq: u64,
        /// How much at most.
        limit: PageLimit,
    },
    /// Ask how far the log is, with all that any replica has acknowledged.
    Refresh,
    /// Open the log again after a failure.
    Recover,
    /// Read the state from the log as a restart does, with a history that is kept for so long.
    Rebuild(Retention),
    /// Remove records before this one, as many as one call removes.
    Trim {
        /// Its number.
        before_seq: u64,
    },
}

/// What came of a [`LogRequest`], in the same order.
#[derive(Debug)]
pub enum LogAnswer {
    /// The position of the last record of the batch.
    Appended(Result<Position, JournalError>),
    /// The page. An empty one is an error: there is always something to read where it was asked.
    Page(Result<Vec<Record>, JournalError>),
    /// How far the log is.
    Refreshed(Result<Position, JournalError>),
    /// How far the log is by now.
    Recovered(Result<Position, JournalError>),
    /// The state, and how far the log is by now.
    Rebuilt(Box<Result<(Replayed, Position), RecoveryError>>),
    /// The oldest record that is kept.
    Trimmed(Result<u64, JournalError>),
}
