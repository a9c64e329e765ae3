//! How this replica is: published by the writer's thread, for handlers that do not wait for it.

use live_users_intake::Status;
use tokio::sync::watch;

/// What the writer's thread knew when it last did something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplicaStatus {
    /// Whether this replica leads: asks the provider, and times old calls out.
    pub(crate) leads: bool,
    /// Whether the journal cannot be written.
    pub(crate) is_degraded: bool,
    /// How many pieces of evidence wait until it can.
    pub(crate) deferred: usize,
    /// How reconciliation stands; `None` without credentials for it.
    pub(crate) reconciler: Option<Status>,
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

    /// The status.
    pub(crate) fn get(&self) -> ReplicaStatus {
        self.0.borrow().clone()
    }
}
