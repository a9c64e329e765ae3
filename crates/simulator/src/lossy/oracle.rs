//! The oracle: it knows the truth at each moment, and scores what is shown.

mod beliefs;
mod gauge;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::beliefs::Beliefs;
pub(super) use self::gauge::Gauge;
use super::shown::{Number, Shown};
use crate::truth::Standing;

/// A number that becomes right within this time counts as right, in milliseconds. Every webhook
/// needs some time to arrive.
pub const ALLOWANCE_MS: u64 = 2_000;

/// Compares what is shown with the truth: each of the five numbers in all and of each agent, and
/// what is believed of each call.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    now_ms: u64,
    all: Gauges,
    agents: BTreeMap<Arc<str>, Gauges>,
    /// Whether a call is with an agent.
    pub(super) live: Beliefs,
    /// With whom it is, and which agent's it is.
    pub(super) standings: Beliefs,
}

/// The five numbers, in the order of [`Number::ALL`].
pub(super) type Gauges = [Gauge; Number::ALL.len()];

impl Oracle {
    /// Of a world with these agents.
    pub(super) fn new<'a>(agents: impl IntoIterator<Item = &'a str>) -> Self {
        let agents = agents.into_iter().map(|agent| (Arc::from(agent), Gauges::default()));
        Self { agents: agents.collect(), ..Self::default() }
    }

    /// A call of a person stands otherwise from now on. `None`: it is not up.
    pub(super) fn turn(
        &mut self,
        now_ms: u64,
        person: &Arc<str>,
        before: Option<&Standing>,
        after: Option<&Standing>,
    ) {
        self.now_ms = self.now_ms.max(now_ms);
        for ((party, agent), is_after) in
            before.map(|it| (it, false)).into_iter().chain(after.map(|it| (it, true)))
        {
            let scopes = std::iter::once(&mut self.all).chain(self.agents.get_mut(agent));
            for (number, gauge) in scopes.flat_map(|scope| Number::ALL.into_iter().zip(scope)) {
                match is_after {
                    _ if !number.has(*party) => {}
                    true => gauge.enter(now_ms, person, *party),
                    false => gauge.leave(now_ms, person, *party),
                }
            }
        }
    }

    /// This number is shown from now on, by a system that does not know more.
    pub(super) fn show_one(&mut self, now_ms: u64, shown: Option<u64>) {
        self.now_ms = self.now_ms.max(now_ms);
        self.all[0].show(now_ms, shown);
    }

    /// These numbers are shown from now on. `None`: nothing is.
    pub(super) fn show(&mut self, now_ms: u64, shown: Option<&Shown>) {
        self.now_ms = self.now_ms.max(now_ms);
        let all = shown.map(|shown| shown.all).unwrap_or_default();
        self.all.iter_mut().zip(all).for_each(|(gauge, shown)| gauge.show(now_ms, shown));
        for (agent, gauges) in &mut self.agents {
            let five = shown.map(|shown| shown.of(agent)).unwrap_or_default();
            gauges.iter_mut().zip(five).for_each(|(gauge, shown)| gauge.show(now_ms, shown));
        }
    }

    /// From now on, only healing is measured.
    pub(super) fn end_measuring(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.gauges().for_each(|gauge| gauge.end_measuring(now_ms));
    }

    /// Advances to this moment.
    pub(super) fn advance(&mut self, to_ms: u64) {
        self.now_ms = self.now_ms.max(to_ms);
        self.gauges().for_each(|gauge| gauge.advance(to_ms));
    }

    /// The people with an agent: the number.
    pub(super) fn number(&self) -> &Gauge {
        &self.all[0]
    }

    /// The five numbers in all.
    pub(super) fn all(&self) -> &Gauges {
        &self.all
    }

    /// The five numbers of each agent.
    pub(super) fn agents(&self) -> impl Iterator<Item = (&str, &Gauges)> {
        self.agents.iter().map(|(agent, gauges)| (&**agent, gauges))
    }

    /// Errors of the number that were longer than the allowance when the world ended.
    pub(super) fn number_never_healed(&self) -> u64 {
        self.number().is_never_healed().into()
    }

    /// Errors about calls that were longer than the allowance when the world ended.
    pub(super) fn never_healed(&self, beliefs: &Beliefs) -> u64 {
        beliefs.never_healed(self.now_ms)
    }

    fn gauges(&mut self) -> impl Iterator<Item = &mut Gauge> {
        self.all.iter_mut().chain(self.agents.values_mut().flatten())
    }
}

#[cfg(test)]
mod tests;
