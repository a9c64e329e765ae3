//! Controls of a log in memory, for tests: its replicas, its clock, and faults on demand.

use super::shared::SharedJournal;
use super::{Handle, Link, Log, Memory, name};
use crate::JournalError;
use crate::contract::Journal;

impl Memory {
    /// Opens the log as one of its replicas.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] while it is open as a log of one process.
    pub fn open_shared(&self) -> Result<(Box<dyn Journal>, Link), JournalError> {
        let mut log = self.0.lock();
        if log.handles > 0 && !log.is_shared {
            return Err(JournalError::Locked { path: name(), pid: Some(std::process::id()) });
        }
        log.is_shared = true;
        let (link, known) = (log.replicas.new_link(), log.position());
        drop(log);
        let journal = SharedJournal::new(Handle::new(self), link.clone(), known);
        Ok((Box::new(journal), link))
    }

    /// Sets the clock of a shared log, in milliseconds since the Unix epoch.
    pub fn set_time(&self, now_ms: u64) {
        self.0.lock().now_ms = now_ms;
    }

    /// Loses the snapshot, and with it everything that was trimmed.
    pub fn lose_snapshot(&self) {
        self.0.lock().snapshot = None;
    }

    /// Loses the log and its snapshot, and replaces it with a new one of this epoch.
    pub fn replace(&self, epoch: u64) {
        let mut log = self.0.lock();
        let Log { handles, is_shared, now_ms, ref replicas, .. } = *log;
        let replicas = replicas.without_leases();
        *log = Log { handles, is_shared, now_ms, replicas, ..Log::new(epoch) };
    }

    /// Makes the log full, as on a full disk, or gives it space again.
    pub fn set_full(&self, is_full: bool) {
        self.0.lock().is_full = is_full;
    }
}
