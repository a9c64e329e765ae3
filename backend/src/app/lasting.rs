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
