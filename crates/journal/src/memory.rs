//! A log in memory, for tests and benchmarks: the same contract without a disk or a network.
//!
//! With the feature `testing`, replicas in this process can share it, and it can fail on demand.

#[cfg(feature = "testing")]
mod faults;
#[cfg(feature = "testing")]
mod shared;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

#[cfg(feature = "testing")]
pub use self::shared::Link;
#[cfg(feature = "testing")]
use self::shared::Replicas;
use crate::contract::{
    Journal, PageLimit, Position, Reader, Record, Rewritten, Snapshots, TRIM_RECORDS_MAX,
    refuse_large, refuse_name, refuse_odd,
};
use crate::latch::Latch;
use crate::parts::{Part, SavedParts};
use crate::{JournalError, checksum};

/// A log that lasts as long as this value, or a journal opened on it. Clones are the same log.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Mutex<Log>>);

#[derive(Debug)]
struct Log {
    epoch: u64,
    first_seq: u64,
    records: VecDeque<Stored>,
    snapshot: Option<(Position, Vec<Part>)>,
    handles: usize,
    /// Whether it is open for replicas.
    is_shared: bool,
    /// The time of a shared log, in milliseconds.
    now_ms: u64,
    is_full: bool,
    #[cfg(feature = "testing")]
    replicas: Replicas,
}

#[derive(Debug)]
struct Stored {
    /// A checksum, so that the work is that of a log on disk, without the disk.
    crc: u32,
    at_ms: Option<u64>,
    bytes: Vec<u8>,
}

impl Memory {
    /// A new and empty log.
    ///
    /// # Errors
    ///
    /// If the system has no randomness for an epoch.
    pub fn new() -> Result<Self, JournalError> {
        Ok(Self::with_epoch(draw_epoch()?))
    }

    /// A new log of this epoch, for runs that must repeat exactly.
    #[must_use]
    pub fn with_epoch(epoch: u64) -> Self {
        Self(Arc::new(Mutex::new(Log::new(epoch))))
    }

    /// Opens the log.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] while it is open.
    pub fn open(&self) -> Result<Box<dyn Journal>, JournalError> {
        if self.0.lock().handles > 0 {
            return Err(JournalError::Locked { path: name(), pid: Some(std::process::id()) });
        }
        self.0.lock().is_shared = false;
        Ok(Box::new(MemoryJournal { handle: Handle::new(self), latch: Latch::default() }))
    }
}

/// Draws the epoch of a new log.
pub(crate) fn draw_epoch() -> Result<u64, JournalError> {
    getrandom::u64().map_err(|error| JournalError::Engine {
        doing: "drawing the epoch of a new log".to_owned(),
        why: error.to_string(),
    })
}

impl Log {
    fn new(epoch: u64) -> Self {
        Self {
            epoch,
            first_seq: 1,
            records: VecDeque::new(),
            snapshot: None,
            handles: 0,
            is_shared: false,
            now_ms: 0,
            is_full: false,
            #[cfg(feature = "testing")]
            replicas: Replicas::default(),
        }
    }

    fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.last_seq() }
    }

    fn push(&mut self, batch: &[Vec<u8>]) {
        let at_ms = self.is_shared.then_some(self.now_ms);
        for bytes in batch {
            let crc = checksum::of_record(self.last_seq() + 1, bytes);
            self.records.push_back(Stored { crc, at_ms, bytes: bytes.clone() });
        }
    }

    fn trim(&mut self, before_seq: u64) -> u64 {
        let covered = self.snapshot.as_ref().map_or(0, |(at, _)| at.seq);
        let end = before_seq.min(covered + 1).min(self.first_seq + TRIM_RECORDS_MAX);
        while self.first_seq < end {
            self.records.pop_front();
            self.first_seq += 1;
        }
        self.first_seq
    }

    fn last_seq(&self) -> u64 {
        self.first_seq + self.records.len() as u64 - 1
    }

    fn page(&self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        let (first, last) = (self.first_seq, self.last_seq());
        if from_seq < first || from_seq > last + 1 {
            return Err(JournalError::NotThere { wanted: from_seq, first, last });
        }
        let skip = usize::try_from(from_seq - first).expect("no more records than fit in memory");
        let (mut page, mut sum) = (Vec::new(), 0);
        let records = (from_seq..).zip(self.records.iter().skip(skip));
        for (seq, Stored { crc, at_ms, bytes }) in records.take(limit.records_max.max(1)) {
            sum += bytes.len();
            if sum > limit.bytes_max && !page.is_empty() {
                break;
            }
            if *crc != checksum::of_record(seq, bytes) {
                let what = format!("record {seq} in memory is not what was appended");
                return Err(JournalError::Damaged { what });
            }
            page.push(Record { seq, at_ms: *at_ms, bytes: bytes.clone() });
        }
        Ok(page)
    }

    fn has_space(&self) -> Result<(), JournalError> {
        if self.is_full { Err(JournalError::Full { path: name() }) } else { Ok(()) }
    }
}

/// Keeps a log open.
struct Handle(Memory);

impl Handle {
    fn new(memory: &Memory) -> Self {
        memory.0.lock().handles += 1;
        Self(memory.clone())
    }

    fn log(&self) -> parking_lot::MutexGuard<'_, Log> {
        self.0.0.lock()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.log().handles -= 1;
    }
}

struct MemoryJournal {
    handle: Handle,
    latch: Latch,
}

impl Journal for MemoryJournal {
    fn position(&self) -> Position {
        self.handle.log().position()
    }

    fn append(&mut self, batch: &[Vec<u8>]) -> Result<Position, JournalError> {
        self.latch.check()?;
        refuse_large(batch)?;
        let mut log = self.handle.log();
        if !batch.is_empty() {
            self.latch.watch(log.has_space())?;
        }
        log.push(batch);
        Ok(log.position())
    }

    fn first_seq(&self) -> u64 {
        self.handle.log().first_seq
    }

    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        self.handle.log().page(from_seq, limit)
    }

    fn trim(&mut self, before_seq: u64) -> Result<u64, JournalError> {
        self.latch.check()?;
        Ok(self.handle.log().trim(before_seq))
    }

    fn snapshots(&self) -> Result<Box<dyn Snapshots>, JournalError> {
        Ok(Box::new(MemorySnapshots { handle: Handle::new(&self.handle.0) }))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        Ok(Box::new(MemoryReader { handle: Handle::new(&self.handle.0) }))
    }

    fn recover(&mut self) -> Result<(), JournalError> {
        self.handle.log().has_space()?;
        self.latch.open();
        Ok(())
    }

    fn rewrite(
        &mut self,
        records: &mut dyn Iterator<Item = Result<Vec<Vec<u8>>, JournalError>>,
        snapshot: &[Part],
    ) -> Result<Rewritten, JournalError> {
        let mut new = Log::new(draw_epoch()?);
        new.first_seq = 2;
        for batch in records {
            let batch = batch?;
            refuse_large(&batch)?;
            new.push(&batch);
        }
        let at = new.position();
        let mut log = self.handle.log();
        log.has_space()?;
        (log.epoch, log.first_seq, log.records) = (new.epoch, new.first_seq, new.records);
        log.snapshot = Some((at, snapshot.to_vec()));
        self.latch.open();
        Ok(Rewritten { at, aside: None })
    }
}

struct MemoryReader {
    handle: Handle,
}

impl Reader for MemoryReader {
    fn position(&mut self) -> Result<Position, JournalError> {
        Ok(self.handle.log().position())
    }

    fn first_seq(&mut self) -> Result<u64, JournalError> {
        Ok(self.handle.log().first_seq)
    }

    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        self.handle.log().page(from_seq, limit.of_a_reader())
    }
}

struct MemorySnapshots {
    handle: Handle,
}

impl Snapshots for MemorySnapshots {
    fn save_parts(
        &mut self,
        at: Position,
        parts: &mut dyn Iterator<Item = Part>,
    ) -> Result<SavedParts, JournalError> {
        // Not under the lock: an append does not wait for it.
        let mut list: Vec<Part> = Vec::new();
        for part in parts {
            refuse_name(&part.name, list.iter().map(|it| &*it.name))?;
            list.push(part);
        }
        let mut log = self.handle.log();
        let newest = log.snapshot.as_ref().map(|(at, _)| at.seq);
        refuse_odd(at, log.position(), newest)?;
        log.has_space()?;
        let (mut saved, before) = (SavedParts::default(), log.snapshot.as_ref());
        for part in &list {
            let is_known = before.is_some_and(|(_, before)| before.contains(part));
            saved.add(part.bytes.len() as u64, !is_known);
        }
        log.snapshot = Some((at, list));
        Ok(saved)
    }

    fn load_parts(&mut self) -> Result<Option<(Position, Vec<Part>)>, JournalError> {
        Ok(self.handle.log().snapshot.clone())
    }
}

fn name() -> PathBuf {
    PathBuf::from("memory:")
}
