//! The embedded engine: a log in one SQLite file, in a directory of its own.
//!
//! All handles of a log share one connection. So no handle waits for a lock of the file, and a
//! recovery reopens it for all of them at once.
//!
//! Three record numbers matter, and `acknowledged == last_seq <= last record in the file` always
//! holds. The file is ahead only after a failed append that reached it, until the recovery.

mod backup;
mod directory;
mod fault;
mod files;
mod head;
mod mark;
mod part_list;
mod reader;
mod records;
mod rewrite;
mod schema;
mod shared;
mod snapshots;
mod wal;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) use self::backup::{backup, refuse_missing};
use self::directory::Directory;
pub(crate) use self::directory::logs_below;
use self::fault::Fault;
use self::head::Head;
use self::mark::Mark;
use self::reader::FileReader;
use self::shared::{Shared, transaction};
use self::snapshots::FileSnapshots;
use crate::JournalError;
use crate::contract::{
    Journal, PageLimit, Position, Reader, Record, Rewritten, Snapshots, refuse_large,
};
use crate::latch::Latch;
use crate::memory::draw_epoch;
use crate::parts::Part;

/// A log on a local disk.
pub(crate) struct FileJournal {
    shared: Arc<Shared>,
    epoch: u64,
    first_seq: u64,
    /// The last record that is acknowledged, and so durable. A failed append leaves it as it is.
    last_seq: u64,
    latch: Latch,
    /// The batch whose append has failed, until a recovery. The file may have it all the same.
    failed: Vec<Vec<u8>>,
    mark: Mark,
}

impl FileJournal {
    /// Opens the log in this directory. Creates both if there is none.
    pub(crate) fn open(directory: &Path) -> Result<Self, JournalError> {
        let directory = Directory::lock(directory)?;
        if !schema::is_there(&directory)? {
            schema::create(&directory)?;
        }
        wal::refuse_damaged(&directory)?;
        let (shared, head) = Shared::open(directory)?;
        let Head { epoch, first_seq, last_seq, .. } = head;
        let directory = &shared.directory;
        mark::refuse_shortened(directory, Position { epoch, seq: last_seq })
            .map_err(|it| it.into_error("opening the log", &directory.database()))?;
        let mark = Mark::open(directory);
        directory.make_private();
        let (latch, failed) = (Latch::default(), Vec::new());
        Ok(Self { shared: Arc::new(shared), epoch, first_seq, last_seq, latch, failed, mark })
    }

    /// Compares the files with their paths, and the end of the log with what this process knows.
    fn look(&self) -> Result<(), JournalError> {
        self.shared.check()?;
        let head = self.shared.query("reading", Head::read)?;
        if (head.epoch, head.last_seq) != (self.epoch, self.last_seq) {
            let fault = records::foreign(head.last_seq, self.last_seq);
            return Err(fault.into_error("reading", &self.shared.directory.database()));
        }
        Ok(())
    }
}

impl Journal for FileJournal {
    fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.last_seq }
    }

    fn append(&mut self, batch: &[Vec<u8>]) -> Result<Position, JournalError> {
        self.latch.check()?;
        refuse_large(batch)?;
        if batch.is_empty() {
            return Ok(self.position());
        }
        let last = self.last_seq;
        let done = self.shared.change("appending", |tx| records::insert(tx, last, batch));
        if done.is_err() {
            self.failed = batch.to_vec();
        }
        self.latch.watch(done)?;
        self.last_seq += batch.len() as u64;
        // Last: from now on readers show the batch.
        debug_assert!(self.shared.acknowledged.load(Ordering::Acquire) <= self.last_seq);
        self.shared.acknowledged.store(self.last_seq, Ordering::Release);
        self.mark.set(self.position());
        Ok(self.position())
    }

    fn first_seq(&self) -> u64 {
        self.first_seq
    }

    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        let (first, last) = (self.first_seq, self.last_seq);
        if from_seq < first || from_seq > last + 1 {
            return Err(JournalError::NotThere { wanted: from_seq, first, last });
        }
        self.shared.query("reading", |connection| records::page(connection, from_seq..=last, limit))
    }

    fn trim(&mut self, before_seq: u64) -> Result<u64, JournalError> {
        self.latch.check()?;
        self.first_seq = self.shared.change("trimming", |tx| records::trim(tx, before_seq))?;
        Ok(self.first_seq)
    }

    fn snapshots(&self) -> Result<Box<dyn Snapshots>, JournalError> {
        Ok(Box::new(FileSnapshots(Arc::clone(&self.shared))))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        Ok(Box::new(FileReader(Arc::clone(&self.shared))))
    }

    fn recover(&mut self) -> Result<(), JournalError> {
        if !self.latch.is_closed() {
            return self.check();
        }
        // Trap: after a failed sync, what this connection has in memory may never have reached the
        // disk, and a second sync may succeed without it. Only a new connection shows what is
        // there. A torn end of the write-ahead log is no damage here: either the batch that failed
        // was there, or too few records are left, which the comparison below finds.
        let head = self.shared.reopen()?;
        let found = Position { epoch: head.epoch, seq: head.last_seq };
        let known = self.position();
        debug_assert_eq!(
            self.shared.acknowledged.load(Ordering::Acquire),
            known.seq,
            "readers show what is acknowledged, and nothing else"
        );
        if found.epoch != known.epoch || found.seq < known.seq {
            let fault = Fault::Damaged(format!("it ends at {found}, and {known} was acknowledged"));
            return Err(
                fault.into_error("opening the log again", &self.shared.directory.database())
            );
        }
        if found.seq > known.seq {
            // The failed append had reached the disk after all. It was never acknowledged, and no
            // reader has shown it. The caller appends it again, so it would be there twice. It is
            // removed before the latch opens, because the next append has to follow `known`. Where
            // the lock does not hold, it may be another process's: that is never removed.
            let (doing, batch) = ("undoing a failed append", &self.failed);
            self.shared.change(doing, |tx| records::undo(tx, known.seq, batch))?;
        }
        self.first_seq = head.first_seq;
        debug_assert!(self.first_seq <= self.last_seq + 1);
        self.failed = Vec::new();
        self.latch.open();
        Ok(())
    }

    fn check(&mut self) -> Result<(), JournalError> {
        if self.latch.is_closed() {
            return Ok(());
        }
        let found = self.look();
        self.latch.watch(found)
    }

    fn rewrite(
        &mut self,
        records: &mut dyn Iterator<Item = Result<Vec<Vec<u8>>, JournalError>>,
        snapshot: &[Part],
    ) -> Result<Rewritten, JournalError> {
        self.shared.directory.lock_again()?;
        let epoch = draw_epoch()?;
        rewrite::draft(&self.shared.directory, epoch, records, snapshot)?;
        // From here on nothing is appended to the old log.
        let why = "the journal is being written anew".to_owned();
        let _closed = self.latch.watch::<()>(Err(JournalError::Refused { why }));
        let (head, aside) = self.shared.replace()?;
        (self.epoch, self.first_seq, self.last_seq) = (head.epoch, head.first_seq, head.last_seq);
        self.mark = Mark::open(&self.shared.directory);
        self.mark.set(self.position());
        self.failed = Vec::new();
        self.latch.open();
        Ok(Rewritten { at: self.position(), aside })
    }
}

#[cfg(test)]
mod tests;
