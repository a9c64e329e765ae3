//! What of alerts a hook is told: what happens to them, and first, if it is new, which of them fire.

use std::collections::VecDeque;

use live_users_core::Millis;
use live_users_state::{AlertNews, CallNews, Cursor, State};

use crate::parts::alert_values::AlertValues;
use crate::parts::hooks::Hook;

/// The alerts that fire when a hook is new. It is told of each once, before what happens later.
///
/// They are in no record: until the hook has all of them, it is not recorded how far it was told of
/// alerts. So whoever goes on begins with what fires then.
#[derive(Debug, Default)]
pub(super) struct Firing {
    alerts: VecDeque<(u64, AlertNews)>,
    /// The number of the newest news at that moment.
    count: u64,
    /// That moment.
    since: Millis,
}

impl Firing {
    /// Those of which the hook was to be told.
    pub(super) fn of(state: &State, hook: &Hook, now: Millis) -> Self {
        let agent = hook.table.agent.as_deref();
        let is_its = |(_, news): &(u64, AlertNews)| news.change.is_for(hook.id(), agent);
        let alerts = state.alerts();
        let (firing, count) = (alerts.firing().filter(is_its).collect(), alerts.count());
        Self { alerts: firing, count, since: now }
    }

    /// Since when the oldest of what waits for the hook does: these, the first news of an alert, the
    /// first event of a call.
    pub(super) fn waits_since(
        &self,
        alert: Option<&(u64, AlertNews)>,
        call: Option<&(u64, CallNews)>,
    ) -> Option<Millis> {
        let firing = (!self.alerts.is_empty()).then_some(self.since);
        let (alert, call) = (alert.map(|(_, news)| news.at), call.map(|(_, news)| news.at));
        [firing, alert, call].into_iter().flatten().min()
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.alerts.len() as u64
    }

    /// The number of the next one.
    pub(super) fn next(&self) -> Option<u64> {
        self.alerts.front().map(|(number, _)| *number)
    }

    /// How the next one stands now.
    pub(super) fn now(&self, now: Millis, values: &AlertValues) -> Option<AlertNews> {
        let mut news = self.alerts.front()?.1.clone();
        news.at = now;
        news.change.value = values.of(&news.change.alert).or(news.change.value);
        Some(news)
    }

    /// The next one is told. With the last of them it was told so far.
    pub(super) fn told(&mut self) -> Option<u64> {
        self.alerts.pop_front();
        self.so_far()
    }

    /// How far a hook was told that has all of them.
    pub(super) fn so_far(&self) -> Option<u64> {
        self.alerts.is_empty().then_some(self.count)
    }
}

/// The first news of an alert that the hook was not told yet, and how many there are.
pub(super) fn waiting(
    state: &State,
    hook: &Hook,
    cursor: Cursor,
) -> (Option<(u64, AlertNews)>, u64) {
    let Some(told) = cursor.alerts else { return (None, 0) };
    let agent = hook.table.agent.as_deref();
    let is_taken =
        |(number, news): &(u64, &AlertNews)| *number > told && news.change.is_for(hook.id(), agent);
    let mut taken = state.alerts().news().filter(is_taken);
    let first = taken.next().map(|(number, news)| (number, news.clone()));
    let n = u64::from(first.is_some()) + taken.count() as u64;
    (first, n)
}
