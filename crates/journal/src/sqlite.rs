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
mod head;
mod reader;
mod records;
mod schema;
mod snapshots;
mod wal;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use self::backup::backup;
use self::directory::Directory;
use self::fault::Fault;
use self::head::Head;
use self::reader::FileReader;
use self::snapshots::FileSnapshots;
use crate::JournalError;
use crate::contract::{Journal, PageLimit, Position, Reader, Record, Snapshots, refuse_large};
use crate::latch::Latch;

/// A log on a local disk.
pub(crate) struct FileJournal {
    shared: Arc<Shared>,
    epoch: u64,
    first_seq: u64,
    /// The last record that is acknowledged, and so durable. A failed append leaves it as it is.
    last_seq: u64,
    latch: Latch,
}

impl FileJournal {
    /// Opens the log in this directory. Creates both if there is none.
    pub(crate) fn open(directory: &Path) -> Result<Self, JournalError> {
        let directory = Directory::lock(directory)?;
        if !schema::is_there(&directory)? {
            schema::create(&directory)?;
        }
        wal::refuse_damaged(&directory)?;
        let (connection, head) = opened(&directory.database())?;
        let Head { epoch, first_seq, last_seq, .. } = head;
        let connection = Mutex::new(Some(connection));
        let acknowledged = AtomicU64::new(last_seq);
        let snapshot_turn = Mutex::default();
        let shared = Arc::new(Shared { connection, directory, snapshot_turn, acknowledged });
        Ok(Self { shared, epoch, first_seq, last_seq, latch: Latch::default() })
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
        self.latch.watch(done)?;
        self.last_seq += batch.len() as u64;
        // Last: from now on readers show the batch.
        debug_assert!(self.shared.acknowledged.load(Ordering::Acquire) <= self.last_seq);
        self.shared.acknowledged.store(self.last_seq, Ordering::Release);
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
            return Ok(());
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
            // removed before the latch opens, because the next append has to follow `known`.
            let doing = "undoing a failed append";
            self.shared.change(doing, |tx| records::remove_after(tx, known.seq))?;
        }
        self.first_seq = head.first_seq;
        debug_assert!(self.first_seq <= self.last_seq + 1);
        self.latch.open();
        Ok(())
    }
}

/// Shared by all handles of one log.
struct Shared {
    /// `None` after a recovery that could not open it again. It stands before `directory`, because
    /// the lock must outlast the connection when both are dropped.
    connection: Mutex<Option<Connection>>,
    directory: Directory,
    /// Held during a whole save or load of a snapshot. Always taken before `connection`.
    snapshot_turn: Mutex<()>,
    /// The last record whose append has succeeded. Readers show nothing after it, because the file
    /// may contain a failed batch until the recovery removes it.
    acknowledged: AtomicU64,
}

impl Shared {
    /// Runs a small transaction. When this returns, all of it is durable, or nothing.
    fn change<T>(
        &self,
        doing: &str,
        body: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        let mut guard = self.connection.lock();
        let result = transaction(guard.as_mut().ok_or_else(closed)?, body);
        // Fair, so that an append does not wait for a snapshot's transactions in a row.
        MutexGuard::unlock_fair(guard);
        result.map_err(|fault| fault.into_error(doing, &self.directory.database()))
    }

    fn query<T>(
        &self,
        doing: &str,
        body: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        let guard = self.connection.lock();
        let result = body(guard.as_ref().ok_or_else(closed)?);
        result.map_err(|fault| fault.into_error(doing, &self.directory.database()))
    }

    fn reopen(&self) -> Result<Head, JournalError> {
        let mut guard = self.connection.lock();
        // Closed before it is opened again. Otherwise SQLite would use what it has in memory.
        drop(guard.take());
        let (connection, head) = opened(&self.directory.database())?;
        *guard = Some(connection);
        Ok(head)
    }
}

fn opened(database: &Path) -> Result<(Connection, Head), JournalError> {
    let connection = schema::connect(database)?;
    let head =
        schema::head(&connection).map_err(|it| it.into_error("opening the log", database))?;
    Ok((connection, head))
}

fn transaction<T>(
    connection: &mut Connection,
    body: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = body(&tx)?;
    tx.commit()?;
    Ok(value)
}

fn closed() -> JournalError {
    JournalError::Latched { why: "the log could not be opened again".to_owned() }
}

#[cfg(test)]
mod tests;
