//! What of alerts a hook is told: what happens to them, and first, if it is new, which of them fire.

use std::collections::VecDeque;

use live_users_core::Millis;
use live_users_state::{AlertNews, CallNews, Cursor, State};

use super::waiting::Waiting;
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

/// What has happened to alerts and the hook was not told yet.
pub(super) fn waiting(state: &State, hook: &Hook, cursor: Cursor) -> Waiting<AlertNews> {
    let Some(told) = cursor.alerts else { return Waiting::default() };
    let (alerts, agent) = (state.alerts(), hook.table.agent.as_deref());
    let later = alerts.news().filter(|(number, _)| *number > told);
    let is_taken = |news: &AlertNews| news.change.is_for(hook.id(), agent);
    Waiting::behind(told, later, alerts.count(), is_taken)
}

#[cfg(test)]
mod tests {
    use live_users_http_kit::{Env, SettingsReader};
    use live_users_intake::agents::Agents;
    use live_users_state::record::{Change, Record};
    use live_users_state::{ALERT_NEWS_MAX, AlertChange, AlertStep};

    use super::*;
    use crate::parts::alerting::change;
    use crate::parts::hooks::read;
    use crate::parts::public_url::{PublicUrl, UrlRule};

    const FILE: &str = "[[hook]]\nid = \"ops\"\nformat = \"slack\"\nurl_env = \"OPS\"\n\
        events = [\"alert\"]\n[[alert]]\nid = \"a\"\nwhen = \"users\"\nat_least = 1\n\
        [[alert]]\nid = \"b\"\nwhen = \"users\"\nat_least = 1\nhooks = []\n";

    #[test]
    fn a_hook_passes_what_is_not_for_it_and_is_told_how_much_is_gone() {
        let (agents, mistakes) = Agents::parse(FILE);
        assert_eq!(mistakes, [""; 0]);
        let env = Env::of([("OPS", "https://hooks.example.com/s3cr3t")]);
        let rule = UrlRule::Fixed(PublicUrl::parse("https://calls.example.com").unwrap());
        let hooks = read(&mut SettingsReader::new(&env), &agents, &rule);
        let mut state = State::default();
        let mut test = |alert: usize, times: u64| {
            for _ in 0..times {
                let change: AlertChange =
                    change(&agents.alerts()[alert], AlertStep::Test, true, None);
                state.apply(&Record { at: Millis(5), change: Change::Alert(change) });
            }
            let told = |alerts| {
                let cursor = Cursor { alerts, ..Cursor::default() };
                let Waiting { first, n, passed, lost } = waiting(&state, &hooks[0], cursor);
                (first.map(|(number, _)| number), n, passed, lost)
            };
            (told(Some(0)), told(None))
        };
        let nothing = (None, 0, 0, 0);
        assert_eq!(test(0, 0), (nothing, nothing));
        assert_eq!(test(1, 3), ((None, 0, 3, 0), nothing), "none is for it");
        assert_eq!(test(0, 2), ((Some(4), 2, 3, 0), nothing));
        let kept = ALERT_NEWS_MAX as u64;
        assert_eq!(test(1, kept - 5).0, (Some(4), 2, 3, 0));
        assert_eq!(test(1, 4).0, (Some(5), 1, 4, 4), "one of them was for it");
        assert_eq!(test(1, 1).0, (None, 0, kept + 5, 5));
    }
}
