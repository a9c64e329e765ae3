//! The status of this replica. The writer thread publishes it, so handlers do not wait for it.

use std::time::Duration;

use live_users_intake::{RefereeStatus, Status};
use live_users_journal::FaultKind;
use live_users_replica::{AuditReport, Stale};
use tokio::sync::watch;

/// The status after the last step of the writer thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplicaStatus {
    /// Whether this replica leads: it asks the provider and times out old calls.
    pub(crate) leads: bool,
    /// The number of the newest event that hooks may be waiting for.
    pub(crate) news: u64,
    /// The number of the newest news of alerts.
    pub(crate) alerts: u64,
    /// The number of the newest status callback that may wait to be passed on.
    pub(crate) callbacks: u64,
    /// How many deliveries of them wait, whoever has taken them.
    pub(crate) callbacks_waiting: usize,
    /// How many pieces of evidence wait for each other shard that some wait for, whoever has taken them.
    pub(crate) forwards: Vec<(u8, usize)>,
    /// Whether no more of them may wait.
    pub(crate) forwards_full: bool,
    /// Why the journal cannot be written, if it cannot.
    pub(crate) fault: Option<FaultKind>,
    /// How many pieces of evidence are in the retry buffer.
    pub(crate) deferred: usize,
    /// The status of the reconciler. `None` without credentials for the provider.
    pub(crate) reconciler: Option<Status>,
    /// The status of each referee of a source.
    pub(crate) referees: Vec<RefereeStatus>,
    /// Why the numbers are unknown, if only the provider's answers tell of calls and there is none.
    pub(crate) unanswered: Option<Stale>,
    /// What the recounts of the calls have found.
    pub(crate) audit: AuditReport,
}

/// The writing end, for the writer's thread.
pub(crate) type StatusWriter = watch::Sender<ReplicaStatus>;

/// The reading end. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct StatusReader(watch::Receiver<ReplicaStatus>);

impl StatusReader {
    /// Both ends.
    pub(crate) fn new() -> (StatusWriter, Self) {
        let (writer, reader) = watch::channel(ReplicaStatus::default());
        (writer, Self(reader))
    }

    /// Waits until the journal can be written, and no longer than this.
    pub(crate) async fn wait_until_recorded(&self, patience: Duration) {
        let mut status = self.0.clone();
        let recorded = status.wait_for(|status| status.fault.is_none());
        let _took_longer = tokio::time::timeout(patience, recorded).await;
    }

    /// Returns when the status has changed since the last time; `false` if it never will again.
    pub(crate) async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }

    /// The status. Only a later one counts as a change.
    pub(crate) fn get_seen(&mut self) -> ReplicaStatus {
        self.0.borrow_and_update().clone()
    }

    /// The status.
    pub(crate) fn get(&self) -> ReplicaStatus {
        self.0.borrow().clone()
    }
}
