//! What a piece of evidence does to what is known of its call.

use alloc::vec::Vec;
use core::cmp::max;

use crate::applied::{Applied, Outcome};
use crate::call::{Entry, Step};
use crate::flags::{Flags, Word};
use crate::intern::Key;
use crate::links::Queue;
use crate::standing::{News, Was};
use crate::weight::{entry_reason, is_carriers, is_firm, proves, word};
use crate::{
    Agent, CallId, Claim, ConferenceEvent, Connection, EndReason, Evidence, Phase, Said, Source,
    Tracker,
};

/// The longest time from a voice request to its last retry, in milliseconds. Twilio gives up after
/// 15 s in all, whatever a URL asks for ("Webhooks: connection overrides"); the rest is the network.
pub const RETRY_MS_MAX: u64 = 20_000;

impl Tracker {
    /// A call of which nothing was known.
    pub(crate) fn begin(&mut self, evidence: &Evidence, applied: &mut Applied) -> Outcome {
        // Who joins a conference may be anybody: that alone makes no user.
        let is_only_attending = evidence.conference.is_some() && evidence.said == Said::Nothing;
        let (phase, outcome) = match evidence.claim() {
            Claim::Nothing => return Outcome::Late,
            _ if is_only_attending => return Outcome::Leg,
            Claim::Dialing => (Phase::Dialing, Outcome::Dialing),
            Claim::Live => (Phase::Live, Outcome::Started),
            Claim::Ended(reason) => (Phase::Ended(reason), Outcome::EndedUnseen(reason)),
        };
        let mut flags = Flags::default();
        flags.set_direction(evidence.direction);
        flags.set_word(word(evidence));
        flags.set_answered_by(evidence.answered_by);
        flags.set_leg(evidence.is_leg());
        flags.set_endpoint(evidence.endpoint);
        flags.set_proven(proves(evidence));
        let agent = self.agents.acquire(&evidence.agent);
        let place = self.places.acquire(&evidence.place);
        let slot = self.insert(Entry {
            caller: evidence.caller,
            since: self.now,
            heard: self.now,
            agent,
            place,
            first_ms: 0,
            flags,
            phase,
            is_firm: is_firm(evidence.claim()),
            id: evidence.call.clone(),
        });
        self.note_told(slot, evidence, true);
        self.note_agents_account(slot, evidence, true);
        self.tie_to_parent(slot, evidence, applied);
        self.note_connection(slot, evidence, applied);
        self.guess_colleague(slot, News::of(evidence.source, true));
        self.enter_sets(slot, applied);
        self.follow(slot, evidence, applied);
        if self.is_nobodys(slot) { Outcome::Leg } else { outcome }
    }

    /// Joins evidence into what is known of its call.
    ///
    /// Phase, caller, direction, place and whether it is a leg or a machine become the maximum of
    /// both. The maximum is why neither order nor repetition matters for them (I3, I4). So nothing
    /// here overwrites such a value with a smaller one, and nothing returns early. A call that is
    /// over takes a better attribute, too. Otherwise the state would depend on whether it came
    /// before the end.
    ///
    /// Trap: the order of the steps. The sets are keyed by the *keys* of agents and places, so the
    /// old keys have to be valid until the call has left its old sets. New values are acquired
    /// first, then the call moves, and only then the old values are released.
    pub(crate) fn join(
        &mut self,
        slot: u32,
        evidence: &Evidence,
        applied: &mut Applied,
    ) -> Outcome {
        self.join_as(slot, (evidence, None), applied)
    }

    /// The same of evidence whose word about the agent is as strong as this, if that is given.
    pub(crate) fn join_as(
        &mut self,
        slot: u32,
        (evidence, said): (&Evidence, Option<Word>),
        applied: &mut Applied,
    ) -> Outcome {
        let handed = self.after_hand_over(slot, evidence);
        let less = if handed.is_none() { self.overtaken(slot, evidence) } else { None };
        // Overtaken, it still says how far the call is.
        let whole = handed.as_ref().unwrap_or(evidence);
        let evidence = less.as_ref().unwrap_or(whole);
        let said = said.unwrap_or_else(|| word(evidence));
        let before = self.entrant(slot);
        let (was_nobodys, phase_before) = (self.is_nobodys(slot), self.entry(slot).phase);
        let (old_agent, old_place) = self.join_attributes(slot, (evidence, said));
        let is_known_better = old_agent.is_some_and(|old| !self.has_moved(slot, old, said));
        self.note_told(slot, evidence, false);
        self.note_agents_account(slot, evidence, old_agent.is_some());
        self.tie_to_parent(slot, evidence, applied);
        let outcome = self.join_phase(slot, whole, applied);
        self.note_connection(slot, evidence, applied);
        let was_live = phase_before == Phase::Live;
        let is_new_phase = self.entry(slot).phase != phase_before;
        self.guess_colleague(slot, News::of(evidence.source, is_new_phase));
        if is_known_better {
            self.reattribute(slot, before.agent);
        }
        let was = Was { is_live: was_live, is_known_better };
        self.settle(slot, before, was, applied);
        old_agent.into_iter().for_each(|agent| self.agents.release(agent));
        old_place.into_iter().for_each(|place| self.places.release(place));
        self.follow(slot, evidence, applied);
        if was_nobodys || self.is_nobodys(slot) { Outcome::Leg } else { outcome }
    }

    /// Returns the agent and the place that the call has no more.
    fn join_attributes(
        &mut self,
        slot: u32,
        (evidence, said): (&Evidence, Word),
    ) -> (Option<Key>, Option<Key>) {
        let entry = self.entries[slot].as_mut().expect("the index has no gaps");
        entry.caller = max(entry.caller, evidence.caller);
        let flags = &mut entry.flags;
        flags.set_direction(max(flags.direction(), evidence.direction));
        flags.set_answered_by(max(flags.answered_by(), evidence.answered_by));
        flags.set_endpoint(max(flags.endpoint(), evidence.endpoint));
        flags.set_leg(flags.is_leg() || evidence.is_leg());
        flags.set_proven(flags.is_proven() || proves(evidence));
        // Values are compared and not their keys: keys are in the order of arrival (I4).
        let is_better = match said == Word::LAST && flags.word() == Word::LAST {
            true => *self.agents.value(entry.agent) != evidence.agent,
            false => (flags.word(), self.agents.value(entry.agent)) < (said, &evidence.agent),
        };
        let mut old = (None, None);
        if is_better {
            old.0 = Some(entry.agent);
            entry.agent = self.agents.acquire(&evidence.agent);
            flags.set_word(said);
        }
        if self.places.place(entry.place) < &evidence.place {
            old.1 = Some(entry.place);
            entry.place = self.places.acquire(&evidence.place);
        }
        old
    }

    /// Whether the call has moved to another agent, and not only become known better.
    fn has_moved(&self, slot: u32, old: Key, said: Word) -> bool {
        let old = self.agents.value(old);
        let is_another = old != self.agents.value(self.entry(slot).agent);
        is_another && *old != Agent::Unknown && said == Word::LAST
    }

    /// The stretches of an agent were those of the call's agent as it is known now.
    fn reattribute(&mut self, slot: u32, before: Key) {
        let agent = self.agents.value(self.entry(slot).agent).clone();
        let before = self.agents.value(before);
        let links = self.ties.links.get_mut(&slot);
        let stretches = links.into_iter().flat_map(|links| &mut links.stretches);
        stretches.filter(|it| it.agent == *before).for_each(|it| it.agent = agent.clone());
    }

    fn join_phase(&mut self, slot: u32, evidence: &Evidence, applied: &mut Applied) -> Outcome {
        let (now, claim) = (self.now, self.claim(slot, evidence));
        if self.takes_back(slot, evidence) {
            let was_handed_over = entry_reason(self.entry(slot)) == Some(EndReason::HandedOver);
            applied.talk = self.talk(slot);
            self.resume(slot);
            self.let_in(slot);
            if was_handed_over {
                self.entry_mut(slot).flags.set_linked(true);
                self.ties.links_mut(slot).queue = Some(Queue::Bridged);
            }
            return Outcome::Resumed;
        }
        let entry = self.entry(slot);
        let (phase_before, step) = (entry.phase, entry.phase.step(claim));
        if is_firm(claim) && !entry.is_firm {
            self.entry_mut(slot).is_firm = true;
        }
        let outcome = match (step, phase_before) {
            (Step::Rise(phase @ Phase::Ended(reason)), _) => {
                if phase_before == Phase::Live && !self.is_nobodys(slot) {
                    applied.talk = self.talk(slot);
                    self.close_last_stretch(slot, reason);
                }
                self.entry_mut(slot).rise(phase, now);
                self.note_end(slot, now);
                Outcome::Ended(reason)
            }
            (Step::Rise(phase), _) => {
                self.entry_mut(slot).rise(phase, now);
                Outcome::Answered
            }
            (Step::Same, _) => {
                self.entry_mut(slot).heard = now;
                Outcome::Confirmed
            }
            // `since` stays: the call was over from the first report on, and its tombstone lies in
            // the order of these moments.
            (Step::Again(reason), known) => {
                let entry = self.entry_mut(slot);
                entry.phase = max(known, Phase::Ended(reason));
                entry.heard = now;
                if self.has_several_stretches(slot) {
                    applied.talk = self.talk(slot);
                }
                Outcome::Duplicate
            }
            (Step::Behind, Phase::Ended(_)) => {
                self.entry_mut(slot).heard = now;
                Outcome::Late
            }
            // It does not agree with the phase, so it is no sign that the call goes on.
            (Step::Behind, Phase::Dialing | Phase::Live) => Outcome::Late,
            (Step::Silent, _) => Outcome::Late,
        };
        debug_assert!(phase_before <= self.entry(slot).phase, "I2: a phase never falls");
        outcome
    }

    /// Whether evidence takes back an end that was our own guess: it can only have been said after
    /// that, by a request whose retries would be over or because our answer did not arrive, by the
    /// provider's list of calls in two polls, or by an operator about a time-out.
    fn takes_back(&self, slot: u32, evidence: &Evidence) -> bool {
        let entry = self.entry(slot);
        let Phase::Ended(reason) = entry.phase else { return false };
        let is_ours = reason.is_guess() || self.turned_away_at(slot).is_some();
        let may_be = !entry.is_firm && is_ours && !entry.flags.is_leg();
        if !may_be || self.claim(slot, evidence) != Claim::Live {
            return false;
        }
        match evidence.source {
            // Whoever has handed the caller over says nothing more. A carrier does.
            _ if reason == EndReason::HandedOver => is_carriers(evidence),
            Source::Event => {
                matches!(reason, EndReason::TimedOut | EndReason::Unlisted)
                    && !self.is_too_long(slot)
            }
            Source::Voice | Source::Speech => {
                evidence.is_after_lost_answer || self.now.since(entry.since) > RETRY_MS_MAX
            }
            Source::Referee => evidence.origin.is_none() || !self.is_too_long(slot),
            // Who mends a journal takes back what a clock ahead has ended.
            Source::Operator => reason == EndReason::TimedOut,
            Source::StatusCallback | Source::Clock => false,
        }
    }

    /// Notes where a caller is who was put into a queue. The last word counts, except that the first
    /// request of a call, which comes before anything else, is no news when it comes late.
    fn note_connection(&mut self, slot: u32, evidence: &Evidence, applied: &mut Applied) {
        let Some(connection) = evidence.connection else { return };
        let queue = match connection {
            Connection::Agent => None,
            Connection::Waiting => Some(Queue::Waiting),
            Connection::Person => Some(Queue::Bridged),
            Connection::Machine => Some(Queue::Machine),
        };
        let known = self.links(slot).and_then(|it| it.queue);
        let is_first_request = queue.is_none() && evidence.said == Said::Dialing;
        if connection == Connection::Agent && !is_first_request {
            self.let_in(slot);
            self.leave_conference(&evidence.call, applied);
        }
        if queue != known && !is_first_request {
            self.entry_mut(slot).flags.set_linked(true);
            self.ties.links_mut(slot).queue = queue;
        }
    }

    /// Who asks what to say is in no conference any more: `<Dial>` would wait for its end. A request
    /// that may be a retry from before it says nothing of that.
    fn leave_conference(&mut self, call: &CallId, applied: &mut Applied) {
        let moment = self.now.minus(RETRY_MS_MAX);
        if let Some(conference) = self.ties.attended_since_before(call, moment) {
            let others = self.ties.leave(call, &conference);
            self.resettle_all(&others, applied);
        }
    }

    /// What follows for the calls that this one is tied to.
    fn follow(&mut self, slot: u32, evidence: &Evidence, applied: &mut Applied) {
        let entry = self.entry(slot);
        let has_ended = entry.has_ended();
        let is_over = has_ended && entry.is_firm;
        if entry.flags.is_leg() {
            if let Some(parent) = self.links(slot).and_then(|it| it.parent.clone()) {
                self.confirm_parent(&parent);
                self.resettle(&parent, applied);
            }
        } else if is_over {
            self.end_legs(&evidence.call, applied);
        } else if applied.before.is_none() {
            // Legs may have come first.
            let had_legs = !self.ties.legs_of(&evidence.call).is_empty();
            let attends = self.ties.conference_of.contains_key(&evidence.call);
            if had_legs || attends {
                self.resettle(&evidence.call, applied);
            }
        }
        if let Some(conference) = self.ties.conference_of.get(&evidence.call).cloned() {
            let touched = match has_ended {
                true => self.ties.leave(&evidence.call, &conference),
                false => self.ties.members(&conference),
            };
            self.resettle_all(&touched, applied);
        }
    }

    /// Takes in an event of a conference.
    pub(crate) fn attend(&mut self, call: &CallId, event: &ConferenceEvent, applied: &mut Applied) {
        // A call that is over is in no conference, whatever comes late.
        if self.slot(call).is_some_and(|slot| self.entry(slot).has_ended()) {
            return;
        }
        let mut touched = self.ties.note(self.now, call, event);
        touched.push(call.clone());
        self.resettle_all(&touched, applied);
    }

    /// Twice, because who is a colleague decides about the others.
    fn resettle_all(&mut self, calls: &[CallId], applied: &mut Applied) {
        for call in calls.iter().chain(calls) {
            self.resettle(call, applied);
        }
    }

    /// Works out anew with whom a call's caller is connected.
    fn resettle(&mut self, call: &CallId, applied: &mut Applied) {
        let Some(slot) = self.slot(call) else { return };
        let before = self.entrant(slot);
        let was = Was { is_live: self.entry(slot).phase == Phase::Live, is_known_better: false };
        self.guess_colleague(slot, News::Nothing);
        self.settle(slot, before, was, applied);
    }

    fn tie_to_parent(&mut self, slot: u32, evidence: &Evidence, applied: &mut Applied) {
        let Some(parent) = &evidence.parent else { return };
        if self.links(slot).is_some_and(|it| it.parent.is_some()) {
            return;
        }
        self.entry_mut(slot).flags.set_linked(true);
        self.ties.links_mut(slot).parent = Some(parent.clone());
        self.ties.legs.entry(parent.clone()).or_default().push(slot);
        let is_over = match self.slot(parent).map(|parent| self.entry(parent)) {
            Some(parent) => parent.has_ended() && parent.is_firm,
            None => self.is_remembered(parent),
        };
        if is_over {
            let left = self.end_leg(slot);
            self.resettle_all(&left, applied);
        }
    }

    /// News of a leg says that the conversation it belongs to goes on, if it is known and not over.
    fn confirm_parent(&mut self, parent: &CallId) {
        let now = self.now;
        if let Some(slot) = self.slot(parent)
            && self.entry(slot).phase == Phase::Live
        {
            self.entry_mut(slot).heard = now;
        }
    }

    /// A conversation that is over has no legs any more.
    pub(crate) fn end_legs(&mut self, call: &CallId, applied: &mut Applied) {
        for slot in self.ties.legs_of(call).to_vec() {
            let left = self.end_leg(slot);
            self.resettle_all(&left, applied);
        }
    }

    /// Returns those that it was with in a conference.
    fn end_leg(&mut self, slot: u32) -> Vec<CallId> {
        let now = self.now;
        let entry = self.entry_mut(slot);
        if entry.has_ended() {
            return Vec::new();
        }
        entry.rise(Phase::Ended(EndReason::Completed), now);
        entry.is_firm = true;
        let id = entry.id.clone();
        self.note_end(slot, now);
        let conference = self.ties.conference_of.get(&id).cloned();
        conference.map(|it| self.ties.leave(&id, &it)).unwrap_or_default()
    }

    /// Whether it is nobody's call in the count: a leg, or a colleague's.
    pub(crate) fn is_nobodys(&self, slot: u32) -> bool {
        let flags = self.entry(slot).flags;
        flags.is_leg() || flags.is_colleague()
    }
}
