//! Leaves out the end of a history, whose times are wrong.

use std::collections::VecDeque;

use live_users_core::{HOUR_MS, Millis};

use super::codec::{Bucket, Decoder, OpenSegment};
use super::peaks::{Interval, PeakDeque};
use super::resolution::{Chunk, Resolution};
use super::time_series::TimeSeries;
use super::{Grain, History, RetentionClock};

impl History {
    /// The history up to the beginning of the hour of this moment. A bucket of every width ends
    /// there, so no bucket has to be divided.
    pub(crate) fn until(mut self, at: Millis) -> Self {
        let end = at.0 / HOUR_MS * HOUR_MS;
        let kept = [&mut self.agents, &mut self.accounts];
        let series = kept.into_iter().flat_map(|it| {
            it.refused = it.refused.map(|refused| refused.min(Millis(end)));
            it.lines.values_mut()
        });
        for lines in self.all.iter_mut().chain(series) {
            lines.all_mut().for_each(|series| series.cut(end));
            lines.recent.cut(lines.present(Millis(end)));
        }
        self.clock = RetentionClock::at(self.clock.time.min(Millis(end)));
        self.hour = self.clock.time.0 / HOUR_MS;
        self
    }
}

impl TimeSeries {
    /// Leaves out what was after this moment, the end of an hour.
    fn cut(&mut self, end: u64) {
        if self.since >= end {
            *self = Self::new(Millis(end), 0);
        } else if self.at > end {
            self.users =
                self.resolutions[Grain::Minute as usize].stood_at(Grain::Minute.width_ms(), end);
            for (grain, resolution) in Grain::ALL.into_iter().zip(&mut self.resolutions) {
                resolution.cut(grain.width_ms(), self.since, end);
            }
            self.peaks.cut(end);
            self.at = end;
        }
    }
}

impl Resolution {
    /// What stood at this moment. Where two buckets follow each other without quiet time in between,
    /// the fewest of the second one.
    fn stood_at(&self, width_ms: u64, at: u64) -> u32 {
        let (index, mut before) = (at / width_ms, self.before);
        for chunk in self.chunks.iter().cloned().chain(self.segment.as_ref().map(Chunk::of)) {
            let mut coded = Decoder::new(chunk.first, &chunk.bytes, width_ms);
            if let Some(found) = coded.find(|it| it.index >= index) {
                let is_first = found.index == chunk.first;
                return found.quiet.unwrap_or(if is_first { before } else { found.min });
            }
            before = chunk.close;
        }
        before
    }

    /// Leaves out the buckets from this moment on, at which one begins.
    fn cut(&mut self, width_ms: u64, since: u64, end: u64) {
        let index = end / width_ms;
        self.open = self.open.filter(|open| open.index < index);
        let segment = self.segment.take().map(|it| (Chunk::of(&it), it));
        let mut kept = VecDeque::new();
        for chunk in std::mem::take(&mut self.chunks) {
            match (chunk.first < index, chunk.last < index) {
                (_, true) => kept.push_back(chunk),
                (true, false) => self.segment = shortened(&chunk, width_ms, since, index),
                (false, false) => {}
            }
        }
        self.chunks = kept;
        match segment {
            Some((_, segment)) if segment.next <= index => self.segment = Some(segment),
            Some((chunk, _)) if chunk.first < index => {
                self.segment = shortened(&chunk, width_ms, since, index);
            }
            _ => {}
        }
    }
}

/// The buckets of a chunk before this one, written anew.
fn shortened(chunk: &Chunk, width_ms: u64, since: u64, index: u64) -> Option<OpenSegment> {
    let mut segment = OpenSegment::new(chunk.first);
    let mut coded = Decoder::new(chunk.first, &chunk.bytes, width_ms).peekable();
    while let Some(it) = coded.next_if(|it| it.index < index) {
        // What stood at its end is told by the next one, if there was quiet time in between.
        let last = coded.peek().map_or(chunk.close, |next| next.quiet.unwrap_or(next.min));
        let begin = it.index * width_ms;
        let covered_ms = begin + width_ms - begin.max(since);
        let sum = u64::from(it.min) * covered_ms + it.excess;
        let bucket = Bucket { index: it.index, min: it.min, max: it.max, sum, last };
        segment.push(&bucket, width_ms, covered_ms);
    }
    (segment.count > 0).then_some(segment)
}

impl PeakDeque {
    /// Leaves out what was after this moment.
    fn cut(&mut self, end: u64) {
        let clip = |it: Interval| Interval { until: it.until.min(end), ..it };
        self.list = self.list.iter().filter(|it| it.since < end).map(|it| clip(*it)).collect();
        let most = || self.list.iter().copied().max_by_key(|it| it.users);
        self.ever = self.ever.filter(|it| it.since < end).map(clip).or_else(most);
    }
}
