//! What a system shows, and what it believes of a call.

use std::sync::Arc;

use live_users_core::{Agent, Breakdown, Call, CallId, Phase};
use live_users_state::State;

use crate::truth::{Party, Standing};

/// One of the five numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Number {
    /// People who are connected with an agent.
    WithAgent,
    /// People who wait.
    Waiting,
    /// People who are connected with a person.
    WithPerson,
    /// Calls that a machine has answered.
    Machine,
    /// The sum of the four.
    OnTheLine,
}

impl Number {
    /// All five, in the order of reports.
    pub const ALL: [Self; 5] =
        [Self::WithAgent, Self::Waiting, Self::WithPerson, Self::Machine, Self::OnTheLine];

    /// Its name in reports and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::WithAgent => "withAgent",
            Self::Waiting => "waiting",
            Self::WithPerson => "withPerson",
            Self::Machine => "machine",
            Self::OnTheLine => "onTheLine",
        }
    }

    /// Whether a call in this party belongs to it.
    pub(super) fn has(self, party: Party) -> bool {
        match self {
            Self::WithAgent => party == Party::Agent,
            Self::Waiting => party == Party::Waiting,
            Self::WithPerson => party == Party::Person,
            Self::Machine => party == Party::Machine,
            Self::OnTheLine => true,
        }
    }
}

/// The five numbers in the order of [`Number::ALL`]. `None`: the system does not know this one.
pub type Five = [Option<u64>; Number::ALL.len()];

/// All that a system shows at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// In all.
    pub all: Five,
    /// Of each agent that has any, by its id.
    pub agents: Vec<(Arc<str>, Five)>,
    /// Whether an agent that is not in the list has 0 of a number, and not an unknown one.
    pub known: [bool; Number::ALL.len()],
}

impl Shown {
    /// Of a system that knows no more than who is with an agent.
    pub fn with_agent(all: u64, agents: impl IntoIterator<Item = (Arc<str>, u64)>) -> Self {
        let five = |n| [Some(n), None, None, None, None];
        let agents = agents.into_iter().map(|(agent, n)| (agent, five(n))).collect();
        Self { all: five(all), agents, known: [true, false, false, false, false] }
    }

    /// What is shown of an agent.
    pub(super) fn of(&self, agent: &str) -> Five {
        let found = self.agents.iter().find(|(id, _)| **id == *agent);
        found.map_or_else(|| self.known.map(|known| known.then_some(0)), |(_, five)| *five)
    }
}

/// What a system believes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Belief {
    /// It is not up.
    Over,
    /// It is up.
    Up(Standing),
}

impl Belief {
    /// Whether the caller is with an agent.
    pub fn is_with_agent(&self) -> bool {
        matches!(self, Self::Up((Party::Agent, _)))
    }

    /// Whether the call truly stands otherwise.
    pub(super) fn is_wrong(&self, truth: Option<&Standing>) -> bool {
        match self {
            Self::Over => truth.is_some(),
            Self::Up(standing) => truth != Some(standing),
        }
    }
}

/// What the replica with this state shows.
pub(super) fn shown_of(state: &State) -> Shown {
    let tracker = state.tracker();
    let agents = tracker.breakdown_by_agent().into_iter();
    Shown {
        all: five(&tracker.breakdown()),
        agents: agents.map(|(agent, it)| (name_of(&agent), five(&it))).collect(),
        known: [true; Number::ALL.len()],
    }
}

fn five(breakdown: &Breakdown) -> Five {
    let [agent, waiting, person, machine] = breakdown.parties;
    let numbers = [agent, waiting, person, machine, breakdown.on_the_line()];
    numbers.map(|numbers| Some(numbers.users as u64))
}

/// What the replica with this state believes of a call.
pub(super) fn belief_of(state: &State, call_sid: &str) -> Belief {
    let Some(call) = call_of(state, call_sid) else { return Belief::Over };
    let agent = name_of(call.acting_agent());
    call.party.map_or(Belief::Over, |party| Belief::Up((party, agent)))
}

/// Whether the call was answered and is not over, with whomever it is.
pub(super) fn is_up(state: &State, call_sid: &str) -> bool {
    call_of(state, call_sid).is_some_and(|call| call.phase == Phase::Live)
}

fn call_of(state: &State, call_sid: &str) -> Option<Call> {
    state.tracker().call(&CallId::parse(call_sid).ok()?)
}

fn name_of(agent: &Agent) -> Arc<str> {
    match agent {
        Agent::Id(id) => Arc::clone(id),
        Agent::Address(address) => Arc::clone(address),
        Agent::Unknown => Arc::from(""),
    }
}
