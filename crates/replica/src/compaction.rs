//! Keeps the log short: when a snapshot is due, and how far the log may be trimmed after it.

use std::collections::VecDeque;

use live_users_core::Millis;
use live_users_journal::Position;
use live_users_state::{RecoveryError, Settings, SnapshotTask, State};
use log::warn;

/// A snapshot is due after this many records.
pub const SNAPSHOT_RECORDS: u64 = 100_000;
/// A snapshot is also due after this time, in milliseconds, if there is any new record.
pub const SNAPSHOT_AGE_MS: u64 = 10 * 60_000;
/// How precisely the age of records is known, in milliseconds.
const MARK_EVERY_MS: u64 = 60_000;
/// The most known calls whose state is copied for a snapshot, which takes some milliseconds. A replay
/// beside the writer makes it wait for nothing, and costs as much as all records since the last one.
pub const COPIED_CALLS_MAX: usize = 1 << 17;
/// The same of calls of which only a fingerprint is left.
pub const COPIED_REMEMBERED_MAX: usize = 8 * COPIED_CALLS_MAX;
/// Trims in a row. Each is small, so the next batch does not wait long.
const TRIMS_MAX: usize = 8;

/// How much of the log is kept although a snapshot covers it.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Records younger than this are kept, in milliseconds.
    pub age_ms: u64,
    /// Never more records than this are kept, whatever their age.
    pub records_max: u64,
    /// A snapshot is due after this many records.
    pub snapshot_records: u64,
    /// What the snapshots follow beside the records.
    pub settings: Settings,
}

/// Decides about snapshots and trims. The driver and the journal carry them out.
#[derive(Debug)]
pub(crate) struct Compaction {
    keep: Keep,
    /// A snapshot is being saved.
    is_busy: bool,
    /// The newest snapshot was lost, so a replay has no beginning.
    is_lost: bool,
    /// The last record that the newest complete snapshot covers.
    covered: u64,
    /// The last record of the newest snapshot that was begun, and the time of its beginning.
    begun: (u64, Millis),
    /// Times, and the last record at each of them; oldest first.
    marks: VecDeque<(Millis, u64)>,
    /// The oldest known record.
    first_seq: u64,
    /// Trims that are left before other work gets its turn.
    trims: usize,
    /// The last trim removed nothing.
    is_stuck: bool,
}

impl Compaction {
    pub(crate) fn new(keep: Keep, covered: u64, now: Millis) -> Self {
        Self {
            keep,
            is_busy: false,
            is_lost: false,
            covered,
            begun: (covered, now),
            marks: VecDeque::new(),
            first_seq: 0,
            trims: TRIMS_MAX,
            is_stuck: false,
        }
    }

    /// Starts again after the state was rebuilt from a snapshot that covers `covered`.
    pub(crate) fn rebuild(&mut self, covered: u64, now: Millis) {
        (self.covered, self.begun, self.first_seq) = (covered, (covered, now), 0);
        self.marks.clear();
    }

    /// Returns the snapshot to save, if one is due and none is being saved.
    ///
    /// A state with few calls is copied here, which blocks the writer for a moment; and any state if
    /// the newest snapshot was lost. Of a shared log another replica may have saved a newer snapshot,
    /// which a replay finds.
    pub(crate) fn begin(
        &mut self,
        now: Millis,
        (at, is_shared): (Position, bool),
        state: &State,
    ) -> Option<SnapshotTask> {
        (self.trims, self.is_stuck) = (TRIMS_MAX, false);
        if self.marks.back().is_none_or(|(when, _)| now.since(*when) >= MARK_EVERY_MS) {
            self.marks.push_back((now, at.seq));
        }
        if self.is_busy {
            return None;
        }
        if std::mem::take(&mut self.is_lost) {
            warn!("the newest snapshot was lost: the state of this process takes its place");
            self.is_busy = true;
            self.begun = (at.seq, now);
            return Some(SnapshotTask::Save(at, Box::new(state.clone())));
        }
        let (since, when) = self.begun;
        let records = at.seq.saturating_sub(since);
        let is_old = records > 0 && now.since(when) >= SNAPSHOT_AGE_MS;
        if records < self.keep.snapshot_records.max(1) && !is_old {
            return None;
        }
        self.is_busy = true;
        self.begun = (at.seq, now);
        if !is_shared && is_copied_soon(state) {
            return Some(SnapshotTask::Save(at, Box::new(state.clone())));
        }
        let settings = self.keep.settings;
        Some(SnapshotTask::Replay { since, last: at.seq, settings })
    }

    /// Whether a snapshot is due by the number of records, up to this one.
    pub(crate) fn is_due(&self, last_seq: u64) -> bool {
        !self.is_busy && last_seq.saturating_sub(self.begun.0) >= self.keep.snapshot_records.max(1)
    }

    /// Takes the result of a snapshot.
    pub(crate) fn end(&mut self, saved: Result<u64, RecoveryError>) {
        self.is_busy = false;
        match saved {
            Ok(covered) => self.covered = self.covered.max(covered),
            Err(error) => {
                warn!("no snapshot is saved: {error}");
                self.is_lost = matches!(error, RecoveryError::NoBeginning { .. });
            }
        }
    }

    /// Returns the first record to keep, if there are records before it to trim. A snapshot covers
    /// those, and they are old or too many.
    pub(crate) fn next_trim(&mut self, now: Millis, last_seq: u64) -> Option<u64> {
        let old = now.minus(self.keep.age_ms);
        while self.marks.get(1).is_some_and(|(when, _)| *when <= old) {
            self.marks.pop_front();
        }
        let aged = self.marks.front().filter(|(when, _)| *when <= old).map_or(0, |(_, seq)| *seq);
        let crowded = last_seq.saturating_sub(self.keep.records_max);
        // Never past the snapshot: a replay begins there.
        let before = aged.max(crowded).min(self.covered) + 1;
        if before <= self.first_seq.max(1) || self.trims == 0 {
            return None;
        }
        self.trims -= 1;
        Some(before)
    }

    /// Takes the oldest record after a trim. If the trim removed nothing, trimming pauses until the
    /// next [`Compaction::begin`].
    pub(crate) fn trimmed(&mut self, first_seq: u64) {
        if first_seq <= self.first_seq {
            (self.trims, self.is_stuck) = (0, true);
        }
        self.first_seq = first_seq;
    }

    /// Whether records are left to trim, beyond the trims allowed in a row.
    pub(crate) fn is_behind(&self) -> bool {
        self.trims == 0 && !self.is_stuck
    }
}

/// Whether a copy of the state takes so little time that the writer may wait for it.
fn is_copied_soon(state: &State) -> bool {
    let calls = state.tracker();
    calls.known() <= COPIED_CALLS_MAX && calls.remembered().count() <= COPIED_REMEMBERED_MAX
}
