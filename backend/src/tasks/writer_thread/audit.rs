//! Recounts the calls beside the writer thread.

use live_users_replica::AuditTask;

use crate::parts::queue::{Queue, Work};

/// Recounts the calls on a thread of its own, which ends with the recount. The writer does not wait
/// for it, not even at the end of the process.
pub(super) fn audit(task: AuditTask, queue: Queue) {
    let recount = move || queue.answer_blocking(Work::Audited(task.perform()));
    let started = std::thread::Builder::new().name("audit".to_owned()).spawn(recount);
    if let Err(why) = started {
        log::warn!("the calls are not recounted any more: no thread ({why})");
    }
}
