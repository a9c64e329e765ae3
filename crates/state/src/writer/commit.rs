//! From changes to records, and from the records of a journal to the state: the one place where the
//! state moves.

use std::collections::VecDeque;

use live_users_core::{Evidence, Millis, Numbers, Outcome};
use live_users_journal::{BATCH_BYTES_MAX, JournalError, PageLimit, Position};
use log::debug;

use super::{Writer, log_line};
use crate::record::{Change, Record};
use crate::recovery::{RecoveryError, decode};

impl Writer {
    /// Records changes, in as many batches as they need, and gives back what could not be recorded.
    pub(super) fn commit(
        &mut self,
        at: Millis,
        changes: Vec<Change>,
    ) -> Result<Vec<Outcome>, Failed> {
        // A clock may be set back, and the time in a journal of one process must not: the order of
        // times is what `explain` searches by. (A shared journal has a time of its own.)
        let at = at.max(self.state.tracker().now());
        let mut records: VecDeque<_> =
            changes.into_iter().map(|change| Record { at, change }).collect();
        let mut outcomes = Vec::with_capacity(records.len());
        while !records.is_empty() {
            let batch = fitting(records.make_contiguous());
            match self.commit_batch(&batch, &records.make_contiguous()[..batch.len()]) {
                Ok(done) => outcomes.extend(done),
                Err(error) => return Err(Failed { records, error }),
            }
            records.drain(..batch.len());
        }
        Ok(outcomes)
    }

    /// Appends one batch, applies it, publishes, and says what its evidence has done.
    ///
    /// The order is the promise of this service: nothing is applied that is not durable, and
    /// nothing is acknowledged that is not published.
    fn commit_batch(
        &mut self,
        batch: &[Vec<u8>],
        records: &[Record],
    ) -> Result<Vec<Outcome>, RecoveryError> {
        let end = self.journal.append(batch)?;
        let results = if self.journal.is_shared() {
            self.apply_to(end, records)
        } else {
            // Nobody else writes to this journal, so what we have is what was appended: it need not
            // be read again.
            debug_assert_eq!(end.seq, self.applied.seq + batch.len() as u64, "applied to here");
            self.applied = end;
            Ok(records.iter().map(|record| (self.state.apply(record), self.numbers())).collect())
        };
        // Also after an error: what was applied before it is true.
        self.publish_applied();
        let results: Vec<_> = results?;
        // After publishing: who reads the log and then asks for the number finds what the log says.
        let mut outcomes = Vec::with_capacity(results.len());
        for (record, (outcome, numbers)) in records.iter().zip(results) {
            if let (Change::Evidence(evidence), Some(outcome)) = (&record.change, outcome) {
                log_line::write(evidence, outcome, numbers);
                outcomes.push(outcome);
            }
        }
        Ok(outcomes)
    }

    /// Applies what a shared journal has up to this position, and publishes it.
    pub(super) fn catch_up_to(&mut self, end: Position) -> Result<(), RecoveryError> {
        let caught_up = self.apply_to(end, &[]);
        self.publish_applied();
        caught_up.map(drop)
    }

    /// Applies a shared journal from where the state is to this position. The last records are
    /// `own`, but for their time: that is the journal's. Returns what each of those did.
    ///
    /// Between the state and the own records there may be records of other replicas. All of them
    /// are applied in the journal's order, or replicas would differ; and only for its own records a
    /// writer has somebody who waits for an outcome.
    ///
    /// The state may be ahead of `end` already: a restart begins with a snapshot that another
    /// replica may have saved of records that are not known here yet. Then there is nothing to do.
    /// It can not be ahead of the own records: they come behind all that was there before.
    fn apply_to(
        &mut self,
        end: Position,
        own: &[Record],
    ) -> Result<Vec<(Option<Outcome>, Numbers)>, RecoveryError> {
        // Numbers of records mean nothing from one epoch to another.
        if end.epoch != self.applied.epoch {
            let (was, is) = (self.applied.epoch, end.epoch);
            return Err(JournalError::Replaced { was, is }.into());
        }
        let began = self.applied.seq;
        // One past the end, if there are none: then no record is an own one.
        let first_own = end.seq + 1 - own.len() as u64;
        debug_assert!(own.is_empty() || began < first_own, "an own record is applied once");
        let mut results = Vec::with_capacity(own.len());
        while self.applied.seq < end.seq {
            let next = self.applied.seq + 1;
            let page = self.journal.read(next, PageLimit::default())?;
            if page.is_empty() {
                let (first, last) = (self.journal.first_seq(), self.applied.seq);
                return Err(JournalError::NotThere { wanted: next, first, last }.into());
            }
            // A page may reach beyond `end`, to records that were appended behind it.
            for stored in page.into_iter().take_while(|stored| stored.seq <= end.seq) {
                debug_assert_eq!(stored.seq, self.applied.seq + 1, "no record is left out");
                let of_own = stored.seq.checked_sub(first_own);
                let of_own = of_own.and_then(|n| own.get(usize::try_from(n).ok()?));
                let outcome = match (of_own, stored.at_ms) {
                    // What was encoded here a moment ago need not be decoded; its time has to be
                    // the journal's, by which every other replica applies it.
                    (Some(record), Some(at_ms)) => {
                        self.state.apply(&Record { at: Millis(at_ms), ..record.clone() })
                    }
                    _ => self.state.apply(&decode(&stored)?),
                };
                if of_own.is_some() {
                    results.push((outcome, self.numbers()));
                }
                self.applied.seq = stored.seq;
            }
        }
        debug_assert_eq!(self.applied.seq, began.max(end.seq), "applied <= appended");
        debug_assert_eq!(results.len(), own.len(), "each own record has an outcome");
        Ok(results)
    }

    fn numbers(&self) -> Numbers {
        self.state.tracker().numbers()
    }

    /// Publishes, if anything was applied since this was last done.
    fn publish_applied(&mut self) {
        debug_assert!(self.published <= self.applied.seq, "published <= applied");
        if self.applied.seq != self.published {
            let (numbers, at) = (self.numbers(), self.applied);
            debug!("{} users and {} calls live at {at}", numbers.users, numbers.calls);
            (self.publish)(&self.state, at);
            self.published = at.seq;
        }
    }
}

/// What could not be recorded.
pub(super) struct Failed {
    pub(super) records: VecDeque<Record>,
    pub(super) error: RecoveryError,
}

pub(super) fn evidence(records: VecDeque<Record>) -> Vec<Evidence> {
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
