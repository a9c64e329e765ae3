//! Which live users a total is of: those of a scope, or of one agent in it.

use std::sync::Arc;

use live_users_core::{Agent, Millis, Tracker};
use live_users_state::Confidence;
use live_users_wire::{ByAgent, Count};

use super::doubt::DoubtRules;
use super::latest::public_by_agent;
use super::scope::{Detail, Scope};

/// Which live users a total is of. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Selection {
    /// Whose calls.
    pub(crate) scope: Scope,
    /// The agent by its id; `None` for all.
    pub(crate) agent: Option<Arc<str>>,
}

impl Selection {
    /// The total of a scope.
    pub(crate) fn of(scope: Scope) -> Self {
        Self { scope, agent: None }
    }

    /// Whether it is of all calls, whose total is always at hand.
    pub(crate) fn is_everything(&self) -> bool {
        !self.scope.is_limited() && self.agent.is_none()
    }

    /// The total, with the numbers of the agents if they are given out, and with its doubt if there are
    /// rules for that. Doubt visits every call, and the number of an agent none.
    pub(crate) fn count(
        &self,
        tracker: &Tracker,
        now: Millis,
        (gives_agents, doubt): (bool, Option<DoubtRules>),
    ) -> Count {
        let tracker = &*self.scope.view(tracker);
        let agent = self.agent.clone().map(Agent::Id);
        let numbers = match &agent {
            Some(agent) => tracker.breakdown_of_agent(agent).live,
            None => tracker.numbers(),
        };
        let live_users = numbers.users as u64;
        let suspect = doubt.and_then(|rules| {
            let after_ms = rules.suspect_after_ms;
            let confidence = match &agent {
                Some(agent) => Confidence::of_agent(tracker, agent, now, after_ms),
                None => Confidence::of(tracker, now, after_ms),
            };
            rules.told(confidence.suspect as u64, live_users)
        });
        let gives_agents = gives_agents && agent.is_none() && self.scope.detail() > Detail::Total;
        let by_agent = gives_agents.then(|| -> ByAgent { public_by_agent(tracker) });
        let agent = self.agent.as_deref().map(str::to_owned);
        Count { live_users, by_agent, suspect, agent, as_of: None }
    }
}
