//! Calls that several sources tell of under different ids: one call, found by each of its names.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::applied::Applied;
use crate::call::millis_between;
use crate::flags::Word;
use crate::origin::{NAMES_MAX, Told};
use crate::standing::Was;
use crate::{
    Agent, CallId, Connection, Direction, EndReason, Evidence, Origin, Phase, Presence, Queue,
    Said, Source, Tracker,
};

impl Tracker {
    /// The evidence as it is about the one call that its names stand for. Two calls that it names
    /// become one. `None` if it has one name, which is the call's own.
    pub(crate) fn under_one_name(
        &mut self,
        evidence: &Evidence,
        applied: &mut Applied,
    ) -> Option<Evidence> {
        if evidence.also.is_empty() && self.ties.aliases.is_empty() {
            return None;
        }
        let slot = self.unite(evidence, applied);
        let call = match slot {
            Some(slot) => &self.entry(slot).id,
            // The name may be one of many calls that somebody gives to all of his.
            None if self.slot(better_name(evidence)).is_some() => &evidence.call,
            None => better_name(evidence),
        };
        let call = call.clone();
        let parent = evidence.parent.as_ref().map(|it| self.own_id(it).clone());
        let is_same = call == evidence.call && parent == evidence.parent;
        (!is_same).then(|| Evidence { call, parent, ..evidence.clone() })
    }

    /// The id that a call is kept under, by any of its names; of an unknown call, this one.
    pub fn own_id<'a>(&'a self, id: &'a CallId) -> &'a CallId {
        self.slot(id).map_or(id, |slot| &self.entry(slot).id)
    }

    /// The other ids of a call, in their order.
    pub fn names_of(&self, id: &CallId) -> &[CallId] {
        let told = self.slot(id).and_then(|slot| self.told(slot));
        told.map(|told| told.names.as_slice()).unwrap_or_default()
    }

    /// Makes the calls of all names of this evidence one, if any is known. Twilio's id becomes its
    /// own one, or else the first that is not the source's.
    fn unite(&mut self, evidence: &Evidence, applied: &mut Applied) -> Option<u32> {
        let mut known = self.slot(&evidence.call);
        for name in &evidence.also {
            let other = self.slot(name).filter(|it| Some(*it) == known || !self.is_full(*it));
            known = match (known, other) {
                (Some(one), Some(other)) if one != other && self.may_be_one(one, other) => {
                    Some(self.merge(one, other, applied))
                }
                (one, other) => one.or(other),
            };
        }
        let slot = known?;
        let (own, better) = (&self.entry(slot).id, better_name(evidence));
        let is_better = better != own && !own.is_sid() && !evidence.also.is_empty();
        if is_better && self.slot(better).is_none_or(|it| it == slot) {
            self.rename(slot, better.clone());
        }
        Some(slot)
    }

    /// Whether a call has so many names that whoever gives it one more gives it to all his calls.
    pub(crate) fn is_full(&self, slot: u32) -> bool {
        self.told(slot).is_some_and(|told| told.names.len() >= NAMES_MAX)
    }

    /// Two calls of one provider that has ids of its own for each are never one, whoever says so.
    fn may_be_one(&self, one: u32, other: u32) -> bool {
        !(self.entry(one).id.is_sid() && self.entry(other).id.is_sid())
    }

    /// Keeps the names of a call that is known now.
    pub(crate) fn note_names(&mut self, evidence: &Evidence) {
        if evidence.also.is_empty() {
            return;
        }
        let known = [&evidence.call].into_iter().chain(&evidence.also);
        let own = self.slot(&evidence.call);
        let Some(slot) = own.or_else(|| known.clone().find_map(|name| self.slot(name))) else {
            return;
        };
        for name in known {
            self.add_name(slot, name.clone());
        }
    }

    fn add_name(&mut self, slot: u32, name: CallId) {
        let is_full = self.is_full(slot);
        let own = self.entry(slot).id.clone();
        let is_another = own.is_sid() && name.is_sid();
        if self.slot(&name).is_none() && !is_full && !is_another {
            self.move_ties(slot, &name, &own);
            self.ties.aliases.insert(name.clone(), slot);
            let told = self.told_mut(slot);
            let at = told.names.partition_point(|it| *it < name);
            told.names.insert(at, name);
        }
    }

    /// Gives a call another own id; the one that it had stays one of its names.
    fn rename(&mut self, slot: u32, id: CallId) {
        if self.ties.aliases.remove(&id).is_some() {
            self.told_mut(slot).names.retain(|name| *name != id);
        }
        let old = self.reindex_id(slot, id.clone());
        self.move_ties(slot, &old, &id);
        self.add_name(slot, old);
    }

    /// What is tied to a call by its id is tied to it by this one.
    fn move_ties(&mut self, slot: u32, old: &CallId, id: &CallId) {
        let legs = self.ties.legs.remove(old).unwrap_or_default();
        for leg in &legs {
            self.ties.links_mut(*leg).parent = Some(id.clone());
        }
        if !legs.is_empty() {
            self.ties.legs.entry(id.clone()).or_default().extend(legs);
        }
        if let Some(conference) = self.ties.conference_of.remove(old) {
            let has_ended = self.entry(slot).has_ended();
            let is_elsewhere = self.ties.conference_of.contains_key(id);
            if let Some(known) = self.ties.conferences.get_mut(&conference) {
                let has_both = known.participants.iter().any(|it| it.call == *id);
                known.participants.retain(|it| !has_both || it.call != *old);
                let own = known.participants.iter_mut().filter(|it| it.call == *old);
                own.for_each(|it| {
                    it.call = id.clone();
                    if has_ended || is_elsewhere {
                        it.presence = Presence::Left;
                    }
                });
            }
            if !has_ended && !is_elsewhere {
                self.ties.conference_of.insert(id.clone(), conference);
            }
        }
    }

    /// Two calls become one: what was said about the one was said about the other, too.
    fn merge(&mut self, one: u32, other: u32, applied: &mut Applied) -> u32 {
        let (loser, winner) = match self.entry(one).id.is_sid() {
            true => (other, one),
            false => (one, other),
        };
        let call = self.public(loser, self.entry(loser));
        let before = self.entrant(loser);
        self.leave_sets(loser, before, applied);
        let (told_before, known) = (self.told_or_plain(winner), self.entry(winner));
        let first = known.first().min(call.first);
        let heard = known.heard.max(call.heard);
        let name = known.id.clone();
        let is_turned_away = self.turned_away_at(winner).is_some();
        let told = self.told_or_plain(loser);
        let (stretches, stretch_since) =
            (call.details.stretches.clone(), call.details.stretch_since);
        self.move_ties(loser, &call.id, &name);
        self.drop_entry(loser);
        self.prove(winner, call.details.is_proven, applied);
        let mut evidence = as_evidence(&call, name);
        // The older word about who is with the caller is no news.
        if told.word_at < told_before.word_at {
            evidence.connection = None;
        }
        let is_silence = matches!(call.phase, Phase::Ended(EndReason::TimedOut));
        if is_silence && !call.details.is_firm && !self.entry(winner).has_ended() {
            // Whoever was silent under one name was heard under the other.
            evidence.said = Said::Nothing;
        }
        let said = Word::of_level(call.details.word, call.agent_from);
        self.join_as(winner, (&evidence, Some(said)), applied);
        self.take_over_times(winner, &call, (first, heard));
        if !stretches.is_empty() && !self.has_several_stretches(winner) {
            self.entry_mut(winner).flags.set_linked(true);
            let links = self.ties.links_mut(winner);
            (links.stretches, links.stretch_since) = (stretches, stretch_since);
        }
        if let Some(turned_away) = call.details.turned_away.filter(|_| !is_turned_away) {
            self.set_turned_away(winner, turned_away);
        }
        let mut joined = told_before;
        joined.join(&told);
        joined.agent_account = self.told(winner).and_then(|told| told.agent_account.clone());
        self.set_whole_told(winner, joined, applied);
        for name in told.names.into_iter().chain([call.id]) {
            self.ties.aliases.remove(&name);
            self.add_name(winner, name);
        }
        winner
    }

    /// Sets who has told of a call, and so whose it is.
    fn set_whole_told(&mut self, slot: u32, told: Told, applied: &mut Applied) {
        let before = self.entrant(slot);
        self.set_told(slot, told);
        self.know_account(slot);
        let after = self.entrant(slot);
        if before != after {
            self.reindex(before, after, applied);
        }
    }

    /// Takes over that something said that the call talks with an agent.
    fn prove(&mut self, slot: u32, is_proven: bool, applied: &mut Applied) {
        if is_proven && !self.entry(slot).flags.is_proven() {
            let before = self.entrant(slot);
            let is_live = self.entry(slot).phase == Phase::Live;
            self.entry_mut(slot).flags.set_proven(true);
            self.settle(slot, before, Was { is_live, is_known_better: false }, applied);
        }
    }

    /// A call of which both told that it was in one phase is in it since the first of both said so.
    fn take_over_times(
        &mut self,
        slot: u32,
        call: &crate::Call,
        (first, heard): (crate::Millis, crate::Millis),
    ) {
        let has_several = self.has_several_stretches(slot);
        let entry = self.entry_mut(slot);
        if entry.phase == call.phase && !entry.has_ended() && !has_several {
            entry.since = entry.since.min(call.since);
        }
        entry.heard = heard.max(entry.since);
        entry.first_ms = millis_between(first.min(entry.since), entry.since);
        entry.is_firm |= call.details.is_firm;
    }

    /// Who has told of a call and under which names; of a call that Twilio alone has told of, that.
    fn told_or_plain(&self, slot: u32) -> Told {
        let plain = || Told { by_twilio: true, by_carrier: true, ..Told::default() };
        self.told(slot).cloned().unwrap_or_else(plain)
    }
}

/// The name that a call is kept under: Twilio's id, or else the first that is not the source's.
fn better_name(evidence: &Evidence) -> &CallId {
    let mut names = [&evidence.call].into_iter().chain(&evidence.also);
    let own = names.find(|name| name.is_sid()).or_else(|| evidence.also.first());
    own.unwrap_or(&evidence.call)
}

/// All that is known of a call, as if it was said now about this one.
fn as_evidence(call: &crate::Call, name: CallId) -> Evidence {
    let said = match call.phase {
        Phase::Dialing => Said::Dialing,
        Phase::Live => Said::InProgress,
        Phase::Ended(reason) => Said::Over(reason),
    };
    // A call is no leg of itself.
    let leg = call.details.leg.as_ref().filter(|leg| leg.parent.as_ref() != Some(&name));
    let parent = leg.and_then(|leg| leg.parent.as_ref());
    let told = call.details.told.as_ref();
    Evidence {
        parent: parent.cloned(),
        direction: leg.map(|_| Direction::Dial).or(call.direction),
        agent: match call.agent_from {
            // A weak word about no agent would take a better one's place.
            crate::AgentFrom::Address if call.agent == Agent::Unknown => Agent::Unknown,
            _ => call.agent.clone(),
        },
        agent_from: call.agent_from,
        agent_account: told.and_then(|told| told.agent_account.clone()),
        caller: call.caller,
        place: call.place.clone(),
        answered_by: call.details.answered_by,
        endpoint: call.details.endpoint,
        connection: call.details.queue.map(|queue| match queue {
            Queue::Waiting => Connection::Waiting,
            Queue::Bridged => Connection::Person,
            Queue::Machine => Connection::Machine,
        }),
        origin: told
            .filter(|told| told.by_carrier)
            .map(|_| Origin { source: Arc::from("a carrier"), is_carrier: true }),
        ..Evidence::about(name, Source::Event, said)
    }
}

/// The names of a call, its own id first.
pub(crate) fn all_names(id: &CallId, told: Option<&Told>) -> Vec<CallId> {
    let others = told.into_iter().flat_map(|told| told.names.iter().cloned());
    [id.clone()].into_iter().chain(others).collect()
}
