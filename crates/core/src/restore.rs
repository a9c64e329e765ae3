//! A tracker out of a snapshot, and what a snapshot has of it.
//!
//! A million calls are in tables that are larger than any cache. Filled call by call, each insert waits
//! for memory. So the calls are sorted by the places that they take there, and each table is filled from
//! its beginning to its end.

use alloc::vec::Vec;
use core::hash::BuildHasher;

use crate::intern::HASHER;
use crate::links::Conference;
use crate::{Call, CallId, Millis, Tracker};

impl Tracker {
    /// The tracker that knew these calls and conferences at this moment: what [`Tracker::calls`]
    /// and [`Tracker::conferences`] gave, in any order. Of two calls with one id the first counts. Those of which only a fingerprint is
    /// left come by [`Tracker::remembering`].
    pub fn restore(
        now: Millis,
        calls: impl IntoIterator<Item = Call>,
        conferences: impl IntoIterator<Item = (CallId, Conference)>,
    ) -> Self {
        let mut calls: Vec<_> = calls.into_iter().collect();
        calls.sort_by_key(|call| call.since);
        Self::restore_in_order(now, calls, conferences)
    }

    /// The same of what [`Tracker::calls_in_order`] gave, in that order. Each call is taken when its
    /// turn comes, so that a million of them need not be in memory twice.
    pub fn restore_in_order(
        now: Millis,
        calls: impl IntoIterator<Item = Call>,
        conferences: impl IntoIterator<Item = (CallId, Conference)>,
    ) -> Self {
        let mut tracker = Self { now, ..Self::default() };
        for (id, conference) in conferences {
            for participant in conference.present() {
                tracker.ties.conference_of.insert(participant.call.clone(), id.clone());
            }
            tracker.ties.conferences.insert(id, conference);
        }
        for call in calls {
            tracker.put_call(call);
        }
        // Tombstones are kept in the order of their ends. It nearly always is the order of calls.
        if !tracker.ended.iter().is_sorted_by_key(|(_, end)| *end) {
            tracker.ended.make_contiguous().sort_by_key(|(_, end)| *end);
        }
        tracker.index_all();
        tracker.enter_all();
        tracker
    }

    /// The calls of [`Tracker::calls`] in the order in which they came to their phases; of one moment
    /// calls before legs, and then in the order of ids. It is the same for all who have applied the same
    /// records.
    pub fn calls_in_order(&self) -> impl ExactSizeIterator<Item = Call> {
        let known = self.entries.iter();
        let mut order: Vec<(Millis, bool, u32)> =
            known.map(|(slot, entry)| (entry.since, entry.flags.is_leg(), slot)).collect();
        order.sort_unstable_by(|a, b| {
            let by_id = || self.entry(a.2).id.cmp(&self.entry(b.2).id);
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(by_id)
        });
        order.into_iter().map(|(_, _, slot)| self.public(slot, self.entry(slot)))
    }

    /// Has all calls found by their ids. What no snapshot of ours has, two calls of one id, or a call
    /// that is another name of another one, is dropped.
    fn index_all(&mut self) {
        let known = self.entries.iter();
        let mut order: Vec<(u64, u32)> =
            known.map(|(slot, entry)| (HASHER.hash_one(&entry.id), slot)).collect();
        self.index.reserve(order.len());
        // Of two calls of one id the first slot comes first.
        order.sort_unstable_by_key(|(hash, slot)| (self.index.line(*hash), *hash, *slot));
        let (entries, mut twice) = (&self.entries, Vec::new());
        let id = |at: u32| entries[at].as_ref().map(|entry| &entry.id);
        let hash_of = |at: u32| HASHER.hash_one(id(at).expect("the index has no gaps"));
        for (hash, slot) in order {
            match self.index.find(hash, |at| id(at) == id(slot)) {
                Some(_) => twice.push(slot),
                None => self.index.insert(hash, slot, hash_of),
            }
        }
        let aliases = self.ties.aliases.iter();
        let named: Vec<_> =
            aliases.filter_map(|(name, slot)| Some((self.slot(name)?, slot))).collect();
        twice.extend(named.into_iter().filter(|(found, slot)| found != *slot).map(|it| it.0));
        twice.into_iter().for_each(|slot| self.drop_entry(slot));
    }

    /// Puts all calls into the sets that they belong to.
    fn enter_all(&mut self) {
        let mut order = Vec::with_capacity(self.known());
        let slots: Vec<_> = self.entries.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.stand(slot);
            let entrant = self.entrant(slot);
            match entrant.member.caller {
                Some(caller) if !entrant.is_in_no_set() => {
                    order.push((HASHER.hash_one(caller), slot));
                }
                _ => self.sets.enter(&entrant, self.counting),
            }
        }
        // A table has room for 8/7 of its values, in a power of two, and looks at the lowest bits first.
        let mask = (order.len() as u64 * 8 / 7).next_power_of_two() - 1;
        order.sort_unstable_by_key(|(hash, slot)| (hash & mask, *slot));
        self.sets.reserve(order.len());
        for (_, slot) in order {
            let entrant = self.entrant(slot);
            self.sets.enter(&entrant, self.counting);
        }
    }
}
