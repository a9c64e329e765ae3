//! What all handles of a log share: the connection, the files that it has open, and the directory.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::directory::Directory;
use super::fault::Fault;
use super::files::{Difference, Files};
use super::head::Head;
use super::{rewrite, schema};
use crate::JournalError;

/// Shared by all handles of one log.
pub(super) struct Shared {
    /// It stands before `directory`, because the lock must outlast the connection when both are
    /// dropped.
    open: Mutex<Open>,
    pub(super) directory: Directory,
    /// Held during a whole save or load of a snapshot. Always taken before `open`.
    pub(super) snapshot_turn: Mutex<()>,
    /// The last record whose append has succeeded. Readers show nothing after it, because the file
    /// may contain a failed batch until the recovery removes it.
    pub(super) acknowledged: AtomicU64,
}

struct Open {
    /// `None` after a recovery that could not open it again.
    connection: Option<Connection>,
    files: Files,
    /// Whether the files were not at their paths.
    has_moved: bool,
    /// What SQLite told of changes by other connections when this one was opened.
    data_version: i64,
}

impl Shared {
    /// Opens the log in this directory, which has one.
    pub(super) fn open(directory: Directory) -> Result<(Self, Head), JournalError> {
        let (open, head) = opened(&directory)?;
        let acknowledged = AtomicU64::new(head.last_seq);
        let (open, snapshot_turn) = (Mutex::new(open), Mutex::default());
        Ok((Self { open, directory, snapshot_turn, acknowledged }, head))
    }

    /// Runs a small transaction. When this returns, all of it is durable in the file that is at the
    /// path, or it is an error.
    pub(super) fn change<T>(
        &self,
        doing: &str,
        body: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        let mut guard = self.open.lock();
        let changed = guard.change(&self.directory, doing, body);
        // Fair, so that an append does not wait for a snapshot's transactions in a row.
        MutexGuard::unlock_fair(guard);
        changed
    }

    pub(super) fn query<T>(
        &self,
        doing: &str,
        body: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        let guard = self.open.lock();
        let result = body(guard.connection.as_ref().ok_or_else(closed)?);
        result.map_err(|fault| fault.into_error(doing, &self.directory.database()))
    }

    /// Compares the files with their paths, and whether they can be written at all.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        self.open.lock().check(&self.directory)?;
        self.directory.refuse_read_only()
    }

    /// Opens the log again. Refuses other files than those that were open, and these if another
    /// process has written to them while they were elsewhere.
    pub(super) fn reopen(&self) -> Result<Head, JournalError> {
        let mut guard = self.open.lock();
        let path = self.directory.database();
        match guard.files.check(&self.directory) {
            Err(difference @ Difference::Moved(_)) => {
                guard.has_moved = true;
                return Err(difference.into_error());
            }
            // SQLite must not move a part of it, up to where it was cut, into the database.
            Err(Difference::Shortened(_)) => guard.leave_as_it_is(),
            // SQLite moves the log that it has open into the database when it is closed.
            Err(Difference::Unlinked(_)) | Ok(()) => {}
        }
        self.directory.refuse_read_only()?;
        // If only the lock is gone, a new one does, unless another process has it.
        self.directory.lock_again()?;
        if let (true, Some(connection)) = (guard.has_moved, &guard.connection)
            && data_version(connection).ok() != Some(guard.data_version)
        {
            let what = "while its files were elsewhere".to_owned();
            return Err(Fault::Foreign(what).into_error("opening the log again", &path));
        }
        // Closed before it is opened again. Otherwise SQLite would use what it has in memory.
        drop(guard.connection.take());
        let (open, head) = opened(&self.directory)?;
        if !open.files.is_same_database(&guard.files) {
            open.leave_as_it_is();
            return Err(JournalError::Moved {
                what: format!("`{}` is another file", path.display()),
            });
        }
        *guard = open;
        Ok(head)
    }

    /// Puts the draft in the place of the log, opens it, and keeps what was in that place.
    pub(super) fn replace(&self) -> Result<(Head, Option<PathBuf>), JournalError> {
        let _turn = self.snapshot_turn.lock();
        let mut guard = self.open.lock();
        if guard.files.check(&self.directory).is_err() {
            guard.leave_as_it_is();
        }
        drop(guard.connection.take());
        let aside = rewrite::install(&self.directory)?;
        let (open, head) = opened(&self.directory)?;
        *guard = open;
        self.acknowledged.store(head.last_seq, Ordering::Release);
        Ok((head, aside))
    }

    #[cfg(test)]
    pub(super) fn with_connection(&self, body: impl FnOnce(&Connection)) {
        body(self.open.lock().connection.as_ref().expect("it is open"));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let open = self.open.get_mut();
        if let Err(Difference::Moved(_) | Difference::Shortened(_)) =
            open.files.check(&self.directory)
        {
            open.leave_as_it_is();
        }
    }
}

impl Open {
    fn change<T>(
        &mut self,
        directory: &Directory,
        doing: &str,
        body: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, JournalError> {
        self.check(directory)?;
        let connection = self.connection.as_mut().ok_or_else(closed)?;
        let value = transaction(connection, body)
            .map_err(|fault| fault.into_error(doing, &directory.database()))?;
        // Only now it is certain that the change is in the file that the next start will open.
        self.files.check_after_change(directory).map_err(Difference::into_error)?;
        directory.refuse_unlocked()?;
        Ok(value)
    }

    /// Compares the files and the lock with their paths.
    fn check(&self, directory: &Directory) -> Result<(), JournalError> {
        self.files.check(directory).map_err(Difference::into_error)?;
        directory.refuse_unlocked()
    }

    /// Closing the connection will change no file and remove none.
    ///
    /// Trap: SQLite removes the write-ahead log by its path, where another process's may be.
    fn leave_as_it_is(&self) {
        if let Some(connection) = &self.connection {
            // It fails only if the option is unknown.
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

fn opened(directory: &Directory) -> Result<(Open, Head), JournalError> {
    let path = directory.database();
    let connection = schema::connect(&path)?;
    let failed = |it: Fault| it.into_error("opening the log", &path);
    let head = schema::head(&connection).map_err(failed)?;
    let data_version = data_version(&connection).map_err(failed)?;
    let files = Files::of(directory).map_err(Difference::into_error)?;
    let connection = Some(connection);
    Ok((Open { connection, files, has_moved: false, data_version }, head))
}

/// Changes when another connection has written to the database.
fn data_version(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.query_row("PRAGMA data_version", (), |row| row.get(0))?)
}

pub(super) fn transaction<T>(
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
