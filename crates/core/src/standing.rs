//! With whom a caller is connected, as it follows from what is known; and the sets that a call is
//! counted in.

use alloc::vec::Vec;

use crate::accounts::AccountDelta;
use crate::agent_delta::AgentDelta;
use crate::applied::{Applied, Move};
use crate::call::Stretch;
use crate::counted_set::{CountedSets, Entrant, Member};
use crate::intern::Key;
use crate::links::{Presence, Queue};
use crate::{Agent, CallId, Direction, Endpoint, Party, Phase, Source, Tracker};

/// What has just been heard about how far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing new.
    Nothing,
    /// It has come to its phase by a webhook.
    Reported,
    /// It has come to its phase by the provider's list.
    Listed,
}

impl News {
    pub(crate) fn of(source: Source, is_new_phase: bool) -> Self {
        match (is_new_phase, source) {
            (false, _) => Self::Nothing,
            (true, Source::Referee) => Self::Listed,
            (true, _) => Self::Reported,
        }
    }
}

/// What a call was before something about it has changed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Was {
    /// It was live, so that another party or agent is another stretch.
    pub(crate) is_live: bool,
    /// Its agent has only become known better, and was the same all the time.
    pub(crate) is_known_better: bool,
}

/// What the calls that are tied to a call say about its caller.
#[derive(Default)]
struct Others {
    /// A person is connected.
    person: bool,
    /// An AI endpoint is connected; of several the one that is another agent's, and then the
    /// greatest.
    agent: Option<Option<Agent>>,
    /// A person is being dialled.
    is_dialling: bool,
    /// Nobody else is in the conference.
    is_alone: bool,
    /// The caller is on hold.
    is_held: bool,
}

impl Tracker {
    /// With whom the caller is connected, and with which agent if that is not the call's own.
    fn standing(&self, slot: u32) -> (Option<Party>, Option<Agent>) {
        let entry = self.entry(slot);
        if self.is_nobodys(slot) {
            return (None, None);
        }
        match entry.phase {
            Phase::Ended(_) => (None, None),
            Phase::Dialing => (Some(Party::Waiting), None),
            Phase::Live if entry.flags.is_machine() => (Some(Party::Machine), None),
            Phase::Live => {
                let others = self.others(&entry.id);
                let queue = self.links(slot).and_then(|it| it.queue);
                if queue == Some(Queue::Machine) {
                    (Some(Party::Machine), None)
                } else if others.is_held {
                    (Some(Party::Waiting), None)
                } else if others.person || queue == Some(Queue::Bridged) && others.agent.is_none() {
                    // A carrier that has bridged two legs does not say to whom one of them leads.
                    (Some(Party::Person), None)
                } else if let Some(agent) = others.agent {
                    let own = self.agents.value(entry.agent);
                    (Some(Party::Agent), agent.filter(|agent| agent != own))
                } else if others.is_alone || others.is_dialling || queue.is_some() {
                    (Some(Party::Waiting), None)
                } else {
                    (Some(Party::Agent), None)
                }
            }
        }
    }

    fn others(&self, call: &CallId) -> Others {
        let mut others = Others::default();
        if self.ties.legs.is_empty() && self.ties.conference_of.is_empty() {
            return others;
        }
        for &slot in self.ties.legs_of(call) {
            let leg = self.entry(slot);
            match (leg.phase, leg.flags.endpoint()) {
                (Phase::Live, Some(Endpoint::Person)) => others.person = true,
                (Phase::Live, Some(Endpoint::Agent)) => others.meet(self.agents.value(leg.agent)),
                (Phase::Dialing, Some(Endpoint::Person)) => others.is_dialling = true,
                // A leg of an older record does not say what it leads to.
                (Phase::Dialing | Phase::Live | Phase::Ended(_), _) => {}
            }
        }
        let Some(conference) = self.ties.attended_by(call) else { return others };
        others.is_alone = true;
        for participant in conference.present() {
            if participant.call == *call {
                others.is_held = participant.presence == Presence::Held;
                continue;
            }
            let known = self.slot(&participant.call).map(|slot| (slot, self.entry(slot)));
            match known {
                Some((_, entry)) if entry.has_ended() => continue,
                None if self.is_remembered(&participant.call) => continue,
                Some((_, entry)) if entry.flags.endpoint() == Some(Endpoint::Agent) => {
                    others.meet(self.agents.value(entry.agent));
                }
                // Another caller, who is nobody's colleague.
                Some((slot, _)) if !self.is_nobodys(slot) => continue,
                // Whatever is not known to be an AI endpoint is a person.
                Some(_) | None => others.person = true,
            }
            others.is_alone = false;
        }
        others
    }

    /// Decides whether a call that we have made is a colleague's: one that never asked us what to
    /// say may be brought into a conversation by the provider's API, which leaves no trace of that.
    /// It is held for a colleague when it is in a conference with a caller; when it is answered while
    /// its agent has more callers than colleagues; or when it is dialled while more callers of its
    /// agent wait in conferences than colleagues are being dialled.
    pub(crate) fn guess_colleague(&mut self, slot: u32, news: News) {
        let entry = self.entry(slot);
        let flags = entry.flags;
        let may_be = flags.direction() == Some(Direction::Outbound)
            && !flags.is_leg()
            // Records of older versions do not say whom we called, and were never guessed about.
            && flags.endpoint() == Some(Endpoint::Person)
            && !flags.is_proven()
            && !flags.is_machine();
        if !may_be {
            if flags.is_colleague() {
                self.entry_mut(slot).flags.set_colleague(false);
            }
            return;
        }
        if flags.is_colleague() || entry.has_ended() {
            return;
        }
        let is_colleague = self.attends_with_a_caller(&entry.id)
            || self.lacks_a_colleague(entry.agent, entry.phase, news);
        if is_colleague {
            self.entry_mut(slot).flags.set_colleague(true);
        }
    }

    fn attends_with_a_caller(&self, call: &CallId) -> bool {
        let Some(conference) = self.ties.attended_by(call) else { return false };
        let others = conference.present().filter(|it| it.call != *call);
        others.filter_map(|it| self.slot(&it.call)).any(|other| {
            let flags = self.entry(other).flags;
            let is_caller = flags.is_proven() || flags.direction() != Some(Direction::Outbound);
            is_caller && !self.is_nobodys(other)
        })
    }

    /// Whether an agent has more callers than colleagues, or more who wait in
    /// conferences than are being dialled. Of a call that only the provider's list has told, nothing
    /// can be heard that proves it a user's, so an agent that makes such calls is given the doubt.
    fn lacks_a_colleague(&self, agent: Key, phase: Phase, news: News) -> bool {
        if news == News::Nothing {
            return false;
        }
        let is_configured = matches!(self.agents.value(agent), Agent::Id(_));
        let Some(set) = self.sets.of_agent(agent).filter(|_| is_configured) else { return false };
        let has_campaign =
            || set.has_campaign() || self.has_remembered_campaign(self.agents.value(agent));
        if news == News::Listed && has_campaign() {
            return false;
        }
        match phase {
            Phase::Dialing => set.awaiting() > set.colleagues_dialled(),
            Phase::Live | Phase::Ended(_) => set.inbound_calls() > set.colleagues(),
        }
    }

    /// The key of the agent that a call counts for.
    pub(crate) fn acting_agent(&self, slot: u32) -> Key {
        let entry = self.entry(slot);
        let links = self.links(slot);
        links.and_then(|links| links.acting_agent).unwrap_or(entry.agent)
    }

    /// A call as it stands in the sets.
    pub(crate) fn entrant(&self, slot: u32) -> Entrant {
        let entry = self.entry(slot);
        let caller = entry.caller.filter(|_| !self.counting.by_call);
        let is_outbound = entry.flags.direction() == Some(Direction::Outbound);
        Entrant {
            member: Member { caller, slot },
            party: entry.flags.party(),
            is_outbound,
            is_colleague: entry.flags.is_colleague() && !entry.has_ended(),
            is_dialled: entry.phase == Phase::Dialing,
            is_awaiting: entry.flags.is_awaiting(),
            is_campaign: is_outbound && entry.flags.is_proven() && !entry.flags.is_leg(),
            agent: self.acting_agent(slot),
            account: self.account_key(slot),
            area: self.places.area(entry.place),
            country: self.places.place(entry.place).country,
        }
    }

    /// Moves a call to the sets that it belongs to after something about it has changed; `before`
    /// is how it stands in the sets, and `was` what else it was.
    pub(crate) fn settle(&mut self, slot: u32, before: Entrant, was: Was, applied: &mut Applied) {
        let (party, acting) = self.standing(slot);
        let old_acting = self.act(slot, acting);
        self.note_party(slot, party);
        let after = self.entrant(slot);
        if before != after {
            self.reindex(before, after, applied);
        }
        let (agent_before, account_before) = match was.is_known_better {
            true => (after.agent, after.account),
            false => (before.agent, before.account),
        };
        let mut is_turn = false;
        if let (true, Some(from), Some(to)) = (was.is_live, before.party, party)
            && (from, agent_before) != (to, after.agent)
        {
            self.turn_stretch(slot, from, (agent_before, account_before));
            is_turn = true;
        }
        self.note_move(slot, (before, after), is_turn, applied);
        old_acting.into_iter().for_each(|agent| self.agents.release(agent));
    }

    /// Notes that a call that was up has moved. Whoever saw it with the agent or the account that it
    /// was known to have is to learn that it is not theirs, also before it is answered, at its end, or
    /// where it has only become known better.
    fn note_move(
        &self,
        slot: u32,
        (before, after): (Entrant, Entrant),
        is_turn: bool,
        applied: &mut Applied,
    ) {
        // What was held for a colleague's was up, too.
        if before.party.is_none() && !before.is_colleague {
            return;
        }
        let left = (before.agent != after.agent).then(|| self.agents.value(before.agent).clone());
        let is_anothers = before.account != after.account;
        let of = before.account.filter(|_| is_anothers);
        let left_account = of.map(|key| self.accounts.name(key).clone());
        if is_turn || left.is_some() || is_anothers {
            let call = self.entry(slot).id.clone();
            let (from, to) = (before.party, after.party);
            applied.moves.push(Move { call, from, to, left, left_account, is_turn });
        }
    }

    /// Sets the agent that the caller is connected with, if it is not the call's own. Returns the
    /// key that is not held any more.
    fn act(&mut self, slot: u32, acting: Option<Agent>) -> Option<Key> {
        let known = self.links(slot).and_then(|it| it.acting_agent);
        match (known, &acting) {
            (None, None) => return None,
            (Some(known), Some(acting)) if self.agents.value(known) == acting => return None,
            _ => {}
        }
        let key = acting.map(|acting| self.agents.acquire(&acting));
        self.entry_mut(slot).flags.set_linked(true);
        core::mem::replace(&mut self.ties.links_mut(slot).acting_agent, key)
    }

    /// Ends the stretch of a live call that was connected as before, and begins the next one.
    fn turn_stretch(&mut self, slot: u32, party: Party, (agent, account): (Key, Option<Key>)) {
        let until = self.now;
        let entry = self.entry_mut(slot);
        entry.flags.set_linked(true);
        let since = entry.since;
        let agent = self.agents.value(agent).clone();
        let account = account.map(|key| self.accounts.name(key).clone());
        let links = self.ties.links_mut(slot);
        let since = links.stretch_since.unwrap_or(since);
        links.close(Stretch { party, agent, account, since, until });
        links.stretch_since = Some(until);
    }

    /// Puts a new call into the sets that it belongs to.
    pub(crate) fn enter_sets(&mut self, slot: u32, applied: &mut Applied) {
        let all = self.entrant(slot);
        let nowhere = Entrant { party: None, is_colleague: false, is_campaign: false, ..all };
        self.settle(slot, nowhere, Was::default(), applied);
    }

    /// Notes with whom the caller of a call of a snapshot is connected.
    pub(crate) fn stand(&mut self, slot: u32) {
        let (party, _) = self.standing(slot);
        self.note_party(slot, party);
    }

    fn note_party(&mut self, slot: u32, party: Option<Party>) {
        let entry = self.entry(slot);
        let is_awaiting =
            party == Some(Party::Waiting) && self.ties.conference_of.contains_key(&entry.id);
        let flags = &mut self.entry_mut(slot).flags;
        flags.set_party(party);
        flags.set_awaiting(is_awaiting);
    }

    /// Fills all sets anew.
    pub(crate) fn recount(&mut self) {
        self.sets = CountedSets::default();
        let slots: Vec<_> = self.entries.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let entrant = self.entrant(slot);
            self.sets.enter(&entrant, self.counting);
        }
    }

    /// Moves a call between the sets that it is counted in, and notes how the numbers of its agent,
    /// or of both agents, change.
    ///
    /// Trap: it leaves all of its sets before it enters any. A call without a caller is a member by
    /// its slot, and only once. If it entered first, leaving would remove it for good.
    pub(crate) fn reindex(&mut self, before: Entrant, after: Entrant, applied: &mut Applied) {
        let numbers = [before.agent, after.agent].map(|key| self.numbers_of(key));
        let accounts = [before.account, after.account];
        let of_accounts = accounts.map(|key| Some((key?, self.numbers_of_account(key?))));
        self.sets.leave(&before, self.counting);
        self.sets.enter(&after, self.counting);
        let is_counted = before.party.is_some() || after.party.is_some();
        if !is_counted {
            return;
        }
        let delta = |key, before| AgentDelta {
            agent: self.agents.value(key).clone(),
            before,
            after: self.numbers_of(key),
        };
        applied.deltas.add(delta(before.agent, numbers[0]));
        if after.agent != before.agent {
            applied.deltas.add(delta(after.agent, numbers[1]));
        }
        for (key, before) in of_accounts.into_iter().flatten() {
            let (account, after) = (self.accounts.name(key).clone(), self.numbers_of_account(key));
            applied.add_account(AccountDelta { account, before, after });
        }
    }

    pub(crate) fn numbers_of(&self, agent: Key) -> crate::Breakdown {
        let set = self.sets.of_agent(agent);
        set.map(|set| set.line.breakdown(self.counting)).unwrap_or_default()
    }
}

impl Others {
    fn meet(&mut self, agent: &Agent) {
        let named = match agent {
            Agent::Id(_) => Some(agent.clone()),
            Agent::Unknown | Agent::Address(_) => None,
        };
        self.agent = self.agent.take().max(Some(named));
    }
}
