//! Who waits for the replica, and for what.

use live_users_core::CallId;
use live_users_journal::Rewritten;
use live_users_replica::NotRewritten;
use tokio::sync::oneshot;

use super::callbacks::Passing;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::{Acknowledge, Evicted, Query};
use crate::parts::telemetry::Mark;

/// The purpose of a ticket.
pub(super) enum Pending {
    Batch(Vec<(Acknowledge, Mark)>),
    Query(Query),
    /// The call is being looked up.
    LookUp(CallId, Evicting),
    /// Its end is being recorded.
    Evict(CallId, Evicting),
    /// What is no evidence is being recorded.
    Change(Vec<oneshot::Sender<Result<(), NotRecorded>>>),
    Rewrite(oneshot::Sender<Result<Rewritten, NotRewritten>>),
    PassOn(Vec<Passing>),
}

pub(super) type Evicting = oneshot::Sender<Result<Evicted, NotRecorded>>;
