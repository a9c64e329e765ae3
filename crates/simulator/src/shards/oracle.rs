//! With whom everybody talks, in truth.

use std::collections::HashMap;

use live_users_core::Agent;

/// Who is with an agent: so many calls of each person, in all and at each agent.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    all: HashMap<u64, u32>,
    by_agent: HashMap<Agent, HashMap<u64, u32>>,
}

impl Oracle {
    /// A call of this person is with this agent from now on.
    pub(super) fn enter(&mut self, person: u64, agent: &Agent) {
        *self.all.entry(person).or_default() += 1;
        *self.by_agent.entry(agent.clone()).or_default().entry(person).or_default() += 1;
    }

    /// It is not any more.
    pub(super) fn leave(&mut self, person: u64, agent: &Agent) {
        less(&mut self.all, person);
        if let Some(people) = self.by_agent.get_mut(agent) {
            less(people, person);
        }
    }

    /// How many people are with an agent.
    pub(super) fn total(&self) -> u64 {
        self.all.len() as u64
    }

    /// How many people are with this agent.
    pub(super) fn of_agent(&self, agent: &Agent) -> u64 {
        self.by_agent.get(agent).map_or(0, |people| people.len() as u64)
    }

    /// The agents that anybody was ever with.
    pub(super) fn agents(&self) -> Vec<Agent> {
        self.by_agent.keys().cloned().collect()
    }
}

fn less(people: &mut HashMap<u64, u32>, person: u64) {
    if let Some(calls) = people.get_mut(&person) {
        *calls -= 1;
        if *calls == 0 {
            people.remove(&person);
        }
    }
}
