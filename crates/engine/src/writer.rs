//! The one writer: every change of the count goes through here, one batch at a time, in the order
//! durable, applied, published, acknowledged.

mod log_line;

use std::collections::VecDeque;
use std::mem;

use live_users_core::{EndReason, Evidence, Millis, Outcome, Phase, Said, Source};
use live_users_journal::{Journal, JournalError, Position};
use log::{debug, error, info};

use crate::evidence::about;
use crate::record::{Change, Record};
use crate::snapshot;
use crate::snapshotter::Snapshotter;
use crate::state::State;

/// A call is not given up by the clock, however old, while something was heard of it within this
/// time, in milliseconds: the account may allow longer calls than `MAX_CALL_HOURS` says.
pub const QUIET_MS: u64 = 15 * 60_000;

/// Twilio keeps an outbound call in its queue for up to 24 h before it dials or cancels it; an hour
/// is added for the ringing. In milliseconds.
pub const DIALING_MS_MAX: u64 = 25 * 3_600_000;

/// How long an ended call is remembered, so that a late webhook cannot revive it, in milliseconds.
/// Twilio's longest way is the 4 h for which Event Streams retries.
pub const TOMBSTONE_MS: u64 = 25 * 3_600_000;

/// How many calls one sweep looks at, so that it never holds up the batch behind it for long.
const SWEEP_CALLS_MAX: usize = 50_000;

/// Pieces of evidence in one batch, and so in one sync of the journal.
pub const BATCH_MAX: usize = 1024;

/// Pieces of evidence that are kept while the journal cannot be written. At 300 bytes each this is
/// 30 MB.
const BACKLOG_MAX: usize = 100_000;

const _: () = assert!(TOMBSTONE_MS > 4 * 3_600_000);

/// Tells everybody what the state is after a batch, and at which position of the journal.
pub type Publish = Box<dyn FnMut(&State, Position) + Send>;

/// The journal cannot be written: what was given is kept, and tried again at each
/// [`Writer::sweep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept;

/// Owns the journal and the state.
pub struct Writer {
    journal: Box<dyn Journal>,
    state: State,
    publish: Publish,
    snapshotter: Option<Snapshotter>,
    max_call_ms: u64,
    cursor: usize,
    /// What could not be recorded yet. While there is anything in it the journal is in trouble.
    backlog: VecDeque<Evidence>,
    in_trouble: bool,
}

impl Writer {
    /// A writer to a journal whose records this state knows. A call that is silent and older than
    /// `max_call_ms` is over. Without a snapshotter, snapshots are taken by [`Writer::checkpoint`]
    /// alone.
    pub fn new(
        journal: Box<dyn Journal>,
        state: State,
        publish: Publish,
        snapshotter: Option<Snapshotter>,
        max_call_ms: u64,
    ) -> Self {
        let (cursor, backlog, in_trouble) = (0, VecDeque::new(), false);
        Self { journal, state, publish, snapshotter, max_call_ms, cursor, backlog, in_trouble }
    }

    /// Records a batch at one moment, and says what each piece of it did.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn record(&mut self, at: Millis, batch: Vec<Evidence>) -> Result<Vec<Outcome>, Kept> {
        if self.in_trouble {
            self.keep(batch);
            return Err(Kept);
        }
        let (batch, outcomes) = self.commit_evidence(at, batch);
        outcomes.map_err(|error| {
            error!("the journal cannot be written: {error}");
            self.in_trouble = true;
            self.keep(batch);
            Kept
        })
    }

    /// Lets time pass: what could not be recorded is tried again; calls that are older than a call
    /// can be are over; tombstones and records that have outlived their use are dropped. What
    /// changes something is a record, or a replay would count differently.
    pub fn sweep(&mut self, now: Millis) {
        if self.in_trouble && !self.retry(now) {
            return;
        }
        let overdue = self.overdue(now);
        let swept = self.commit(now, overdue).and_then(|_| {
            let Some(snapshotter) = &mut self.snapshotter else { return Ok(()) };
            snapshotter.tick(now, self.journal.position());
            snapshotter.trim(now, &mut *self.journal)
        });
        if let Err(error) = swept {
            error!("the journal cannot be written: {error}");
            self.in_trouble = true;
        }
    }

    /// What the journal tells.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How far the journal tells it.
    pub fn position(&self) -> Position {
        self.journal.position()
    }

    /// Saves a snapshot of the state here and now, and trims all that it covers.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn checkpoint(&mut self) -> Result<(), JournalError> {
        let at = self.journal.position();
        self.journal.snapshots()?.save(at, &snapshot::encode(&self.state))?;
        while self.journal.first_seq() <= at.seq {
            self.journal.trim(at.seq + 1)?;
        }
        Ok(())
    }

    /// Whether the journal cannot be written just now.
    pub fn is_in_trouble(&self) -> bool {
        self.in_trouble
    }

    /// Records what is kept, if the journal can be written again; `false` if it cannot.
    pub fn retry(&mut self, now: Millis) -> bool {
        if let Err(error) = self.journal.recover() {
            debug!("the journal cannot be written yet: {error}");
            return false;
        }
        while !self.backlog.is_empty() {
            let n = self.backlog.len().min(BATCH_MAX);
            let batch = self.backlog.drain(..n).collect();
            let (batch, outcomes) = self.commit_evidence(now, batch);
            if let Err(error) = outcomes {
                error!("the journal cannot be written: {error}");
                batch.into_iter().rev().for_each(|evidence| self.backlog.push_front(evidence));
                return false;
            }
        }
        info!("the journal can be written again, and nothing is left to record");
        self.in_trouble = false;
        true
    }

    fn keep(&mut self, batch: Vec<Evidence>) {
        let room = BACKLOG_MAX - self.backlog.len();
        let lost = batch.len().saturating_sub(room);
        if lost > 0 {
            error!("{lost} webhooks are lost: {BACKLOG_MAX} wait for the journal already");
        }
        self.backlog.extend(batch.into_iter().take(room));
    }

    fn overdue(&mut self, now: Millis) -> Vec<Record> {
        let max_call_ms = self.max_call_ms;
        let over = |phase, since: Millis, heard: Millis| match phase {
            Phase::Dialing => now.since(since) > DIALING_MS_MAX,
            Phase::Live => now.since(since) > max_call_ms && now.since(heard) > QUIET_MS,
            Phase::Ended(_) => false,
        };
        let overdue = self.state.tracker().sweep(&mut self.cursor, SWEEP_CALLS_MAX, over);
        let timed_out = Said::Over(EndReason::TimedOut);
        let timed_out =
            overdue.into_iter().map(|call| Change::Evidence(about(call, Source::Clock, timed_out)));
        let ended_before = now.minus(TOMBSTONE_MS);
        let forget = self.state.tracker().oldest_end().is_some_and(|end| end < ended_before);
        let forget = forget.then_some(Change::Forget { ended_before });
        timed_out.chain(forget).map(|change| Record { at: now, change }).collect()
    }

    /// Commits evidence, and gives it back if that fails.
    fn commit_evidence(
        &mut self,
        at: Millis,
        batch: Vec<Evidence>,
    ) -> (Vec<Evidence>, Result<Vec<Outcome>, JournalError>) {
        let at = at.max(self.state.tracker().now());
        let records: Vec<_> = batch
            .into_iter()
            .map(|evidence| Record { at, change: Change::Evidence(evidence) })
            .collect();
        match self.append(&records) {
            Ok(()) => (Vec::new(), Ok(self.apply(&records))),
            Err(error) => {
                let evidence = records.into_iter().filter_map(|record| match record.change {
                    Change::Evidence(evidence) => Some(evidence),
                    Change::Forget { .. } => None,
                });
                (evidence.collect(), Err(error))
            }
        }
    }

    fn commit(
        &mut self,
        at: Millis,
        mut records: Vec<Record>,
    ) -> Result<Vec<Outcome>, JournalError> {
        let at = at.max(self.state.tracker().now());
        records.iter_mut().for_each(|record| record.at = at);
        self.append(&records)?;
        Ok(self.apply(&records))
    }

    fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        if records.is_empty() {
            return Ok(());
        }
        let batch: Vec<_> = records.iter().map(Record::encode).collect();
        self.journal.append(&batch).map(|_| ())
    }

    /// Only for what is durable.
    fn apply(&mut self, records: &[Record]) -> Vec<Outcome> {
        let mut told = Vec::with_capacity(records.len());
        for record in records {
            if let (Some(outcome), Change::Evidence(evidence)) =
                (self.state.apply(record), &record.change)
            {
                told.push((evidence, outcome, self.state.tracker().numbers()));
            }
        }
        if !records.is_empty() {
            let numbers = self.state.tracker().numbers();
            let at = self.journal.position();
            debug!("{} users and {} calls live at {at}", numbers.users, numbers.calls);
            (self.publish)(&self.state, at);
        }
        // Whoever reads the log and then asks finds what the log says.
        told.iter().for_each(|(evidence, outcome, numbers)| {
            log_line::write(evidence, *outcome, *numbers);
        });
        told.into_iter().map(|(_, outcome, _)| outcome).collect()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        match mem::take(&mut self.backlog).len() {
            0 => {}
            n => error!("{n} webhooks are lost: the journal could not be written until the end"),
        }
    }
}

#[cfg(test)]
mod tests;
