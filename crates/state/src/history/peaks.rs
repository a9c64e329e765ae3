//! The exact peaks within windows that end now. They do not depend on buckets.

use std::collections::VecDeque;

use live_users_core::{DAY_MS, HOUR_MS, Millis};

/// How far back peaks reach, but for the one of all time, in milliseconds.
pub(super) const MONTH_MS: u64 = 30 * DAY_MS;
const WEEK_MS: u64 = 7 * DAY_MS;

/// A number of users, and since when there were so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// When it was reached: if there were so many several times, the last of them. Within a time
    /// that begins while there were already so many, its beginning.
    pub at: Millis,
    /// How many.
    pub users: u32,
}

/// The most users at once within the last 60 minutes, 24 hours, 7 days, 30 days, and since there is
/// a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peaks {
    /// Within the last 60 minutes.
    pub hour: Peak,
    /// Within the last 24 hours.
    pub day: Peak,
    /// Within the last 7 days.
    pub week: Peak,
    /// Within the last 30 days.
    pub month: Peak,
    /// Since there is a history; of several the last, as in all of them.
    pub ever: Peak,
}

/// What stood from one moment to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) since: u64,
    pub(super) until: u64,
    pub(super) users: u32,
}

/// The intervals that can still be a peak: each has more users than all later ones. So there are at
/// most as many as there were users at once within 30 days.
///
/// This is the monotonic queue of a sliding maximum: from the front to the back, times rise and
/// users strictly fall. So the first interval that reaches into a window is its maximum, for every
/// window that ends now. A pushed interval makes all smaller ones before it useless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PeakDeque {
    pub(super) list: VecDeque<Interval>,
    /// The last of all intervals with the most users.
    pub(super) ever: Option<Interval>,
}

impl PeakDeque {
    /// Adds the interval that ends now.
    pub(super) fn push(&mut self, interval: Interval) {
        // One with as many users goes, too: the later of two stays in a window for longer.
        while self.list.back().is_some_and(|behind| behind.users <= interval.users) {
            self.list.pop_back();
        }
        debug_assert!(
            self.list.back().is_none_or(|it| it.until <= interval.since),
            "intervals come in the order of time"
        );
        self.list.push_back(interval);
        // Of equal ones the last counts, as in every window: so `<=` and not `<`.
        if self.ever.is_none_or(|ever| ever.users <= interval.users) {
            self.ever = Some(interval);
        }
    }

    /// Drops what is older than a month.
    pub(super) fn forget(&mut self, now: u64) {
        let oldest = now.saturating_sub(MONTH_MS);
        while self.list.front().is_some_and(|interval| interval.until <= oldest) {
            self.list.pop_front();
        }
    }

    /// The peaks, if `current` is what stands now.
    pub(super) fn peaks(&self, current: Interval) -> Peaks {
        let within = |ms: u64| {
            let begin = current.until.saturating_sub(ms);
            let found = self.list.iter().find(|it| it.until > begin);
            // The present interval is not in the list, because it has no end yet.
            let found = found.filter(|it| it.users > current.users).unwrap_or(&current);
            Peak { at: Millis(found.since.max(begin)), users: found.users }
        };
        let ever = self.ever.filter(|ever| ever.users > current.users).unwrap_or(current);
        Peaks {
            hour: within(HOUR_MS),
            day: within(DAY_MS),
            week: within(WEEK_MS),
            month: within(MONTH_MS),
            ever: Peak { at: Millis(ever.since), users: ever.users },
        }
    }
}
