//! Limits: whether there is a place for a call that begins, decided by its place in the journal.
//!
//! The limit stands in the record that begins a call. Whoever applies the record compares it with the
//! calls that are up at that point of the journal. So of two calls that begin at once on two replicas
//! and want the last place, the one whose record comes first has it, and every replica knows that.
//! What follows for a call that is turned away is in the same record, so nothing can come between.

use crate::{
    Agent, CallId, Claim, Connection, Direction, EndReason, Evidence, Party, Phase, RETRY_MS_MAX,
    Said, Source, Tracker,
};

/// How many places there are for a call that begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Admission {
    /// At its agent, if that has a limit.
    pub agent: Option<Bound>,
    /// At all agents together, if there is such a limit.
    pub all: Option<Bound>,
}

/// A limit, and what becomes of a call beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bound {
    /// So many calls may occupy an agent, the one that begins among them.
    pub places: u32,
    /// What becomes of a call for which there is no place.
    pub instead: Instead,
}

/// What becomes of a call for which there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instead {
    /// It is over: the line is busy, or the caller is told so and we hang up.
    Refuse,
    /// Its caller waits in a queue.
    Queue,
    /// Somebody else answers it.
    Elsewhere,
}

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitOf {
    /// That of the call's agent.
    Agent,
    /// That of all agents together.
    Account,
}

/// How a call was turned away. It stays known when the call is let in later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TurnedAway {
    /// The limit that was reached.
    pub by: LimitOf,
    /// What became of the call.
    pub instead: Instead,
    /// Whether it was not answered yet. Then a request of an answered call is no retry of the first.
    pub was_ringing: bool,
    /// Whether it was let in after all: taken out of the queue, or sent back to an agent.
    pub is_in: bool,
}

/// What is decided about a call that is turned away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    how: TurnedAway,
    /// It was turned away before, and its first request comes again.
    is_again: bool,
}

impl Verdict {
    /// What the evidence says, as it is decided.
    pub(crate) fn comes_to(self, evidence: &Evidence) -> Evidence {
        let (said, connection) = match (self.how.instead, self.is_again) {
            (Instead::Refuse, _) => (Said::Over(EndReason::Busy), None),
            (Instead::Queue, false) => (evidence.said, Some(Connection::Waiting)),
            (Instead::Elsewhere, false) => (evidence.said, Some(Connection::Person)),
            // What was said of the caller since is newer.
            (Instead::Queue | Instead::Elsewhere, true) => (evidence.said, None),
        };
        Evidence { said, connection, ..evidence.clone() }
    }
}

impl Tracker {
    /// How a call was turned away that was not let in since. It is as of the last record, so whoever
    /// asks right after a record knows what was decided by it.
    pub fn turned_away(&self, id: &CallId) -> Option<TurnedAway> {
        let how = self.turned_away_at(self.slot(id)?)?;
        (!how.is_in).then_some(how)
    }

    /// Decides whether a call is turned away by this evidence: by its first voice request alone, and
    /// by a retry of that as before. A call that has begun otherwise is never turned away.
    pub(crate) fn verdict(&self, slot: Option<u32>, evidence: &Evidence) -> Option<Verdict> {
        let admission = evidence.admission?;
        let may_begin = matches!(evidence.claim(), Claim::Live | Claim::Dialing);
        if evidence.source != Source::Voice || evidence.is_leg() || !may_begin {
            return None;
        }
        if let Some(slot) = slot {
            if let Some(how) = self.turned_away_at(slot) {
                let is_again = !how.is_in && self.is_retry(slot, how, evidence);
                return is_again.then_some(Verdict { how, is_again });
            }
            if !self.begins(slot) {
                return None;
            }
        }
        let (by, instead) = self.reached(slot, &evidence.agent, admission)?;
        let was_ringing = evidence.said == Said::Dialing;
        let how = TurnedAway { by, instead, was_ringing, is_in: false };
        Some(Verdict { how, is_again: false })
    }

    /// Keeps how a call was turned away, and that its end is our own word.
    pub(crate) fn note_verdict(&mut self, call: &CallId, verdict: Verdict, was_firm: bool) {
        let Some(slot) = self.slot(call) else { return };
        if verdict.how.instead == Instead::Refuse {
            self.entry_mut(slot).is_firm = was_firm;
        }
        self.set_turned_away(slot, verdict.how);
    }

    pub(crate) fn turned_away_at(&self, slot: u32) -> Option<TurnedAway> {
        self.links(slot)?.turned_away
    }

    pub(crate) fn set_turned_away(&mut self, slot: u32, how: TurnedAway) {
        self.entry_mut(slot).flags.set_linked(true);
        self.ties.links_mut(slot).turned_away = Some(how);
    }

    /// A call that was turned away is in after all.
    pub(crate) fn let_in(&mut self, slot: u32) {
        if let Some(how) = self.turned_away_at(slot) {
            self.set_turned_away(slot, TurnedAway { is_in: true, ..how });
        }
    }

    /// Whether the end of a call is the word of the provider or of an operator.
    pub(crate) fn is_firm(&self, slot: Option<u32>) -> bool {
        slot.is_some_and(|slot| self.entry(slot).is_firm)
    }

    /// Whether a voice request is the first of a call that is known. An inbound call that is live was
    /// let in. One that we have made may be told as answered before it asks what to say.
    fn begins(&self, slot: u32) -> bool {
        let entry = self.entry(slot);
        let is_outbound = entry.flags.direction() == Some(Direction::Outbound);
        match entry.phase {
            _ if entry.flags.is_leg() => false,
            Phase::Dialing => true,
            Phase::Live => is_outbound && !entry.flags.is_proven(),
            Phase::Ended(_) => false,
        }
    }

    /// Whether this is the request again by which the call was turned away.
    fn is_retry(&self, slot: u32, how: TurnedAway, evidence: &Evidence) -> bool {
        let entry = self.entry(slot);
        let is_soon = self.now.since(entry.since) <= RETRY_MS_MAX;
        let was_like_it = !how.was_ringing || entry.has_ended();
        evidence.said == Said::Dialing || is_soon && was_like_it
    }

    /// The limit that is reached without this call, the agent's before that of all.
    fn reached(
        &self,
        slot: Option<u32>,
        agent: &Agent,
        admission: Admission,
    ) -> Option<(LimitOf, Instead)> {
        let key = self.agents.key(agent);
        let own = slot.filter(|&slot| {
            matches!(self.entry(slot).flags.party(), Some(Party::Agent | Party::Machine))
        });

        let at_agent = || {
            let set = key.and_then(|key| self.sets.of_agent(key));
            let own = own.is_some_and(|slot| Some(self.acting_agent(slot)) == key);
            set.map_or(0, |set| set.line.occupied()).saturating_sub(usize::from(own))
        };
        let in_all = || self.sets.all.occupied().saturating_sub(usize::from(own.is_some()));
        let is_full = |bound: &Bound, others: usize| others >= bound.places as usize;
        let of_agent = admission.agent.filter(|bound| is_full(bound, at_agent()));
        let of_all = || admission.all.filter(|bound| is_full(bound, in_all()));
        let agent = of_agent.map(|bound| (LimitOf::Agent, bound.instead));
        agent.or_else(|| of_all().map(|bound| (LimitOf::Account, bound.instead)))
    }
}
