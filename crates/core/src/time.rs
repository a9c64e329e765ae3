//! Moments, and spans of time in milliseconds. There is no clock here: time is an argument.

/// A second in milliseconds.
pub const SECOND_MS: u64 = 1_000;
/// A minute in milliseconds.
pub const MINUTE_MS: u64 = 60 * SECOND_MS;
/// An hour in milliseconds.
pub const HOUR_MS: u64 = 60 * MINUTE_MS;
/// A day of 24 hours in milliseconds.
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// A moment, in milliseconds since the Unix epoch. In a tracker it is the journal's time: the
/// moment at which a record was appended, which never goes backwards.
///
/// ```
/// use live_users_core::{MINUTE_MS, Millis};
///
/// let (call, report) = (Millis(60_000), Millis(90_000));
/// assert_eq!(report.since(call), MINUTE_MS / 2);
/// assert_eq!(call.since(report), 0, "never negative");
/// assert_eq!(call.minus(2 * MINUTE_MS), Millis(0), "never before the epoch");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// This moment and so many milliseconds earlier, not before the epoch.
    #[must_use]
    pub fn minus(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// The milliseconds from an earlier moment to this one; 0 if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
