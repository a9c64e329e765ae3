//! When a status callback is tried again, and when it is given up.

use std::time::Duration;

use live_users_backoff::{Schedule, full};
use live_users_core::{DAY_MS, HOUR_MS};
use tokio::time::Instant;

/// The waits between tries.
const WAITS: Schedule = Schedule { base_ms: 1_000, max_ms: 300_000 };

/// A callback is tried for this long. One that is older when a backend starts or comes to lead is
/// tried once more.
const TRIED_FOR: Duration = Duration::from_millis(HOUR_MS);

/// Nobody wants one that is older than this.
pub(crate) const TOO_OLD_MS: u64 = DAY_MS;

/// How long a callback was tried for.
pub(crate) struct Tries {
    since: Instant,
    age: Duration,
    n_failed: u32,
}

impl Tries {
    /// Of a callback that waits for so long already.
    pub(crate) fn of_age(age: Duration) -> Self {
        Self { since: Instant::now(), age, n_failed: 0 }
    }

    /// How long to wait after a try has failed; `None` if the callback is given up.
    pub(crate) fn wait(&mut self) -> Option<Duration> {
        let left = TRIED_FOR.checked_sub(self.age + self.since.elapsed());
        let left = left.filter(|it| !it.is_zero())?;
        let wait_ms = WAITS.delay_ms(self.n_failed, full(getrandom::u64().ok()));
        self.n_failed = self.n_failed.saturating_add(1);
        Some(Duration::from_millis(wait_ms).min(left))
    }

    /// Why a callback is given up whose last try failed because of this.
    pub(crate) fn summed_up(&self, why: &str) -> String {
        let n = self.n_failed + 1;
        let minutes = (self.age + self.since.elapsed()).as_secs() / 60;
        format!("not taken for {minutes} min ({n} tries by this backend), and at last: {why}")
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_callback_is_tried_for_an_hour_after_waits_that_grow() {
        let (begun, mut tries) = (Instant::now(), Tries::of_age(Duration::ZERO));
        let mut waits = Vec::new();
        while let Some(wait) = tries.wait() {
            waits.push(wait);
            // not a wait for time: the clock is paused
            sleep(wait).await;
        }
        let within = |n: usize, s: u64| waits[n] <= Duration::from_secs(s);
        assert!(within(0, 1) && within(1, 2) && within(2, 4) && within(7, 128));
        assert!(waits.iter().all(|it| *it <= Duration::from_secs(300)));
        assert_eq!(begun.elapsed().as_secs(), 3_600);
        assert!(waits.len() > 19, "{} tries in an hour", waits.len());
        assert!(tries.summed_up("status 500").starts_with("not taken for 60 min ("));
        // Each process tries once, however old it is.
        assert_eq!(Tries::of_age(Duration::from_secs(3_601)).wait(), None);
    }
}
