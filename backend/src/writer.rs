//! The one writer: every change of the count goes through here, one batch at a time, in the order
//! appended, applied, published, acknowledged.

mod log_line;
mod queue;

use live_users_core::{
    Agent, AgentFrom, EndReason, Evidence, Millis, Outcome, Phase, Place, Said, Source, Tracker,
};
use log::debug;

use crate::cell::{Published, Publisher};
use crate::journal::{Journal, Record};

pub(crate) use queue::{NotRecorded, Queue, start};

/// A call is not given up by the clock, however old, while something was heard of it within this
/// time, in milliseconds: the account may allow longer calls than `MAX_CALL_HOURS` says.
const QUIET_MS: u64 = 15 * 60_000;

/// Twilio keeps an outbound call in its queue for up to 24 h before it dials or cancels it; an hour
/// is added for the ringing. In milliseconds.
const DIALING_MS_MAX: u64 = 25 * 3_600_000;

/// How long an ended call is remembered, so that a late webhook cannot revive it, in milliseconds.
/// Twilio's longest way is the 4 h for which Event Streams retries.
const TOMBSTONE_MS: u64 = 25 * 3_600_000;

/// How many calls one sweep looks at, so that it never holds up the batch behind it for long.
const SWEEP_CALLS_MAX: usize = 50_000;

const _: () = assert!(TOMBSTONE_MS > 4 * 3_600_000);

/// Owns the journal and the tracker.
pub(crate) struct Writer {
    journal: Journal,
    tracker: Tracker,
    cell: Publisher,
    max_call_ms: u64,
    cursor: usize,
}

impl Writer {
    pub(crate) fn new(journal: Journal, cell: Publisher, max_call_ms: u64) -> Self {
        Self { journal, tracker: Tracker::default(), cell, max_call_ms, cursor: 0 }
    }

    /// Records a batch at one moment, and says what each piece of it did.
    pub(crate) fn record(&mut self, at: Millis, batch: Vec<Evidence>) -> Vec<Outcome> {
        let records: Vec<_> = batch.into_iter().map(Record::Evidence).collect();
        self.commit(at, &records)
    }

    /// Lets time pass: calls that are older than a call can be are over, tombstones that have
    /// outlived their use are dropped. Both are records, or a replay would count differently.
    pub(crate) fn sweep(&mut self, now: Millis) {
        let max_call_ms = self.max_call_ms;
        let over = |phase, since: Millis, heard: Millis| match phase {
            Phase::Dialing => now.since(since) > DIALING_MS_MAX,
            Phase::Live => now.since(since) > max_call_ms && now.since(heard) > QUIET_MS,
            Phase::Ended(_) => false,
        };
        let overdue = self.tracker.sweep(&mut self.cursor, SWEEP_CALLS_MAX, over);
        let mut records: Vec<_> = overdue
            .into_iter()
            .map(|call| Evidence {
                call,
                parent: None,
                source: Source::Clock,
                said: Said::Over(EndReason::TimedOut),
                direction: None,
                agent: Agent::Unknown,
                agent_from: AgentFrom::Address,
                caller: None,
                place: Place::default(),
            })
            .map(Record::Evidence)
            .collect();
        let ended_before = now.minus(TOMBSTONE_MS);
        if self.tracker.oldest_end().is_some_and(|end| end < ended_before) {
            records.push(Record::Forget { ended_before });
        }
        self.commit(now, &records);
    }

    fn commit(&mut self, at: Millis, records: &[Record]) -> Vec<Outcome> {
        if records.is_empty() {
            return Vec::new();
        }
        let position = self.journal.append(records);
        let mut outcomes = Vec::with_capacity(records.len());
        for record in records {
            match record {
                Record::Evidence(evidence) => {
                    let outcome = self.tracker.apply(at, evidence);
                    log_line::write(evidence, outcome, self.tracker.numbers());
                    outcomes.push(outcome);
                }
                Record::Forget { ended_before } => {
                    self.tracker.forget(*ended_before);
                }
            }
        }
        let numbers = self.tracker.numbers();
        debug!("{} users and {} calls live at {position}", numbers.users, numbers.calls);
        self.cell.send_replace(Published::new(numbers));
        outcomes
    }
}

#[cfg(test)]
mod tests;
