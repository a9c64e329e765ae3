//! What keeps the log short: when a snapshot is due, and how far the log may be trimmed behind it.

use std::collections::VecDeque;

use live_users_core::Millis;
use live_users_journal::Position;
use live_users_state::history::Retention;
use live_users_state::{RecoveryError, SnapshotTask, State, snapshot};
use log::warn;

/// A snapshot is due after this many records,
pub const SNAPSHOT_RECORDS: u64 = 100_000;
/// or, if there is any record since the last one, after this time, in milliseconds.
pub const SNAPSHOT_AGE_MS: u64 = 10 * 60_000;
/// The age of records is known to this, in milliseconds.
const MARK_EVERY_MS: u64 = 60_000;
/// Trims in a row. Each is small, so that no batch waits long behind it.
const TRIMS_MAX: usize = 8;

/// How much of what a snapshot covers is kept all the same.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Records younger than this are kept, in milliseconds,
    pub age_ms: u64,
    /// but never more than this many.
    pub records_max: u64,
    /// A snapshot is due after this many records.
    pub snapshot_records: u64,
    /// How long the history is kept in the snapshots themselves.
    pub history: Retention,
}

/// Decides on snapshots and trims; others save and remove.
#[derive(Debug)]
pub(crate) struct Compaction {
    keep: Keep,
    /// A snapshot is being saved.
    is_busy: bool,
    /// The newest snapshot was lost, and with it what a replay would begin with.
    is_lost: bool,
    /// The last record that the newest complete snapshot covers.
    covered: u64,
    /// The last record of the newest snapshot that was begun, and when that was.
    begun: (u64, Millis),
    /// When the log had reached which record, oldest first.
    marks: VecDeque<(Millis, u64)>,
    /// The oldest record that is kept, as far as is known.
    first_seq: u64,
    /// Trims that are left before the log is given to others.
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

    /// The log is another one, or was read from its newest snapshot on.
    pub(crate) fn rebuild(&mut self, covered: u64, now: Millis) {
        (self.covered, self.begun, self.first_seq) = (covered, (covered, now), 0);
        self.marks.clear();
    }

    /// A snapshot to save, if one is due and none is being saved. If the newest one was lost, the
    /// state itself is saved: the one time when it is encoded on the writer's thread.
    pub(crate) fn begin(
        &mut self,
        now: Millis,
        at: Position,
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
            return Some(SnapshotTask::Save(at, snapshot::encode(state)));
        }
        let (since, when) = self.begun;
        let records = at.seq.saturating_sub(since);
        let is_old = records > 0 && now.since(when) >= SNAPSHOT_AGE_MS;
        if records < self.keep.snapshot_records.max(1) && !is_old {
            return None;
        }
        self.is_busy = true;
        self.begun = (at.seq, now);
        let retention = self.keep.history;
        Some(SnapshotTask::Replay { since, last: at.seq, retention })
    }

    /// A snapshot was saved, or could not be.
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

    /// The record before which to trim now, if there is anything to trim: what a snapshot covers
    /// and nobody needs any more.
    pub(crate) fn next_trim(&mut self, now: Millis, last_seq: u64) -> Option<u64> {
        let old = now.minus(self.keep.age_ms);
        while self.marks.get(1).is_some_and(|(when, _)| *when <= old) {
            self.marks.pop_front();
        }
        let aged = self.marks.front().filter(|(when, _)| *when <= old).map_or(0, |(_, seq)| *seq);
        let crowded = last_seq.saturating_sub(self.keep.records_max);
        // Never past the snapshot: a replay begins with it.
        let before = aged.max(crowded).min(self.covered) + 1;
        if before <= self.first_seq.max(1) || self.trims == 0 {
            return None;
        }
        self.trims -= 1;
        Some(before)
    }

    /// This is the oldest record by now. Nothing more goes until the next [`Compaction::begin`] if
    /// the last trim removed nothing.
    pub(crate) fn trimmed(&mut self, first_seq: u64) {
        if first_seq <= self.first_seq {
            (self.trims, self.is_stuck) = (0, true);
        }
        self.first_seq = first_seq;
    }

    /// Whether there is more to trim than was allowed in a row.
    pub(crate) fn is_behind(&self) -> bool {
        self.trims == 0 && !self.is_stuck
    }
}
