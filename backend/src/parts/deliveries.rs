//! How what is sent to others stands: status callbacks that are passed on, and our own webhooks.
//!
//! It is of this process alone, and since its start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use live_users_core::Millis;
use live_users_intake::agents::{Agent, Agents};
use live_users_wire::DeliveryView;
use parking_lot::Mutex;

use super::clock::moment;

/// Why something waits whose URL is not in the agents file.
pub(crate) const NOT_NAMED: &str = "the agents file does not name its URL";

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
    /// Since when the oldest event of a call or news of an alert waits.
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
    /// journal, beside those in memory. An agent that the file does not have any more, or whose URLs
    /// it does not have, is there as long as something waits for it.
    pub(crate) fn shown(
        &self,
        agents: &Agents,
        waiting: &BTreeMap<Arc<str>, usize>,
    ) -> Vec<DeliveryView> {
        let all = self.0.lock();
        let of_agent = |id: &str| {
            let to = Recipient::Agent(id.to_owned());
            let mut delivery = all.get(&to).cloned().unwrap_or_default();
            delivery.pending += waiting.get(id).copied().unwrap_or_default() as u64;
            (to, delivery)
        };
        let has_targets = |it: &Agent| !it.status_callback_targets().is_empty();
        let of_agents = agents.iter().filter(|it| has_targets(it)).map(|it| of_agent(&it.id));
        let of_agents = of_agents.map(|(to, delivery)| view(&to, delivery));
        let known = all.keys().filter_map(|to| match to {
            Recipient::Agent(id) => Some(id.as_str()),
            Recipient::Hook(_) => None,
        });
        let others: BTreeSet<&str> = waiting.keys().map(|id| &**id).chain(known).collect();
        let others = others.into_iter().filter(|id| !agents.by_id(id).is_some_and(has_targets));
        let others = others.map(of_agent).filter(|(_, delivery)| delivery.pending > 0);
        let others = others.map(|(to, delivery)| of_other(agents, view(&to, delivery), &to));
        let hooks = all.iter().filter(|(to, _)| matches!(to, Recipient::Hook(_)));
        let hooks = hooks.map(|(to, delivery)| view(to, delivery.clone()));
        of_agents.chain(others).chain(hooks).collect()
    }
}

/// That of an agent whose URLs are not in the file. Only the backend that leads has tried and knows
/// why it waits, so the others say it on their own.
fn of_other(agents: &Agents, view: DeliveryView, to: &Recipient) -> DeliveryView {
    let is_gone = matches!(to, Recipient::Agent(id) if agents.by_id(id).is_none());
    let to = if is_gone { view.to + " (not in the agents file)" } else { view.to };
    let failure = view.failure.or_else(|| Some(NOT_NAMED.to_owned()));
    DeliveryView { to, failure, ..view }
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
    fn recipients_that_are_configured_or_served_are_shown_and_a_success_ends_a_failure() {
        let (agents, _) = Agents::parse(
            "[[agent]]\nid = \"a\"\nname = \"A\"\nstatus_callback_urls = [\"https://a.example\"]\n\
             [[agent]]\nid = \"b\"\nname = \"B\"\n",
        );
        let deliveries = Deliveries::default();
        let waiting = BTreeMap::from([(Arc::from("a"), 2)]);
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

    #[test]
    fn an_agent_that_is_gone_is_shown_as_long_as_something_waits_for_it() {
        let file = "[[agent]]\nid = \"b\"\nname = \"B\"\n";
        let (agents, deliveries) = (Agents::parse(file).0, Deliveries::default());
        let [a, b, c] = ["a", "b", "c"].map(|id| Recipient::Agent(id.to_owned()));
        let waiting = BTreeMap::from([(Arc::from("a"), 2), (Arc::from("b"), 1)]);
        deliveries.note(&a, |it| it.failed("status 500"));
        deliveries.note(&b, |it| it.undelivered += 1);
        deliveries.note(&c, |it| it.undelivered += 1);
        let shown = |waiting: &BTreeMap<_, _>| {
            let shown = deliveries.shown(&agents, waiting).into_iter();
            shown.map(|it| (it.to, it.pending, it.failure.unwrap_or_default())).collect::<Vec<_>>()
        };
        let gone = |id: &str| format!("agent {id} (not in the agents file)");
        let expected = [
            (gone("a"), 2, "status 500".to_owned()),
            ("agent b".to_owned(), 1, NOT_NAMED.to_owned()),
        ];
        assert_eq!(shown(&waiting), expected);
        deliveries.note(&c, |it| it.pending = 1);
        assert_eq!(shown(&BTreeMap::new()), [(gone("c"), 1, NOT_NAMED.to_owned())], "in memory");
        deliveries.note(&c, |it| it.pending = 0);
        assert_eq!(shown(&BTreeMap::new()), []);
    }
}
