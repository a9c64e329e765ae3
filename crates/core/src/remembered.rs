//! The calls that are long over: of each its fingerprint and when it ended.
//!
//! They lie by the hour of their end, and an hour is dropped whole. Newly added ones are in a small
//! hash map. When that is full, they move into tables that do not change. Tables of one hour are
//! merged when they are of similar sizes, and once the hour gets no more calls it is one table. So
//! nothing has room to spare, and a copy shares the tables.

mod merge;
mod table;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::{max, min};
use core::fmt;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use self::merge::merged;
use self::table::{Probe, Table};
use crate::fingerprint::Fingerprint;
use crate::intern::HASHER;
use crate::{Agent, HOUR_MS, Millis};

/// The bytes of a [`RememberedCall`].
pub const REMEMBERED_BYTES: usize = 19;

/// So many are added before they move into tables: less than a megabyte.
const FRESH_MAX: usize = 8_192;

/// A call that is long over, as a snapshot keeps it. In their order they are sorted by fingerprint.
///
/// The first 16 bytes are the fingerprint of its id, or of another of its names. The last three are a
/// number, the most significant byte first. Its highest bit says that this name is no CallSid, the next
/// one that the call has a CallSid. The other 22 are the milliseconds from the beginning of the hour to
/// the end of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RememberedCall(pub [u8; REMEMBERED_BYTES]);

const TEXT_BIT: u32 = 1 << 23;
const SIDS_BIT: u32 = 1 << 22;
const OFFSET_BITS: u32 = (1 << 22) - 1;
const _: () = assert!(HOUR_MS <= OFFSET_BITS as u64);

/// What is known of a call under one of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// When it ended.
    pub(crate) at: Millis,
    /// Whether it has a CallSid, under whichever name it is found.
    pub(crate) is_sids: bool,
}

impl Ended {
    fn hour(self) -> u64 {
        self.at.0 / HOUR_MS
    }
}

impl RememberedCall {
    fn new(print: Fingerprint, ended: Ended) -> Self {
        let offset = u32::try_from(ended.at.0 % HOUR_MS).expect("an hour has fewer milliseconds");
        let bit = |is_set: bool, bit: u32| if is_set { bit } else { 0 };
        let last = offset | bit(print.is_text, TEXT_BIT) | bit(ended.is_sids, SIDS_BIT);
        let mut bytes = [0; REMEMBERED_BYTES];
        bytes[..16].copy_from_slice(&print.bits.to_be_bytes());
        bytes[16..].copy_from_slice(&last.to_be_bytes()[1..]);
        Self(bytes)
    }

    fn last(&self) -> u32 {
        let [high, middle, low] = [self.0[16], self.0[17], self.0[18]];
        u32::from_be_bytes([0, high, middle, low])
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut bits = [0; 16];
        bits.copy_from_slice(&self.0[..16]);
        Fingerprint { bits: u128::from_be_bytes(bits), is_text: self.last() & TEXT_BIT != 0 }
    }

    /// When it ended, if that was in this hour.
    pub fn end(&self, hour: u64) -> Millis {
        Millis(hour.saturating_mul(HOUR_MS).saturating_add(u64::from(self.last() & OFFSET_BITS)))
    }

    fn ended(&self, hour: u64) -> Ended {
        Ended { at: self.end(hour), is_sids: self.last() & SIDS_BIT != 0 }
    }
}

/// The calls that are long over, and what else follows from them.
///
/// For a snapshot: [`Remembered::hours`], the calls of each, and what [`Remembered::restore`] takes
/// beside them. The calls of an hour before [`Remembered::open_hour`] stay the same, so whoever writes
/// hours apart writes them once. There are two exceptions. A later name of a call that is over is added
/// to the hour of its end, which changes [`Remembered::count_of`] that hour. And a record may forget a
/// part of the oldest hour.
#[derive(Clone)]
pub struct Remembered {
    /// By hour, and of one hour the larger before the smaller.
    tables: Vec<Arc<Table>>,
    /// Those that are in no table yet.
    fresh: HashMap<Fingerprint, Ended, FixedState>,
    /// The first hour in which one of these ended.
    fresh_from: u64,
    /// By agent, when the last of its calls to users ended that are only remembered.
    campaigns: BTreeMap<Agent, Millis>,
    /// Each call that ended before this is here, or has to stay whole.
    condensed_before: Millis,
    /// Those that ended before this are not remembered any more.
    forgotten_before: Millis,
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            fresh: HashMap::with_hasher(HASHER),
            fresh_from: u64::MAX,
            campaigns: BTreeMap::new(),
            condensed_before: Millis(0),
            forgotten_before: Millis(0),
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
        for (hour, mut calls) in hours {
            if !calls.is_sorted_by(|a, b| a < b) {
                calls.sort_unstable();
                calls.dedup();
            }
            remembered.add_table(hour, &calls);
        }
        remembered
    }

    /// The hours, counted from 1970, in which any of them ended, the first one first. Of the oldest
    /// one all may be forgotten.
    pub fn hours(&self) -> Vec<u64> {
        let of_fresh = self.fresh.values().map(|it| it.hour());
        let mut hours: Vec<_> = self.tables.iter().map(|it| it.hour).chain(of_fresh).collect();
        hours.sort_unstable();
        hours.dedup();
        hours
    }

    /// The calls that ended in this hour, in their order. It takes a copy, 19 bytes of each.
    pub fn calls_of(&self, hour: u64) -> Vec<RememberedCall> {
        let fresh = self.fresh.iter().filter(|(_, ended)| ended.hour() == hour);
        let mut fresh: Vec<_> =
            fresh.map(|(print, ended)| RememberedCall::new(*print, *ended)).collect();
        fresh.sort_unstable();
        let mut calls = fresh;
        for table in self.tables.iter().filter(|table| table.hour == hour) {
            calls = merged(calls.into_iter(), table.calls());
        }
        calls.retain(|call| call.end(hour) >= self.forgotten_before);
        calls
    }

    /// How many ended in this hour. Of the oldest hour some of them may be forgotten.
    pub fn count_of(&self, hour: u64) -> usize {
        let tables = self.tables.iter().filter(|table| table.hour == hour);
        let fresh = self.fresh.values().filter(|it| it.hour() == hour);
        tables.map(|table| table.len).sum::<usize>() + fresh.count()
    }

    /// How many there are. Of the oldest hour some of them may be forgotten.
    pub fn count(&self) -> usize {
        self.tables.iter().map(|table| table.len).sum::<usize>() + self.fresh.len()
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
        self.tables.is_empty() && self.fresh.is_empty()
    }

    pub(crate) fn has_campaign(&self, agent: &Agent) -> bool {
        self.campaigns.contains_key(agent)
    }

    /// What is known of a call that is here.
    pub(crate) fn find(&self, print: Fingerprint) -> Option<Ended> {
        let known = |ended: &Ended| ended.at >= self.forgotten_before;
        let mut found = self.fresh.get(&print).copied().filter(known);
        let probe = Probe::of(print.bits);
        for tables in self.tables.chunks(64) {
            // The filters of all tables before any table: they lie far apart in memory, and a
            // processor waits for them side by side.
            let asked = tables.iter().zip(0..);
            let mut maybe =
                asked.fold(0u64, |all, (it, at)| all | u64::from(it.may_have(probe)) << at);
            while maybe != 0 {
                let table = &tables[maybe.trailing_zeros() as usize];
                maybe &= maybe - 1;
                let here = table.find(print).map(|call| call.ended(table.hour)).filter(known);
                found = here.fold(found, |found, it| {
                    let is_sids = it.is_sids || found.is_some_and(|found| found.is_sids);
                    Some(Ended { at: found.map_or(it.at, |found| max(found.at, it.at)), is_sids })
                });
            }
        }
        found
    }

    /// Adds a name of a call that has ended.
    pub(crate) fn insert(&mut self, print: Fingerprint, ended: Ended) {
        self.fresh.insert(print, ended);
        self.fresh_from = min(self.fresh_from, ended.hour());
        if self.fresh.len() >= FRESH_MAX {
            self.settle();
        }
    }

    /// Notes that a call to a user, which ended then, is only remembered from now on.
    pub(crate) fn note_campaign(&mut self, agent: &Agent, end: Millis) {
        let last = self.campaigns.entry(agent.clone()).or_insert(end);
        *last = max(*last, end);
    }

    /// Notes that each call that ended before this is here, or has to stay whole.
    pub(crate) fn condensed(&mut self, before: Millis) {
        let open = self.open_hour();
        self.condensed_before = max(self.condensed_before, before);
        if self.open_hour() > open {
            self.settle();
            let open = self.open_hour();
            self.merge_while(|one, other| one.hour == other.hour && one.hour < open);
        }
    }

    /// Forgets those that ended before this. An hour goes whole.
    pub(crate) fn forget(&mut self, ended_before: Millis) {
        self.forgotten_before = max(self.forgotten_before, ended_before);
        let before = self.forgotten_before;
        self.tables.retain(|table| last_moment(table.hour) >= before);
        self.fresh.retain(|_, ended| ended.at >= before);
        self.fresh_from = self.fresh.values().map(|it| it.hour()).min().unwrap_or(u64::MAX);
        self.campaigns.retain(|_, end| *end >= before);
    }

    /// The last moment of the hour in which the first of them ended.
    pub(crate) fn first_hour_until(&self) -> Option<Millis> {
        let first = self.tables.first().map_or(self.fresh_from, |it| min(it.hour, self.fresh_from));
        (first != u64::MAX).then(|| last_moment(first))
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

    /// Whether all tables are in their order.
    pub(crate) fn is_sound(&self) -> bool {
        let in_order = |one: &Arc<Table>, other: &Arc<Table>| one.hour <= other.hour;
        self.tables.is_sorted_by(in_order) && self.tables.iter().all(|table| table.is_sound())
    }

    /// Moves the fresh ones into tables.
    fn settle(&mut self) {
        let mut hours = BTreeMap::<_, Vec<_>>::new();
        self.fresh_from = u64::MAX;
        for (print, ended) in self.fresh.drain() {
            let calls = hours.entry(ended.hour()).or_default();
            calls.push(RememberedCall::new(print, ended));
        }
        for (hour, mut calls) in hours {
            calls.sort_unstable();
            self.add_table(hour, &calls);
        }
        self.merge_while(|one, other| one.hour == other.hour && one.len <= 2 * other.len);
    }

    fn add_table(&mut self, hour: u64, calls: &[RememberedCall]) {
        if calls.is_empty() {
            return;
        }
        let at = self.tables.partition_point(|table| table.hour <= hour);
        self.tables.insert(at, Arc::new(Table::of(hour, calls.iter().copied())));
    }

    /// Merges neighbours as long as two have to be.
    fn merge_while(&mut self, belong: impl Fn(&Table, &Table) -> bool) {
        let mut at = 0;
        while at + 1 < self.tables.len() {
            let (one, other) = (&self.tables[at], &self.tables[at + 1]);
            if belong(one, other) {
                let calls = merged(one.calls(), other.calls());
                self.tables[at] = Arc::new(Table::of(one.hour, calls.into_iter()));
                self.tables.remove(at + 1);
                // The one before may be of a similar size now.
                at = at.saturating_sub(1);
            } else {
                at += 1;
            }
        }
    }
}

fn last_moment(hour: u64) -> Millis {
    Millis(hour.saturating_add(1).saturating_mul(HOUR_MS).saturating_sub(1))
}
