//! Buckets in few bytes: a year of a thousand busy agents has to fit into memory.
//!
//! One after the other, each by its difference from the one before:
//!
//! ```text
//! [GAP varint(how many were quiet) varint(what stood meanwhile)]
//! one byte: low half  min less the min before, zigzag; ESCAPE: as a varint behind it
//!           high half max less min;                    ESCAPE: as a varint behind it
//! excess: sum less min times time, in as many bytes as (max - min) times the width can need
//! ```
//!
//! The two traps: a difference is by the *min* of the bucket before, across chunks from 0 again;
//! and a reader has to know the width to know how many bytes an excess takes. That the excess fits
//! follows from `min * covered <= sum <= max * covered` and `covered <= width`.
//!
//! For a bucket between whose min and max are 4 users or fewer this is 4 bytes at most.

use crate::varint;

/// One interval of time in which the number changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Which: the moment of its beginning by its width.
    pub(super) index: u64,
    pub(super) min: u32,
    pub(super) max: u32,
    /// Users times milliseconds.
    pub(super) sum: u64,
    /// What stood at its end.
    pub(super) last: u32,
}

/// A bucket as it stands in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coded {
    pub(super) index: u64,
    pub(super) min: u32,
    pub(super) max: u32,
    /// What `sum` is above the smallest that it could be.
    pub(super) excess: u64,
    /// What stood since the bucket before it, if there were quiet ones in between.
    pub(super) quiet: Option<u32>,
}

const HALF: u32 = 0xF;
const ESCAPE: u32 = 0xE;
/// No high half is this.
const GAP: u8 = 0xF0;

/// Buckets being written, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenSegment {
    pub(super) first: u64,
    /// The index behind the last one.
    pub(super) next: u64,
    /// The min of the last one.
    pub(super) low: u32,
    /// What stood at its end.
    pub(super) last: u32,
    pub(super) count: u32,
    pub(super) bytes: Vec<u8>,
}

impl OpenSegment {
    pub(super) fn new(first: u64) -> Self {
        Self { first, next: first, low: 0, last: 0, count: 0, bytes: Vec::new() }
    }

    /// Adds a bucket behind the last one; `covered_ms` is how much of its width is known.
    pub(super) fn push(&mut self, bucket: &Bucket, width_ms: u64, covered_ms: u64) {
        let Bucket { index, min, max, sum, last } = *bucket;
        debug_assert!(self.next <= index, "buckets are pushed in the order of time");
        debug_assert!(min <= max, "a min is no more than its max");
        if index > self.next {
            self.bytes.push(GAP);
            varint::push(&mut self.bytes, index - self.next);
            varint::push(&mut self.bytes, u64::from(self.last));
        }
        let (rise, range) = (zigzag(self.low, min), max - min);
        let half = |value: u64| u32::try_from(value).map_or(ESCAPE, |value| value.min(ESCAPE));
        let (low, high) = (half(rise), half(u64::from(range)));
        self.bytes.push(u8::try_from(low | high << 4).expect("two halves of a byte"));
        if low == ESCAPE {
            varint::push(&mut self.bytes, rise);
        }
        if high == ESCAPE {
            varint::push(&mut self.bytes, u64::from(range));
        }
        let excess = sum.saturating_sub(u64::from(min) * covered_ms);
        let length = excess_bytes(range, width_ms);
        debug_assert!(excess <= u64::from(range).saturating_mul(width_ms), "it fits its bytes");
        self.bytes.extend_from_slice(&excess.to_le_bytes()[..length]);
        (self.next, self.low, self.last) = (index + 1, min, last);
        self.count += 1;
    }
}

/// The buckets that were written; ends early where bytes make no sense.
pub(super) struct Decoder<'a> {
    bytes: &'a [u8],
    width_ms: u64,
    next: u64,
    low: u32,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(first: u64, bytes: &'a [u8], width_ms: u64) -> Self {
        Self { bytes, width_ms, next: first, low: 0 }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        varint::take(&mut self.bytes)
    }

    fn small_varint(&mut self) -> Option<u32> {
        self.varint().and_then(|value| value.try_into().ok())
    }
}

impl Iterator for Decoder<'_> {
    type Item = Coded;

    fn next(&mut self) -> Option<Coded> {
        let mut byte = self.byte()?;
        let mut quiet = None;
        if byte == GAP {
            self.next = self.next.checked_add(self.varint()?)?;
            quiet = Some(self.small_varint()?);
            byte = self.byte()?;
        }
        let (low, high) = (u32::from(byte) & HALF, u32::from(byte) >> 4);
        let rise = if low == ESCAPE { self.varint()? } else { u64::from(low) };
        let range = if high == ESCAPE { self.small_varint()? } else { high };
        let min = unzigzag(self.low, rise)?;
        let max = min.checked_add(range)?;
        let (excess, rest) = self.bytes.split_at_checked(excess_bytes(range, self.width_ms))?;
        let mut of_eight = [0; 8];
        of_eight[..excess.len()].copy_from_slice(excess);
        let index = self.next;
        (self.bytes, self.low, self.next) = (rest, min, index.checked_add(1)?);
        Some(Coded { index, min, max, excess: u64::from_le_bytes(of_eight), quiet })
    }
}

/// How many bytes the excess of such a bucket takes.
fn excess_bytes(range: u32, width_ms: u64) -> usize {
    let most = u64::from(range).saturating_mul(width_ms);
    ((u64::BITS - most.leading_zeros()) as usize).div_ceil(8)
}

/// The way from one value to another, the small ones by small numbers.
fn zigzag(from: u32, to: u32) -> u64 {
    if to >= from { u64::from(to - from) << 1 } else { (u64::from(from - to) << 1) - 1 }
}

fn unzigzag(from: u32, way: u64) -> Option<u32> {
    let length = u32::try_from(way.div_ceil(2)).ok()?;
    if way.is_multiple_of(2) { from.checked_add(length) } else { from.checked_sub(length) }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use live_users_core::HOUR_MS;

    #[test]
    fn a_busy_bucket_takes_three_bytes_or_four() {
        for (width_ms, max, bytes) in [(60_000, 3, 3), (60_000, 6, 4), (HOUR_MS, 6, 4)] {
            let mut segment = OpenSegment::new(7);
            for index in 7..17 {
                let bucket =
                    Bucket { index, min: 2, max, sum: u64::from(max) * width_ms - 7, last: 3 };
                segment.push(&bucket, width_ms, width_ms);
            }
            assert_eq!(segment.bytes.len(), 10 * bytes);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            buckets in vec((0_u64..3, 0_u32..40, 0_u32..40, 0_u64..=100, any::<u32>()), 1..50),
            big in any::<(u32, u32)>(),
        ) {
            let mut segment = OpenSegment::new(1000);
            let (mut index, mut quiet, mut expected) = (1000, 0, Vec::new());
            let last = (1, big.0 / 2, big.1 / 2, 50, 0);
            for (gap, min, range, percent, close) in buckets.into_iter().chain([last]) {
                let gap = if expected.is_empty() { 0 } else { gap };
                index += gap;
                let excess = u64::from(range) * HOUR_MS * percent / 100;
                let sum = u64::from(min) * HOUR_MS + excess;
                let bucket = Bucket { index, min, max: min + range, sum, last: close };
                segment.push(&bucket, HOUR_MS, HOUR_MS);
                let quiet_before = (gap > 0).then_some(quiet);
                expected.push(Coded { index, min, max: min + range, excess, quiet: quiet_before });
                (index, quiet) = (index + 1, close);
            }
            let read: Vec<_> = Decoder::new(1000, &segment.bytes, HOUR_MS).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn bytes_that_make_no_sense_end_early(bytes in vec(any::<u8>(), 0..100), first: u64) {
            let read = Decoder::new(first, &bytes, HOUR_MS).count();
            prop_assert!(read <= bytes.len());
        }
    }
}
