//! The one place that knows which calls there are and who is on the line.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cmp::max;
use core::hash::BuildHasher;

use hashbrown::HashTable;

use crate::agent_delta::{AgentDelta, AgentDeltas};
use crate::applied::{Applied, Before, Outcome};
use crate::call::{Entry, Step, seconds_between};
use crate::counted_set::{CountedSets, Member, named};
use crate::intern::{HASHER, Interner, Key};
use crate::place_interner::PlaceInterner;
use crate::{Agent, Call, CallId, Claim, Country, Evidence, Millis, Numbers, Phase, Place};

/// Every call that is known, and the numbers that follow from them.
///
/// Calls that have ended stay as tombstones until [`Tracker::forget`] drops them, so that a late
/// webhook cannot revive them.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    pub(crate) entries: Vec<Option<Entry>>,
    pub(crate) free: Vec<u32>,
    /// Slots of `entries` by the call's id.
    pub(crate) index: HashTable<u32>,
    /// Slots of the calls that have ended, in the order in which they did.
    pub(crate) ended: VecDeque<u32>,
    pub(crate) agents: Interner<Agent>,
    pub(crate) places: PlaceInterner,
    pub(crate) sets: CountedSets,
    /// The time of the newest record: time does not go backwards here.
    now: Millis,
}

impl Tracker {
    /// The tracker that knew these calls at this moment: what [`Tracker::calls`] gave, in any
    /// order. Of two calls with one id the first counts.
    pub fn restore(now: Millis, calls: impl IntoIterator<Item = Call>) -> Self {
        let mut calls: Vec<_> = calls.into_iter().collect();
        // Tombstones are kept in the order of their ends.
        calls.sort_by_key(|call| call.since);
        let mut tracker = Self { now, ..Self::default() };
        for call in calls {
            if tracker.slot(&call.id).is_none() {
                tracker.insert(call);
            }
        }
        tracker
    }

    /// Takes in one piece of evidence, at the journal's time, and says what it has done.
    pub fn apply(&mut self, at: Millis, evidence: &Evidence) -> Applied {
        self.now = max(self.now, at);
        let slot = self.slot(&evidence.call);
        let before = slot.map(|slot| self.entry(slot).before());
        let nothing = AgentDeltas::default;
        let (outcome, deltas) = match (slot, evidence.claim()) {
            (_, Claim::Leg) => {
                self.confirm_parent(evidence);
                (Outcome::Leg, nothing())
            }
            (None, Claim::Dialing) => {
                (Outcome::Dialing, self.insert(evidence.call_at(self.now, Phase::Dialing)))
            }
            (None, Claim::Live) => {
                (Outcome::Started, self.insert(evidence.call_at(self.now, Phase::Live)))
            }
            (None, Claim::Ended(reason)) => {
                let ended = evidence.call_at(self.now, Phase::Ended(reason));
                (Outcome::EndedUnseen(reason), self.insert(ended))
            }
            (Some(slot), claim) => self.join(slot, evidence, claim),
        };
        Applied { outcome, before, deltas }
    }

    /// Drops the calls that ended before this moment, and says how many. It has to be older than
    /// the longest way that a late webhook can take, or such a webhook would revive a call.
    pub fn forget(&mut self, ended_before: Millis) -> usize {
        let mut forgotten = 0;
        while let Some(&slot) = self.ended.front() {
            let entry = self.entries[slot as usize].take_if(|entry| entry.since < ended_before);
            let Some(entry) = entry else { break };
            debug_assert!(matches!(entry.phase, Phase::Ended(_)), "only a tombstone is forgotten");
            let hash = HASHER.hash_one(&entry.id);
            if let Ok(found) = self.index.find_entry(hash, |&at| at == slot) {
                found.remove();
            }
            self.agents.release(entry.agent);
            self.places.release(entry.place);
            self.ended.pop_front();
            self.free.push(slot);
            forgotten += 1;
        }
        forgotten
    }

    /// When the first of the calls that are not forgotten ended.
    pub fn oldest_end(&self) -> Option<Millis> {
        let slot = *self.ended.front()?;
        self.entries[slot as usize].as_ref().map(|entry| entry.since)
    }

    /// Looks at `steps` calls from `cursor` on, moves the cursor (round to the beginning at the
    /// end), and returns those that are `over` and have not ended. Nothing changes: what to do
    /// about them is a record of its own, or a replay would count differently.
    pub fn sweep(
        &self,
        cursor: &mut usize,
        steps: usize,
        over: impl Fn(Phase, Millis, Millis) -> bool,
    ) -> Vec<CallId> {
        let from = if *cursor < self.entries.len() { *cursor } else { 0 };
        let to = self.entries.len().min(from.saturating_add(steps));
        *cursor = if to == self.entries.len() { 0 } else { to };
        let looked_at = self.entries[from..to].iter().flatten();
        let open = looked_at.filter(|entry| !matches!(entry.phase, Phase::Ended(_)));
        open.filter(|entry| over(entry.phase, entry.since, entry.heard))
            .map(|entry| entry.id.clone())
            .collect()
    }

    /// Live users and live calls in all.
    pub fn numbers(&self) -> Numbers {
        self.sets.all.numbers()
    }

    /// Live users and live calls of each agent that has any, in the order of [`Agent`]. A person
    /// who talks to two agents at once is a user of both, and one user in all.
    pub fn by_agent(&self) -> Vec<(Agent, Numbers)> {
        named(&self.sets.by_agent, |key| self.agents.value(key).clone())
    }

    /// Live users and live calls of each country and region that has any, in the order of
    /// [`Place`]; the cities of a region count as one.
    pub fn by_place(&self) -> Vec<(Place, Numbers)> {
        named(&self.sets.by_place, |area| self.places.value(area).clone())
    }

    /// Live users and live calls of each country that has any; `None` is the unknown one.
    pub fn by_country(&self) -> Vec<(Option<Country>, Numbers)> {
        let all = self.sets.by_country.iter().map(|(&country, set)| (country, set.numbers()));
        all.filter(|(_, numbers)| numbers.calls > 0).collect()
    }

    /// What is known about a call, also about one that has ended and is not forgotten.
    pub fn call(&self, id: &CallId) -> Option<Call> {
        let slot = self.slot(id)?;
        self.entries[slot as usize].as_ref().map(|entry| self.public(entry))
    }

    /// Every call that is known, in the order of ids: the snapshot of the tracker (I7).
    pub fn calls(&self) -> Vec<Call> {
        let mut calls: Vec<_> = self.entries.iter().flatten().map(|e| self.public(e)).collect();
        calls.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        calls
    }

    /// The time of the newest record.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// How many calls are known, with those that have ended and are not forgotten.
    pub fn known(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn public(&self, entry: &Entry) -> Call {
        Call {
            id: entry.id.clone(),
            phase: entry.phase,
            first: entry.first(),
            since: entry.since,
            heard: entry.heard,
            direction: entry.direction,
            caller: entry.caller,
            agent: self.agents.value(entry.agent).clone(),
            agent_from: entry.agent_from,
            place: self.places.place(entry.place).clone(),
        }
    }

    fn entry(&self, slot: u32) -> &Entry {
        self.entries[slot as usize].as_ref().expect("the index has no gaps")
    }

    pub(crate) fn slot(&self, id: &CallId) -> Option<u32> {
        let same = |&slot: &u32| self.entries[slot as usize].as_ref().is_some_and(|e| e.id == *id);
        self.index.find(HASHER.hash_one(id), same).copied()
    }

    fn insert(&mut self, call: Call) -> AgentDeltas {
        let entry = Entry {
            caller: call.caller,
            since: call.since,
            heard: call.heard,
            agent: self.agents.acquire(&call.agent),
            place: self.places.acquire(&call.place),
            first_s: seconds_between(call.first, call.since),
            agent_from: call.agent_from,
            phase: call.phase,
            direction: call.direction,
            id: call.id,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 calls are known")
        });
        let membership = entry.membership();
        let hash = HASHER.hash_one(&entry.id);
        self.entries[slot as usize] = Some(entry);
        let entries = &self.entries;
        self.index.insert_unique(hash, slot, |&at| {
            HASHER.hash_one(&entries[at as usize].as_ref().expect("the index has no gaps").id)
        });
        match call.phase {
            Phase::Dialing => AgentDeltas::default(),
            Phase::Live => self.reindex(slot, Membership { live: false, ..membership }, membership),
            Phase::Ended(_) => {
                self.ended.push_back(slot);
                AgentDeltas::default()
            }
        }
    }

    /// Joins evidence into what is known of its call: each value becomes the maximum of both.
    ///
    /// The maximum is why neither order nor repetition matters (I3, I4). So nothing here overwrites
    /// a value with a smaller one, and nothing returns early. A call that is over takes a better
    /// attribute, too. Otherwise the state would depend on whether it came before the end.
    ///
    /// Trap: the order of the three steps. The sets are keyed by the *keys* of agents and places,
    /// so the old keys have to be valid until the call has left its old sets. New values are
    /// acquired first, then the call moves, and only then the old values are released.
    fn join(&mut self, slot: u32, evidence: &Evidence, claim: Claim) -> (Outcome, AgentDeltas) {
        let entry = self.entries[slot as usize].as_mut().expect("the index has no gaps");
        let before = entry.membership();
        let phase_before = entry.phase;

        entry.caller = max(entry.caller, evidence.caller);
        entry.direction = max(entry.direction, evidence.direction);
        // Values are compared and not their keys: keys are in the order of arrival (I4).
        let agent = (entry.agent_from, self.agents.value(entry.agent));
        let taken_agent = agent < (evidence.agent_from, &evidence.agent);
        if taken_agent {
            entry.agent = self.agents.acquire(&evidence.agent);
            entry.agent_from = evidence.agent_from;
        }
        if self.places.place(entry.place) < &evidence.place {
            entry.place = self.places.acquire(&evidence.place);
        }
        let outcome = match (entry.phase.step(claim), entry.phase) {
            (Step::Rise(phase @ Phase::Ended(reason)), _) => {
                entry.rise(phase, self.now);
                self.ended.push_back(slot);
                Outcome::Ended(reason)
            }
            (Step::Rise(phase), _) => {
                entry.rise(phase, self.now);
                Outcome::Answered
            }
            (Step::Same, _) => {
                entry.heard = self.now;
                Outcome::Confirmed
            }
            // `since` stays: the call was over from the first report on, and its tombstone lies in
            // the order of these moments.
            (Step::Again(reason), known) => {
                entry.phase = max(known, Phase::Ended(reason));
                entry.heard = self.now;
                Outcome::Duplicate
            }
            (Step::Behind, Phase::Ended(_)) => {
                entry.heard = self.now;
                Outcome::Late
            }
            // It does not agree with the phase, so it is no sign that the call goes on.
            (Step::Behind, Phase::Dialing | Phase::Live) => Outcome::Late,
        };
        debug_assert!(phase_before <= entry.phase, "I2: a phase never falls");

        let after = entry.membership();
        let deltas = match before == after {
            true => AgentDeltas::default(),
            false => self.reindex(slot, before, after),
        };
        // Not `before.agent != after.agent`: when only how the agent is known got better, the same
        // key was acquired a second time, and one of the two has to be released.
        if taken_agent {
            self.agents.release(before.agent);
        }
        if before.place != after.place {
            self.places.release(before.place);
        }
        (outcome, deltas)
    }

    /// Moves a call between the sets that it is counted in. Returns how the numbers of its agent,
    /// or of both agents, change.
    ///
    /// Trap: it leaves all of its sets before it enters any. A call without a caller is a member by
    /// its slot, and only once. If it entered first, leaving would remove it for good.
    fn reindex(&mut self, slot: u32, before: Membership, after: Membership) -> AgentDeltas {
        let numbers = [before.agent, after.agent].map(|key| self.sets.of_agent(key));
        if before.live {
            let (area, country) = self.counted_place(before);
            let member = Member { caller: before.caller, slot };
            self.sets.leave(member, before.agent, area, country);
        }
        if after.live {
            let (area, country) = self.counted_place(after);
            let member = Member { caller: after.caller, slot };
            self.sets.enter(member, after.agent, area, country);
        }
        let delta = |key, before| AgentDelta {
            agent: self.agents.value(key).clone(),
            before,
            after: self.sets.of_agent(key),
        };
        let other = (after.agent != before.agent).then(|| delta(after.agent, numbers[1]));
        AgentDeltas::new(delta(before.agent, numbers[0]), other)
    }

    fn counted_place(&self, membership: Membership) -> (Key, Option<Country>) {
        let country = self.places.place(membership.place).country;
        (self.places.area(membership.place), country)
    }

    /// News of a leg says that the conversation it belongs to goes on, if it is known and not over.
    fn confirm_parent(&mut self, leg: &Evidence) {
        let slot = leg.parent.as_ref().and_then(|parent| self.slot(parent));
        let entry = slot.and_then(|slot| self.entries[slot as usize].as_mut());
        if let Some(parent) = entry.filter(|entry| entry.phase == Phase::Live) {
            parent.heard = self.now;
        }
    }
}

/// All that decides which sets a call is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Membership {
    live: bool,
    caller: Option<crate::Caller>,
    agent: Key,
    place: Key,
}

impl Entry {
    fn membership(&self) -> Membership {
        let live = self.phase == Phase::Live;
        Membership { live, caller: self.caller, agent: self.agent, place: self.place }
    }

    fn before(&self) -> Before {
        Before { phase: self.phase, since: self.since }
    }
}
