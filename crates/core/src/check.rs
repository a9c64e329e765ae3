//! Recounts everything from scratch and compares: the invariants as code.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use core::fmt::{self, Debug, Display};

use crate::names::all_names;
use crate::{
    Breakdown, Call, CallId, Caller, Counting, Millis, Numbers, Party, Phase, Told, Tracker,
};

/// An invariant that does not hold: a bug in this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvariantViolation(String);

impl Display for InvariantViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for InvariantViolation {}

/// Who is on the line, written the plain way.
#[derive(Default)]
struct Recount {
    callers: BTreeSet<Caller>,
    withheld: BTreeSet<CallId>,
    calls: BTreeSet<CallId>,
}

impl Recount {
    fn add(&mut self, call: &Call, counting: Counting) {
        self.calls.insert(call.id.clone());
        match call.caller.filter(|_| !counting.by_call) {
            Some(caller) => self.callers.insert(caller),
            None => self.withheld.insert(call.id.clone()),
        };
    }

    fn numbers(&self) -> Numbers {
        let users = self.callers.len() + self.withheld.len();
        Numbers { users, calls: self.calls.len() }
    }
}

/// The same by party.
#[derive(Default)]
struct LineRecount {
    live: Recount,
    parties: [Recount; 4],
}

impl LineRecount {
    fn add(&mut self, call: &Call, party: Party, counting: Counting) {
        self.parties[party as usize].add(call, counting);
        if counting.counts(party) {
            self.live.add(call, counting);
        }
    }

    fn breakdown(&self) -> Breakdown {
        let parties = self.parties.each_ref().map(Recount::numbers);
        Breakdown { live: self.live.numbers(), parties }
    }
}

impl Tracker {
    /// Recounts every number from the calls themselves and compares (I1, I5), and checks that the
    /// indexes agree with the calls. It takes time in proportion to the calls that are known: for
    /// tests, simulations and an audit now and then.
    ///
    /// # Errors
    /// What does not hold, by the number of its invariant.
    pub fn check(&self) -> Result<(), InvariantViolation> {
        let calls = self.calls();
        let counting = self.counting;
        let mut all = LineRecount::default();
        let mut by_agent = BTreeMap::<_, LineRecount>::new();
        let mut by_account = BTreeMap::<_, LineRecount>::new();
        let mut by_place = BTreeMap::<_, Recount>::new();
        let mut by_country = BTreeMap::<_, Recount>::new();
        for call in &calls {
            let is_nobodys = call.details.leg.is_some() || call.details.is_colleague;
            let is_up = !matches!(call.phase, Phase::Ended(_)) && !is_nobodys;
            same("I8 every call that is up has one party", call.party.is_some(), is_up)?;
            let is_waiting = call.party == Some(Party::Waiting);
            holds("I8 who is dialled waits", is_waiting || call.phase != Phase::Dialing || !is_up)?;
            let Some(party) = call.party else { continue };
            all.add(call, party, counting);
            by_agent.entry(call.acting_agent().clone()).or_default().add(call, party, counting);
            if let Some(owner) = call.details.told.as_ref().and_then(Told::owner) {
                by_account.entry(owner.clone()).or_default().add(call, party, counting);
            }
            if counting.counts(party) {
                by_place.entry(call.place.area()).or_default().add(call, counting);
                by_country.entry(call.place.country).or_default().add(call, counting);
            }
        }
        same("I1 in all", self.breakdown(), all.breakdown())?;
        let by_agent = by_agent.into_iter().map(|(agent, it)| (agent, it.breakdown())).collect();
        same("I1 by agent", keyed(&self.breakdown_by_agent()), by_agent)?;
        let by_account =
            by_account.into_iter().map(|(account, it)| (account, it.breakdown())).collect();
        same("I1 by account", keyed(&self.breakdown_by_account()), by_account)?;
        same("I1 by place", keyed(&self.by_place()), recounted(by_place))?;
        same("I1 by country", keyed(&self.by_country()), recounted(by_country))?;
        let Numbers { users, calls: live } = self.numbers();
        holds("I5 users are never more than calls", users <= live)?;
        self.check_indexes(&calls)
    }

    fn check_indexes(&self, calls: &[Call]) -> Result<(), InvariantViolation> {
        same("entries in the index", self.known(), calls.len())?;
        same("slots in use", self.entries.len() - self.free.len(), calls.len())?;
        for call in calls {
            holds("every call is found by its id", self.slot(&call.id).is_some())?;
            holds("no call is known whole and remembered", !self.is_remembered(&call.id))?;
        }
        let acting = calls.iter().filter_map(|call| call.details.acting_agent.as_ref());
        let agents: BTreeSet<_> = calls.iter().map(|call| &call.agent).chain(acting).collect();
        same("agents that are kept", self.agents.len(), agents.len())?;
        let places: BTreeSet<_> = calls.iter().map(|call| &call.place).collect();
        let areas: BTreeSet<_> = places.iter().map(|place| place.area()).collect();
        same("places that are kept", self.places.len(), (places.len(), areas.len()))?;
        let over = calls.iter().filter(|call| matches!(call.phase, Phase::Ended(_))).count();
        same("calls that have ended", self.over, over)?;
        let mut tombstones = 0;
        for ends in [&self.stays, &self.ended] {
            let mut before = Millis(0);
            for &(slot, end) in ends {
                holds("tombstones are in the order of their ends", before <= end)?;
                before = end;
                // The end of a call that was taken back may stand here too.
                tombstones += usize::from(self.is_tombstone(slot, end));
            }
        }
        holds("I2 every call that has ended has a tombstone", tombstones >= over)?;
        holds("remembered calls are in their order", self.remembered.is_sound(self.now.0))?;
        let linked = self.entries.iter().filter(|(_, entry)| entry.flags.is_linked()).count();
        same("calls with links", self.ties.links.len(), linked)?;
        let names: usize = calls
            .iter()
            .map(|call| all_names(&call.id, call.details.told.as_ref()).len() - 1)
            .sum();
        same("names beside the own ones", self.ties.aliases.len(), names)?;
        for call in calls {
            for name in all_names(&call.id, call.details.told.as_ref()) {
                holds("every call is found by its names", self.slot(&name) == self.slot(&call.id))?;
            }
        }
        let legs = self.ties.links.values().filter(|links| links.parent.is_some()).count();
        same("legs with a parent", self.ties.legs.values().map(|it| it.len()).sum(), legs)?;
        Ok(())
    }
}

fn keyed<K: Clone + Ord, N: Clone>(numbers: &[(K, N)]) -> BTreeMap<K, N> {
    numbers.iter().cloned().collect()
}

fn recounted<K: Ord>(counts: BTreeMap<K, Recount>) -> BTreeMap<K, Numbers> {
    counts.into_iter().map(|(key, recount)| (key, recount.numbers())).collect()
}

fn same<T: PartialEq + Debug>(what: &str, kept: T, recounted: T) -> Result<(), InvariantViolation> {
    if kept == recounted {
        return Ok(());
    }
    Err(InvariantViolation(format!("{what}: kept {kept:?}, recounted {recounted:?}")))
}

fn holds(what: &str, truth: bool) -> Result<(), InvariantViolation> {
    if truth { Ok(()) } else { Err(InvariantViolation(format!("does not hold: {what}"))) }
}
