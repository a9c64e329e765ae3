//! Status callbacks on their way into the journal.

use live_users_state::record::Change;
use live_users_state::{PassedOn, SealedCallback};
use tokio::sync::oneshot;

use super::{Queue, Work};
use crate::parts::not_recorded::NotRecorded;

impl Queue {
    /// Has a callback recorded before any evidence that is taken later. Returns for how many receivers
    /// there was no room, once it is recorded. It waits for that as long as it takes.
    pub(crate) fn pass_on(
        &self,
        callback: SealedCallback,
    ) -> impl Future<Output = Result<usize, NotRecorded>> + use<> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let sent = self.send(Work::PassOn(Box::new(callback), acknowledge));
        async move {
            sent?;
            acknowledged.await.unwrap_or(Err(NotRecorded::Stopped))
        }
    }

    /// Records that these need not be passed on any more.
    pub(crate) async fn record_passed_on(
        &self,
        passed_on: Vec<PassedOn>,
    ) -> Result<(), NotRecorded> {
        self.change(passed_on.into_iter().map(Change::PassedOn)).await
    }
}
