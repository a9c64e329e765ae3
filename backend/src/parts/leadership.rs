//! Whether this replica leads: of several replicas, one asks the provider and ends calls that are
//! too old. All of them count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Whether this replica leads. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Leadership {
    start: Instant,
    /// In milliseconds after `start`.
    until_ms: Arc<AtomicU64>,
}

impl Leadership {
    /// It does not, yet.
    pub(crate) fn none() -> Self {
        Self { start: Instant::now(), until_ms: Arc::default() }
    }

    /// Whether it leads now.
    pub(crate) fn is_held(&self) -> bool {
        self.now_ms() < self.until_ms.load(Ordering::Relaxed)
    }

    /// It leads until then, in the milliseconds of [`Leadership::now_ms`].
    pub(crate) fn set_until(&self, until_ms: u64) {
        self.until_ms.store(until_ms, Ordering::Relaxed);
    }

    /// Milliseconds since this was made.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
