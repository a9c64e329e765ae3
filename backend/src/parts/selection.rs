//! Which live users a total is of: those of a scope, or of one agent in it.

use std::sync::Arc;

use live_users_core::{Agent, Millis, Tracker};
use live_users_state::Confidence;
use live_users_wire::{ByAgent, Count};

use super::doubt::{Doubt, DoubtRules};
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

    /// The total, with the numbers of the agents if they are given out, and with its doubt if that is
    /// asked for. It visits no call where the number is of an agent and the scope of all calls: nobody
    /// needs a token for these.
    pub(crate) fn count(
        &self,
        tracker: &Tracker,
        now: Millis,
        (gives_agents, doubt): (bool, Option<(DoubtRules, &Doubt)>),
    ) -> Count {
        let tracker = &*self.scope.view(tracker);
        let agent = self.agent.clone().map(Agent::Id);
        let numbers = match &agent {
            Some(agent) => tracker.breakdown_of_agent(agent).live,
            None => tracker.numbers(),
        };
        let live_users = numbers.users as u64;
        let suspect = doubt.and_then(|(rules, doubt)| {
            let after_ms = rules.suspect_after_ms;
            let suspect = match (&agent, &self.agent) {
                (Some(_), Some(id)) if !self.scope.is_limited() => doubt.of_agent(id),
                (Some(agent), _) => {
                    Confidence::of_agent(tracker, agent, now, after_ms).suspect as u64
                }
                (None, _) => Confidence::of(tracker, now, after_ms).suspect as u64,
            };
            rules.told(suspect, live_users)
        });
        let gives_agents = gives_agents && agent.is_none() && self.scope.detail() > Detail::Total;
        let by_agent = gives_agents.then(|| -> ByAgent { public_by_agent(tracker) });
        let agent = self.agent.as_deref().map(str::to_owned);
        Count { live_users, by_agent, suspect, agent, as_of: None }
    }
}
