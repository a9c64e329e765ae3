//! A naive model of the rules, written differently from the tracker, and what both are fed.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Agent, CallId, Caller, Country, Direction, EndReason, Evidence, Numbers, Place, Said, Source,
};

/// Remembers all that was said and counts from it when asked; knows no state, no order, no index.
#[derive(Clone, Default)]
pub(crate) struct Model {
    said: BTreeMap<CallId, Vec<Evidence>>,
}

impl Model {
    pub(crate) fn receive(&mut self, evidence: &Evidence) {
        self.said.entry(evidence.call.clone()).or_default().push(evidence.clone());
    }

    /// The calls with somebody on the line, and the best that was said about each.
    pub(crate) fn live(&self) -> BTreeMap<CallId, (Option<Caller>, Agent, Place)> {
        let mut live = BTreeMap::new();
        for (call, own) in &self.said {
            if own.iter().any(is_leg) {
                continue;
            }
            if own.iter().any(puts_on_the_line) && !own.iter().any(is_an_end) {
                let caller = own.iter().map(|e| e.caller).max().flatten();
                let named = own.iter().map(|e| (e.agent_from, e.agent.clone())).max();
                let agent = named.unwrap_or_default().1;
                let place = own.iter().map(|e| e.place.clone()).max().unwrap_or_default();
                live.insert(call.clone(), (caller, agent, place));
            }
        }
        live
    }

    pub(crate) fn numbers(&self) -> Numbers {
        let live = self.live();
        let known: BTreeSet<_> = live.values().filter_map(|(caller, ..)| *caller).collect();
        let withheld = live.values().filter(|(caller, ..)| caller.is_none()).count();
        Numbers { users: known.len() + withheld, calls: live.len() }
    }

    pub(crate) fn users_of(&self, agent: &Agent) -> usize {
        let live = self.live();
        let here: Vec<_> = live.values().filter(|(_, a, _)| a == agent).collect();
        let known: BTreeSet<_> = here.iter().filter_map(|(caller, ..)| *caller).collect();
        known.len() + here.iter().filter(|(caller, ..)| caller.is_none()).count()
    }

    pub(crate) fn ended(&self, call: &CallId) -> bool {
        self.said.get(call).is_some_and(|said| said.iter().any(is_an_end))
    }
}

fn is_leg(e: &Evidence) -> bool {
    e.parent.is_some() || matches!(e.direction, Some(Direction::Dial))
}

fn is_an_end(e: &Evidence) -> bool {
    matches!(e.said, Said::Over(_))
}

fn puts_on_the_line(e: &Evidence) -> bool {
    let answered = e.said == Said::InProgress;
    let spoke = e.source == Source::Speech && !is_an_end(e);
    let called_us = e.source == Source::Voice && e.direction != Some(Direction::Outbound);
    answered || spoke || (called_us && !is_an_end(e))
}

pub(crate) fn call(n: u8) -> CallId {
    CallId::parse(&format!("CA{n:032x}")).expect("a CallSid")
}

pub(crate) fn caller(n: u64) -> Option<Caller> {
    NonZeroU64::new(n).map(Caller)
}

pub(crate) fn agent(name: &str) -> Agent {
    Agent::Id(Arc::from(name))
}

pub(crate) fn place(country: &str, region: Option<&str>) -> Place {
    Place { country: Country::parse(country), region: region.map(Arc::from), city: None }
}

pub(crate) fn city(name: &str) -> Place {
    Place { city: Some(Arc::from(name)), ..place("US", Some("CA")) }
}

/// An inbound voice request, to be changed with `..inbound(n)`.
pub(crate) fn inbound(n: u8) -> Evidence {
    Evidence {
        direction: Some(Direction::Inbound),
        agent: agent("booking"),
        caller: caller(u64::from(n)),
        place: place("US", Some("CA")),
        ..Evidence::about(call(n), Source::Voice, Said::Dialing)
    }
}

pub(crate) fn status(n: u8, said: Said, direction: Direction) -> Evidence {
    Evidence { source: Source::StatusCallback, said, direction: Some(direction), ..inbound(n) }
}

pub(crate) const COMPLETED: Said = Said::Over(EndReason::Completed);
