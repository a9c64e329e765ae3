//! What is read of a history, away from the thread that keeps it.

use live_users_core::Millis;

use super::codec::{Bucket, Decoder};
use super::peaks::{Interval, PeakDeque, Peaks};
use super::resolution::Chunk;

/// Part of the history of one number, as compactly as it is kept.
#[derive(Clone, Debug)]
pub struct HistorySlice {
    pub(super) width_ms: u64,
    pub(super) since: u64,
    pub(super) known_from: u64,
    /// What stood before the first of the chunks.
    pub(super) before: u32,
    pub(super) chunks: Vec<Chunk>,
    pub(super) open: Option<Bucket>,
    /// What stands now.
    pub(super) current: Interval,
    pub(super) peaks: PeakDeque,
}

/// The number over a interval of time, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// The fewest users.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// Users times milliseconds.
    pub sum: u64,
    /// How much of the interval is known, in milliseconds; 0 if nothing is.
    pub known_ms: u64,
}

impl Point {
    /// How many there were on average; `None` if nothing is known.
    pub fn mean(&self) -> Option<f64> {
        (self.known_ms > 0).then(|| self.sum as f64 / self.known_ms as f64)
    }

    /// The sum of two numbers over the same interval, as far as both are known: the fewest and the
    /// most are bounds, since those of both need not have been at one moment.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let known_ms = self.known_ms.min(other.known_ms);
        if known_ms == 0 {
            return Self::default();
        }
        let part = |it: Self| match it.known_ms == known_ms {
            true => it.sum,
            // One begins within the interval: as if its mean had stood all the time.
            false => {
                let sum = u128::from(it.sum) * u128::from(known_ms) / u128::from(it.known_ms);
                u64::try_from(sum).unwrap_or(u64::MAX)
            }
        };
        Self {
            min: self.min.saturating_add(other.min),
            max: self.max.saturating_add(other.max),
            sum: part(self).saturating_add(part(other)),
            known_ms,
        }
    }

    /// The two together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        match (self.known_ms, other.known_ms) {
            (0, _) => other,
            (_, 0) => self,
            (_, _) => Self {
                min: self.min.min(other.min),
                max: self.max.max(other.max),
                sum: self.sum.saturating_add(other.sum),
                known_ms: self.known_ms.saturating_add(other.known_ms),
            },
        }
    }
}

impl HistorySlice {
    /// So many points of `step_ms` from this moment on. Both are multiples of the width of the
    /// grain that the excerpt was taken of; a step of 0 gives nothing.
    pub fn points(&self, from: Millis, step_ms: u64, count: usize) -> Vec<Point> {
        let bounds = (0..=count as u64).map(|n| Millis(from.0.saturating_add(n * step_ms)));
        self.points_between(&bounds.collect::<Vec<_>>())
    }

    /// The points between these moments, which ascend and are multiples of the width of the grain
    /// that the excerpt was taken of: one point fewer than there are moments.
    pub fn points_between(&self, bounds: &[Millis]) -> Vec<Point> {
        let mut points = vec![Point::default(); bounds.len().saturating_sub(1)];
        let mut line = Line { bounds, points: &mut points };
        let (mut end, mut stood) = (self.known_from, self.before);
        for chunk in &self.chunks {
            for coded in Decoder::new(chunk.first, &chunk.bytes, self.width_ms) {
                let begin = coded.index.saturating_mul(self.width_ms);
                let (from, to) = (begin.max(self.since), begin.saturating_add(self.width_ms));
                line.stood((end, begin), coded.quiet.unwrap_or(stood));
                end = end.max(to);
                // The oldest chunk reaches back behind what is kept.
                if from >= self.known_from {
                    let known_ms = to.saturating_sub(from);
                    let sum = u64::from(coded.min).saturating_mul(known_ms);
                    let sum = sum.saturating_add(coded.excess);
                    line.add(begin, Point { min: coded.min, max: coded.max, sum, known_ms });
                }
            }
            stood = chunk.close;
        }
        if let Some(Bucket { index, min, max, sum, last }) = self.open {
            let begin = index.saturating_mul(self.width_ms);
            let (from, to) = (begin.max(self.since), self.current.since);
            line.stood((end, begin), stood);
            end = end.max(to);
            if from >= self.known_from {
                line.add(begin, Point { min, max, sum, known_ms: to.saturating_sub(from) });
            }
            stood = last;
        }
        let Interval { since, until, users } = self.current;
        line.stood((end, since), stood);
        line.stood((end.max(since), until), users);
        points
    }

    /// The most users at once.
    pub fn peaks(&self) -> Peaks {
        self.peaks.peaks(self.current)
    }

    /// How many there are now.
    #[cfg(test)]
    pub(crate) fn now(&self) -> u32 {
        self.current.users
    }

    /// Since when anything is known.
    pub fn known_from(&self) -> Millis {
        Millis(self.known_from)
    }
}

/// The points that are being filled.
struct Line<'a> {
    /// Where each point begins, and where the last one ends.
    bounds: &'a [Millis],
    points: &'a mut [Point],
}

impl Line<'_> {
    /// A bucket, which is within one point or none.
    fn add(&mut self, begin: u64, point: Point) {
        if let Some(place) = self.place(begin) {
            self.points[place] = self.points[place].with(point);
        }
    }

    /// So many users, from one moment to another.
    fn stood(&mut self, (from, to): (u64, u64), users: u32) {
        let from = self.bounds.first().map_or(from, |first| from.max(first.0));
        let Some(first) = self.place(from) else { return };
        for place in first..self.points.len() {
            let begin = from.max(self.bounds[place].0);
            let end = to.min(self.bounds[place + 1].0);
            if begin >= end {
                return;
            }
            let known_ms = end - begin;
            let sum = u64::from(users).saturating_mul(known_ms);
            let point = Point { min: users, max: users, sum, known_ms };
            self.points[place] = self.points[place].with(point);
        }
    }

    /// The point that a moment is in.
    fn place(&self, at: u64) -> Option<usize> {
        let begun = self.bounds.partition_point(|bound| bound.0 <= at);
        begun.checked_sub(1).filter(|place| *place < self.points.len())
    }
}
