//! What the tasks of all hooks take.

use std::sync::Arc;
use std::time::Duration;

use crate::parts::alert_values::AlertValues;
use crate::parts::deliveries::Deliveries;
use crate::parts::latest::LatestReader;
use crate::parts::queue::Queue;
use crate::parts::replica_status::StatusReader;

/// The pause after the journal did not answer.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// What it takes to tell hooks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) queue: Queue,
    pub(crate) latest: LatestReader,
    pub(crate) status: StatusReader,
    pub(crate) deliveries: Arc<Deliveries>,
    pub(crate) values: Arc<AlertValues>,
}
