//! The calls whose fingerprints begin alike: 18 to 19 bytes each, and a filter.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::filter::{Filter, Probe};
use super::merge::merged;
use crate::fingerprint::Fingerprint;
use crate::remembered::{Ended, REMEMBERED_BYTES, RememberedCall};

/// The bytes of a fingerprint.
const PRINT: usize = 16;

/// So many bits that fingerprints have in common decide about a bucket at most.
pub(super) const BITS_MAX: u32 = 16;

/// A bucket with more calls than these is split.
pub(super) const CALLS_MAX: usize = 6_144;

/// Newly added calls are merged into the others when there are so many: one for each `FRESH_PART`, but
/// not fewer than `FRESH_MIN`.
const FRESH_MIN: usize = 16;
const FRESH_PART: usize = 96;

/// A filter has room for one call in so many beside those that there are.
const ROOM_PART: usize = 16;

/// The calls whose fingerprints begin with the same bits, by the hour of their end. In each hour they
/// are in their order, so a whole hour of all buckets is read, and forgotten, as one piece of each.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// The highest bits of all fingerprints; so many of it count.
    prefix: u16,
    bits: u32,
    filter: Filter,
    /// What is left of each row without the whole bytes of the prefix, one behind the other. Copies of a
    /// tracker share it.
    rows: Arc<Vec<u8>>,
    /// By hour; where the rows of each end.
    sections: Vec<Section>,
    /// Those that are not among the rows yet, by their section.
    fresh: Vec<(u32, RememberedCall)>,
}

#[derive(Clone, Copy, Debug)]
struct Section {
    hour: u64,
    end: usize,
}

impl Bucket {
    /// One with these calls by hour, which are in their order, each once.
    pub(super) fn of<'a>(
        (prefix, bits): (u16, u32),
        hours: impl IntoIterator<Item = (u64, &'a [RememberedCall])>,
    ) -> Self {
        let (rows, sections, fresh) = Default::default();
        let filter = Filter::for_calls(0);
        let mut bucket = Self { prefix, bits, filter, rows, sections, fresh };
        let hours: Vec<_> = hours.into_iter().collect();
        let len: usize = hours.iter().map(|(_, calls)| calls.len()).sum();
        let mut rows = Vec::with_capacity(len * bucket.width());
        for (hour, calls) in hours {
            calls.iter().for_each(|call| rows.extend_from_slice(&call.0[bucket.stripped()..]));
            bucket.end_section(hour, rows.len());
        }
        bucket.rows = Arc::new(rows);
        bucket.filter = bucket.new_filter();
        bucket
    }

    /// How many calls there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len() / self.width() + self.fresh.len()
    }

    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// The highest bits that all fingerprints here have.
    pub(super) fn prefix(&self) -> u16 {
        self.prefix
    }

    /// The bytes of the prefix that are not in the rows.
    fn stripped(&self) -> usize {
        (self.bits / 8) as usize
    }

    fn width(&self) -> usize {
        REMEMBERED_BYTES - self.stripped()
    }

    /// Whether a call may be here.
    pub(super) fn may_have(&self, probe: Probe) -> bool {
        self.filter.may_have(probe)
    }

    /// What is known of those with this fingerprint: one, or more if it was forgotten and began again.
    pub(super) fn ends(&self, print: Fingerprint) -> Vec<Ended> {
        let mut ends = Vec::new();
        for (at, call) in &self.fresh {
            if call.fingerprint() == print {
                ends.push(call.ended(self.sections[*at as usize].hour));
            }
        }
        let whole = print.bits.to_be_bytes();
        let mut from = 0;
        for section in &self.sections {
            let first = self.seek(print.bits, (from, section.end));
            let rows = (first..section.end).map(|at| self.row(at));
            let own = rows.take_while(|row| row.0[..PRINT] == whole);
            let own = own.filter(|row| row.fingerprint() == print);
            ends.extend(own.map(|row| row.ended(section.hour)));
            from = section.end;
        }
        ends
    }

    /// The first of these rows whose fingerprint is not less than this one. Fingerprints are spread
    /// evenly, so it is looked for where its share of the rows ends: nearly always within a line or two.
    fn seek(&self, print: u128, (from, to): (usize, usize)) -> usize {
        let whole = print.to_be_bytes();
        let is_less = |at: usize| {
            let begin = at * self.width();
            let end = begin + PRINT - self.stripped();
            self.rows[begin..end] < whole[self.stripped()..]
        };
        let share = (print << self.bits) >> 96;
        let rows = to - from;
        let guess = usize::try_from((share * rows as u128) >> 32).map_or(to, |it| from + it);
        let reach = rows.isqrt() + 1;
        let (mut low, mut high) = (guess.saturating_sub(reach).max(from), (guess + reach).min(to));
        if low > from && !is_less(low - 1) {
            low = from;
        }
        if high < to && is_less(high) {
            high = to;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if is_less(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The calls that ended in this hour, in their order.
    pub(super) fn calls_of(&self, hour: u64) -> Vec<RememberedCall> {
        let Some(at) = self.sections.iter().position(|it| it.hour == hour) else {
            return Vec::new();
        };
        let own = self.fresh.iter().filter(|(section, _)| *section as usize == at);
        let mut fresh: Vec<_> = own.map(|(_, call)| *call).collect();
        fresh.sort_unstable();
        let (from, to) = self.section(at);
        merged((from..to).map(|at| self.row(at)), fresh.into_iter())
    }

    /// How many calls ended in this hour; one of which more became known may count twice.
    pub(super) fn count_of(&self, hour: u64) -> usize {
        let Some(at) = self.sections.iter().position(|it| it.hour == hour) else { return 0 };
        let (from, to) = self.section(at);
        let fresh = self.fresh.iter().filter(|(section, _)| *section as usize == at);
        to - from + fresh.count()
    }

    /// Adds a call. Those of the hours before `first_hour` are forgotten when it comes to that. Returns
    /// how many rows were written.
    pub(super) fn push(&mut self, hour: u64, call: RememberedCall, first_hour: u64) -> usize {
        let mut written = 1;
        let fresh_max = (self.len() / FRESH_PART).max(FRESH_MIN);
        let is_known = self.sections.binary_search_by_key(&hour, |it| it.hour).is_ok();
        if self.fresh.len() >= fresh_max || !is_known {
            written += self.merge(first_hour);
        }
        let at = match self.sections.binary_search_by_key(&hour, |it| it.hour) {
            Ok(at) => at,
            Err(at) => {
                // Nothing is fresh now, so no place changes.
                let end = if at == 0 { 0 } else { self.sections[at - 1].end };
                self.sections.insert(at, Section { hour, end });
                at
            }
        };
        let at = u32::try_from(at).expect("there are fewer than 2^32 hours");
        self.fresh.reserve_exact(if self.fresh.is_empty() { fresh_max } else { 1 });
        self.fresh.push((at, call));
        if self.filter.is_full() {
            self.filter = self.new_filter();
            written += self.len();
        } else {
            self.filter.add(Probe::of(call.fingerprint().bits));
        }
        written
    }

    /// Whether calls of hours before this one are here.
    pub(super) fn has_before(&self, first_hour: u64) -> bool {
        self.sections.first().is_some_and(|it| it.hour < first_hour)
    }

    /// Puts the fresh ones in their places, and forgets those of the hours before this one. Returns how
    /// many rows were written.
    pub(super) fn merge(&mut self, first_hour: u64) -> usize {
        let mut fresh = core::mem::take(&mut self.fresh);
        if fresh.is_empty() && !self.has_before(first_hour) {
            return 0;
        }
        fresh.sort_unstable();
        let width = self.width();
        let mut rows = Vec::with_capacity(self.rows.len() + fresh.len() * width);
        let sections = core::mem::take(&mut self.sections);
        let (mut from, mut fresh, mut is_less) = (0, &fresh[..], false);
        for (Section { hour, end }, at) in sections.into_iter().zip(0..) {
            let (own, others) =
                fresh.split_at(fresh.partition_point(|(section, _)| *section == at));
            fresh = others;
            if hour < first_hour {
                is_less = true;
            } else if own.is_empty() {
                rows.extend_from_slice(&self.rows[from * width..end * width]);
            } else {
                let own = own.iter().map(|(_, call)| *call);
                let calls = merged((from..end).map(|at| self.row(at)), own);
                calls.iter().for_each(|call| rows.extend_from_slice(&call.0[self.stripped()..]));
            }
            from = end;
            self.end_section(hour, rows.len());
        }
        if is_less {
            rows.shrink_to_fit();
        }
        self.rows = Arc::new(rows);
        let written = self.len();
        if is_less {
            self.filter = self.new_filter();
        }
        written
    }

    /// Ends the section of an hour where the rows end now, if it has any.
    fn end_section(&mut self, hour: u64, bytes: usize) {
        let end = bytes / self.width();
        if self.sections.last().map_or(0, |it| it.end) < end {
            self.sections.push(Section { hour, end });
        }
    }

    /// The two halves of one whose fresh calls are in their places: where the next bit is 0, and where
    /// it is 1.
    pub(super) fn halves(&self) -> [Self; 2] {
        debug_assert!(self.fresh.is_empty() && self.bits < BITS_MAX, "it can be split");
        let bit = 1u16 << (BITS_MAX - 1 - self.bits);
        let hours: Vec<(u64, Vec<_>)> = (0..self.sections.len())
            .map(|at| {
                let (from, to) = self.section(at);
                (self.sections[at].hour, (from..to).map(|at| self.row(at)).collect())
            })
            .collect();
        [self.prefix, self.prefix | bit].map(|prefix| {
            let own = hours.iter().map(|(hour, calls)| {
                let middle = calls.partition_point(|call| call.prefix() & bit == 0);
                let own = if prefix & bit == 0 { &calls[..middle] } else { &calls[middle..] };
                (*hour, own)
            });
            Self::of((prefix, self.bits + 1), own)
        })
    }

    /// A filter with all that are here.
    fn new_filter(&self) -> Filter {
        let mut filter = Filter::for_calls(self.len() + self.len() / ROOM_PART + FRESH_MIN);
        let rows = (0..self.rows.len() / self.width()).map(|at| self.row(at));
        let all = rows.chain(self.fresh.iter().map(|(_, call)| *call));
        all.for_each(|call| filter.add(Probe::of(call.fingerprint().bits)));
        filter
    }

    /// Where the rows of a section begin and end.
    fn section(&self, at: usize) -> (usize, usize) {
        (if at == 0 { 0 } else { self.sections[at - 1].end }, self.sections[at].end)
    }

    fn row(&self, at: usize) -> RememberedCall {
        let (stripped, width) = (self.stripped(), self.width());
        let mut bytes = [0; REMEMBERED_BYTES];
        bytes[..stripped].copy_from_slice(&self.prefix.to_be_bytes()[..stripped]);
        bytes[stripped..].copy_from_slice(&self.rows[at * width..(at + 1) * width]);
        RememberedCall(bytes)
    }

    /// Whether all are in their order, where they belong and let pass by the filter.
    pub(super) fn is_sound(&self) -> bool {
        let is_own = |call: &RememberedCall| {
            let differing = u32::from(call.prefix() ^ self.prefix);
            let passes = self.filter.may_have(Probe::of(call.fingerprint().bits));
            passes && differing >> (BITS_MAX - self.bits) == 0
        };
        let mut sections = (0..self.sections.len()).map(|at| self.section(at));
        let in_order = |(from, to): (usize, usize)| {
            let mut rows = (from..to).map(|at| self.row(at));
            rows.clone().is_sorted_by(|a, b| a < b) && rows.all(|row| is_own(&row))
        };
        let end = self.sections.last().map_or(0, |it| it.end);
        self.sections.is_sorted_by(|a, b| a.hour < b.hour)
            && end * self.width() == self.rows.len()
            && sections.all(in_order)
            && self.fresh.iter().all(|(_, call)| is_own(call))
    }
}
