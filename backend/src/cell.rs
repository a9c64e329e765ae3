//! The latest value: what readers see, encoded once per change.

use bytes::Bytes;
use live_users_core::Numbers;
use live_users_wire::Count;
use tokio::sync::watch;

/// The count after a batch of records.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    /// The answer of `GET /api/live-users`.
    pub(crate) body: Bytes,
}

impl Published {
    /// Encodes the answer for these numbers.
    pub(crate) fn new(numbers: Numbers) -> Self {
        let count = Count { live_users: numbers.users as u64 };
        let body = serde_json::to_vec(&count).expect("a number is always JSON");
        Self { body: Bytes::from(body) }
    }
}

/// The reading end: a slow reader skips to now, and there is no queue that could overflow.
pub(crate) type Reader = watch::Receiver<Published>;
