//! The work beside the requests: the writer thread, and the tasks that carry out its effects.

pub(crate) mod alerts;
pub(crate) mod delivering;
pub(crate) mod doubting;
pub(crate) mod forwarding;
pub(crate) mod hooks;
pub(crate) mod leadership;
pub(crate) mod marking;
pub(crate) mod publishing;
pub(crate) mod reconciliation;
pub(crate) mod reload;
pub(crate) mod scoped_publishing;
pub(crate) mod snapshots;
pub(crate) mod source_asking;
mod summary_frames;
pub(crate) mod total_frames;
pub(crate) mod turning;
pub(crate) mod warnings;
pub(crate) mod writer_thread;
