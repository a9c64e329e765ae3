//! The age of what is known of a shared log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The latest moment of which everything in the log can be read here.
#[derive(Debug)]
pub(super) struct Freshness {
    start: Instant,
    /// That moment, in milliseconds after `start`. It only grows: answers may overtake each other,
    /// and an older one must not undo a newer one.
    known_ms: AtomicU64,
}

impl Freshness {
    /// Everything is known as of now.
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), known_ms: AtomicU64::new(0) }
    }

    /// Everything was known this long ago, and nothing since.
    pub(super) fn of_age(age: Duration) -> Self {
        let now = Instant::now();
        Self { start: now.checked_sub(age).unwrap_or(now), known_ms: AtomicU64::new(0) }
    }

    /// Everything that was in the log at this moment is known here.
    pub(super) fn known_at(&self, moment: Instant) {
        let after = moment.saturating_duration_since(self.start).as_millis();
        let after = u64::try_from(after).unwrap_or(u64::MAX);
        self.known_ms.fetch_max(after, Ordering::AcqRel);
    }

    /// The age of that moment.
    pub(super) fn age(&self) -> Duration {
        let known = Duration::from_millis(self.known_ms.load(Ordering::Acquire));
        self.start.elapsed().saturating_sub(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_moment_does_not_undo_a_newer_one() {
        let freshness = Freshness::new();
        for (after_ms, known_ms) in [(90, 90), (30, 90), (120, 120)] {
            freshness.known_at(freshness.start + Duration::from_millis(after_ms));
            assert_eq!(freshness.known_ms.load(Ordering::Relaxed), known_ms);
        }
    }

    #[test]
    fn age_counts_from_the_last_such_moment() {
        let freshness = Freshness::of_age(Duration::from_secs(3_600));
        assert!(freshness.age() >= Duration::from_secs(3_600));
        freshness.known_at(Instant::now());
        assert!(freshness.age() < Duration::from_secs(3_600));
    }
}
