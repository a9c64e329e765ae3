//! What a piece of evidence does to the numbers of agents.

use smallvec::SmallVec;

use crate::{Agent, Breakdown};

/// The numbers of one agent before and after a piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentDelta {
    /// Whose.
    pub agent: Agent,
    /// Before it.
    pub before: Breakdown,
    /// After it: the same as before it, if a call has only taken the place of another caller.
    pub after: Breakdown,
}

/// The agents whose calls a piece of evidence has touched, each once. Nearly always it is none, one,
/// or two when a call moves to another agent; these lie in the value itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentDeltas(SmallVec<[AgentDelta; 2]>);

impl AgentDeltas {
    pub(crate) fn add(&mut self, delta: AgentDelta) {
        match self.0.iter_mut().find(|known| known.agent == delta.agent) {
            Some(known) => known.after = delta.after,
            None => self.0.push(delta),
        }
    }

    /// The agents, each once.
    pub fn iter(&self) -> impl Iterator<Item = &AgentDelta> {
        self.0.iter()
    }

    /// Whether no agent was touched.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
