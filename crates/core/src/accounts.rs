//! The accounts that calls belong to: their numbers, and what is left where only some of them count.
//!
//! A call belongs to the account of its agent, if that has one, and else to the account of who has
//! told of it. So the word that decides which agent a call has decides its account, too.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::max;
use core::num::NonZeroU64;

use crate::flags::Word;
use crate::intern::Key;
use crate::weight::word;
use crate::{Agent, Breakdown, Call, CallId, Evidence, OpenCall, Origin, Told, Tracker};

/// So many legs of legs are followed to the call whose they are.
const LEGS_DEEP_MAX: usize = 8;

/// The names of accounts, each with a key. They come from settings, so they are few, and stay.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountNames {
    names: Vec<Arc<str>>,
    keys: BTreeMap<Arc<str>, Key>,
}

impl AccountNames {
    pub(crate) fn key(&self, name: &str) -> Option<Key> {
        self.keys.get(name).copied()
    }

    pub(crate) fn name(&self, Key(key): Key) -> &Arc<str> {
        &self.names[key as usize]
    }

    fn know(&mut self, name: &Arc<str>) {
        if !self.keys.contains_key(name) {
            let key = u32::try_from(self.names.len()).expect("fewer than 2^32 accounts are known");
            self.keys.insert(name.clone(), Key(key));
            self.names.push(name.clone());
        }
    }
}

/// The numbers of one account before and after a piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDelta {
    /// Whose.
    pub account: Arc<str>,
    /// Before it.
    pub before: Breakdown,
    /// After it.
    pub after: Breakdown,
}

/// How the word of a piece of evidence about the agent compares with what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AgentNews {
    /// Its agent is the call's from now on.
    Taken,
    /// It is the same word about the same agent.
    Same,
    /// A better word stands.
    Weaker,
}

impl Tracker {
    /// Takes in whose agent it is, after the agent of a call was joined; `is_taken` says that the call
    /// has it now. Of the same word about the same agent the greatest account counts, so the order does
    /// not matter (I4); of voice requests of a call in progress the last one, as for the agent.
    pub(crate) fn note_agents_account(&mut self, slot: u32, evidence: &Evidence, is_taken: bool) {
        let news = self.agent_news(slot, evidence, is_taken);
        let known = || self.told(slot).and_then(|told| told.agent_account.clone());
        let said = evidence.agent_account.clone();
        let account = match news {
            AgentNews::Taken => said,
            AgentNews::Same if word(evidence) == Word::LAST => said.or_else(known),
            AgentNews::Same => max(said, known()),
            AgentNews::Weaker => known(),
        };
        if account != known() {
            self.told_mut(slot).agent_account = account;
        }
        self.know_account(slot);
    }

    /// How the word about the agent, which is joined by now, compares with what was known.
    fn agent_news(&self, slot: u32, evidence: &Evidence, is_taken: bool) -> AgentNews {
        let entry = self.entry(slot);
        let is_same = || {
            word(evidence) == entry.flags.word()
                && *self.agents.value(entry.agent) == evidence.agent
        };
        match is_taken {
            true => AgentNews::Taken,
            false if is_same() => AgentNews::Same,
            false => AgentNews::Weaker,
        }
    }

    /// Gives the account of a call a key, which the sets are found by.
    pub(crate) fn know_account(&mut self, slot: u32) {
        let Some(links) = self.links(slot) else { return };
        if let Some(account) = links.told.as_ref().and_then(|told| told.owner()).cloned() {
            self.accounts.know(&account);
        }
    }

    /// The key of the account that a call belongs to.
    pub(crate) fn account_key(&self, slot: u32) -> Option<Key> {
        self.accounts.key(self.told(slot)?.owner()?)
    }

    /// Whether it is about a call of another account of Twilio's than the one that it speaks for, or
    /// would tie a call to such a one. Whoever has the secret of one account says nothing of the calls
    /// of another, even if their ids became known.
    pub(crate) fn is_of_another_account(&self, evidence: &Evidence) -> bool {
        let Some(digest) = evidence.twilio_account else { return false };
        let is_anothers = |slot: u32| {
            let Some(told) = self.told(slot) else { return false };
            let of_twilio = told.twilio_account.as_ref().map(|account| account.digest);
            let is_another = |known: Option<NonZeroU64>| known.is_some_and(|it| it != digest);
            let is_theirs = evidence.account.is_some() && told.owner() == evidence.account.as_ref();
            if evidence.is_twilios() {
                // An account without a name takes over what a platform has told: it is our own.
                let of_others = told.spoken_for.filter(|_| evidence.account.is_some());
                return is_another(of_twilio) || is_another(of_others) && !is_theirs;
            }
            // A call of theirs, or of nobody in particular, may be on a number of ours; and who has told
            // of a call tells the rest of it.
            let is_free = is_theirs || told.owner().is_none();
            let has_told = |origin: &Origin| told.sources.contains(&origin.source);
            let is_tellers = evidence.origin.as_ref().is_some_and(has_told);
            let of_others = told.spoken_for.filter(|_| !is_tellers);
            is_another(of_twilio.or(of_others)) && !is_free
        };
        let named = [&evidence.call].into_iter().chain(&evidence.also).chain(&evidence.parent);
        // Legs and conferences may be known before the call is.
        let legs = named.clone().flat_map(|call| self.ties.legs_of(call)).copied();
        let attended = named.clone().filter_map(|call| self.ties.conference_of.get(call));
        let conferences = evidence.conference.iter().map(|it| &it.conference).chain(attended);
        let members = conferences.flat_map(|conference| self.ties.members(conference));
        let members = members.filter_map(|call| self.slot(&call));
        let session = evidence.session.iter().flat_map(|session| self.slots_in(session));
        let tied = legs.chain(members).chain(session);
        named.filter_map(|call| self.slot(call)).chain(tied).any(is_anothers)
    }

    /// The account that a call belongs to. That of a leg is its parent's, if that is known.
    pub fn owner(&self, id: &CallId) -> Option<&Arc<str>> {
        let mut slot = self.slot(id)?;
        // A leg of a leg; whoever makes a ring of them gets no further than this.
        for _ in 0..LEGS_DEEP_MAX {
            let parent = self.links(slot).and_then(|links| links.parent.as_ref());
            let Some(parent) = parent.and_then(|parent| self.slot(parent)) else { break };
            slot = parent;
        }
        self.told(slot)?.owner()
    }

    /// The numbers of each party at each account that has a call that is up, in the order of their
    /// names.
    pub fn breakdown_by_account(&self) -> Vec<(Arc<str>, Breakdown)> {
        let sets = self.sets.by_account.iter().zip((0..).map(Key));
        let numbers = sets.map(|(set, key)| (key, set.breakdown(self.counting)));
        let up = numbers.filter(|(_, breakdown)| breakdown.on_the_line().calls > 0);
        let mut named: Vec<_> =
            up.map(|(key, breakdown)| (self.accounts.name(key).clone(), breakdown)).collect();
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        named
    }

    /// The numbers of each party at these accounts together. A person with calls of two of them is one
    /// user. It takes time in proportion to the callers who have several calls that are up; for one
    /// account, none.
    pub fn breakdown_of_accounts<'a>(
        &self,
        accounts: impl IntoIterator<Item = &'a str>,
    ) -> Breakdown {
        let keys = accounts.into_iter().filter_map(|account| self.accounts.key(account));
        self.sets.of_accounts(&keys.collect(), self.counting)
    }

    pub(crate) fn numbers_of_account(&self, Key(key): Key) -> Breakdown {
        let set = self.sets.by_account.get(key as usize);
        set.map(|set| set.breakdown(self.counting)).unwrap_or_default()
    }

    /// The calls of some accounts that are up and a user's, as if there were no others: its numbers
    /// are theirs. Legs and conferences are left out, since with whom a caller is connected is known;
    /// so it is made to be read, and takes in no evidence. It takes time in proportion to the calls
    /// that are known.
    #[must_use]
    pub fn of_accounts(&self, has: impl Fn(&str) -> bool) -> Self {
        self.of_calls(|open| open.owner().is_some_and(|owner| has(owner)))
    }

    /// The same of the calls of one agent.
    #[must_use]
    pub fn of_agent(&self, agent: &Agent) -> Self {
        self.of_calls(|open| open.agent() == agent)
    }

    fn of_calls(&self, is_in: impl Fn(&OpenCall<'_>) -> bool) -> Self {
        let mut tracker = Self { now: self.now, counting: self.counting, ..Self::default() };
        let is_read = |open: &OpenCall<'_>| open.party().is_some() && is_in(open);
        self.open().filter(is_read).for_each(|open| tracker.restore_reading(open.call()));
        tracker
    }

    fn restore_reading(&mut self, call: Call) {
        let party = call.party;
        let slot = self.restore_call(call);
        self.entry_mut(slot).flags.set_party(party);
        let entrant = self.entrant(slot);
        self.sets.enter(&entrant, self.counting);
    }
}

impl Told {
    /// The account that the call belongs to: that of its agent, or else of who has told of it.
    pub fn owner(&self) -> Option<&Arc<str>> {
        self.agent_account.as_ref().or(self.teller())
    }

    /// The account of who has told of it: Twilio's is known best.
    pub fn teller(&self) -> Option<&Arc<str>> {
        let twilio = self.twilio_account.as_ref().and_then(|account| account.name.as_ref());
        twilio.or(self.account.as_ref())
    }
}
