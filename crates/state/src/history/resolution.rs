//! The buckets of one width, of one series.

use std::collections::VecDeque;
use std::sync::Arc;

use super::codec::{Bucket, OpenSegment};

/// Buckets of one chunk: few enough that retention is kept closely, many enough that what a chunk
/// takes beside its bytes does not matter.
const CHUNK_BUCKETS: u32 = 256;

/// Buckets that are written, in bytes that do not change any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) first: u64,
    pub(super) last: u64,
    /// What stood at the end of the last.
    pub(super) close: u32,
    pub(super) bytes: Arc<[u8]>,
}

impl Chunk {
    pub(super) fn of(segment: &OpenSegment) -> Self {
        let bytes = segment.bytes.as_slice().into();
        Self {
            first: segment.first,
            last: segment.next.saturating_sub(1),
            close: segment.last,
            bytes,
        }
    }
}

/// The buckets in which something changed, the oldest first. What stood in the others follows from
/// the one before.
///
/// They lie in four places, one after the other. `before` stands for all that was trimmed. `chunks`
/// do not change any more. `segment` is written at its end, and `open` is still being summed up. So
/// `chunks.last < segment.first <= segment.next <= open.index` always holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resolution {
    /// What stood before the oldest chunk that is kept.
    pub(super) before: u32,
    pub(super) chunks: VecDeque<Chunk>,
    pub(super) segment: Option<OpenSegment>,
    /// The bucket of the last change, which may see another one.
    pub(super) open: Option<Bucket>,
}

impl Resolution {
    /// Adds that `users` were live between two changes. `since` is the beginning of the series.
    ///
    /// Only the first and the last bucket that the interval touches are written. In those between
    /// nothing changed, so they have no bytes, and the next bucket is written after a gap.
    ///
    /// Trap: an interval may end exactly where a bucket begins. Then no bucket is left open there,
    /// because one without any time would have neither a min nor a max.
    pub(super) fn stood(&mut self, width_ms: u64, since: u64, (from, to): (u64, u64), users: u32) {
        debug_assert!(since <= from && from < to, "an interval has a length");
        let (first, last) = (from / width_ms, to / width_ms);
        if self.open.is_none_or(|open| open.index != first) {
            self.close(width_ms, since);
        }
        let first_ms = to.min((first + 1) * width_ms) - from;
        self.open = Some(added(self.open, first, users, first_ms));
        if last > first {
            self.close(width_ms, since);
            let rest_ms = to - last * width_ms;
            if rest_ms > 0 {
                self.open = Some(added(None, last, users, rest_ms));
            }
        }
        debug_assert!(
            self.segment.as_ref().is_none_or(|segment| segment.first <= segment.next
                && self.open.is_none_or(|open| segment.next <= open.index)),
            "the open bucket comes after the written ones"
        );
    }

    /// Drops the chunks that end before this bucket.
    pub(super) fn trim(&mut self, oldest: u64) {
        while let Some(chunk) = self.chunks.pop_front_if(|chunk| chunk.last < oldest) {
            self.before = chunk.close;
        }
    }

    fn close(&mut self, width_ms: u64, since: u64) {
        let Some(bucket) = self.open.take() else { return };
        let behind = self.chunks.back().map_or(0, |chunk| chunk.last + 1);
        debug_assert!(behind <= bucket.index, "buckets are written in the order of time");
        let segment = self.segment.get_or_insert_with(|| OpenSegment::new(bucket.index));
        // The very first bucket is known from the middle on: less than its width is covered.
        let begin = since.max(bucket.index * width_ms);
        segment.push(&bucket, width_ms, (bucket.index + 1) * width_ms - begin);
        if segment.count == CHUNK_BUCKETS {
            self.chunks.push_back(Chunk::of(segment));
            self.segment = None;
        }
    }
}

fn added(bucket: Option<Bucket>, index: u64, users: u32, ms: u64) -> Bucket {
    let sum = u64::from(users) * ms;
    // The codec relies on `min * covered <= sum <= max * covered`, which each addition keeps.
    bucket.map_or(Bucket { index, min: users, max: users, sum, last: users }, |bucket| Bucket {
        index,
        min: bucket.min.min(users),
        max: bucket.max.max(users),
        sum: bucket.sum + sum,
        last: users,
    })
}
