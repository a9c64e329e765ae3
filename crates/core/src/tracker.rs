//! The one place that knows which calls there are and who is on the line.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cmp::max;
use core::hash::BuildHasher;
use core::mem;

use crate::accounts::AccountNames;
use crate::applied::{Applied, Before, Outcome};
use crate::call::{Details, Entry, Leg};
use crate::condense::Named;
use crate::counted_set::{CountedSets, named};
use crate::index::Index;
use crate::intern::{HASHER, Interner, Key};
use crate::links::{Conference, Links, Ties};
use crate::place_interner::PlaceInterner;
use crate::read_ahead::READ_AHEAD;
use crate::slab::Slab;
use crate::{
    Agent, Breakdown, Call, CallId, Counting, Country, Evidence, Keeping, Limits, Millis, Numbers,
    Phase, Place, Remembered,
};

/// Every call that is known, and the numbers that follow from them.
///
/// Calls that have ended stay as tombstones until [`Tracker::forget`] drops them, so that a late
/// webhook cannot revive them. Of those that are long over only a fingerprint stays
/// ([`Tracker::remembered`]). Legs are kept like calls, and are never users.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    pub(crate) entries: Slab,
    pub(crate) free: Vec<u32>,
    /// Slots of `entries` by the call's id.
    pub(crate) index: Index,
    /// Slots of the calls that have ended and when, in that order. A call whose end was taken back
    /// may stand here with an end that is not its own any more.
    pub(crate) ended: VecDeque<(u32, Millis)>,
    /// The same of those that are long over, and of which more than a fingerprint has to stay.
    pub(crate) stays: VecDeque<(u32, Millis)>,
    /// How many calls that have ended are in `entries`.
    pub(crate) over: usize,
    pub(crate) remembered: Remembered,
    pub(crate) keeping: Keeping,
    pub(crate) agents: Interner<Agent>,
    pub(crate) places: PlaceInterner,
    pub(crate) accounts: AccountNames,
    pub(crate) sets: CountedSets,
    pub(crate) ties: Ties,
    pub(crate) counting: Counting,
    /// The time of the newest record: time does not go backwards here.
    pub(crate) now: Millis,
}

impl Tracker {
    /// The same calls, of which these are counted as live from now on.
    #[must_use]
    pub fn counting(mut self, counting: Counting) -> Self {
        if self.counting != counting {
            self.counting = counting;
            self.recount();
        }
        self
    }

    /// What is counted as live.
    pub fn counted(&self) -> Counting {
        self.counting
    }

    /// Takes in one piece of evidence, at the journal's time, and says what it has done.
    pub fn apply(&mut self, at: Millis, evidence: &Evidence) -> Applied {
        self.now = max(self.now, at);
        self.reach_for(evidence);
        self.condense();
        let mut applied = Applied {
            outcome: Outcome::Late,
            before: None,
            deltas: Default::default(),
            accounts: Default::default(),
            talk: None,
            moves: Default::default(),
        };
        if self.is_of_another_account(evidence) {
            let before = self.slot(&evidence.call).map(|slot| self.entry(slot).before());
            return Applied { outcome: Outcome::Refused, before, ..applied };
        }
        let over = self.under_remembered_names(evidence, &mut applied);
        let evidence = match &over {
            Some(Named::Remembered(outcome)) => return Applied { outcome: *outcome, ..applied },
            Some(Named::Known(evidence)) => evidence,
            None => evidence,
        };
        let renamed = self.under_one_name(evidence, &mut applied);
        let (as_named, evidence) = (evidence, renamed.as_ref().unwrap_or(evidence));
        let slot = self.slot(&evidence.call);
        if slot.is_none()
            && let Some(outcome) = self.after_all(evidence)
        {
            return Applied { outcome, ..applied };
        }
        applied.before = slot.map(|slot| self.entry(slot).before());
        let (verdict, was_firm) = (self.verdict(slot, evidence), self.is_firm(slot));
        let instead = verdict.map(|verdict| verdict.comes_to(evidence));
        let evidence = instead.as_ref().unwrap_or(evidence);
        applied.outcome = match slot {
            Some(slot) => self.join(slot, evidence, &mut applied),
            None => self.begin(evidence, &mut applied),
        };
        if let Some(verdict) = verdict {
            self.note_verdict(&evidence.call, verdict, was_firm);
        }
        self.note_names(as_named);
        self.adopt_legs(evidence, &mut applied);
        if let Some(event) = &evidence.conference {
            self.attend(&evidence.call, event, &mut applied);
        }
        applied
    }

    /// Drops the calls that ended before this moment, and says how many of those that were known whole.
    /// It has to be older than the longest way that a late webhook can take, or such a webhook would
    /// revive a call.
    pub fn forget(&mut self, ended_before: Millis) -> usize {
        let known = self.known();
        let (stays, ended) = (mem::take(&mut self.stays), mem::take(&mut self.ended));
        self.stays = self.forget_of(stays, ended_before);
        self.ended = self.forget_of(ended, ended_before);
        self.forget_remembered(ended_before);
        let (index, entries) = (&self.index, &self.entries);
        self.ties.forget(ended_before, |call| {
            let found = find(index, entries, call);
            found.and_then(|slot| entries[slot].as_ref()).is_some_and(|it| !it.has_ended())
        });
        known - self.known()
    }

    /// Drops the first of these calls that have ended. Returns the others.
    fn forget_of(
        &mut self,
        mut ends: VecDeque<(u32, Millis)>,
        before: Millis,
    ) -> VecDeque<(u32, Millis)> {
        let mut rest = 0;
        while let Some(&(slot, end)) = ends.front() {
            if rest == 0 {
                rest = READ_AHEAD;
                let due = ends.iter().take_while(|(_, end)| *end < before).take(READ_AHEAD);
                self.read_ahead_slots(due.map(|(slot, _)| *slot));
            }
            let is_current = self.is_tombstone(slot, end);
            if is_current && end >= before {
                break;
            }
            ends.pop_front();
            rest -= 1;
            if is_current {
                self.remove(slot);
            }
        }
        ends
    }

    /// When the first of the calls that are not forgotten ended. Those of which only a fingerprint is
    /// left are forgotten by the hour, so of these it is the last moment of that.
    pub fn oldest_end(&self) -> Option<Millis> {
        let is_one = |(slot, end): &&(u32, Millis)| self.is_tombstone(*slot, *end);
        let whole = [&self.stays, &self.ended].into_iter().filter_map(|it| it.iter().find(is_one));
        whole.map(|(_, end)| *end).chain(self.remembered.first_hour_until()).min()
    }

    /// Looks at `steps` calls from `cursor` on, each with its phase, since when it is in that, when it
    /// was last heard of, and its limits. It moves the cursor (round to the beginning at the
    /// end), and returns those that are `over` and have not ended. Nothing changes: what to do
    /// about them is a record of its own, or a replay would count differently.
    pub fn sweep(
        &self,
        cursor: &mut usize,
        steps: usize,
        over: impl Fn(Phase, Millis, Millis, Limits) -> bool,
    ) -> Vec<CallId> {
        let from = if *cursor < self.entries.len() { *cursor } else { 0 };
        let to = self.entries.len().min(from.saturating_add(steps));
        *cursor = if to == self.entries.len() { 0 } else { to };
        let open = self.entries.some(from, to - from).filter(|(_, entry)| !entry.has_ended());
        open.filter(|(slot, entry)| {
            let limits = self.told(*slot).map(|told| told.limits).unwrap_or_default();
            over(entry.phase, entry.since, entry.heard, limits)
        })
        .map(|(_, entry)| entry.id.clone())
        .collect()
    }

    /// Live users and live calls in all.
    pub fn numbers(&self) -> Numbers {
        self.breakdown().live
    }

    /// The numbers of each party, in all.
    pub fn breakdown(&self) -> Breakdown {
        self.sets.all.breakdown(self.counting)
    }

    /// Live users and live calls of each agent that has any, in the order of [`Agent`]. A person
    /// who talks to two agents at once is a user of both, and one user in all.
    pub fn by_agent(&self) -> Vec<(Agent, Numbers)> {
        let all = self.breakdown_by_agent().into_iter().map(|(agent, it)| (agent, it.live));
        all.filter(|(_, live)| live.calls > 0).collect()
    }

    /// The numbers of each party at each agent that has a call that is up, in the order of
    /// [`Agent`].
    pub fn breakdown_by_agent(&self) -> Vec<(Agent, Breakdown)> {
        let sets = self.sets.by_agent.iter().zip((0..).map(Key));
        let mut named: Vec<_> = sets
            .map(|(set, key)| (key, set.line.breakdown(self.counting)))
            .filter(|(_, breakdown)| breakdown.on_the_line().calls > 0)
            .map(|(key, breakdown)| (self.agents.value(key).clone(), breakdown))
            .collect();
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        named
    }

    /// The numbers of each party at one agent.
    pub fn breakdown_of_agent(&self, agent: &Agent) -> Breakdown {
        self.agents.key(agent).map(|key| self.numbers_of(key)).unwrap_or_default()
    }

    /// Live users and live calls of each country and region that has any, in the order of
    /// [`Place`]; the cities of a region count as one.
    pub fn by_place(&self) -> Vec<(Place, Numbers)> {
        named(&self.sets.by_place, |area| self.places.value(area).clone())
    }

    /// Live users and live calls of each country that has any; `None` is the unknown one.
    pub fn by_country(&self) -> Vec<(Option<Country>, Numbers)> {
        let all = self.sets.by_country.iter().map(|(&country, &numbers)| (country, numbers));
        all.filter(|(_, numbers)| numbers.calls > 0).collect()
    }

    /// What is known about a call, also about one that has ended, as long as it is known whole.
    pub fn call(&self, id: &CallId) -> Option<Call> {
        let slot = self.slot(id)?;
        self.entries[slot].as_ref().map(|entry| self.public(slot, entry))
    }

    /// The legs of a call that are known.
    pub fn legs(&self, id: &CallId) -> Vec<Call> {
        let legs = self.ties.legs_of(id).iter();
        legs.map(|&slot| self.public(slot, self.entry(slot))).collect()
    }

    /// Every call that is known whole, legs among them, in the order of ids: with
    /// [`Tracker::conferences`] and [`Tracker::remembered`] the snapshot of the tracker (I7).
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.entries.iter().map(|(slot, entry)| self.public(slot, entry));
        let mut calls: Vec<_> = calls.collect();
        calls.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        calls
    }

    /// Every conference that is known, in the order of ids.
    pub fn conferences(&self) -> Vec<(CallId, Conference)> {
        let all = self.ties.conferences.iter();
        let mut all: Vec<_> = all.map(|(id, it)| (id.clone(), it.clone())).collect();
        all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// The time of the newest record.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// How many calls are known whole, with legs and with those that have ended and are not forgotten.
    pub fn known(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn public(&self, slot: u32, entry: &Entry) -> Call {
        let flags = entry.flags;
        let links = self.links(slot);
        let value = |key: Key| self.agents.value(key).clone();
        Call {
            id: entry.id.clone(),
            phase: entry.phase,
            first: entry.first(),
            since: entry.since,
            heard: entry.heard,
            direction: flags.direction(),
            caller: entry.caller,
            agent: value(entry.agent),
            agent_from: flags.word().agent_from(),
            place: self.places.place(entry.place).clone(),
            party: flags.party(),
            details: Details {
                word: flags.word().level(),
                answered_by: flags.answered_by(),
                is_proven: flags.is_proven(),
                is_colleague: flags.is_colleague(),
                is_firm: entry.is_firm,
                queue: links.and_then(|it| it.queue),
                leg: flags.is_leg().then(|| Leg { parent: links.and_then(|it| it.parent.clone()) }),
                endpoint: flags.endpoint(),
                acting_agent: links.and_then(|it| it.acting_agent).map(value),
                stretches: links.map(|it| it.stretches.clone()).unwrap_or_default(),
                stretch_since: links.and_then(|it| it.stretch_since),
                told: links.and_then(|it| it.told.as_deref().cloned()),
                turned_away: links.and_then(|it| it.turned_away),
            },
        }
    }

    pub(crate) fn entry(&self, slot: u32) -> &Entry {
        self.entries[slot].as_ref().expect("the index has no gaps")
    }

    pub(crate) fn entry_mut(&mut self, slot: u32) -> &mut Entry {
        self.entries[slot].as_mut().expect("the index has no gaps")
    }

    /// What ties a call to others, if anything does.
    pub(crate) fn links(&self, slot: u32) -> Option<&Links> {
        let is_linked = self.entry(slot).flags.is_linked();
        is_linked.then(|| self.ties.links.get(&slot)).flatten()
    }

    pub(crate) fn slot(&self, id: &CallId) -> Option<u32> {
        let alias =
            || if self.ties.aliases.is_empty() { None } else { self.ties.aliases.get(id).copied() };
        find(&self.index, &self.entries, id).or_else(alias)
    }

    pub(crate) fn is_tombstone(&self, slot: u32, end: Millis) -> bool {
        let entry = self.entries[slot].as_ref();
        entry.is_some_and(|entry| entry.has_ended() && entry.since == end)
    }
}

fn find(index: &Index, entries: &Slab, id: &CallId) -> Option<u32> {
    let same = |slot: u32| entries[slot].as_ref().is_some_and(|it| it.id == *id);
    index.find(HASHER.hash_one(id), same)
}

impl Entry {
    pub(crate) fn before(&self) -> Before {
        Before { phase: self.phase, since: self.since }
    }
}
