//! What there is once, whether the journal is open or not.

use std::sync::Arc;

use crate::parts::arrivals::Arrivals;
use crate::parts::telemetry::Telemetry;

/// What there is from the start of the process on. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lasting {
    pub(super) arrivals: Arrivals,
    pub(super) telemetry: Arc<Telemetry>,
}

impl Lasting {
    /// The same for the journal of a shard: what was found by asking is told by each.
    pub(super) fn of_shard(&self, shard: Option<usize>) -> Self {
        match shard {
            None | Some(0) => self.clone(),
            Some(_) => Self { arrivals: self.arrivals.of_another_journal(), ..self.clone() },
        }
    }
}
