//! The latest count, encoded once per change.

use bytes::Bytes;
use live_users_core::Millis;
use live_users_journal::Position;
use live_users_replica::{Publication, Stale};
use live_users_wire::Count;
use tokio::sync::watch;

/// The count after a batch of records.
#[derive(Clone, Debug)]
pub(crate) struct LatestCount {
    /// The answer of `GET /api/live-users`.
    pub(crate) body: Bytes,
    /// The number in the answer.
    pub(crate) live_users: u64,
    /// The last record of the journal that the number includes.
    pub(crate) at: Position,
    /// The time of that record.
    pub(crate) as_of: Millis,
    /// If present, the number must not be shown: other replicas may have changed it since.
    pub(crate) stale: Option<Stale>,
}

impl LatestCount {
    /// Encodes the answer for these numbers.
    pub(crate) fn new(publication: Publication) -> Self {
        let Publication { numbers, at, as_of, stale } = publication;
        let live_users = numbers.users as u64;
        let body = serde_json::to_vec(&Count { live_users }).expect("a number is always JSON");
        Self { body: Bytes::from(body), live_users, at, as_of, stale }
    }
}

/// The reading end. A slow reader skips to the present, and no queue can overflow.
pub(crate) type LatestReader = watch::Receiver<LatestCount>;
