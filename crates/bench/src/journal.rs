//! Measures journals by themselves, each beside the bare medium that it writes to.

pub(crate) mod disk;
pub(crate) mod nats;

use std::time::{Duration, Instant};

use anyhow::Result;

/// How long a piece of work takes.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}
