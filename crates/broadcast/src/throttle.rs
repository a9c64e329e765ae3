//! Merges changes that follow each other too fast.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The most frames in a second, in the mean. People cannot follow more.
const FRAMES_PER_S: u64 = 20;

/// Each frame is paid for with as much time.
const STEP: Duration = Duration::from_millis(1000 / FRAMES_PER_S);

/// As many frames may follow each other at once. What is published for another reason just before a change,
/// such as a number that becomes doubtful, does not delay it then.
const BURST: u32 = 4;

/// Bounds how often frames are published: in any stretch of time at most four, and 20 for each second of it.
///
/// A publisher waits for a change, then for this throttle, and then takes the present value. So the
/// first changes are published at once, fast ones are merged, and the last one is always published.
#[derive(Debug, Default)]
pub struct Throttle {
    /// Until when the time is taken by the frames of before.
    taken: Option<Instant>,
}

impl Throttle {
    /// Resolves when the next frame may be published: at once, unless too many were published just
    /// before.
    pub async fn wait(&mut self) {
        if let Err(next) = self.check(Instant::now()) {
            sleep_until(next).await;
        }
        self.note(Instant::now());
    }

    /// Whether a frame may be published now, for a publisher that cannot wait.
    ///
    /// # Errors
    /// When one may be published next.
    pub fn check(&self, now: Instant) -> Result<(), Instant> {
        self.check_ahead(now, BURST)
    }

    /// The same for a frame that can wait: it leaves one for a change that cannot.
    ///
    /// # Errors
    /// When one may be published next, if there is none before.
    pub fn check_spare(&self, now: Instant) -> Result<(), Instant> {
        self.check_ahead(now, BURST - 1)
    }

    /// Notes that a frame is published now.
    pub fn note(&mut self, now: Instant) {
        self.taken = Some(self.taken.map_or(now, |taken| taken.max(now)) + STEP);
    }

    /// Whether less time is taken already than so many frames take, of which this is one.
    fn check_ahead(&self, now: Instant, frames: u32) -> Result<(), Instant> {
        let Some(taken) = self.taken else { return Ok(()) };
        let ahead = STEP * (frames - 1);
        if taken.saturating_duration_since(now) <= ahead { Ok(()) } else { Err(taken - ahead) }
    }
}

#[cfg(test)]
mod tests;
