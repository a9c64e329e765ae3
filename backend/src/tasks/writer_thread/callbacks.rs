//! Status callbacks that wait to be passed on, on their way into the journal.

use live_users_replica::{Input, Recorded, Replica};
use live_users_state::SealedCallback;
use tokio::sync::oneshot;

use super::{Driver, Pending};
use crate::parts::not_recorded::NotRecorded;

/// A callback that is being recorded, and who waits for it.
pub(super) type Passing = (SealedCallback, oneshot::Sender<Result<usize, NotRecorded>>);

impl Driver {
    /// Has these recorded: before the evidence of the same webhooks, so a webhook that is acknowledged
    /// is passed on, too.
    pub(super) fn pass_on(&mut self, passing: Vec<Passing>) {
        if passing.is_empty() {
            return;
        }
        let callbacks = passing.iter().map(|(callback, _)| callback.clone()).collect();
        let ticket = self.ticket(Pending::PassOn(passing));
        self.step(self.now(), Input::PassOn(ticket, callbacks));
    }
}

/// Says for how many receivers of each there was no room.
pub(super) fn acknowledge(
    replica: &Replica,
    passing: Vec<Passing>,
    recorded: &Recorded,
    trouble: NotRecorded,
) {
    for (callback, acknowledge) in passing {
        let dropped = recorded.as_ref().map(|_| replica.state().callbacks().n_dropped(&callback));
        let _has_stopped = acknowledge.send(dropped.map_err(|_| trouble));
    }
}
