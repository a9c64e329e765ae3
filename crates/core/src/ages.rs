//! For how long live calls have been going on.

use alloc::vec::Vec;

use crate::call::Entry;
use crate::{Agent, Millis, Phase, Tracker};

/// For how long a number of live calls have been going on, up to one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// How many calls.
    pub calls: u64,
    /// For how long all of them together, in milliseconds.
    pub total_ms: u64,
    /// For how long the longest, in milliseconds.
    pub longest_ms: u64,
}

impl Ages {
    fn add(&mut self, ms: u64) {
        self.calls += 1;
        self.total_ms = self.total_ms.saturating_add(ms);
        self.longest_ms = self.longest_ms.max(ms);
    }
}

impl Tracker {
    /// For how long live calls have been going on: in all, and of each agent that has any, in the
    /// order of [`Agent`]. It takes time in proportion to the calls that are known.
    pub fn ages(&self, now: Millis) -> (Ages, Vec<(Agent, Ages)>) {
        let mut all = Ages::default();
        let mut by_agent = Vec::new();
        let live = |entry: &&Entry| entry.phase == Phase::Live;
        for entry in self.entries.iter().flatten().filter(live) {
            let ms = now.since(entry.since);
            let agent = entry.agent.0 as usize;
            if by_agent.len() <= agent {
                by_agent.resize(agent + 1, None);
            }
            by_agent[agent].get_or_insert((entry.agent, Ages::default())).1.add(ms);
            all.add(ms);
        }
        let named = by_agent.into_iter().flatten();
        let named = named.map(|(key, ages)| (self.agents.value(key).clone(), ages));
        let mut named: Vec<_> = named.collect();
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        (all, named)
    }
}
