//! Calls that are long over: only their fingerprints stay. What is said about such a call does
//! nothing, as if it were still known whole.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::min;

use crate::applied::{Applied, Outcome};
use crate::names::all_names;
use crate::origin::NAMES_MAX;
use crate::remembered::Ended;
use crate::{
    Agent, CallId, Claim, Direction, EndReason, Evidence, HOUR_MS, Millis, Remembered, Said,
    Source, Tracker,
};

/// How long a call that is over stays known whole. It stays as long as both say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// For so long after its end, in milliseconds; at least 1.
    pub whole_ms: u64,
    /// Until more calls than these are over and known whole.
    pub whole_calls: usize,
}

/// With one record no more than so many go, apart from those that ended in one millisecond.
const CONDENSED_AT_ONCE: usize = 64;

impl Default for Keeping {
    /// An hour, and the last 50,000 calls. Webhooks about a call come within minutes of its end, apart
    /// from those that a provider sends again for hours, which say nothing new of it.
    fn default() -> Self {
        Self { whole_ms: HOUR_MS, whole_calls: 50_000 }
    }
}

impl Tracker {
    /// The same calls, of which those that are over stay whole for so long from now on. Whoever
    /// replays the same records needs the same.
    #[must_use]
    pub fn keeping(mut self, keeping: Keeping) -> Self {
        self.keeping = keeping;
        self
    }

    /// How long calls that are over stay whole.
    pub fn kept(&self) -> Keeping {
        self.keeping
    }

    /// The calls of which only a fingerprint is left.
    pub fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// The same calls, and these of which only a fingerprint is left: what [`Tracker::remembered`] gave
    /// beside [`Tracker::calls`].
    #[must_use]
    pub fn remembering(mut self, remembered: Remembered) -> Self {
        let before = remembered.condensed_before();
        let kept = self.ended.partition_point(|(_, end)| *end < before);
        self.stays.extend(self.ended.drain(..kept));
        self.remembered = remembered;
        self
    }

    /// Whether a call is over, also if only its fingerprint is left.
    pub fn has_ended(&self, id: &CallId) -> bool {
        match self.slot(id) {
            Some(slot) => self.entry(slot).has_ended(),
            None => self.is_remembered(id),
        }
    }

    /// When a call ended of which only the fingerprint is left.
    pub fn remembered_end(&self, id: &CallId) -> Option<Millis> {
        self.find_remembered(id).map(|ended| ended.at)
    }

    fn find_remembered(&self, id: &CallId) -> Option<Ended> {
        if self.remembered.is_empty() {
            return None;
        }
        self.remembered.find(id.fingerprint())
    }

    pub(crate) fn is_remembered(&self, id: &CallId) -> bool {
        self.remembered_end(id).is_some()
    }

    /// Whether an agent has made calls to users that are only remembered.
    pub(crate) fn has_remembered_campaign(&self, agent: &Agent) -> bool {
        self.remembered.has_campaign(agent)
    }

    /// Keeps no more than the fingerprints of those that are long over. It follows from the time of a
    /// record and from what is known, so each replica does the same. Those that ended in one moment go
    /// together, since their order is not part of the state. After an hour without a record many are
    /// long over at once: some of them go with each of the next records.
    pub(crate) fn condense(&mut self) {
        let known = self.over;
        while let Some(&(slot, end)) = self.ended.front() {
            if known - self.over >= CONDENSED_AT_ONCE {
                return;
            }
            let is_long_over = end.0.saturating_add(self.keeping.whole_ms.max(1)) <= self.now.0;
            if !is_long_over || self.over <= self.keeping.whole_calls {
                return;
            }
            if !self.is_tombstone(slot, end) {
                self.ended.pop_front();
                continue;
            }
            while let Some((slot, _)) = self.ended.pop_front_if(|(_, of)| *of == end) {
                if !self.is_tombstone(slot, end) {
                    continue;
                }
                if self.has_to_stay(slot) {
                    self.stays.push_back((slot, end));
                } else {
                    let is_sids = self.entry(slot).id.is_sid();
                    self.condense_call(slot, Ended { at: end, is_sids });
                }
            }
            self.remembered.condensed(Millis(end.0 + 1));
        }
    }

    /// Whether more is needed of a call that is over than that it is.
    fn has_to_stay(&self, slot: u32) -> bool {
        let entry = self.entry(slot);
        let told = self.told(slot);
        let is_over = |slot: u32| self.entry(slot).has_ended() && self.entry(slot).is_firm;
        // Our guess may be taken back.
        !is_over(slot)
            // News of a leg says that its call goes on.
            || self.links(slot).and_then(|it| it.parent.as_ref()).is_some_and(|parent| {
                self.slot(parent).is_some_and(|parent| !is_over(parent))
            })
            || all_names(&entry.id, told).iter().any(|name| {
                let legs = self.ties.legs_of(name).iter();
                legs.copied().any(|leg| !self.entry(leg).has_ended())
                    || self.ties.conference_of.contains_key(name)
            })
            // Legs that do not name their call find it by its session.
            || told.is_some_and(|told| told.session.is_some())
                && entry.flags.direction() == Some(Direction::Inbound)
                && !entry.flags.is_leg()
            // Whoever gives one name to all of his calls is found out by their number.
            || told.is_some_and(|told| told.names.len() >= NAMES_MAX)
    }

    fn condense_call(&mut self, slot: u32, ended: Ended) {
        let entrant = self.entrant(slot);
        if entrant.is_campaign {
            let agent = self.agents.value(entrant.agent);
            self.remembered.note_campaign(agent, ended.at);
        }
        let names = all_names(&self.entry(slot).id, self.told(slot));
        self.remove(slot);
        for name in names {
            self.remembered.insert(name.fingerprint(), ended);
        }
    }

    /// What evidence does to a call of which only the fingerprint is left, under this one name: nothing.
    pub(crate) fn after_all(&self, evidence: &Evidence) -> Option<Outcome> {
        self.remembered_end(&evidence.call).map(|_| outcome(evidence))
    }

    /// Of evidence with several names, what it is about if some of them are those of calls that are only
    /// remembered. As with two calls that are known, whoever says that they are one says of each what is
    /// known of the other: that it is over.
    pub(crate) fn under_remembered_names(
        &mut self,
        evidence: &Evidence,
        applied: &mut Applied,
    ) -> Option<Named> {
        if evidence.also.is_empty() || self.remembered.is_empty() {
            return None;
        }
        let names: Vec<_> = [&evidence.call].into_iter().chain(&evidence.also).collect();
        let OneCall { known, over, has_sid } = self.one_call(&names);
        let Some(&(_, ended)) = over.first() else {
            let is_over = |name: &CallId| self.slot(name).is_none() && self.is_remembered(name);
            let also: Vec<_> = evidence.also.iter().filter(|it| !is_over(it)).cloned().collect();
            let is_less = also.len() < evidence.also.len();
            return is_less.then(|| Named::Known(Box::new(Evidence { also, ..evidence.clone() })));
        };
        for slot in known {
            let said = Said::Over(EndReason::Completed);
            let is_over = Evidence::about(self.entry(slot).id.clone(), Source::Event, said);
            self.join(slot, &is_over, applied);
            self.condense_call(slot, Ended { is_sids: has_sid, ..ended });
        }
        for name in &names {
            self.end_ties(name, applied);
        }
        self.add_remembered_names(&names, &over, has_sid);
        Some(Named::Remembered(outcome(evidence)))
    }

    /// What of these names is one call: the first, and each that may be one with those before.
    fn one_call<'a>(&self, names: &[&'a CallId]) -> OneCall<'a> {
        let mut one = OneCall::default();
        for name in names {
            let is_first = one.known.is_empty() && one.over.is_empty();
            let slot = self.slot(name);
            let ended = if slot.is_none() { self.find_remembered(name) } else { None };
            let is_sids = slot.map(|slot| self.entry(slot).id.is_sid());
            let Some(is_sids) = is_sids.or(ended.map(|it| it.is_sids)) else { continue };
            let is_full = slot.is_some_and(|it| *name != names[0] && self.is_full(it));
            // Two calls of one provider that has ids of its own for each are never one.
            if is_full || !is_first && is_sids && one.has_sid {
                continue;
            }
            one.has_sid |= is_sids;
            one.known.extend(slot.filter(|slot| !one.known.contains(slot)));
            one.over.extend(ended.map(|ended| (*name, ended)));
        }
        one
    }

    /// A name of a call that is only remembered has no legs, and is in no conference.
    fn end_ties(&mut self, call: &CallId, applied: &mut Applied) {
        if self.slot(call).is_some() {
            return;
        }
        self.end_legs(call, applied);
        if let Some(conference) = self.ties.conference_of.get(call).cloned() {
            // As with a name of a call that is known, the others are looked at when they are next told of.
            self.ties.leave(call, &conference);
        }
    }

    /// Has a call that is only remembered, under some of these names, found by the others, too.
    /// `has_sid` says that it has a CallSid.
    fn add_remembered_names(
        &mut self,
        names: &[&CallId],
        over: &[(&CallId, Ended)],
        has_sid: bool,
    ) {
        // Two CallSids are never one call.
        let sid = names.iter().find(|name| name.is_sid() && !has_sid);
        let is_sids = has_sid || sid.is_some();
        let free = names.iter().filter(|name| !name.is_sid() || sid == Some(name));
        let free = free.filter(|name| self.slot(name).is_none() && !self.is_remembered(name));
        let free = free.flat_map(|name| Some((*name, over.first()?.1)));
        let known_better = over.iter().copied().filter(|(_, ended)| ended.is_sids != is_sids);
        let all = free.chain(known_better);
        let all: Vec<_> = all.map(|(name, ended)| (name.fingerprint(), ended)).collect();
        for (print, ended) in all {
            self.remembered.insert(print, Ended { is_sids, ..ended });
        }
    }

    /// Forgets the fingerprints of calls that ended before this moment.
    pub(crate) fn forget_remembered(&mut self, ended_before: Millis) {
        // What ends later than now is not over yet, and is not meant.
        self.remembered.forget(min(ended_before, self.now));
    }
}

/// What evidence with several names is about, some of which are those of calls that are only
/// remembered.
pub(crate) enum Named {
    /// A call that is known, under the names that are left.
    Known(Box<Evidence>),
    /// One that is only remembered.
    Remembered(Outcome),
}

/// What several names stand for together.
#[derive(Default)]
struct OneCall<'a> {
    /// The calls that are known.
    known: Vec<u32>,
    /// Those that are only remembered, by these names.
    over: Vec<(&'a CallId, Ended)>,
    /// Whether any of them has a CallSid.
    has_sid: bool,
}

/// As that of evidence about a call that is known and over for good.
fn outcome(evidence: &Evidence) -> Outcome {
    match evidence.claim() {
        Claim::Ended(_) => Outcome::Duplicate,
        Claim::Dialing | Claim::Live | Claim::Nothing => Outcome::Late,
    }
}
