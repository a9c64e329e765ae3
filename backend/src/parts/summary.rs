//! Summaries: the number, its confidence, its age, and its parts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_core::{Agent, Ages, Breakdown, Country, Millis, Numbers, Party, Place};
use live_users_intake::Status;
use live_users_intake::agents::{self, Agents};
use live_users_journal::Position;
use live_users_state::{Confidence, Corrections, DurationSummary, State, words};
use live_users_wire::{
    AgentCount, ByAgent, CountryCount, DriftView, HealedView, LineView, PlaceView, RefereeView,
    RegionCount, Summary, TalkedView,
};

use super::agents::AgentRegistry;
use super::clock::moment;
use super::counting_rules::CountingRules;
use super::deliveries::Deliveries;
use super::latest::public_by_agent;
use super::not_recorded::NotRecorded;
use super::presentation::{agent_ref, shown_place};
use super::queue::{Queue, View};
use super::replica_status::{ReplicaStatus, StatusReader};
use super::source_counts::{account_counts, source_counts};

/// The most corrected calls that a summary shows.
const HEALED_SHOWN_MAX: usize = 50;

/// Makes summaries. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Summarizer {
    pub(crate) queue: Queue,
    pub(crate) agents: Arc<AgentRegistry>,
    pub(crate) status: StatusReader,
    /// Whether the public answers have the numbers of the agents.
    pub(crate) gives_agents: bool,
    pub(crate) rules: CountingRules,
    pub(crate) deliveries: Arc<Deliveries>,
}

impl Summarizer {
    /// The number, its confidence, its age, and its parts.
    ///
    /// # Errors
    /// Why they are not known, for admins: if the provider is the reason, with what its last answer
    /// was.
    pub(crate) async fn summarize(&self) -> Result<Summary, String> {
        let (suspect_after_ms, gives_agents) = (self.rules.suspect_after_ms, self.gives_agents);
        let snapshot = self.queue.query(move |view| {
            let by_agent = gives_agents.then(|| public_by_agent(view.state.tracker()));
            Snapshot { public_by_agent: by_agent, ..Snapshot::of(view, suspect_after_ms) }
        });
        let snapshot = snapshot.await.map_err(|why| why.to_string())?;
        let status = self.status.get();
        match status.unanswered {
            Some(stale) => Err(with_failure(stale.into(), status.reconciler)),
            None => {
                let waiting = &snapshot.callbacks;
                let deliveries = self.deliveries.shown(&self.agents.now(), waiting);
                Ok(Summary { deliveries, ..snapshot.shown(&self.agents, referee(status)) })
            }
        }
    }
}

/// The state at one moment, copied on the writer thread. It is small, because the writer waits
/// meanwhile. The shown summary is made from it afterwards.
struct Snapshot {
    now: Millis,
    at: Position,
    breakdown: Breakdown,
    public_by_agent: Option<ByAgent>,
    confidence: Confidence,
    ages: Ages,
    talked: Lately,
    by_agent: BTreeMap<Agent, AgentSnapshot>,
    by_country: Vec<(Option<Country>, Numbers)>,
    by_place: Vec<(Place, Numbers)>,
    by_source: Vec<(Option<Arc<str>>, Numbers)>,
    by_account: Vec<(Option<Arc<str>>, Numbers)>,
    drift: DriftView,
    /// How many status callbacks wait in the journal for the receivers of each agent.
    callbacks: BTreeMap<Arc<str>, usize>,
}

/// The same of one agent.
#[derive(Clone, Copy, Default)]
struct AgentSnapshot {
    breakdown: Breakdown,
    ages: Ages,
    talked: Lately,
}

/// The calls that ended within the last hour and the last day.
#[derive(Clone, Copy, Default)]
struct Lately {
    hour: DurationSummary,
    day: DurationSummary,
}

impl Snapshot {
    fn of(View { state, now, at }: View<'_>, suspect_after_ms: u64) -> Self {
        let tracker = state.tracker();
        let mut by_agent: BTreeMap<Agent, AgentSnapshot> = BTreeMap::new();
        for (agent, breakdown) in tracker.breakdown_by_agent() {
            by_agent.entry(agent).or_default().breakdown = breakdown;
        }
        let (ages, ages_by_agent) = tracker.ages(now);
        for (agent, ages) in ages_by_agent {
            by_agent.entry(agent).or_default().ages = ages;
        }
        for agent in state.durations().agents(now) {
            by_agent.entry(agent.clone()).or_default().talked = Lately::of(state, Some(agent), now);
        }
        Self {
            now,
            at,
            breakdown: tracker.breakdown(),
            public_by_agent: None,
            confidence: state.confidence(now, suspect_after_ms),
            ages,
            talked: Lately::of(state, None, now),
            by_agent,
            by_country: tracker.by_country(),
            by_place: tracker.by_place(),
            by_source: tracker.by_source(),
            by_account: tracker.by_account(),
            drift: drift(state.corrections()),
            callbacks: state.callbacks().by_agent(),
        }
    }

    fn shown(self, registry: &AgentRegistry, referee: RefereeView) -> Summary {
        let (average_ms, longest_ms) = of_ages(self.ages);
        let agents = &registry.now();
        let sources = source_counts(registry.sources(), &self.by_source, self.breakdown.live);
        Summary {
            live_users: self.breakdown.live.users as u64,
            live_calls: self.breakdown.live.calls as u64,
            line: line(&self.breakdown),
            public_by_agent: self.public_by_agent,
            confirmed: self.confidence.confirmed as u64,
            suspect: self.confidence.suspect as u64,
            as_of: moment(self.now),
            epoch: format!("{:016x}", self.at.epoch),
            seq: self.at.seq,
            average_ms,
            longest_ms,
            last_hour: talked(self.talked.hour),
            last_day: talked(self.talked.day),
            by_agent: by_agent(agents, self.by_agent),
            by_country: by_country(self.by_country),
            by_region: self.by_place.into_iter().map(by_region).collect(),
            sources,
            by_account: account_counts(self.by_account),
            referee,
            drift: self.drift,
            deliveries: Vec::new(),
        }
    }
}

impl Lately {
    fn of(state: &State, agent: Option<&Agent>, now: Millis) -> Self {
        let talks = state.durations();
        Self { hour: talks.last_hour(agent, now), day: talks.last_day(agent, now) }
    }
}

/// The configured agents in the order of their file, then all others that are called.
fn by_agent(agents: &Agents, mut snapshots: BTreeMap<Agent, AgentSnapshot>) -> Vec<AgentCount> {
    let configured = agents.iter().map(|agent| {
        let key = Agent::Id(agent.id.as_str().into());
        let snapshot = snapshots.remove(&key).unwrap_or_default();
        row(&key, Some(agent), snapshot)
    });
    let mut rows: Vec<_> = configured.collect();
    rows.extend(snapshots.into_iter().map(|(agent, snapshot)| row(&agent, None, snapshot)));
    rows
}

fn row(agent: &Agent, configured: Option<&agents::Agent>, snapshot: AgentSnapshot) -> AgentCount {
    let AgentSnapshot { breakdown, ages, talked: Lately { hour, day } } = snapshot;
    let (average_ms, longest_ms) = of_ages(ages);
    AgentCount {
        agent: agent_ref(agent),
        name: configured.map(|it| it.name.clone()),
        numbers: configured.map(|it| it.numbers.clone()).unwrap_or_default(),
        capacity: configured.and_then(|it| it.capacity),
        own_voice: configured.is_some_and(|it| it.voice_url.is_some()),
        live_users: breakdown.live.users as u64,
        live_calls: breakdown.live.calls as u64,
        line: line(&breakdown),
        average_ms,
        longest_ms,
        last_hour: talked(hour),
        last_day: talked(day),
    }
}

fn line(breakdown: &Breakdown) -> LineView {
    let users = |party| breakdown.of(party).users as u64;
    LineView {
        with_agent: users(Party::Agent),
        waiting: users(Party::Waiting),
        with_person: users(Party::Person),
        machine: users(Party::Machine),
        on_the_line: breakdown.on_the_line().users as u64,
    }
}

fn by_country(mut countries: Vec<(Option<Country>, Numbers)>) -> Vec<CountryCount> {
    // Countries with the same number stay in alphabetical order; the unknown comes last.
    countries.sort_by_key(|(country, numbers)| (Reverse(numbers.users), country.is_none()));
    let shown = |(country, Numbers { users, calls }): (Option<Country>, Numbers)| CountryCount {
        country: country.map(|country| country.to_string()),
        live_users: users as u64,
        live_calls: calls as u64,
    };
    countries.into_iter().map(shown).collect()
}

fn by_region((place, Numbers { users, calls }): (Place, Numbers)) -> RegionCount {
    let PlaceView { country, region, .. } = shown_place(&place);
    RegionCount { country, region, live_users: users as u64, live_calls: calls as u64 }
}

fn of_ages(Ages { calls, total_ms, longest_ms }: Ages) -> (Option<u64>, Option<u64>) {
    (total_ms.checked_div(calls), (calls > 0).then_some(longest_ms))
}

fn talked(talked: DurationSummary) -> TalkedView {
    let longest_ms = (talked.calls > 0).then_some(talked.longest_ms);
    TalkedView { calls: talked.calls, average_ms: talked.average_ms(), longest_ms }
}

fn with_failure(why: NotRecorded, reconciler: Option<Status>) -> String {
    match reconciler.and_then(|status| status.failure) {
        Some(failure) => format!("{why} ({failure})"),
        None => why.to_string(),
    }
}

/// The status of the reconciler. Of several replicas, only the leader asks the provider.
fn referee(ReplicaStatus { leads, reconciler, .. }: ReplicaStatus) -> RefereeView {
    let Some(status) = reconciler else {
        let (looked_at, next_at, failure) = (None, None, None);
        let state = "off".to_owned();
        return RefereeView { state, looked_at, next_at, failure, requests: 0, unlisted: 0 };
    };
    let state = match (leads, &status.failure) {
        (false, _) => "elsewhere",
        (true, Some(_)) => "failing",
        (true, None) => "watching",
    };
    RefereeView {
        state: state.to_owned(),
        looked_at: status.polled.map(moment),
        next_at: leads.then(|| moment(status.next)),
        failure: status.failure.filter(|_| leads).map(|failure| failure.to_string()),
        requests: status.requests,
        unlisted: if leads { status.unlisted as u64 } else { 0 },
    }
}

fn drift(drift: &Corrections) -> DriftView {
    let named = drift.totals().map(|(cause, n)| (words::of_cause(cause).into_owned(), n));
    let recent = drift.recent().rev().take(HEALED_SHOWN_MAX).map(|healed| HealedView {
        at: moment(healed.at),
        call_sid: healed.call.to_string(),
        cause: words::of_cause(healed.cause).into_owned(),
    });
    DriftView {
        healed: drift.totals().map(|(_, n)| n).sum(),
        by_cause: named.collect(),
        recent: recent.collect(),
    }
}
