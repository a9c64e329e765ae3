//! The slots of a tracker: how entries come in, go, and come back out of a snapshot.

use alloc::boxed::Box;
use core::hash::BuildHasher;

use crate::applied::Applied;
use crate::call::{Entry, millis_between};
use crate::counted_set::Entrant;
use crate::flags::{Flags, Word};
use crate::intern::HASHER;
use crate::links::Links;
use crate::{Call, CallId, Millis, Tracker};

impl Tracker {
    /// Takes an entry in, which is in no set yet.
    pub(crate) fn insert(&mut self, entry: Entry) -> u32 {
        let slot = self.put(entry);
        self.index_id(slot);
        slot
    }

    /// The same, without having it found by its id.
    fn put(&mut self, entry: Entry) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.entries.push());
        if entry.has_ended() {
            self.note_end(slot, entry.since);
        }
        self.entries[slot] = Some(entry);
        slot
    }

    /// Notes that a call has ended.
    pub(crate) fn note_end(&mut self, slot: u32, end: Millis) {
        self.ended.push_back((slot, end));
        self.over += 1;
    }

    /// Drops a tombstone.
    pub(crate) fn remove(&mut self, slot: u32) {
        let entrant = self.entrant(slot);
        self.sets.leave(&entrant, self.counting);
        debug_assert!(self.entry(slot).has_ended(), "only a tombstone is forgotten");
        self.drop_entry(slot);
    }

    /// Takes a call out of all the sets that it is counted in.
    pub(crate) fn leave_sets(&mut self, slot: u32, before: Entrant, applied: &mut Applied) {
        let nowhere = Entrant { party: None, is_colleague: false, is_campaign: false, ..before };
        self.reindex(before, nowhere, applied);
        let flags = &mut self.entry_mut(slot).flags;
        flags.set_party(None);
        flags.set_colleague(false);
        flags.set_proven(false);
    }

    /// Has a call found by this id, and not by its own one any more. Returns that.
    pub(crate) fn reindex_id(&mut self, slot: u32, id: CallId) -> CallId {
        let old = core::mem::replace(&mut self.entry_mut(slot).id, id);
        self.index.remove(HASHER.hash_one(&old), slot);
        self.index_id(slot);
        old
    }

    fn index_id(&mut self, slot: u32) {
        let hash = HASHER.hash_one(&self.entry(slot).id);
        let entries = &self.entries;
        self.index.insert(hash, slot, |at| {
            HASHER.hash_one(&entries[at].as_ref().expect("the index has no gaps").id)
        });
    }

    /// Drops an entry that is in no set.
    pub(crate) fn drop_entry(&mut self, slot: u32) {
        let Some(entry) = self.entries[slot].take() else { return };
        self.over -= usize::from(entry.has_ended());
        let hash = HASHER.hash_one(&entry.id);
        self.index.remove(hash, slot);
        if entry.flags.is_linked()
            && let Some(links) = self.ties.links.remove(&slot)
        {
            for room in links.rooms() {
                self.ties.rooms.remove(&(room.clone(), slot));
            }
            let Links { parent, acting_agent, told, .. } = links;
            for name in told.into_iter().flat_map(|told| told.names) {
                self.ties.aliases.remove(&name);
            }
            acting_agent.into_iter().for_each(|agent| self.agents.release(agent));
            if let Some(parent) = parent {
                self.ties.untie(&parent, slot);
            }
        }
        self.agents.release(entry.agent);
        self.places.release(entry.place);
        self.free.push(slot);
    }

    /// Takes in a call of a snapshot, which is in no set yet.
    pub(crate) fn restore_call(&mut self, call: Call) -> u32 {
        let slot = self.put_call(call);
        self.index_id(slot);
        slot
    }

    /// The same, without having it found by its id.
    pub(crate) fn put_call(&mut self, call: Call) -> u32 {
        let details = call.details;
        let mut flags = Flags::default();
        flags.set_direction(call.direction);
        flags.set_word(Word::of_level(details.word, call.agent_from));
        flags.set_answered_by(details.answered_by);
        flags.set_proven(details.is_proven);
        flags.set_colleague(details.is_colleague);
        flags.set_leg(details.leg.is_some());
        flags.set_endpoint(details.endpoint);
        let parent = details.leg.and_then(|leg| leg.parent);
        let is_linked = parent.is_some()
            || details.queue.is_some()
            || details.acting_agent.is_some()
            || !details.stretches.is_empty()
            || details.stretch_since.is_some()
            || details.told.is_some()
            || details.turned_away.is_some();
        flags.set_linked(is_linked);
        let agent = self.agents.acquire(&call.agent);
        let place = self.places.acquire(&call.place);
        let slot = self.put(Entry {
            caller: call.caller,
            since: call.since,
            heard: call.heard,
            agent,
            place,
            first_ms: millis_between(call.first, call.since),
            flags,
            phase: call.phase,
            is_firm: details.is_firm,
            id: call.id,
        });
        if is_linked {
            let acting_agent = details.acting_agent.map(|agent| self.agents.acquire(&agent));
            if let Some(parent) = &parent {
                self.ties.legs.entry(parent.clone()).or_default().push(slot);
            }
            let (stretches, stretch_since) = (details.stretches, details.stretch_since);
            let (queue, turned_away) = (details.queue, details.turned_away);
            let told = details.told.map(Box::new);
            for name in told.iter().flat_map(|told| &told.names) {
                self.ties.aliases.insert(name.clone(), slot);
            }
            let links =
                Links { parent, queue, acting_agent, stretches, stretch_since, told, turned_away };
            self.ties.links.insert(slot, links);
            self.know_account(slot);
            self.enter_rooms(slot);
        }
        slot
    }
}
