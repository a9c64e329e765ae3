//! Looks at the alerts each second. Every backend does, so that whoever leads next knows since when
//! something is so; only the one that leads records what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use live_users_core::{Agent, HOUR_MS, MINUTE_MS, Millis};
use live_users_intake::agents::Agents;
use live_users_intake::alerts::{AlertTable, Condition, TWILIO};
use live_users_state::history::{Grain, Line, Subject};
use live_users_state::{AlertChange, AlertStep, Alerts, State, Suspects};
use log::{debug, info, warn};
use tokio::time::{MissedTickBehavior, interval};

use crate::parts::agents::AgentRegistry;
use crate::parts::alert_values::{AlertValues, Values};
use crate::parts::alerting::{Evaluator, Facts, Figures, values};
use crate::parts::counting_rules::CountingRules;
use crate::parts::doubt::by_agent;
use crate::parts::latest::LatestReader;
use crate::parts::queue::{Queue, View};
use crate::parts::replica_status::{ReplicaStatus, StatusReader};
use crate::parts::sources::{OWN_ID, Seen};

/// The interval between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Calls are expected when there were some so long ago, in milliseconds: a week.
const WEEK_MS: u64 = 7 * 24 * HOUR_MS;

/// What it takes to look at the alerts.
pub(crate) struct Means {
    pub(crate) queue: Queue,
    pub(crate) latest: LatestReader,
    pub(crate) status: StatusReader,
    pub(crate) agents: Arc<AgentRegistry>,
    pub(crate) rules: CountingRules,
    pub(crate) values: Arc<AlertValues>,
}

/// Looks at the alerts, one look after the other.
struct Looking {
    means: Means,
    evaluator: Evaluator,
    /// Since when this backend listens.
    listening_since: Millis,
    /// Since when it leads without a break.
    leads_since: Option<Millis>,
    /// Whether somebody was live a week before this minute.
    week_ago: Option<(u64, bool)>,
}

/// What is read of the state at one moment.
struct Read {
    now: Millis,
    alerts: Alerts,
    facts: Facts,
    week_ago: Option<(u64, bool)>,
}

/// Looks at the alerts until it is aborted.
pub(crate) async fn run(means: Means) {
    let listening_since = means.queue.clock().now();
    let (evaluator, leads_since, week_ago) = Default::default();
    let mut looking = Looking { means, evaluator, listening_since, leads_since, week_ago };
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        looking.look().await;
    }
}

impl Looking {
    async fn look(&mut self) {
        let agents = self.means.agents.now();
        let status = self.means.status.get();
        let Some(seen) = self.see(&agents).await else {
            self.means.values.set(Values::new());
            // What was so before need not have been so meanwhile.
            return self.evaluator = Evaluator::default();
        };
        let Read { now, alerts, mut facts, week_ago } = seen;
        self.week_ago = week_ago;
        self.leads_since = status.leads.then(|| self.leads_since.unwrap_or(now));
        facts.failing = failing(&status, self.leads_since);
        self.hear(&agents, &mut facts);
        let is_stale = self.means.latest.borrow().stale.is_some();
        facts.is_known = !is_stale && status.unanswered.is_none();
        self.means.values.set(values(now, &agents, &facts));
        let changes = self.evaluator.look(now, &agents, &facts, &alerts);
        if !status.leads || changes.is_empty() {
            return;
        }
        match self.means.queue.record_alerts(changes.clone()).await {
            Ok(()) => changes.iter().for_each(tell),
            Err(why) => debug!("what happened to alerts waits for the journal: {why}"),
        }
    }

    /// Reads the state. `None` if there is nothing to look at, or it cannot be read.
    async fn see(&self, agents: &Arc<Agents>) -> Option<Read> {
        let has_none = agents.alerts().is_empty();
        let (agents, rules) = (agents.clone(), self.means.rules);
        let (listening_since, week_ago) = (self.listening_since, self.week_ago);
        let seen = self.means.queue.query(move |View { state, now, .. }| {
            if has_none && state.alerts().ids().next().is_none() {
                return None;
            }
            let mut facts = facts(state, &agents, now, rules.doubt.suspect_after_ms);
            facts.listening_since = listening_since;
            let week_ago = was_live(state, &agents, now, week_ago);
            facts.expects_calls = facts.all.users > 0 || week_ago.is_some_and(|(_, it)| it);
            Some(Read { now, alerts: state.alerts().clone(), facts, week_ago })
        });
        seen.await.ok().flatten()
    }

    /// What this backend has heard of sources and was not recorded, since it says nothing of a call.
    fn hear(&self, agents: &Agents, facts: &mut Facts) {
        let sources = self.means.agents.sources();
        let heard = |(id, seen): (&str, &Seen)| Some((id.to_owned(), seen.heard_at()?));
        let known = sources.now();
        let seen = known.iter().map(|(id, entry)| (id.as_str(), &*entry.seen));
        let heard: Vec<_> = seen.chain([(OWN_ID, &*sources.own)]).filter_map(heard).collect();
        note_heard(facts, agents, &heard);
    }
}

/// Notes when sources were heard: each for the alerts about it, and any of them for those about nobody
/// in particular.
fn note_heard(facts: &mut Facts, agents: &Agents, heard: &[(String, Millis)]) {
    let is_named = |id: &str| agents.alerts().iter().any(|it| it.source.as_deref() == Some(id));
    for (id, at) in heard {
        facts.heard = facts.heard.max(Some(*at));
        if is_named(id) {
            let latest = facts.heard_of.entry(id.clone()).or_insert(*at);
            *latest = (*latest).max(*at);
        }
    }
}

/// What the state says of what the alerts are about.
fn facts(state: &State, agents: &Agents, now: Millis, suspect_after_ms: u64) -> Facts {
    let (tracker, heard) = (state.tracker(), state.heard());
    let alerts = agents.alerts();
    let is_suspected = |agent: Option<&str>| {
        let is_it = |it: &&AlertTable| it.condition() == Condition::SuspectShare;
        alerts.iter().filter(is_it).any(|it| it.agent.as_deref() == agent)
    };
    let named: BTreeSet<_> = alerts.iter().filter_map(|it| it.agent.as_ref()).collect();
    let all = tracker.numbers();
    // It visits every call, and the writer waits meanwhile.
    let suspects = match is_suspected(None) || named.iter().any(|id| is_suspected(Some(id))) {
        true => Suspects::of(tracker, now, suspect_after_ms),
        false => Suspects::default(),
    };
    let suspect = if is_suspected(None) { suspects.users } else { 0 };
    let suspect_by_agent = by_agent(suspects);
    let of_agent = |id: &String| {
        let numbers = tracker.breakdown_of_agent(&Agent::Id(id.as_str().into())).live;
        let suspect = suspect_by_agent.get(id.as_str()).filter(|_| is_suspected(Some(id)));
        let suspect = suspect.copied().unwrap_or_default();
        let capacity = agents.by_id(id).and_then(|it| it.capacity);
        (id.clone(), figures((numbers.users, numbers.calls), suspect, capacity))
    };
    let heard_of = alerts.iter().filter_map(|it| it.source.as_ref()).filter_map(|id| {
        let at = if id == TWILIO { heard.twilio() } else { heard.source(id) };
        Some((id.clone(), at?))
    });
    Facts {
        all: figures((all.users, all.calls), suspect, agents.limit()),
        by_agent: named.into_iter().map(of_agent).collect(),
        heard: heard.any(),
        heard_of: heard_of.collect(),
        ..Facts::default()
    }
}

fn figures((users, calls): (usize, usize), suspect: usize, capacity: Option<u32>) -> Figures {
    Figures { users: users as u64, calls: calls as u64, suspect: suspect as u64, capacity }
}

/// Whether somebody was live at this time a week ago, for so long as the longest window of a
/// silence. It is looked up once a minute.
fn was_live(
    state: &State,
    agents: &Agents,
    now: Millis,
    known: Option<(u64, bool)>,
) -> Option<(u64, bool)> {
    let silences = agents.alerts().iter().filter(|it| it.condition().is_silence());
    let window_ms = u64::from(silences.map(|it| it.for_seconds()).max()?) * 1_000;
    let minute = now.0 / MINUTE_MS;
    if known.is_some_and(|(it, _)| it == minute) {
        return known;
    }
    let history = state.history();
    let is_kept = |grain: &Grain| history.retention().of(*grain) >= WEEK_MS + window_ms + HOUR_MS;
    let grain = Grain::ALL.into_iter().find(is_kept)?;
    let width_ms = grain.width_ms();
    let end = now.minus(WEEK_MS).0 / width_ms * width_ms + width_ms;
    let from = now.minus(WEEK_MS + window_ms).0 / width_ms * width_ms;
    let times = (Millis(from), Millis(end));
    let slice = history.slice(Subject::All, Line::Live, grain, times, now)?;
    let count = usize::try_from((end - from) / width_ms).unwrap_or_default();
    let was_live = slice.points(Millis(from), width_ms, count).iter().any(|it| it.max > 0);
    Some((minute, was_live))
}

/// Whether those who are asked which calls are up do not answer. Only the one that leads asks, and
/// what it has heard before it led is old.
fn failing(status: &ReplicaStatus, leads_since: Option<Millis>) -> BTreeMap<String, Option<bool>> {
    let state = |failure: bool, answered: Option<Millis>| {
        let is_new = leads_since.zip(answered).is_some_and(|(since, at)| at >= since);
        leads_since.and_then(|_| if failure { Some(true) } else { is_new.then_some(false) })
    };
    let twilio = status.reconciler.iter().map(|it| {
        let failing = state(it.failure.is_some(), it.polled);
        (TWILIO.to_owned(), failing)
    });
    let sources = status.referees.iter().map(|it| {
        let failing = state(it.failure.is_some(), it.found.map(|found| found.at));
        (it.source.to_string(), failing)
    });
    twilio.chain(sources).collect()
}

/// A line for each alert that begins or ends.
fn tell(change: &AlertChange) {
    let id = &change.alert;
    let value = change.value.map_or_else(String::new, |value| format!(" at {value}"));
    match change.what {
        AlertStep::Firing => warn!("alert {id} ({}) fires{value}", change.condition),
        AlertStep::Resolved if change.rule_changed => {
            info!("alert {id} ({}) is over, since its rule was changed", change.condition)
        }
        AlertStep::Resolved => info!("alert {id} ({}) is over{value}", change.condition),
        AlertStep::Test => info!("alert {id} is tested"),
        AlertStep::Removed => info!("alert {id} is not in the agents file any more"),
    }
}

#[cfg(test)]
mod tests;
