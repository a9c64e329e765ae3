//! What keeps the journal short: snapshots, written by a thread of their own, and the trimming of
//! what they cover.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use live_users_core::{MINUTE_MS, Millis};
use live_users_journal::{Journal, JournalError, Position, Reader, Snapshots};
use log::{info, warn};

use crate::history::Retention;
use crate::recovery::{self, RecoveryError};
use crate::snapshot;
use crate::state::State;

/// A snapshot is taken after so many records,
const RECORDS_MAX: u64 = 100_000;
/// or, if there is any record since the last one, after this time, in milliseconds.
const AGE_MS_MAX: u64 = 10 * MINUTE_MS;
/// The age of records is known to this, in milliseconds.
const MARK_EVERY_MS: u64 = MINUTE_MS;
/// Trims of one sweep. Each is small, so that no batch waits long behind it.
const TRIMS_MAX: usize = 8;

/// How much of what a snapshot covers is kept all the same.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Records younger than this are kept, in milliseconds,
    pub age_ms: u64,
    /// but never more than so many.
    pub records_max: u64,
    /// How long the history is kept in the snapshots themselves.
    pub history: Retention,
}

/// Lets a thread write snapshots, and trims behind them.
///
/// The thread is a replica: it replays the log from the newest snapshot on, as a restart does, and
/// writes down where it arrives. So the writer never stands still for a snapshot, however many
/// calls there are.
pub struct Snapshotter {
    /// The way to the thread, and the thread; both are there until this is dropped.
    thread: Option<(SyncSender<Work>, JoinHandle<()>)>,
    busy: Arc<AtomicBool>,
    /// The newest snapshot was lost, and with it what a replay would begin with.
    is_lost: Arc<AtomicBool>,
    /// The last record that the newest complete snapshot covers.
    covered: Arc<AtomicU64>,
    /// The last record of the newest snapshot that was begun, and when that was.
    begun: (u64, Millis),
    /// When the log had reached which record.
    marks: VecDeque<(Millis, u64)>,
    keep: Keep,
}

impl Snapshotter {
    /// Starts the thread for a journal. `covered` is the last record that a snapshot covers
    /// already.
    ///
    /// # Errors
    /// If the journal gives no handles, or the system no thread.
    pub fn start(journal: &dyn Journal, covered: u64, now: Millis, keep: Keep) -> io::Result<Self> {
        let mut reader = journal.reader().map_err(io::Error::other)?;
        let mut snapshots = journal.snapshots().map_err(io::Error::other)?;
        let (work, inbox) = sync_channel::<Work>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let covered = Arc::new(AtomicU64::new(covered));
        let begun = (covered.load(Ordering::Relaxed), now);
        let is_lost = Arc::new(AtomicBool::new(false));
        let (is_busy, covers, loses) = (busy.clone(), covered.clone(), is_lost.clone());
        let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || {
            for work in inbox {
                let saved = match work {
                    Work::Replay(range) => save(&mut *reader, &mut *snapshots, range, keep.history),
                    Work::Save(at, bytes) => save_bytes(&mut *snapshots, at, &bytes),
                };
                match saved {
                    Ok(covered) => covers.store(covered, Ordering::Relaxed),
                    Err(error) => {
                        warn!("no snapshot is saved: {error}");
                        let is_lost = matches!(error, RecoveryError::NoBeginning { .. });
                        loses.store(is_lost, Ordering::Relaxed);
                    }
                }
                is_busy.store(false, Ordering::Relaxed);
            }
        })?;
        let thread = Some((work, thread));
        Ok(Self { thread, busy, is_lost, covered, begun, marks: VecDeque::new(), keep })
    }

    /// The journal is another one, or was read again from its beginning. This record is the last
    /// that a snapshot covers.
    pub(crate) fn reset(&mut self, covered: u64, now: Millis) {
        self.covered.store(covered, Ordering::Relaxed);
        (self.begun, self.marks) = ((covered, now), VecDeque::new());
    }

    /// Begins a snapshot if it is time for one and none is being written. If the newest one was
    /// lost, the state itself is saved: the one time when the writer stands still for it.
    pub(crate) fn tick(&mut self, now: Millis, at: Position, state: &State) {
        if self.is_lost.load(Ordering::Relaxed) && !self.busy.swap(true, Ordering::Relaxed) {
            warn!("the newest snapshot was lost: the state of this process takes its place");
            self.is_lost.store(false, Ordering::Relaxed);
            self.begun = (at.seq, now);
            self.send(Work::Save(at, snapshot::encode(state)));
        }
        if self.marks.back().is_none_or(|(when, _)| now.since(*when) >= MARK_EVERY_MS) {
            self.marks.push_back((now, at.seq));
        }
        let (seq, when) = self.begun;
        let records = at.seq.saturating_sub(seq);
        let due = records >= RECORDS_MAX || (records > 0 && now.since(when) >= AGE_MS_MAX);
        if due && !self.busy.swap(true, Ordering::Relaxed) {
            let range = Range { since: self.begun.0, last: at.seq };
            self.begun = (at.seq, now);
            self.send(Work::Replay(range));
        }
    }

    fn send(&self, work: Work) {
        if self.thread.as_ref().is_none_or(|(thread, _)| thread.try_send(work).is_err()) {
            warn!("no snapshots any more: their thread has ended");
        }
    }

    /// Trims what a snapshot covers and nobody needs any more, a little at a time.
    pub(crate) fn trim(
        &mut self,
        now: Millis,
        journal: &mut dyn Journal,
    ) -> Result<(), JournalError> {
        let old = now.minus(self.keep.age_ms);
        while self.marks.get(1).is_some_and(|(when, _)| *when <= old) {
            self.marks.pop_front();
        }
        let aged = self.marks.front().filter(|(when, _)| *when <= old).map_or(0, |(_, seq)| *seq);
        let crowded = journal.position().seq.saturating_sub(self.keep.records_max);
        let before = aged.max(crowded).min(self.covered.load(Ordering::Relaxed)) + 1;
        for _ in 0..TRIMS_MAX {
            let first = journal.first_seq();
            if first >= before || journal.trim(before)? == first {
                break;
            }
        }
        Ok(())
    }
}

/// The journal is free for the next process only when the thread has let go of it.
impl Drop for Snapshotter {
    fn drop(&mut self) {
        if let Some((work, thread)) = self.thread.take() {
            drop(work);
            let _has_panicked = thread.join();
        }
    }
}

/// What the thread is to do.
enum Work {
    /// Replay the log, and save the state that it leads to.
    Replay(Range),
    /// Save this state.
    Save(Position, Vec<u8>),
}

/// What a snapshot is to add.
#[derive(Clone, Copy)]
struct Range {
    /// The last record of the snapshot that was begun before.
    since: u64,
    /// The last record that it is to cover.
    last: u64,
}

/// Replays the log, and saves the state there. Returns the last record that a snapshot covers by
/// then. Of a shared log another replica may have saved one meanwhile, which is as good.
fn save(
    reader: &mut dyn Reader,
    snapshots: &mut dyn Snapshots,
    Range { since, last }: Range,
    retention: Retention,
) -> Result<u64, RecoveryError> {
    let epoch = reader.position()?.epoch;
    let (state, covered) = recovery::replayed(reader, snapshots, last, retention)?;
    if covered > since {
        return Ok(covered);
    }
    save_bytes(snapshots, Position { epoch, seq: last }, &snapshot::encode(&state))
}

fn save_bytes(
    snapshots: &mut dyn Snapshots,
    at: Position,
    bytes: &[u8],
) -> Result<u64, RecoveryError> {
    snapshots.save(at, bytes)?;
    info!("snapshot of {} bytes at {at}", bytes.len());
    Ok(at.seq)
}
