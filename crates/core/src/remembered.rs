//! The calls that are long over: of each its fingerprint and when it ended.
//!
//! They lie in buckets by how their fingerprints begin, and in each bucket by the hour of their end. So a
//! question goes to one bucket, whose filter answers for all hours at once, and an hour is forgotten
//! whole. Whatever a bucket has to move, when it takes in new calls, forgets or is split, is at most its
//! own few thousand calls: so no record takes long, however many calls are remembered.

mod bucket;
mod call;
mod filter;
mod merge;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::max;
use core::fmt;

use self::bucket::{BITS_MAX, Bucket, CALLS_MAX};
pub(crate) use self::call::Ended;
pub use self::call::{REMEMBERED_BYTES, RememberedCall};
use self::filter::Probe;
use self::merge::each_once;
use crate::fingerprint::Fingerprint;
use crate::{Agent, HOUR_MS, Millis};

/// So many buckets drop what is forgotten when something is forgotten; one does with each call that is
/// added.
const CLEANED_AT_ONCE: usize = 8;

/// So many buckets are checked at once.
const BUCKETS_CHECKED: usize = 8;

/// The calls that are long over, and what else follows from them.
///
/// For a snapshot: [`Remembered::hours`], the calls of each, and what [`Remembered::restore`] takes
/// beside them. The calls of an hour before [`Remembered::open_hour`] stay the same, so whoever writes
/// hours apart writes them once. There are two exceptions. A later name of a call that is over is added
/// to the hour of its end, which changes [`Remembered::count_of`] that hour. And a record may forget a
/// part of the oldest hour.
#[derive(Clone)]
pub struct Remembered {
    /// In no order. Copies of a tracker share them.
    buckets: Vec<Arc<Bucket>>,
    /// By the first bits of a fingerprint, its place in `buckets`; so many bits that there is one entry
    /// at least for each bucket.
    directory: Vec<u32>,
    /// How many of them ended in each hour.
    counts: BTreeMap<u64, usize>,
    /// From this bucket on, some may have hours that are forgotten.
    cleaned: usize,
    /// By agent, when the last of its calls to users ended that are only remembered.
    campaigns: BTreeMap<Agent, Millis>,
    /// Each call that ended before this is here, or has to stay whole.
    condensed_before: Millis,
    /// Those that ended before this are not remembered any more.
    forgotten_before: Millis,
    /// How many rows were ever written: what a single call costs at most.
    #[cfg(test)]
    written: usize,
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            directory: Vec::new(),
            counts: BTreeMap::new(),
            cleaned: 0,
            campaigns: BTreeMap::new(),
            condensed_before: Millis(0),
            forgotten_before: Millis(0),
            #[cfg(test)]
            written: 0,
        }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Remembered");
        shown.field("count", &self.count()).field("condensed_before", &self.condensed_before);
        shown.finish_non_exhaustive()
    }
}

impl Remembered {
    /// What a snapshot has: the calls by the hour of their end, the others as
    /// [`Remembered::campaigns`] and [`Remembered::condensed_before`] gave them. In any order.
    pub fn restore(
        condensed_before: Millis,
        campaigns: impl IntoIterator<Item = (Agent, Millis)>,
        hours: impl IntoIterator<Item = (u64, Vec<RememberedCall>)>,
    ) -> Self {
        let campaigns = campaigns.into_iter().collect();
        let mut remembered = Self { condensed_before, campaigns, ..Self::default() };
        let mut by_hour = BTreeMap::<u64, Vec<RememberedCall>>::new();
        for (hour, calls) in hours {
            let known = by_hour.entry(hour).or_default();
            match known.is_empty() {
                true => *known = calls,
                false => known.extend(calls),
            }
        }
        for calls in by_hour.values_mut() {
            if !calls.is_sorted_by(|a, b| a < b) {
                calls.sort_unstable();
            }
            each_once(calls);
        }
        by_hour.retain(|_, calls| !calls.is_empty());
        remembered.counts = by_hour.iter().map(|(hour, calls)| (*hour, calls.len())).collect();
        remembered.fill(&by_hour);
        remembered
    }

    /// Makes the buckets of all these calls, which are in their order in each hour.
    fn fill(&mut self, by_hour: &BTreeMap<u64, Vec<RememberedCall>>) {
        let calls: usize = by_hour.values().map(Vec::len).sum();
        if calls == 0 {
            return;
        }
        // As full as those are on average that have grown.
        let buckets = (calls / (CALLS_MAX * 3 / 4)).max(1).next_power_of_two();
        let bits = buckets.ilog2().min(BITS_MAX);
        let mut rest: Vec<_> = by_hour.iter().map(|(hour, calls)| (*hour, &calls[..])).collect();
        for at in 0..1u32 << bits {
            let own = rest.iter_mut().map(|(hour, calls)| {
                let is_own = |call: &RememberedCall| beginning(call.prefix(), bits) == at as usize;
                let (own, others) = calls.split_at(calls.partition_point(is_own));
                *calls = others;
                (*hour, own)
            });
            let prefix = ((u64::from(at) << BITS_MAX) >> bits).to_be_bytes();
            let prefix = u16::from_be_bytes([prefix[6], prefix[7]]);
            self.buckets.push(Arc::new(Bucket::of((prefix, bits), own)));
            self.directory.push(at);
        }
        self.cleaned = self.buckets.len();
    }

    /// The hours, counted from 1970, in which any of them ended, the first one first. Of the oldest
    /// one all may be forgotten.
    pub fn hours(&self) -> Vec<u64> {
        self.counts.keys().copied().collect()
    }

    /// The calls that ended in this hour, in their order. It takes a copy, 19 bytes of each.
    pub fn calls_of(&self, hour: u64) -> Vec<RememberedCall> {
        let mut calls = Vec::with_capacity(self.count_of(hour));
        let mut last = None;
        for at in self.directory.iter().filter(|_| self.counts.contains_key(&hour)) {
            // A bucket that is split less often than others stands there several times.
            if last != Some(*at) {
                calls.extend(self.buckets[*at as usize].calls_of(hour));
                last = Some(*at);
            }
        }
        calls.retain(|call| call.end(hour) >= self.forgotten_before);
        calls
    }

    /// How many ended in this hour. Of the oldest hour some of them may be forgotten.
    pub fn count_of(&self, hour: u64) -> usize {
        self.counts.get(&hour).copied().unwrap_or_default()
    }

    /// How many there are. Of the oldest hour some of them may be forgotten.
    pub fn count(&self) -> usize {
        self.counts.values().sum()
    }

    /// The first hour that may get more calls.
    pub fn open_hour(&self) -> u64 {
        self.condensed_before.0 / HOUR_MS
    }

    /// Each call that ended before this is here, unless it has to stay whole.
    pub fn condensed_before(&self) -> Millis {
        self.condensed_before
    }

    /// By agent, when the last of its calls to users ended that are here.
    pub fn campaigns(&self) -> impl Iterator<Item = (&Agent, Millis)> {
        self.campaigns.iter().map(|(agent, end)| (agent, *end))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub(crate) fn has_campaign(&self, agent: &Agent) -> bool {
        self.campaigns.contains_key(agent)
    }

    /// Whether a call may be here: of 100 others, about two may.
    pub(crate) fn may_have(&self, print: Fingerprint) -> bool {
        let bucket = self.bucket_of(print).map(|at| &self.buckets[at]);
        bucket.is_some_and(|bucket| bucket.may_have(Probe::of(print.bits)))
    }

    /// What is known of a call that is here.
    pub(crate) fn find(&self, print: Fingerprint) -> Option<Ended> {
        if !self.may_have(print) {
            return None;
        }
        let ends = self.buckets[self.bucket_of(print)?].ends(print).into_iter();
        ends.filter(|ended| ended.at >= self.forgotten_before).reduce(|one, other| Ended {
            at: max(one.at, other.at),
            is_sids: one.is_sids || other.is_sids,
        })
    }

    /// Adds a name of a call that has ended.
    pub(crate) fn insert(&mut self, print: Fingerprint, ended: Ended) {
        let (hour, first_hour) = (ended.hour(), self.forgotten_before.0 / HOUR_MS);
        if hour < first_hour {
            return;
        }
        if self.buckets.is_empty() {
            self.buckets.push(Arc::new(Bucket::of((0, 0), [])));
            self.directory.push(0);
            self.cleaned = 1;
        }
        let Some(at) = self.bucket_of(print) else { return };
        let is_maybe_known = self.buckets[at].may_have(Probe::of(print.bits));
        if is_maybe_known {
            let known = self.buckets[at].ends(print).into_iter().filter(|it| it.at == ended.at);
            let known: Vec<_> = known.collect();
            if known.iter().any(|known| known.is_sids || !ended.is_sids) {
                return;
            }
            // The same name, of which more is known now, takes the place of the one that is there.
            if !known.is_empty() {
                self.add(at, hour, RememberedCall::new(print, ended));
                return;
            }
        }
        *self.counts.entry(hour).or_default() += 1;
        self.add(at, hour, RememberedCall::new(print, ended));
        self.clean(1);
    }

    fn add(&mut self, at: usize, hour: u64, call: RememberedCall) {
        let first_hour = self.forgotten_before.0 / HOUR_MS;
        let bucket = Arc::make_mut(&mut self.buckets[at]);
        let mut written = bucket.push(hour, call, first_hour);
        if bucket.len() > CALLS_MAX && bucket.bits() < BITS_MAX {
            written += bucket.merge(first_hour);
            written += bucket.len();
            self.split(at);
        }
        self.note_written(written);
    }

    /// The place of the bucket that calls with this fingerprint belong to, if there is any.
    fn bucket_of(&self, print: Fingerprint) -> Option<usize> {
        let bits = self.directory.len().checked_ilog2()?;
        let [high, low, ..] = print.bits.to_be_bytes();
        Some(self.directory[beginning(u16::from_be_bytes([high, low]), bits)] as usize)
    }

    /// Makes two of a bucket whose calls are all in their places.
    fn split(&mut self, at: usize) {
        let [low, high] = self.buckets[at].halves();
        let mut bits = self.directory.len().ilog2();
        if high.bits() > bits {
            self.directory = self.directory.iter().flat_map(|at| [*at, *at]).collect();
            bits += 1;
        }
        let new = u32::try_from(self.buckets.len()).expect("there are at most 2^16 buckets");
        let from = beginning(high.prefix(), bits);
        self.directory[from..from + (1 << (bits - high.bits()))].fill(new);
        self.buckets[at] = Arc::new(low);
        self.buckets.push(Arc::new(high));
    }

    /// Has so many buckets drop the hours that are forgotten.
    fn clean(&mut self, buckets: usize) {
        let first_hour = self.forgotten_before.0 / HOUR_MS;
        let to = self.buckets.len().min(self.cleaned + buckets);
        let mut written = 0;
        for bucket in &mut self.buckets[self.cleaned.min(to)..to] {
            if bucket.has_before(first_hour) {
                written += Arc::make_mut(bucket).merge(first_hour);
            }
        }
        self.cleaned = to;
        self.note_written(written);
    }

    #[cfg(test)]
    fn note_written(&mut self, rows: usize) {
        self.written += rows;
    }

    #[cfg(not(test))]
    fn note_written(&mut self, _rows: usize) {}

    /// Notes that a call to a user, which ended then, is only remembered from now on.
    pub(crate) fn note_campaign(&mut self, agent: &Agent, end: Millis) {
        let last = self.campaigns.entry(agent.clone()).or_insert(end);
        *last = max(*last, end);
    }

    /// Notes that each call that ended before this is here, or has to stay whole.
    pub(crate) fn condensed(&mut self, before: Millis) {
        self.condensed_before = max(self.condensed_before, before);
    }

    /// Forgets those that ended before this. An hour goes whole, bit by bit.
    pub(crate) fn forget(&mut self, ended_before: Millis) {
        self.forgotten_before = max(self.forgotten_before, ended_before);
        let first_hour = self.forgotten_before.0 / HOUR_MS;
        let hours = self.counts.len();
        self.counts.retain(|hour, _| *hour >= first_hour);
        if self.counts.len() < hours {
            self.cleaned = 0;
        }
        self.campaigns.retain(|_, end| *end >= self.forgotten_before);
        self.clean(CLEANED_AT_ONCE);
    }

    /// The last moment of the hour in which the first of them ended.
    pub(crate) fn first_hour_until(&self) -> Option<Millis> {
        self.counts.keys().next().map(|first| last_moment(*first))
    }

    /// The same with other times.
    #[must_use]
    pub fn mapped(&self, map: &mut impl FnMut(Millis) -> Millis) -> Self {
        let mut hours = BTreeMap::<_, Vec<_>>::new();
        for hour in self.hours() {
            for call in self.calls_of(hour) {
                let ended = call.ended(hour);
                let ended = Ended { at: map(ended.at), ..ended };
                let mapped = RememberedCall::new(call.fingerprint(), ended);
                hours.entry(ended.hour()).or_default().push(mapped);
            }
        }
        let campaigns = self.campaigns.iter().map(|(agent, end)| (agent.clone(), map(*end)));
        let campaigns: Vec<_> = campaigns.collect();
        Self::restore(map(self.condensed_before), campaigns, hours)
    }

    /// Whether buckets are where they belong and calls are counted; and whether those of some buckets, which
    /// the number chooses, are in their order. Of a few buckets it is all: millions of calls are too many
    /// to be looked at on the thread that webhooks wait for.
    pub(crate) fn is_sound(&self, chosen: u64) -> bool {
        let first = usize::try_from(chosen % self.buckets.len().max(1) as u64).unwrap_or_default();
        let mut some = self.buckets.iter().cycle().skip(first).take(BUCKETS_CHECKED);
        let counts = self.counts.iter();
        let mut counts = counts.map(|(hour, count)| (*hour, *count));
        // What is told again with better news stands there twice for a while.
        let of_hour = |hour| self.buckets.iter().map(|bucket| bucket.count_of(hour)).sum::<usize>();
        let places = self.directory.iter().zip(0..);
        let mut places = places.map(|(at, place): (_, usize)| (&self.buckets[*at as usize], place));
        let bits = self.directory.len().checked_ilog2().unwrap_or_default();
        places.all(|(bucket, place)| {
            beginning(bucket.prefix(), bucket.bits()) == place >> (bits - bucket.bits())
        }) && some.all(|bucket| bucket.is_sound())
            && counts.all(|(hour, count)| count <= of_hour(hour))
    }
}

/// The number that so many first bits of the highest ones of a fingerprint are.
fn beginning(prefix: u16, bits: u32) -> usize {
    usize::from(prefix) >> (BITS_MAX - bits)
}

fn last_moment(hour: u64) -> Millis {
    Millis(hour.saturating_add(1).saturating_mul(HOUR_MS).saturating_sub(1))
}
