//! Changes of the state that are no evidence, on their way into the journal.

use live_users_state::record::Change;
use live_users_state::{AlertChange, EndedSession, LinkChange, ShardMark, Told};
use tokio::sync::oneshot;

use super::{Queue, Work};
use crate::parts::not_recorded::NotRecorded;

impl Queue {
    /// Ends a session of an admin, everywhere and for good.
    pub(crate) async fn end_session(&self, session: EndedSession) -> Result<(), NotRecorded> {
        self.change([Change::EndSession(session)]).await
    }

    /// Makes, revokes or notes the use of a shared link. Once it is recorded, it holds here.
    pub(crate) async fn change_link(&self, change: LinkChange) -> Result<(), NotRecorded> {
        self.change([Change::Link(change)]).await
    }

    /// Has a change of a link recorded, and does not wait for that.
    pub(crate) fn tell_change_of_link(&self, change: LinkChange) {
        let work = Work::Change(vec![Change::Link(change)], oneshot::channel().0);
        let _cannot_be_helped = self.send(work);
    }

    /// Records how far hooks were told.
    pub(crate) async fn record_told(&self, told: Vec<Told>) -> Result<(), NotRecorded> {
        self.change(told.into_iter().map(Change::Told)).await
    }

    /// Records what has happened to alerts.
    pub(crate) async fn record_alerts(&self, changes: Vec<AlertChange>) -> Result<(), NotRecorded> {
        self.change(changes.into_iter().map(Change::Alert)).await
    }

    /// Marks the journal as that of one of several shards.
    pub(crate) async fn mark(&self, mark: ShardMark) -> Result<(), NotRecorded> {
        self.change([Change::Shard(mark)]).await
    }

    pub(super) async fn change(
        &self,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<(), NotRecorded> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Change(changes.into_iter().collect(), answer))?;
        self.within_patience(answered).await
    }
}
