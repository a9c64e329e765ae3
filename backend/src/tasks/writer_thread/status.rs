//! What the thread tells of its replica after each batch.

use live_users_intake::Status;

use super::Driver;
use crate::parts::replica_status::ReplicaStatus;

impl Driver {
    /// Publishes it, if it has changed.
    pub(super) fn publish_status(&mut self) {
        let (replica, now) = (self.node.replica(), self.now());
        let status = ReplicaStatus {
            leads: replica.leads(now),
            news: replica.state().outbox().count(),
            alerts: replica.state().alerts().count(),
            callbacks: replica.state().callbacks().count(),
            callbacks_waiting: replica.state().callbacks().n_deliveries(),
            forwards: replica.state().forwards().by_shard().to_vec(),
            forwards_full: !replica.state().forwards().has_room(),
            fault: replica.fault(),
            deferred: replica.deferred(),
            reconciler: Status::of_all(replica.reconciler_statuses(now)),
            referees: replica.referee_statuses(),
            unanswered: replica.unanswered(now),
            audit: replica.audit_report().cloned().unwrap_or_default(),
        };
        self.status.send_if_modified(|published| {
            let has_changed = *published != status;
            *published = status;
            has_changed
        });
    }
}
