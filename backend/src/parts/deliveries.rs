//! How what is sent to others stands: status callbacks that are passed on, and our own webhooks.
//!
//! It is of this process alone, and since its start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use live_users_core::Millis;
use live_users_intake::agents::Agents;
use live_users_wire::DeliveryView;
use parking_lot::Mutex;

use super::clock::moment;

/// To whom something is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Recipient {
    /// Those who get the status callbacks of the agent with this id.
    Agent(String),
    /// The hook with this id.
    Hook(String),
}

/// How the deliveries to one recipient stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// How many wait or are under way.
    pub(crate) pending: u64,
    /// How many were given up or lost.
    pub(crate) undelivered: u64,
    /// How many were delivered. Counted of hooks only.
    pub(crate) delivered: u64,
    /// How many tries have failed. Counted of hooks only.
    pub(crate) failed_tries: u64,
    /// Since when the oldest event of a call waits.
    pub(crate) waits_since: Option<Millis>,
    /// Since when none has succeeded, and why the last one failed.
    failing: Option<(Millis, String)>,
}

/// How all of them stand.
#[derive(Debug, Default)]
pub(crate) struct Deliveries(Mutex<BTreeMap<Recipient, Delivery>>);

impl Delivery {
    /// One has succeeded.
    pub(crate) fn succeeded(&mut self) {
        self.failing = None;
    }

    /// One is delivered to a hook.
    pub(crate) fn delivered(&mut self) {
        self.delivered += 1;
        self.succeeded();
    }

    /// A try has failed, for this reason.
    pub(crate) fn failed_try(&mut self, why: &str) {
        self.failed_tries += 1;
        self.failed(why);
    }

    /// One has failed, for this reason.
    pub(crate) fn failed(&mut self, why: &str) {
        let since = self.failing.take().map_or_else(wall_now, |(since, _)| since);
        self.failing = Some((since, why.to_owned()));
    }
}

impl Deliveries {
    /// Changes how those to one recipient stand.
    pub(crate) fn note(&self, to: &Recipient, change: impl FnOnce(&mut Delivery)) {
        let mut all = self.0.lock();
        match all.get_mut(to) {
            Some(delivery) => change(delivery),
            None => change(all.entry(to.clone()).or_default()),
        }
    }

    /// Forgets a recipient.
    pub(crate) fn forget(&self, to: &Recipient) {
        self.0.lock().remove(to);
    }

    /// How those to each hook stand that is served here, by its id.
    pub(crate) fn of_hooks(&self) -> Vec<(String, Delivery)> {
        let all = self.0.lock();
        let hooks = all.iter().filter_map(|(to, delivery)| match to {
            Recipient::Hook(id) => Some((id.clone(), delivery.clone())),
            Recipient::Agent(_) => None,
        });
        hooks.collect()
    }

    /// How those to all recipients stand that are configured or known: hooks only where they are
    /// served, which is by one backend of several. For the receivers of agents so many wait in the
    /// journal, beside those in memory.
    pub(crate) fn shown(
        &self,
        agents: &Agents,
        waiting: &BTreeMap<Arc<str>, usize>,
    ) -> Vec<DeliveryView> {
        let all = self.0.lock();
        let of_agents = agents.iter().filter(|it| !it.status_callback_targets().is_empty());
        let of_agents = of_agents.map(|agent| {
            let to = Recipient::Agent(agent.id.clone());
            let mut delivery = all.get(&to).cloned().unwrap_or_default();
            delivery.pending += waiting.get(agent.id.as_str()).copied().unwrap_or_default() as u64;
            (to, delivery)
        });
        let hooks = all.iter().filter(|(to, _)| matches!(to, Recipient::Hook(_)));
        let hooks = hooks.map(|(to, delivery)| (to.clone(), delivery.clone()));
        of_agents.chain(hooks).map(|(to, delivery)| view(&to, delivery)).collect()
    }
}

fn view(to: &Recipient, delivery: Delivery) -> DeliveryView {
    let Delivery { pending, undelivered, failing, .. } = delivery;
    let to = match to {
        Recipient::Agent(id) => format!("agent {id}"),
        Recipient::Hook(id) => format!("hook {id}"),
    };
    let (failing_since, failure) = failing.map(|(at, why)| (moment(at), why)).unzip();
    DeliveryView { to, pending, undelivered, failing_since, failure }
}

fn wall_now() -> Millis {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_recipients_that_are_configured_or_served_are_shown_and_a_success_ends_a_failure() {
        let (agents, _) = Agents::parse(
            "[[agent]]\nid = \"a\"\nname = \"A\"\nstatus_callback_urls = [\"https://a.example\"]\n\
             [[agent]]\nid = \"b\"\nname = \"B\"\n",
        );
        let deliveries = Deliveries::default();
        let waiting = BTreeMap::from([(Arc::from("a"), 2), (Arc::from("gone"), 1)]);
        let [a, gone] = ["a", "gone"].map(|id| Recipient::Agent(id.to_owned()));
        let hook = Recipient::Hook("crm".to_owned());
        let told = || deliveries.shown(&agents, &waiting).into_iter().map(|it| (it.to, it.failure));
        assert_eq!(told().collect::<Vec<_>>(), [("agent a".to_owned(), None)]);
        deliveries.note(&gone, |it| it.undelivered += 1);
        deliveries.note(&hook, |it| it.failed("status 500"));
        let since = deliveries.shown(&agents, &waiting)[1].failing_since.clone();
        deliveries.note(&hook, |it| it.failed("status 502"));
        assert_eq!(deliveries.shown(&agents, &waiting)[1].failing_since, since);
        assert_eq!(told().nth(1), Some(("hook crm".to_owned(), Some("status 502".to_owned()))));
        deliveries.note(&hook, Delivery::succeeded);
        assert_eq!(told().nth(1), Some(("hook crm".to_owned(), None)));
        deliveries.note(&a, |it| it.pending = 3);
        assert_eq!(
            deliveries.shown(&agents, &waiting)[0].pending,
            5,
            "in memory and in the journal"
        );
        deliveries.forget(&hook);
        assert_eq!(told().count(), 1);
    }
}
