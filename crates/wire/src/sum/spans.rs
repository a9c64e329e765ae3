//! Averages and longest times of several parts.

use crate::TalkedView;
use crate::changes::ms_of;

/// Since when live calls go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ages {
    calls: u64,
    /// Of all of them together, in milliseconds since 1970.
    since_ms: u128,
    /// Of the longest.
    first_ms: Option<u64>,
}

/// How long calls were that are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Talked {
    calls: u64,
    total_ms: u128,
    longest_ms: Option<u64>,
}

impl Ages {
    /// Of so many calls, by their average and the longest, in milliseconds at a moment. Other parts are of
    /// other moments, so it is kept since when they last.
    pub(super) fn of(
        live_calls: u64,
        (average_ms, longest_ms): (Option<u64>, Option<u64>),
        as_of: &str,
    ) -> Self {
        let Some(now) = ms_of(as_of) else { return Self::default() };
        let since = |ms: u64| now.saturating_sub(ms);
        let average = average_ms.map(since).filter(|_| live_calls > 0);
        Self {
            calls: average.map_or(0, |_| live_calls),
            since_ms: average.map_or(0, |at| u128::from(at) * u128::from(live_calls)),
            first_ms: longest_ms.map(since),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.since_ms = self.since_ms.saturating_add(other.since_ms);
        self.first_ms = super::least(self.first_ms, other.first_ms);
    }

    /// The average and the longest at this moment.
    pub(super) fn at(self, as_of: &str) -> (Option<u64>, Option<u64>) {
        let Some(now) = ms_of(as_of) else { return (None, None) };
        // A call of a newer part may have begun later.
        let total = (u128::from(now) * u128::from(self.calls)).saturating_sub(self.since_ms);
        let average = total.checked_div(u128::from(self.calls));
        (average.and_then(|ms| ms.try_into().ok()), self.first_ms.map(|at| now.saturating_sub(at)))
    }
}

impl Talked {
    pub(super) fn of(TalkedView { calls, average_ms, longest_ms }: &TalkedView) -> Self {
        let total = u128::from(average_ms.unwrap_or_default()) * u128::from(*calls);
        Self { calls: *calls, total_ms: total, longest_ms: *longest_ms }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.total_ms = self.total_ms.saturating_add(other.total_ms);
        self.longest_ms = self.longest_ms.max(other.longest_ms);
    }

    pub(super) fn view(self) -> TalkedView {
        let average = self.total_ms.checked_div(u128::from(self.calls));
        TalkedView {
            calls: self.calls,
            average_ms: average.and_then(|ms| ms.try_into().ok()),
            longest_ms: self.longest_ms,
        }
    }
}
