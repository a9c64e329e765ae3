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

    pub(super) fn catch_up_to(&mut self, end: Position) -> Result<(), RecoveryError> {
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
