//! The wall clock of the service, which somebody may set at any time.

use live_users_core::{HOUR_MS, MINUTE_MS, Millis, SECOND_MS};

const SECOND: i64 = SECOND_MS.cast_signed();
const HOUR: i64 = HOUR_MS.cast_signed();

/// The time that the wall clock shows at the beginning of a world with jumps. Before them the clock
/// may go back.
const BEGAN_MS: u64 = 100 * HOUR_MS;

/// A wall clock. Without jumps it shows the time since the beginning of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WallClock {
    /// In any order. Jumps that overlap add up.
    pub jumps: Vec<Jump>,
}

/// The wall clock is wrong for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// When it jumps, in milliseconds from the beginning of the world.
    pub at_ms: u64,
    /// For how long.
    pub for_ms: u64,
    /// How far, in milliseconds.
    pub by_ms: i64,
}

/// How far the clock jumps, and for how long: one after the other.
const JUMPS: [(i64, u64); 6] = [
    (5 * HOUR, 3 * SECOND_MS),
    (-2 * HOUR, 5 * MINUTE_MS),
    (25 * HOUR, MINUTE_MS),
    (90 * SECOND, u64::MAX),
    (-30 * SECOND, u64::MAX),
    (26 * HOUR, 2 * MINUTE_MS),
];

impl WallClock {
    /// A clock that jumps every ten minutes, or more often in a short world.
    pub(super) fn jumping_within(length_ms: u64) -> Self {
        let every_ms = (10 * MINUTE_MS).min(length_ms / (JUMPS.len() as u64 + 1)).max(1);
        let n = length_ms.saturating_sub(1) / every_ms;
        let jump = |(n, (by_ms, for_ms)): (u64, (i64, u64))| Jump {
            at_ms: n * every_ms,
            // Each one is over before the next begins, unless it is for good.
            for_ms: if for_ms == u64::MAX { for_ms } else { for_ms.min(every_ms / 2) },
            by_ms,
        };
        let jumps = JUMPS.into_iter().cycle();
        Self { jumps: (1..=n).zip(jumps).map(jump).collect() }
    }

    /// What it shows.
    pub(super) fn at(&self, now_ms: u64) -> Millis {
        if self.jumps.is_empty() {
            return Millis(now_ms);
        }
        let is_on =
            |jump: &&Jump| (jump.at_ms..jump.at_ms.saturating_add(jump.for_ms)).contains(&now_ms);
        let by_ms = self.jumps.iter().filter(is_on).map(|jump| jump.by_ms).sum();
        Millis((BEGAN_MS + now_ms).saturating_add_signed(by_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_right_before_a_jump_and_after_it() {
        let by_ms = -2 * HOUR;
        let clock = WallClock { jumps: vec![Jump { at_ms: 1_000, for_ms: 500, by_ms }] };
        assert_eq!(clock.at(999), Millis(BEGAN_MS + 999));
        assert_eq!(clock.at(1_000), Millis(BEGAN_MS + 1_000 - 2 * HOUR_MS));
        assert_eq!(clock.at(1_500), Millis(BEGAN_MS + 1_500));
        assert_eq!(WallClock::default().at(7), Millis(7));
    }

    #[test]
    fn even_a_short_world_has_every_jump() {
        for length_ms in [4 * MINUTE_MS, HOUR_MS, 24 * HOUR_MS] {
            let WallClock { jumps } = WallClock::jumping_within(length_ms);
            assert!(jumps.len() >= JUMPS.len(), "{length_ms}");
            assert!(jumps.iter().all(|jump| jump.at_ms < length_ms));
            assert!(jumps.iter().any(|jump| jump.by_ms == 25 * HOUR));
        }
    }
}
