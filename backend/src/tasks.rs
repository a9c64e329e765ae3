//! What runs beside the requests: the writer's thread, and the tasks that keep the count true.

pub(crate) mod leadership;
pub(crate) mod publishing;
pub(crate) mod reconciliation;
pub(crate) mod reload;
pub(crate) mod snapshots;
pub(crate) mod writer_thread;
