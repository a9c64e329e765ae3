//! Saves snapshots on a thread of its own, so that the writer never waits for one.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use live_users_journal::Journal;
use live_users_state::SnapshotTask;

use crate::parts::queue::{Queue, Work};

/// The thread, and the channel to it. The thread ends when the channel is dropped.
pub(crate) struct Snapshots {
    tasks: Option<SyncSender<SnapshotTask>>,
    thread: Option<JoinHandle<()>>,
}

impl Snapshots {
    /// Starts the thread with its own handles of this journal.
    ///
    /// # Errors
    /// If the journal gives no handles, or the system no thread.
    pub(crate) fn start(journal: &dyn Journal, queue: Queue) -> io::Result<Self> {
        let mut reader = journal.reader().map_err(io::Error::other)?;
        let mut snapshots = journal.snapshots().map_err(io::Error::other)?;
        let (tasks, inbox) = sync_channel::<SnapshotTask>(1);
        let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || {
            for task in inbox {
                let saved = task.perform(&mut *reader, &mut *snapshots);
                queue.answer_blocking(Work::Snapshot(saved));
            }
        })?;
        Ok(Self { tasks: Some(tasks), thread: Some(thread) })
    }

    /// Passes the task to the thread. The replica requests one snapshot at a time.
    pub(crate) fn save(&self, task: SnapshotTask) {
        let sent = self.tasks.as_ref().is_some_and(|tasks| tasks.try_send(task).is_ok());
        if !sent {
            log::warn!("no snapshots any more: their thread has ended");
        }
    }
}

/// Waits for the thread, which holds the journal open. The next process could not open it before.
impl Drop for Snapshots {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            let _has_panicked = thread.join();
        }
    }
}
