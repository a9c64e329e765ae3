//! The one writer: every change of the count goes through here, one batch at a time, in the order
//! durable, applied, published, acknowledged.

mod commit;
mod log_line;

use std::collections::VecDeque;
use std::mem;

use live_users_core::{
    EndReason, Evidence, HOUR_MS, MINUTE_MS, Millis, Outcome, Phase, Said, Source,
};
use live_users_journal::{Journal, JournalError, Position};
use log::{debug, error, info};

use self::commit::{Failed, evidence};
use crate::record::Change;
use crate::recovery::{RecoveryError, Replayed, replay_keeping};
use crate::snapshot;
use crate::snapshotter::Snapshotter;
use crate::state::State;

/// A call is not given up by the clock, however old, while a report about it came within this
/// time, in milliseconds: the account may allow longer calls than `MAX_CALL_HOURS` says.
pub const QUIET_MS: u64 = 15 * MINUTE_MS;

/// Twilio keeps an outbound call in its queue for up to 24 h before it dials or cancels it; an hour
/// is added for the ringing. In milliseconds.
pub const DIALING_MS_MAX: u64 = 25 * HOUR_MS;

/// How long an ended call is remembered, so that a late webhook cannot revive it, in milliseconds.
/// Twilio's longest way is the 4 h for which Event Streams retries.
pub const TOMBSTONE_MS: u64 = 25 * HOUR_MS;

/// How many calls one sweep looks at, so that it never holds up the batch behind it for long.
const SWEEP_CALLS_MAX: usize = 50_000;

/// Pieces of evidence in one batch, and so in one sync of the journal.
pub const BATCH_MAX: usize = 1024;

/// Pieces of evidence that are kept while the journal cannot be written. At 300 bytes each this is
/// 30 MB.
const RETRY_BUFFER_MAX: usize = 100_000;

const _: () = assert!(TOMBSTONE_MS > 4 * HOUR_MS);

/// Publishes what the state is after a batch, and at which position of the journal.
pub type Publish = Box<dyn FnMut(&State, Position) + Send>;

/// The journal cannot be written: what was given is kept, and tried again at each
/// [`Writer::sweep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept;

/// Owns the journal and the state.
///
/// In a journal that is shared, each replica has a writer. The state of each follows from the
/// journal, in its order: a batch is applied when all before it is, that of other replicas too.
pub struct Writer {
    journal: Box<dyn Journal>,
    state: State,
    /// How far the journal is in the state. Never behind what is published, and never ahead of what
    /// is durable: `published <= applied <= appended`.
    applied: Position,
    /// The last record of the state that was published.
    published: u64,
    publish: Publish,
    snapshotter: Option<Snapshotter>,
    max_call_ms: u64,
    cursor: usize,
    /// What could not be recorded yet, the oldest first. While there is anything in it the writer
    /// is degraded, and new evidence goes behind it: order is kept.
    retry_buffer: VecDeque<Evidence>,
    /// The journal cannot be written or followed just now.
    degraded: bool,
    /// The state does not follow from the journal any more, and has to be read from it again.
    is_lost: bool,
    /// A record was found that this program does not understand.
    is_unreadable: bool,
}

impl Writer {
    /// A writer to a journal that leads to this state. A call that is silent and older than
    /// `max_call_ms` is over. Without a snapshotter, snapshots are taken by [`Writer::checkpoint`]
    /// alone.
    pub fn new(
        journal: Box<dyn Journal>,
        replayed: Replayed,
        publish: Publish,
        snapshotter: Option<Snapshotter>,
        max_call_ms: u64,
    ) -> Self {
        let Replayed { state, at, .. } = replayed;
        Self {
            journal,
            state,
            applied: at,
            published: at.seq,
            publish,
            snapshotter,
            max_call_ms,
            cursor: 0,
            retry_buffer: VecDeque::new(),
            degraded: false,
            is_lost: false,
            is_unreadable: false,
        }
    }

    /// Records a batch at one moment, and says what each piece of it did.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn record(&mut self, at: Millis, batch: Vec<Evidence>) -> Result<Vec<Outcome>, Kept> {
        if self.degraded {
            self.defer(batch);
            return Err(Kept);
        }
        let recorded = self.commit(at, batch.into_iter().map(Change::Evidence).collect());
        recorded.map_err(|Failed { records, error }| {
            self.degrade(error);
            self.defer(evidence(records));
            Kept
        })
    }

    /// Lets time pass: as [`Writer::stand_by`], and calls that are older than a call can be are
    /// over, and tombstones that have outlived their use are dropped. What changes something is a
    /// record, or a replay would count differently. Of several replicas one is to do it.
    pub fn sweep(&mut self, now: Millis) {
        if self.degraded && !self.retry(now) {
            return;
        }
        let overdue = self.overdue(now);
        match self.commit(now, overdue) {
            Ok(_) => self.compact(now),
            Err(failed) => self.degrade(failed.error),
        }
    }

    /// Lets time pass: what could not be recorded is tried again, and the journal is kept short.
    pub fn stand_by(&mut self, now: Millis) {
        if !self.degraded || self.retry(now) {
            self.compact(now);
        }
    }

    /// Applies what other replicas have appended, as far as it is known here.
    pub fn follow(&mut self) {
        if !self.degraded
            && let Err(error) = self.catch_up_to(self.journal.position())
        {
            self.degrade(error);
        }
    }

    /// Applies all that any replica knows to be durable, and says whether that could be done.
    pub fn refresh(&mut self) -> bool {
        if self.degraded {
            return false;
        }
        let refreshed = self.journal.refresh().map_err(RecoveryError::from);
        match refreshed.and_then(|end| self.catch_up_to(end)) {
            Ok(_) => true,
            Err(error) => {
                self.degrade(error);
                false
            }
        }
    }

    /// What the journal leads to.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How far the journal is in it.
    pub fn position(&self) -> Position {
        self.applied
    }

    /// Saves a snapshot of the state here and now, and trims all that it covers.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn checkpoint(&mut self) -> Result<(), JournalError> {
        let at = self.applied;
        debug_assert_eq!(self.published, at.seq, "nothing is saved that nobody could see");
        self.journal.snapshots()?.save(at, &snapshot::encode(&self.state))?;
        while self.journal.first_seq() <= at.seq {
            self.journal.trim(at.seq + 1)?;
        }
        Ok(())
    }

    /// Whether the journal cannot be written just now.
    pub fn is_in_trouble(&self) -> bool {
        self.degraded
    }

    /// How many pieces of evidence are kept until it can.
    pub fn kept(&self) -> usize {
        self.retry_buffer.len()
    }

    /// Whether there is something in the journal that this program does not understand, so that it
    /// cannot know what is true from there on.
    pub fn has_ended(&self) -> bool {
        self.is_unreadable
    }

    /// Records what is kept, if the journal can be written again; `false` if it cannot.
    pub fn retry(&mut self, now: Millis) -> bool {
        match self.journal.recover() {
            Ok(()) => {}
            Err(JournalError::Replaced { was, is }) => self.lose(was, is),
            Err(error) => {
                debug!("the journal cannot be written yet: {error}");
                return false;
            }
        }
        let begun = if self.is_lost { self.rebuild() } else { Ok(()) };
        if let Err(error) = begun.and_then(|()| self.catch_up_to(self.journal.position())) {
            self.degrade(error);
            return false;
        }
        while !self.retry_buffer.is_empty() {
            let n = self.retry_buffer.len().min(BATCH_MAX);
            let batch = self.retry_buffer.drain(..n).map(Change::Evidence).collect();
            if let Err(Failed { records, error }) = self.commit(now, batch) {
                self.degrade(error);
                evidence(records).into_iter().rev().for_each(|it| self.retry_buffer.push_front(it));
                return false;
            }
        }
        info!("the journal can be written again, and nothing is left to record");
        self.degraded = false;
        true
    }

    fn defer(&mut self, batch: Vec<Evidence>) {
        let room = RETRY_BUFFER_MAX - self.retry_buffer.len();
        let lost = batch.len().saturating_sub(room);
        if lost > 0 {
            error!("{lost} webhooks are lost: {RETRY_BUFFER_MAX} wait for the journal already");
        }
        self.retry_buffer.extend(batch.into_iter().take(room));
    }

    fn degrade(&mut self, error: RecoveryError) {
        self.degraded = true;
        match error {
            RecoveryError::Journal(JournalError::Replaced { was, is }) => self.lose(was, is),
            // It slept for so long that what it has not read is only in a snapshot by now.
            RecoveryError::Journal(error @ JournalError::NotThere { .. }) => {
                error!("too much was missed to be followed: {error}");
                self.is_lost = true;
            }
            RecoveryError::Journal(error) => error!("the journal cannot be written: {error}"),
            RecoveryError::Record { .. }
            | RecoveryError::Snapshot(_)
            | RecoveryError::NoBeginning { .. } => {
                error!("the journal cannot be followed: {error}");
                self.is_unreadable = true;
            }
        }
    }

    fn lose(&mut self, was: u64, is: u64) {
        error!("{}", JournalError::Replaced { was, is });
        self.is_lost = true;
    }

    /// Reads the state from the journal as a restart does.
    fn rebuild(&mut self) -> Result<(), RecoveryError> {
        let retention = self.state.history().retention();
        let Replayed { state, at, covered } = replay_keeping(&*self.journal, retention)?;
        (self.state, self.applied, self.cursor) = (state, at, 0);
        self.is_lost = false;
        if let Some(snapshotter) = &mut self.snapshotter {
            snapshotter.reset(covered, self.state.tracker().now());
        }
        (self.publish)(&self.state, at);
        self.published = at.seq;
        Ok(())
    }

    fn compact(&mut self, now: Millis) {
        let Some(snapshotter) = &mut self.snapshotter else { return };
        snapshotter.tick(now, self.applied, &self.state);
        if let Err(error) = snapshotter.trim(now, &mut *self.journal) {
            self.degrade(error.into());
        }
    }

    fn overdue(&mut self, now: Millis) -> Vec<Change> {
        let max_call_ms = self.max_call_ms;
        let over = |phase, since: Millis, heard: Millis| match phase {
            Phase::Dialing => now.since(since) > DIALING_MS_MAX,
            Phase::Live => now.since(since) > max_call_ms && now.since(heard) > QUIET_MS,
            Phase::Ended(_) => false,
        };
        let overdue = self.state.tracker().sweep(&mut self.cursor, SWEEP_CALLS_MAX, over);
        let timed_out = Said::Over(EndReason::TimedOut);
        let timed_out = overdue
            .into_iter()
            .map(|call| Change::Evidence(Evidence::about(call, Source::Clock, timed_out)));
        let ended_before = now.minus(TOMBSTONE_MS);
        let forget = self.state.tracker().oldest_end().is_some_and(|end| end < ended_before);
        let forget = forget.then_some(Change::Forget { ended_before });
        timed_out.chain(forget).collect()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        match mem::take(&mut self.retry_buffer).len() {
            0 => {}
            n => error!("{n} webhooks are lost: the journal could not be written until the end"),
        }
    }
}

#[cfg(test)]
mod tests;
