//! The one writer: every change of the count goes through here, one batch at a time, in the order
//! durable, applied, published, acknowledged.

mod log_line;

use std::collections::VecDeque;
use std::mem;

use live_users_core::{EndReason, Evidence, Millis, Numbers, Outcome, Phase, Said, Source};
use live_users_journal::{BATCH_BYTES_MAX, Journal, JournalError, PageLimit, Position};
use log::{debug, error, info};

use crate::evidence::about;
use crate::record::{Change, Record};
use crate::recovery::{RecoveryError, Replayed, decode, replay};
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
///
/// In a journal that is shared, each replica has a writer. The state of each is what the journal
/// tells, in its order: a batch is applied when all before it is, whoever appended that.
pub struct Writer {
    journal: Box<dyn Journal>,
    state: State,
    /// How far the journal is in the state.
    applied: Position,
    publish: Publish,
    snapshotter: Option<Snapshotter>,
    max_call_ms: u64,
    cursor: usize,
    /// What could not be recorded yet. While there is anything in it the journal is in trouble.
    backlog: VecDeque<Evidence>,
    in_trouble: bool,
    /// The state is none that the journal leads to, and has to be read from it anew.
    is_lost: bool,
    has_ended: bool,
}

impl Writer {
    /// A writer to a journal that tells this state. A call that is silent and older than
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
            publish,
            snapshotter,
            max_call_ms,
            cursor: 0,
            backlog: VecDeque::new(),
            in_trouble: false,
            is_lost: false,
            has_ended: false,
        }
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
        let recorded = self.commit(at, batch.into_iter().map(Change::Evidence).collect());
        recorded.map_err(|Failed { records, error }| {
            self.trouble(error);
            self.keep(evidence(records));
            Kept
        })
    }

    /// Lets time pass: as [`Writer::stand_by`], and calls that are older than a call can be are
    /// over, and tombstones that have outlived their use are dropped. What changes something is a
    /// record, or a replay would count differently. Of several replicas one is to do it.
    pub fn sweep(&mut self, now: Millis) {
        if self.in_trouble && !self.retry(now) {
            return;
        }
        let overdue = self.overdue(now);
        match self.commit(now, overdue) {
            Ok(_) => self.shorten(now),
            Err(failed) => self.trouble(failed.error),
        }
    }

    /// Lets time pass: what could not be recorded is tried again, and the journal is kept short.
    pub fn stand_by(&mut self, now: Millis) {
        if !self.in_trouble || self.retry(now) {
            self.shorten(now);
        }
    }

    /// Applies what other replicas have appended, as far as it is known here.
    pub fn follow(&mut self) {
        if !self.in_trouble
            && let Err(error) = self.follow_to(self.journal.position())
        {
            self.trouble(error);
        }
    }

    /// Applies all that any replica was told is durable, and says whether that could be done.
    pub fn refresh(&mut self) -> bool {
        if self.in_trouble {
            return false;
        }
        let refreshed = self.journal.refresh().map_err(RecoveryError::from);
        match refreshed.and_then(|end| self.follow_to(end)) {
            Ok(_) => true,
            Err(error) => {
                self.trouble(error);
                false
            }
        }
    }

    /// What the journal tells.
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

    /// Whether there is something in the journal that this program does not understand, so that it
    /// cannot know what is true from there on.
    pub fn has_ended(&self) -> bool {
        self.has_ended
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
        let begun = if self.is_lost { self.begin_anew() } else { Ok(()) };
        if let Err(error) = begun.and_then(|()| self.follow_to(self.journal.position())) {
            self.trouble(error);
            return false;
        }
        while !self.backlog.is_empty() {
            let n = self.backlog.len().min(BATCH_MAX);
            let batch = self.backlog.drain(..n).map(Change::Evidence).collect();
            if let Err(Failed { records, error }) = self.commit(now, batch) {
                self.trouble(error);
                evidence(records).into_iter().rev().for_each(|it| self.backlog.push_front(it));
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

    fn trouble(&mut self, error: RecoveryError) {
        self.in_trouble = true;
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
                self.has_ended = true;
            }
        }
    }

    fn lose(&mut self, was: u64, is: u64) {
        error!("{}", JournalError::Replaced { was, is });
        self.is_lost = true;
    }

    /// Reads the state from the journal as a restart does.
    fn begin_anew(&mut self) -> Result<(), RecoveryError> {
        let Replayed { state, at, covered } = replay(&*self.journal)?;
        (self.state, self.applied, self.cursor) = (state, at, 0);
        self.is_lost = false;
        if let Some(snapshotter) = &mut self.snapshotter {
            snapshotter.begin_anew(covered, self.state.tracker().now());
        }
        (self.publish)(&self.state, at);
        Ok(())
    }

    fn shorten(&mut self, now: Millis) {
        let Some(snapshotter) = &mut self.snapshotter else { return };
        snapshotter.tick(now, self.applied, &self.state);
        if let Err(error) = snapshotter.trim(now, &mut *self.journal) {
            self.trouble(error.into());
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
        let timed_out =
            overdue.into_iter().map(|call| Change::Evidence(about(call, Source::Clock, timed_out)));
        let ended_before = now.minus(TOMBSTONE_MS);
        let forget = self.state.tracker().oldest_end().is_some_and(|end| end < ended_before);
        let forget = forget.then_some(Change::Forget { ended_before });
        timed_out.chain(forget).collect()
    }

    /// Records changes, in as many batches as they need, and gives back what could not be recorded.
    fn commit(&mut self, at: Millis, changes: Vec<Change>) -> Result<Vec<Outcome>, Failed> {
        let at = at.max(self.state.tracker().now());
        let mut records: VecDeque<_> =
            changes.into_iter().map(|change| Record { at, change }).collect();
        let mut outcomes = Vec::with_capacity(records.len());
        while !records.is_empty() {
            let batch = fitting(records.make_contiguous());
            match self.commit_batch(&batch, &records.make_contiguous()[..batch.len()]) {
                Ok(told) => outcomes.extend(told),
                Err(error) => return Err(Failed { records, error }),
            }
            records.drain(..batch.len());
        }
        Ok(outcomes)
    }

    fn commit_batch(
        &mut self,
        batch: &[Vec<u8>],
        records: &[Record],
    ) -> Result<Vec<Outcome>, RecoveryError> {
        let end = self.journal.append(batch)?;
        let before = self.applied.seq;
        let told = if self.journal.is_shared() {
            self.apply_to(end, records)
        } else {
            self.applied = end;
            Ok(records.iter().map(|record| (self.state.apply(record), self.numbers())).collect())
        };
        self.tell(before);
        let told: Vec<_> = told?;
        // Whoever reads the log and then asks finds what the log says.
        let mut outcomes = Vec::with_capacity(told.len());
        for (record, (outcome, numbers)) in records.iter().zip(told) {
            if let (Change::Evidence(evidence), Some(outcome)) = (&record.change, outcome) {
                log_line::write(evidence, outcome, numbers);
                outcomes.push(outcome);
            }
        }
        Ok(outcomes)
    }

    fn follow_to(&mut self, end: Position) -> Result<(), RecoveryError> {
        let before = self.applied.seq;
        let followed = self.apply_to(end, &[]);
        self.tell(before);
        followed.map(drop)
    }

    /// Applies a shared journal from where the state is to this position. The last records are
    /// `own`, but for their time: that is the journal's. What each of those did is returned.
    fn apply_to(
        &mut self,
        end: Position,
        own: &[Record],
    ) -> Result<Vec<(Option<Outcome>, Numbers)>, RecoveryError> {
        if end.epoch != self.applied.epoch {
            let (was, is) = (self.applied.epoch, end.epoch);
            return Err(JournalError::Replaced { was, is }.into());
        }
        let first_own = end.seq + 1 - own.len() as u64;
        let mut told = Vec::with_capacity(own.len());
        while self.applied.seq < end.seq {
            let next = self.applied.seq + 1;
            let page = self.journal.read(next, PageLimit::default())?;
            if page.is_empty() {
                let (first, last) = (self.journal.first_seq(), self.applied.seq);
                return Err(JournalError::NotThere { wanted: next, first, last }.into());
            }
            for stored in page.into_iter().take_while(|stored| stored.seq <= end.seq) {
                let of_own = stored.seq.checked_sub(first_own);
                let of_own = of_own.and_then(|n| own.get(usize::try_from(n).ok()?));
                let outcome = match (of_own, stored.at_ms) {
                    (Some(record), Some(at_ms)) => {
                        self.state.apply(&Record { at: Millis(at_ms), ..record.clone() })
                    }
                    _ => self.state.apply(&decode(&stored)?),
                };
                if of_own.is_some() {
                    told.push((outcome, self.numbers()));
                }
                self.applied.seq = stored.seq;
            }
        }
        Ok(told)
    }

    fn numbers(&self) -> Numbers {
        self.state.tracker().numbers()
    }

    /// Publishes, if anything was applied since.
    fn tell(&mut self, before: u64) {
        if self.applied.seq != before {
            let (numbers, at) = (self.numbers(), self.applied);
            debug!("{} users and {} calls live at {at}", numbers.users, numbers.calls);
            (self.publish)(&self.state, at);
        }
    }
}

/// What could not be recorded.
struct Failed {
    records: VecDeque<Record>,
    error: RecoveryError,
}

fn evidence(records: VecDeque<Record>) -> Vec<Evidence> {
    let evidence = |record: Record| match record.change {
        Change::Evidence(evidence) => Some(evidence),
        Change::Forget { .. } => None,
    };
    records.into_iter().filter_map(evidence).collect()
}

/// As many of the first records, in bytes, as fit into a batch; one at least.
fn fitting(records: &[Record]) -> Vec<Vec<u8>> {
    let (mut batch, mut sum) = (Vec::with_capacity(records.len()), 0);
    for bytes in records.iter().map(Record::encode) {
        sum += bytes.len();
        if sum > BATCH_BYTES_MAX && !batch.is_empty() {
            break;
        }
        batch.push(bytes);
    }
    batch
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
