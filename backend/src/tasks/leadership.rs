//! Acquires and renews the lease when the replica asks for it.

use live_users_journal::Lease;
use log::debug;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::parts::queue::{Queue, Work};

/// Runs until it is aborted. It then releases the lease, so that another replica need not wait for
/// its end.
pub(crate) async fn run(lease: Box<dyn Lease>, mut renewals: UnboundedReceiver<()>, queue: Queue) {
    let mut lease = Held(lease);
    while renewals.recv().await.is_some() {
        // It blocks until the journal's servers answer.
        let asked = tokio::task::spawn_blocking(move || {
            let answer =
                lease.0.hold().map_err(|error| debug!("no answer about the lease: {error}"));
            (lease, answer.ok())
        });
        let Ok((held, answer)) = asked.await else { return };
        lease = held;
        queue.answer(Work::Lease(answer)).await;
    }
}

/// Releases the lease when it is dropped.
struct Held(Box<dyn Lease>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use live_users_journal::{Journal, Memory};

    use super::*;

    #[test]
    fn a_lease_is_given_back_when_it_is_dropped() {
        let log = Memory::with_epoch(1);
        let lease = || {
            let journal: Box<dyn Journal> = log.open_shared().unwrap().0;
            Held(journal.lease("lead").unwrap())
        };
        let (mut one, mut other) = (lease(), lease());
        assert!(one.0.hold().unwrap() && !other.0.hold().unwrap());
        drop(one);
        assert!(other.0.hold().unwrap());
    }
}
