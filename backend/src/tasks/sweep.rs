//! Lets the writer notice, again and again, that time has passed.

use std::time::Duration;

use crate::parts::leadership::Leadership;
use crate::parts::queue::Queue;

/// How often the writer looks for calls that are older than a call can be, in milliseconds.
const SWEEP_EVERY_MS: u64 = 1_000;

/// Sweeps until it is aborted. Only the replica that leads ends calls that are too old.
pub(crate) async fn run(queue: Queue, leadership: Leadership) {
    let mut tick = tokio::time::interval(Duration::from_millis(SWEEP_EVERY_MS));
    loop {
        tick.tick().await;
        queue.sweep(leadership.is_held());
    }
}
