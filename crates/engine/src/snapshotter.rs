//! What keeps the journal short: snapshots, written by a thread of their own, and the trimming of
//! what they cover.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use live_users_core::Millis;
use live_users_journal::{Journal, JournalError, Position, Reader, Snapshots};
use log::{info, warn};

use crate::recovery::{self, RecoveryError};
use crate::snapshot;

/// A snapshot is taken after so many records,
const RECORDS_MAX: u64 = 100_000;
/// or, if there is any record since the last one, after this time, in milliseconds.
const AGE_MS_MAX: u64 = 10 * 60_000;
/// The age of records is known to this, in milliseconds.
const MARK_EVERY_MS: u64 = 60_000;
/// Trims of one sweep. Each is small, so that no batch waits long behind it.
const TRIMS_MAX: usize = 8;

/// How much of what a snapshot covers is kept all the same.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Records younger than this are kept, in milliseconds,
    pub age_ms: u64,
    /// but never more than so many.
    pub records_max: u64,
}

/// Lets a thread write snapshots, and trims behind them.
///
/// The thread is a replica: it replays the log from the newest snapshot on, as a restart does, and
/// writes down where it arrives. So the writer never stands still for a snapshot, however many
/// calls there are.
pub struct Snapshotter {
    /// The way to the thread, and the thread; both are there until this is dropped.
    thread: Option<(SyncSender<u64>, JoinHandle<()>)>,
    busy: Arc<AtomicBool>,
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
        let (work, inbox) = sync_channel::<u64>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let covered = Arc::new(AtomicU64::new(covered));
        let begun = (covered.load(Ordering::Relaxed), now);
        let (is_busy, covers) = (busy.clone(), covered.clone());
        let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || {
            for last in inbox {
                match save(&mut *reader, &mut *snapshots, last) {
                    Ok((at, calls, bytes)) => {
                        info!("snapshot of {calls} calls, {bytes} bytes, at {at}");
                        covers.store(at.seq, Ordering::Relaxed);
                    }
                    Err(error) => warn!("no snapshot at record {last}: {error}"),
                }
                is_busy.store(false, Ordering::Relaxed);
            }
        })?;
        let thread = Some((work, thread));
        Ok(Self { thread, busy, covered, begun, marks: VecDeque::new(), keep })
    }

    /// Begins a snapshot if it is time for one and none is being written.
    pub(crate) fn tick(&mut self, now: Millis, at: Position) {
        if self.marks.back().is_none_or(|(when, _)| now.since(*when) >= MARK_EVERY_MS) {
            self.marks.push_back((now, at.seq));
        }
        let (seq, when) = self.begun;
        let records = at.seq.saturating_sub(seq);
        let due = records >= RECORDS_MAX || (records > 0 && now.since(when) >= AGE_MS_MAX);
        if due && !self.busy.swap(true, Ordering::Relaxed) {
            self.begun = (at.seq, now);
            let sent = self.thread.as_ref().map(|(thread, _)| thread.try_send(at.seq).is_ok());
            if sent != Some(true) {
                warn!("no snapshots any more: their thread has ended");
            }
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

/// Replays the log up to this record, and saves the state there: where it is, and its size in
/// calls and in bytes.
fn save(
    reader: &mut dyn Reader,
    snapshots: &mut dyn Snapshots,
    last: u64,
) -> Result<(Position, usize, usize), RecoveryError> {
    let epoch = reader.position()?.epoch;
    let state = recovery::replay_to(reader, snapshots, last)?;
    let bytes = snapshot::encode(&state);
    let at = Position { epoch, seq: last };
    snapshots.save(at, &bytes)?;
    Ok((at, state.tracker().known(), bytes.len()))
}
