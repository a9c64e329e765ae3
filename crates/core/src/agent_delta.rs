//! What a piece of evidence does to the numbers of agents.

use crate::{Agent, Numbers};

/// The numbers of one agent before and after a piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentDelta {
    /// Whose.
    pub agent: Agent,
    /// Before it.
    pub before: Numbers,
    /// After it: the same as before it, if a call has only taken the place of another caller.
    pub after: Numbers,
}

/// The agents whose live calls a piece of evidence has touched: none, one, or two when a call turns
/// out to be another agent's. They lie in the value itself, so there is nothing to allocate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentDeltas([Option<AgentDelta>; 2]);

impl AgentDeltas {
    pub(crate) fn new(first: AgentDelta, second: Option<AgentDelta>) -> Self {
        Self([Some(first), second])
    }

    /// The agents, each once.
    pub fn iter(&self) -> impl Iterator<Item = &AgentDelta> {
        self.0.iter().flatten()
    }

    /// Whether no agent was touched.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}
