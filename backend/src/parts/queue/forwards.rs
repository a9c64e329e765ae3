//! Evidence for shards of other backends, on its way into the journal of a shard that is here.

use live_users_state::record::Change;
use live_users_state::{Forward, Forwarded};
use tokio::sync::oneshot;

use super::{Queue, Work};
use crate::parts::not_recorded::NotRecorded;
use crate::parts::replica_status::ReplicaStatus;

impl Queue {
    /// Records that this evidence waits for other shards, in its order. It is in the queue when this
    /// returns.
    pub(crate) fn keep(
        &self,
        forwards: Vec<Forward>,
    ) -> impl Future<Output = Result<(), NotRecorded>> + use<'_> {
        let changes = forwards.into_iter().map(Box::new).map(Change::Forward).collect();
        let (answer, answered) = oneshot::channel();
        let sent = self.send(Work::Change(changes, answer));
        async move {
            sent?;
            self.within_patience(answered).await
        }
    }

    /// Records that it is recorded there.
    pub(crate) async fn record_forwarded(&self, forwarded: Forwarded) -> Result<(), NotRecorded> {
        self.change([Change::Forwarded(forwarded)]).await
    }

    /// The status of the replica after its last step.
    pub(crate) fn status(&self) -> ReplicaStatus {
        self.status.get()
    }
}
