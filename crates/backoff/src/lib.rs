//! Exponential delay between attempts, with jitter.
//!
//! The delay has a bound that doubles with each failed attempt, up to a longest one. The caller
//! draws the delay below that bound, so this crate needs neither a clock nor randomness. Full
//! jitter, which is any delay from zero to the bound, keeps many clients that failed together from
//! coming back together.

#![no_std]

/// The bounds of the delays between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The bound after the first failed attempt, in milliseconds.
    pub base_ms: u64,
    /// The bound that is never exceeded, in milliseconds.
    pub max_ms: u64,
}

impl Schedule {
    /// The longest delay before the next attempt, in milliseconds. `attempt` counts the failed
    /// attempts before the last one, so it is 0 after the first failure.
    #[must_use]
    pub const fn bound_ms(&self, attempt: u32) -> u64 {
        let factor = match 1_u64.checked_shl(attempt) {
            Some(factor) => factor,
            None => u64::MAX,
        };
        let doubled = self.base_ms.saturating_mul(factor);
        if doubled < self.max_ms { doubled } else { self.max_ms }
    }

    /// The delay before the next attempt, in milliseconds. `jitter` gets the bound of this attempt
    /// and returns the delay, which is usually random and below the bound. It is called exactly
    /// once, so a seeded generator gives the same delays in each run.
    pub fn delay_ms(&self, attempt: u32, jitter: impl FnOnce(u64) -> u64) -> u64 {
        let bound_ms = self.bound_ms(attempt);
        let delay_ms = jitter(bound_ms);
        debug_assert!(delay_ms <= bound_ms, "jitter only shortens a delay");
        delay_ms
    }
}

/// No jitter: the delay is the bound. Only for a service whose clients are few.
#[must_use]
pub const fn none(bound_ms: u64) -> u64 {
    bound_ms
}

/// Full jitter by this random number: any delay below the bound. Where there is no randomness the
/// delay is the bound.
pub fn full(random: Option<u64>) -> impl FnOnce(u64) -> u64 {
    move |bound_ms| match random {
        Some(random) => random % bound_ms.max(1),
        None => bound_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule { base_ms: 250, max_ms: 10_000 };

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        let bounds = [0, 1, 2, 5, 6, 63, 64, u32::MAX].map(|attempt| SCHEDULE.bound_ms(attempt));
        assert_eq!(bounds, [250, 500, 1_000, 8_000, 10_000, 10_000, 10_000, 10_000]);
        assert_eq!(SCHEDULE.delay_ms(1, none), 500);
    }

    #[test]
    fn full_jitter_is_below_the_bound_and_the_bound_without_randomness() {
        let delays =
            |attempt| (0..20_000).map(move |it| SCHEDULE.delay_ms(attempt, full(Some(it))));
        assert_eq!([0, 1, 99].map(|it| delays(it).max()), [249, 499, 9_999].map(Some));
        assert_eq!((delays(99).min(), SCHEDULE.delay_ms(99, full(None))), (Some(0), 10_000));
    }
}
