//! What a test does to a log in memory: replicas of it, its clock, and faults on demand.

use super::shared::SharedJournal;
use super::{Handle, Link, Log, Memory, name};
use crate::JournalError;
use crate::contract::Journal;

impl Memory {
    /// Opens the log that is here as one of its replicas.
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

    /// The clock of a shared log shows this, in milliseconds since the Unix epoch.
    pub fn set_time(&self, now_ms: u64) {
        self.0.lock().now_ms = now_ms;
    }

    /// Loses the snapshot, and with it what was trimmed.
    pub fn lose_snapshot(&self) {
        self.0.lock().snapshot = None;
    }

    /// Loses the log, with its snapshot, and puts a new one of this epoch in its place.
    pub fn replace(&self, epoch: u64) {
        let mut log = self.0.lock();
        let Log { handles, is_shared, now_ms, ref replicas, .. } = *log;
        let replicas = replicas.without_leases();
        *log = Log { handles, is_shared, now_ms, replicas, ..Log::new(epoch) };
    }

    /// From now on there is, or is not, space for anything more, as on a disk that is full.
    pub fn set_full(&self, is_full: bool) {
        self.0.lock().is_full = is_full;
    }
}
