//! Mends the times of a journal that a clock ahead has written into.
//!
//! A record whose time lies ahead of the present is wrong. How far the clock was ahead is written
//! nowhere. So all times ahead are set back by one span, which puts the first of them to the last
//! time that is right; what would still be ahead gets the present. So the order of the records
//! stays, and so do the gaps between those that one wrong clock has written.

use std::collections::HashMap;

use live_users_core::{CallId, Claim, EndReason, Evidence, Millis, Numbers, Phase, Said, Source};
use live_users_journal::{Journal, JournalError, PageLimit, Part, Reader, Rewritten};

use crate::record::{Change, Record};
use crate::recovery::{RecoveryError, decode, newest_snapshot};
use crate::snapshot;
use crate::state::{Settings, State};

/// The most bytes on a page. Each becomes a batch, also if its records get a little longer.
const PAGE_BYTES_MAX: usize = 400 * 1024;

/// The most records in the last batch, of calls that go on.
const BATCH_RECORDS_MAX: usize = 1_000;

/// What the times are judged by.
#[derive(Clone, Copy, Debug)]
pub struct TimeRules {
    /// The present, by a clock that is right.
    pub now: Millis,
    /// The age at which a silent call is over, in milliseconds.
    pub max_call_ms: u64,
    /// How long it has to be silent, in milliseconds.
    pub quiet_ms: u64,
    /// How long an ended call is remembered, in milliseconds.
    pub tombstone_ms: u64,
    /// What the state follows beside the records.
    pub settings: Settings,
}

/// How times are set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The present.
    pub now: Millis,
    /// The first time that lies ahead of it.
    pub first_ahead: Millis,
    /// The last time before that one, which it becomes.
    pub last_right: Millis,
}

impl Shift {
    /// The time that takes the place of this one.
    pub fn mend(&self, at: Millis) -> Millis {
        match at > self.now {
            true => Millis(self.last_right.0 + at.since(self.first_ahead)).min(self.now),
            false => at,
        }
    }
}

/// What is wrong with the times of a journal, and what it becomes.
#[derive(Debug)]
pub struct TimeRepair {
    /// How times are set back.
    pub shift: Shift,
    /// The newest time in the journal.
    pub newest: Millis,
    /// How many records are kept, and how many of these lie ahead.
    pub records: (u64, u64),
    /// Calls that the clock has ended while it was ahead, and that are not too old by the mended
    /// times: they go on.
    pub resumed: Vec<CallId>,
    /// Calls that the clock has ended while it was ahead, and that stay ended.
    pub left_ended: usize,
    /// The numbers of the mended journal.
    pub numbers: Numbers,
    /// The mended state.
    snapshot: Vec<Part>,
    tombstone_ms: u64,
}

/// What is to be known of a call that the clock has ended while it was ahead.
#[derive(Debug, Default)]
struct TimedOut {
    live_since: Option<Millis>,
    heard: Millis,
}

/// Looks for times ahead of the present. `None` if there are none. Changes nothing.
///
/// # Errors
/// If the journal cannot be read.
pub fn plan_time_repair(
    journal: &dyn Journal,
    rules: TimeRules,
) -> Result<Option<TimeRepair>, RecoveryError> {
    let mut reader = journal.reader()?;
    let (first, last) = (reader.first_seq()?, journal.position().seq);
    let (state, covered) = match first {
        // The state follows from the records alone, whatever a snapshot says.
        ..=1 => (State::default(), 0),
        _ => newest_snapshot(first, &mut *journal.snapshots()?)?,
    };
    let mut times = Times { now: rules.now, ..Times::default() };
    state.each_time(&mut |at| {
        times.note(at);
    });
    let (mut ahead, mut timed_out) = (0, HashMap::<CallId, TimedOut>::new());
    each_record(&mut *reader, first, last, |_, record| {
        ahead += u64::from(times.note(record.at));
        if let Change::Evidence(evidence) = &record.change
            && record.at > rules.now
            && (evidence.source, evidence.said) == (Source::Clock, Said::Over(EndReason::TimedOut))
        {
            timed_out.entry(evidence.call.clone()).or_default();
        }
    })?;
    let Some(shift) = times.shift() else { return Ok(None) };

    let mut state = state.with(rules.settings).mended(shift);
    each_record(&mut *reader, first, last, |seq, record| {
        let record = mended(record, shift, rules.tombstone_ms);
        if let Change::Evidence(evidence) = &record.change
            && evidence.source != Source::Clock
            && let Some(call) = timed_out.get_mut(&evidence.call)
        {
            call.heard = record.at;
            if evidence.claim() == Claim::Live {
                call.live_since.get_or_insert(record.at);
            }
        }
        if seq > covered {
            state.apply(&record);
        }
    })?;
    let is_timed_out = |id: &CallId| {
        let phase = state.tracker().call(id).map(|call| call.phase);
        phase == Some(Phase::Ended(EndReason::TimedOut))
    };
    timed_out.retain(|id, _| is_timed_out(id));
    let goes_on = |call: &TimedOut| {
        let due = |since: Millis| (since.0 + rules.max_call_ms).max(call.heard.0 + rules.quiet_ms);
        call.live_since.is_some_and(|since| due(since) >= rules.now.0)
    };
    let all = timed_out.len();
    timed_out.retain(|_, call| goes_on(call));
    let mut resumed: Vec<_> = timed_out.into_keys().collect();
    resumed.sort_unstable();
    for call in &resumed {
        state.apply(&resume(call, shift.mend(times.newest)));
    }
    Ok(Some(TimeRepair {
        shift,
        newest: times.newest,
        records: ((last + 1).saturating_sub(first), ahead),
        left_ended: all - resumed.len(),
        resumed,
        numbers: state.tracker().numbers(),
        snapshot: snapshot::encode(&state),
        tombstone_ms: rules.tombstone_ms,
    }))
}

impl TimeRepair {
    /// Writes the mended journal into the place of the one that was looked at, which is kept beside
    /// it. The new one has all its records, with their mended times, and a snapshot of all of them.
    ///
    /// # Errors
    /// If the journal cannot be read, or the new one not written. Then nothing has changed.
    pub fn write(&self, journal: &mut dyn Journal) -> Result<Rewritten, JournalError> {
        let mut reader = journal.reader()?;
        let (mut next, last) = (journal.first_seq(), journal.position().seq);
        let pages = std::iter::from_fn(|| {
            (next <= last).then(|| {
                let page = reader.read(next, page_limit())?;
                next += page.len() as u64;
                page.iter().map(|stored| self.mended_bytes(stored)).collect()
            })
        });
        let at = self.shift.mend(self.newest);
        let resumed = self.resumed.chunks(BATCH_RECORDS_MAX);
        let resumed =
            resumed.map(|part| Ok(part.iter().map(|id| resume(id, at).encode()).collect()));
        journal.rewrite(&mut pages.chain(resumed), &self.snapshot)
    }

    /// Bytes that need no change stay as they are.
    fn mended_bytes(&self, stored: &live_users_journal::Record) -> Result<Vec<u8>, JournalError> {
        let damaged = |error: RecoveryError| JournalError::Damaged { what: error.to_string() };
        let record = decode(stored).map_err(damaged)?;
        if record.at <= self.shift.now {
            return Ok(stored.bytes.clone());
        }
        Ok(mended(record, self.shift, self.tombstone_ms).encode())
    }
}

/// A record with a time ahead gets the mended one. Then it forgets no more than it may.
fn mended(record: Record, shift: Shift, tombstone_ms: u64) -> Record {
    if record.at <= shift.now {
        return record;
    }
    let at = shift.mend(record.at);
    let change = match record.change {
        Change::Forget { ended_before } => {
            Change::Forget { ended_before: shift.mend(ended_before).min(at.minus(tombstone_ms)) }
        }
        change @ (Change::Evidence(_)
        | Change::EndSession(_)
        | Change::Told(_)
        | Change::PassOn(_)
        | Change::PassedOn(_)
        | Change::Forward(_)
        | Change::Forwarded(_)
        | Change::Alert(_)
        | Change::Link(_)
        | Change::Shard(_)) => change,
    };
    Record { at, change }
}

/// What takes back that the clock has ended a call.
fn resume(call: &CallId, at: Millis) -> Record {
    let evidence = Evidence::about(call.clone(), Source::Operator, Said::InProgress);
    Record { at, change: Change::Evidence(evidence) }
}

/// The times of a journal.
#[derive(Debug, Default)]
struct Times {
    now: Millis,
    newest: Millis,
    /// The newest one that does not lie ahead, and the oldest one that does.
    right: Option<Millis>,
    ahead: Option<Millis>,
}

impl Times {
    /// Notes a time, and returns whether it lies ahead.
    fn note(&mut self, at: Millis) -> bool {
        self.newest = self.newest.max(at);
        if at > self.now {
            self.ahead = Some(self.ahead.map_or(at, |it| it.min(at)));
        } else {
            self.right = self.right.max(Some(at));
        }
        at > self.now
    }

    fn shift(&self) -> Option<Shift> {
        let first_ahead = self.ahead?;
        // If the clock was never right, the newest time becomes the present.
        let whole_ms = self.newest.since(first_ahead);
        let last_right = self.right.unwrap_or_else(|| self.now.minus(whole_ms));
        Some(Shift { now: self.now, first_ahead, last_right })
    }
}

fn page_limit() -> PageLimit {
    PageLimit { bytes_max: PAGE_BYTES_MAX, ..PageLimit::default() }
}

fn each_record(
    reader: &mut dyn Reader,
    first: u64,
    last: u64,
    mut take: impl FnMut(u64, Record),
) -> Result<(), RecoveryError> {
    let mut next = first;
    while next <= last {
        for stored in reader.read(next, page_limit())? {
            next = stored.seq + 1;
            take(stored.seq, decode(&stored)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
