//! How one number has changed.

use live_users_core::Millis;

use super::history_slice::HistorySlice;
use super::peaks::{Interval, MONTH_MS, PeakDeque};
use super::resolution::{Chunk, Resolution};
use super::{Grain, Retention};

/// The number of live users in all, or of one agent, over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeSeries {
    /// The beginning of what is known.
    pub(super) since: u64,
    /// When it last changed.
    pub(super) at: u64,
    pub(super) users: u32,
    pub(super) resolutions: [Resolution; 3],
    pub(super) peaks: PeakDeque,
}

impl TimeSeries {
    pub(super) fn new(since: Millis, users: u32) -> Self {
        let (resolutions, peaks) = Default::default();
        Self { since: since.0, at: since.0, users, resolutions, peaks }
    }

    /// Sets the number from now on. A number of less than a millisecond was never published, and is
    /// no part of the history.
    ///
    /// Trap: a step writes the number that stood *until* now, and not the new one, whose duration
    /// is not known yet. So the buckets reach to `at`, which is the last step. A reader adds the
    /// rest up to its own moment.
    pub(super) fn step(&mut self, Millis(now): Millis, users: u32) {
        debug_assert!(self.since <= self.at && self.at <= now, "time does not go backwards");
        if users == self.users {
            return;
        }
        if now > self.at {
            for (grain, resolution) in Grain::ALL.into_iter().zip(&mut self.resolutions) {
                resolution.stood(grain.width_ms(), self.since, (self.at, now), self.users);
            }
            self.peaks.push(self.now_until(now));
            self.at = now;
        }
        self.users = users;
    }

    /// Drops everything older than the retention.
    pub(super) fn trim(&mut self, retention: Retention, now: Millis) {
        for (grain, resolution) in Grain::ALL.into_iter().zip(&mut self.resolutions) {
            resolution.trim(retention.oldest_bucket(grain, now));
        }
        self.peaks.forget(now.0);
    }

    /// Whether nobody was live for so long that only the peak of all time is kept.
    pub(super) fn is_forgotten(&self, retention: Retention, now: Millis) -> bool {
        let oldest = retention.oldest(Grain::Hour, now).min(now.minus(MONTH_MS));
        self.users == 0 && self.at < oldest.0
    }

    /// Everything that is needed to draw the points between two moments. Little is copied here, and
    /// nothing is decoded, because this runs on the writer thread.
    ///
    /// It takes the chunks that end after `from` and begin before `to`. The number before the first
    /// of them is the close of the last skipped chunk. Without a skipped one, it is the number that
    /// trimming has left.
    pub(super) fn slice(
        &self,
        retention: Retention,
        grain: Grain,
        (from, to): (Millis, Millis),
        now: Millis,
    ) -> HistorySlice {
        let resolution = &self.resolutions[grain as usize];
        let known_from = Millis(self.since).max(retention.oldest(grain, now));
        let (from, to) = (known_from.max(from).0, to.0);
        let width_ms = grain.width_ms();
        let skipped =
            resolution.chunks.partition_point(|it| (it.last + 1).saturating_mul(width_ms) <= from);
        let before =
            skipped.checked_sub(1).map_or(resolution.before, |at| resolution.chunks[at].close);
        let chunks = resolution.chunks.range(skipped..);
        let chunks = chunks.take_while(|it| it.first.saturating_mul(width_ms) < to).cloned();
        HistorySlice {
            width_ms,
            since: self.since,
            known_from: known_from.0,
            before,
            chunks: chunks.chain(resolution.segment.as_ref().map(Chunk::of)).collect(),
            open: resolution.open,
            // A reader's clock may be behind the journal's. The present number has lasted a moment.
            current: self.now_until(now.0.max(self.at + 1)),
            peaks: self.peaks.clone(),
        }
    }

    fn now_until(&self, until: u64) -> Interval {
        Interval { since: self.at, until, users: self.users }
    }
}
