//! Recounts everything from scratch and compares: the invariants as code.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use core::fmt::{self, Debug, Display};

use crate::{Call, CallId, Caller, Millis, Numbers, Phase, Tracker};

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
    fn add(&mut self, call: &Call) {
        self.calls.insert(call.id.clone());
        match call.caller {
            Some(caller) => self.callers.insert(caller),
            None => self.withheld.insert(call.id.clone()),
        };
    }

    fn numbers(&self) -> Numbers {
        let users = self.callers.len() + self.withheld.len();
        Numbers { users, calls: self.calls.len() }
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
        let mut all = Recount::default();
        let mut by_agent = BTreeMap::<_, Recount>::new();
        let mut by_place = BTreeMap::<_, Recount>::new();
        let mut by_country = BTreeMap::<_, Recount>::new();
        for call in calls.iter().filter(|call| call.phase == Phase::Live) {
            all.add(call);
            by_agent.entry(call.agent.clone()).or_default().add(call);
            by_place.entry(call.place.area()).or_default().add(call);
            by_country.entry(call.place.country).or_default().add(call);
        }
        same("I1 in all", self.numbers(), all.numbers())?;
        same("I1 by agent", keyed(&self.by_agent()), recounted(by_agent))?;
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
        }
        let agents: BTreeSet<_> = calls.iter().map(|call| &call.agent).collect();
        same("agents that are kept", self.agents.len(), agents.len())?;
        let places: BTreeSet<_> = calls.iter().map(|call| &call.place).collect();
        let areas: BTreeSet<_> = places.iter().map(|place| place.area()).collect();
        same("places that are kept", self.places.len(), (places.len(), areas.len()))?;
        let over = calls.iter().filter(|call| matches!(call.phase, Phase::Ended(_))).count();
        same("I2 tombstones", self.ended.len(), over)?;
        let mut before = Millis(0);
        for &slot in &self.ended {
            let entry = self.entries[slot as usize].as_ref();
            let entry = entry.ok_or_else(|| InvariantViolation("I2 a tombstone is gone".into()))?;
            holds("I2 tombstones have ended", matches!(entry.phase, Phase::Ended(_)))?;
            holds("tombstones are in the order of their ends", before <= entry.since)?;
            before = entry.since;
        }
        Ok(())
    }
}

fn keyed<K: Clone + Ord>(numbers: &[(K, Numbers)]) -> BTreeMap<K, Numbers> {
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
