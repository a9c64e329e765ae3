//! Status callbacks that wait to be passed on, on their way into the journal.

use live_users_replica::{Recorded, Replica};
use live_users_state::SealedCallback;
use tokio::sync::oneshot;

use crate::parts::not_recorded::NotRecorded;

/// A callback that is being recorded, and who waits for it.
pub(super) type Passing = (SealedCallback, oneshot::Sender<Result<usize, NotRecorded>>);

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
