//! For how long live calls have been going on.

use alloc::vec::Vec;

use crate::call::Entry;
use crate::intern::Key;
use crate::{Agent, Millis, Tracker};

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
    /// For how long live calls have been connected with agents: in all, and with each agent that
    /// has any now, in the order of [`Agent`]. Earlier stretches of a call count where they belong:
    /// in all, and of an agent those with that agent. It takes time in proportion to the calls that
    /// are known.
    pub fn ages(&self, now: Millis) -> (Ages, Vec<(Agent, Ages)>) {
        let mut all = Ages::default();
        let mut by_agent = Vec::new();
        for (slot, entry) in self.entries.iter() {
            if !entry.flags.party().is_some_and(|party| self.counting.counts(party)) {
                continue;
            }
            let key = self.acting_agent(slot);
            let (in_all_ms, with_agent_ms) = self.age(slot, entry, key, now);
            let agent = key.0 as usize;
            if by_agent.len() <= agent {
                by_agent.resize(agent + 1, None);
            }
            by_agent[agent].get_or_insert((key, Ages::default())).1.add(with_agent_ms);
            all.add(in_all_ms);
        }
        let named = by_agent.into_iter().flatten();
        let named = named.map(|(key, ages)| (self.agents.value(key).clone(), ages));
        let mut named: Vec<_> = named.collect();
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        (all, named)
    }

    /// For how long a live call has been connected with agents: with all, and with its present one.
    fn age(&self, slot: u32, entry: &Entry, agent: Key, now: Millis) -> (u64, u64) {
        let links = self.links(slot);
        let Some(links) = links else {
            let ms = now.since(entry.since);
            return (ms, ms);
        };
        let present = now.since(links.stretch_since.unwrap_or(entry.since));
        let agent = self.agents.value(agent);
        let past = links.stretches.iter().filter(|it| self.counting.counts(it.party));
        past.fold((present, present), |(all, with_agent), stretch| {
            let ms = stretch.until.since(stretch.since);
            let own = if stretch.agent == *agent { ms } else { 0 };
            (all.saturating_add(ms), with_agent.saturating_add(own))
        })
    }
}
