//! Reads ahead what a batch of evidence is going to touch.
//!
//! With a million calls, most of the time of [`Tracker::apply`] is waiting for memory: a call's place in
//! the index leads to its entry, and that to its caller. A processor waits for many reads side by side
//! where none depends on another. So the same step is done for all calls of a batch, then the next one.

use core::hash::BuildHasher;
use core::hint::black_box;

use smallvec::SmallVec;

use crate::intern::HASHER;
use crate::{Caller, Claim, Evidence, Said, Tracker};

/// Of fewer calls a processor has nearly all in its caches.
const KNOWN_MIN: usize = 1 << 14;

/// So many pieces of evidence are read ahead at once. Of more, the first would be out of the cache again
/// before they are applied.
pub const READ_AHEAD: usize = 64;

impl Tracker {
    /// The same for a single piece of evidence that begins or ends a call, most likely: what it needs last
    /// is read while its call is looked for.
    pub(crate) fn reach_for(&self, evidence: &Evidence) {
        let begins = evidence.said == Said::Dialing;
        // The fingerprint of any other id takes longer than it saves.
        if begins && evidence.call.is_sid() && !self.remembered.is_empty() {
            black_box(self.remembered.may_have(evidence.call.fingerprint()));
        }
        if self.known() < KNOWN_MIN || !(begins || matches!(evidence.said, Said::Over(_))) {
            return;
        }
        if let Some(caller) = evidence.caller {
            black_box(self.sets.read_ahead(&[caller]));
        }
        if begins {
            // A new call takes the slot that was left last.
            black_box(self.free.last().is_some_and(|slot| self.entries[*slot].is_some()));
        }
    }

    /// The same for the calls in these slots, which are going to be dropped.
    pub(crate) fn read_ahead_slots(&self, slots: impl Iterator<Item = u32>) {
        if self.known() < KNOWN_MIN {
            return;
        }
        let slots: SmallVec<[u32; READ_AHEAD]> = slots.take(READ_AHEAD).collect();
        black_box(slots.iter().filter(|slot| self.entries[**slot].is_some()).count());
        for entry in slots.iter().filter_map(|slot| self.entries[*slot].as_ref()) {
            black_box(self.index.find(HASHER.hash_one(&entry.id), |_| true));
        }
    }

    /// Has the memory read that applying these is going to touch. Of more than [`READ_AHEAD`] only the
    /// first count. Nothing changes, and with few calls nothing is done.
    pub fn read_ahead<'a>(&self, evidence: impl IntoIterator<Item = &'a Evidence>) {
        if self.known() < KNOWN_MIN {
            return;
        }
        let mut calls = SmallVec::<[(&Evidence, Option<u32>); READ_AHEAD]>::new();
        for evidence in evidence.into_iter().take(READ_AHEAD) {
            let mut first = None;
            // Whether it is the right one is not asked here, since that waits for its entry.
            self.index.find(HASHER.hash_one(&evidence.call), |slot| {
                first = Some(slot);
                true
            });
            calls.push((evidence, first));
        }
        let mut callers = SmallVec::<[Caller; READ_AHEAD]>::new();
        let mut free = self.free.iter().rev();
        for (evidence, slot) in calls {
            let entry = slot.and_then(|slot| self.entries[slot].as_ref());
            let is_over = matches!(evidence.claim(), Claim::Ended(_));
            match entry {
                Some(entry) if is_over => callers.extend(entry.caller),
                Some(entry) => drop(black_box(entry.phase)),
                None => callers.extend(evidence.caller),
            }
            if entry.is_none() {
                // It takes the slot that was left last.
                black_box(free.next().is_some_and(|slot| self.entries[*slot].is_some()));
                black_box(self.is_remembered(&evidence.call));
            }
        }
        black_box(self.sets.read_ahead(&callers));
    }
}
