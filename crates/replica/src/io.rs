//! The inputs and outputs of a replica, as data.

use std::sync::Arc;

use live_users_core::{Evidence, Millis, Numbers, Outcome, TurnedAway};
use live_users_intake::Unanswered;
use live_users_intake::agents::Agents;
use live_users_journal::{FaultKind, JournalError, PageLimit, Part, Position, Record, Rewritten};
use live_users_sources as sources;
use live_users_state::record::Change;
use live_users_state::{RecoveryError, Replayed, Settings, SnapshotTask};
use live_users_twilio::rest::{Answer, Failure, Request};

use crate::audit::AuditTask;
use crate::log_line::LogLine;

/// One moment, by the driver's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock: milliseconds since any fixed moment of the process. Deadlines and the
    /// lease use it.
    pub uptime: Millis,
    /// The log's time, in milliseconds since the Unix epoch. For a shared log it is the service's.
    /// For a log of one process it goes on about as fast as the uptime. Records and the ages of
    /// calls use it.
    pub time: Millis,
    /// The age of the replica's knowledge, in milliseconds: this long ago, everything in the log was
    /// readable here. It is 0 for a log of one process.
    ///
    /// Trap: a driver samples it *before* it asks for the log's end, never after.
    pub log_age_ms: u64,
}

/// A number that the driver chooses. An [`Effect`] carries it back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// An input of a replica.
#[derive(Debug)]
pub enum Input {
    /// Evidence to record, all with the same time. [`Effect::Recorded`] answers it.
    Record(Ticket, Vec<Evidence>),
    /// Changes that are no evidence, to record. [`Effect::Recorded`] answers it.
    Change(Ticket, Vec<Change>),
    /// A request to read the state. [`Effect::Answer`] answers it.
    Query(Ticket),
    /// Other replicas have appended to the log. It can be read here up to this position.
    Grown(Position),
    /// The answer to [`Output::log`].
    Log(LogAnswer),
    /// The answer to [`Effect::Renew`]: whether the lease is held. `None` if there was no answer.
    Lease(Option<bool>),
    /// The answer to [`Effect::Ask`], for the same reconciler.
    Provider(usize, Result<Answer, Failure>),
    /// The answer to [`Effect::AskSource`], with its ticket.
    SourceProvider(Ticket, Result<sources::Answer, Unanswered>),
    /// The answer to [`Effect::SaveSnapshot`]: the last record that the newest snapshot covers.
    Snapshot(Result<u64, RecoveryError>),
    /// The answer to [`Effect::Audit`]: an error names the invariant that does not hold.
    Audited(Result<(), String>),
    /// The agents file was read again.
    Agents(Agents),
    /// Look whether the log can still be appended to. The driver asks for it about once a second,
    /// because the files of a log may vanish while nothing is recorded.
    Check,
    /// An operator wants the state written into a new log, because the old one is gone.
    /// [`Effect::Rewritten`] answers it.
    Rewrite(Ticket),
    /// [`crate::Replica::next_deadline`] has come.
    Tick,
    /// The process is about to end. The replica tries once more to record the retry buffer.
    Shutdown,
}

/// The result of an input.
#[derive(Debug, Default)]
#[must_use]
pub struct Output {
    /// Instructions to the driver, in this order.
    pub effects: Vec<Effect>,
    /// The operation on the log that follows them. Its answer has to be the next input.
    pub log: Option<LogRequest>,
}

/// An instruction to the driver.
#[derive(Debug)]
pub enum Effect {
    /// Publish these numbers.
    Publish(Publication),
    /// Write these log lines. The changes in them are published already.
    Report(Vec<LogLine>),
    /// The outcome of an [`Input::Record`].
    Recorded(Ticket, Recorded),
    /// The outcome of an [`Input::Query`]: the state may be read, or is too old to be shown.
    Answer(Ticket, Result<(), Stale>),
    /// The outcome of an [`Input::Rewrite`].
    Rewritten(Ticket, Result<Rewritten, NotRewritten>),
    /// Send this request of one of the reconcilers to the provider, with the credentials of its
    /// account. [`Input::Provider`] takes the answer.
    Ask(usize, Request),
    /// Send this question to the provider of this source. [`Input::SourceProvider`] takes the answer.
    AskSource(Ticket, Arc<str>, sources::Ask),
    /// Acquire or renew the lease. [`Input::Lease`] takes the answer.
    Renew,
    /// Save a snapshot. [`Input::Snapshot`] takes the result.
    SaveSnapshot(SnapshotTask),
    /// Recount a copy of the calls on another thread. [`Input::Audited`] takes the result.
    Audit(AuditTask),
}

/// The outcome of each piece of evidence, which is durable, applied and published.
pub type Recorded = Result<Vec<Done>, Deferred>;

/// What a piece of evidence has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// What it did to its call.
    pub outcome: Outcome,
    /// If it is a voice request where places are limited: how its call is turned away, unless it has
    /// a place.
    pub turned_away: Option<TurnedAway>,
}

/// The log cannot be written, so the evidence waits in the retry buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deferred;

/// Why the state was not written into a new log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRewritten {
    /// The log can be written, so there is no reason for a new one.
    InOrder,
    /// The state is not that of the log, so a new log would lack something.
    Unknown,
    /// It cannot be written, for this reason.
    Failed(String),
}

/// The numbers are unknown: those of the state may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The age, in milliseconds, of the knowledge, of the evidence that waits, or of the provider's
    /// last complete answer.
    pub age_ms: u64,
    /// Why.
    pub reason: StaleReason,
}

/// Why the numbers are unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleReason {
    /// The log does not answer, so other replicas may have changed the numbers.
    Behind,
    /// The log is this replica's alone and cannot be written for this reason, and evidence waits for
    /// it that the numbers lack.
    Unwritable(FaultKind),
    /// Only the provider's answers tell of calls, and it has not given a complete one yet.
    NeverAnswered,
    /// Only the provider's answers tell of calls, and it does not give any now.
    NotAnsweredSince,
}

/// The public numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Live users and live calls.
    pub numbers: Numbers,
    /// The last record in them.
    pub at: Position,
    /// The log's time of that record.
    pub as_of: Millis,
    /// If present, the numbers must not be shown.
    pub stale: Option<Stale>,
}

/// An operation on the log: one call of [`live_users_journal::Journal`], or a replay.
#[derive(Debug, PartialEq, Eq)]
pub enum LogRequest {
    /// Append this batch.
    Append(Vec<Vec<u8>>),
    /// Read a page from this record on.
    Read {
        /// Its number.
        from_seq: u64,
        /// The most records and bytes to read.
        limit: PageLimit,
    },
    /// Ask for the end of the log, which includes every record that any replica acknowledged.
    Refresh,
    /// Look whether it can still be appended to.
    Check,
    /// Replace it by a new log with this snapshot and no records.
    Rewrite {
        /// The whole state.
        snapshot: Vec<Part>,
    },
    /// Open the log again after a failure.
    Recover,
    /// Rebuild the state from the log as a restart does, by these settings.
    Rebuild(Settings),
    /// Remove records before this one. One call removes a limited number.
    Trim {
        /// Its number.
        before_seq: u64,
    },
}

/// The answer to a [`LogRequest`], in the same order.
#[derive(Debug)]
pub enum LogAnswer {
    /// The position of the last record of the batch.
    Appended(Result<Position, JournalError>),
    /// The page. The replica asks only for records that exist, so an empty page is an error.
    Page(Result<Vec<Record>, JournalError>),
    /// The end of the log.
    Refreshed(Result<Position, JournalError>),
    /// Whether it can still be appended to.
    Checked(Result<(), JournalError>),
    /// The new log.
    Rewritten(Result<Rewritten, JournalError>),
    /// The end of the log after recovery.
    Recovered(Result<Position, JournalError>),
    /// The state, and the end of the log after the replay.
    Rebuilt(Box<Result<(Replayed, Position), RecoveryError>>),
    /// The oldest record that is kept.
    Trimmed(Result<u64, JournalError>),
}
