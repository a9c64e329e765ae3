//! What is recorded of hooks and of alerts.

use live_users_state::{AlertChange, Told};
use tokio::sync::oneshot;

use super::{Queue, Work};
use crate::parts::not_recorded::NotRecorded;

impl Queue {
    /// Records how far hooks were told.
    pub(crate) async fn record_told(&self, told: Vec<Told>) -> Result<(), NotRecorded> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Told(told, answer))?;
        self.within_patience(answered).await
    }

    /// Records what has happened to alerts.
    pub(crate) async fn record_alerts(&self, changes: Vec<AlertChange>) -> Result<(), NotRecorded> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Alerts(changes, answer))?;
        self.within_patience(answered).await
    }
}
