//! Summaries: the number, its confidence, its age, and its parts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use live_users_core::{Agent, Ages, Breakdown, Country, Millis, Numbers, Party, Place, Tracker};
use live_users_intake::Status;
use live_users_intake::agents::{self, Agents};
use live_users_journal::Position;
use live_users_state::{CallDurations, Confidence, DurationSummary};
use live_users_wire::{
    AgentCount, AlertsView, ByAgent, CountryCount, DriftView, LineView, PlaceView, RefereeView,
    RegionCount, Summary, TalkedView,
};

use super::agents::AgentRegistry;
use super::alert_views::alerts_view;
use super::clock::moment;
use super::counting_rules::CountingRules;
use super::deliveries::Deliveries;
use super::doubt::DoubtRules;
use super::drift_view::drift_view;
use super::latest::public_by_agent;
use super::not_recorded::NotRecorded;
use super::presentation::{agent_ref, shown_place};
use super::queue::{Queue, View};
use super::replica_status::{ReplicaStatus, StatusReader};
use super::scope::Scope;
use super::source_counts::{account_counts, source_counts};

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
    /// The number, its confidence, its age, and its parts, of the calls in scope.
    ///
    /// # Errors
    /// Why they are not known, for admins: if the provider is the reason, with what its last answer
    /// was.
    pub(crate) async fn summarize(&self, scope: &Scope) -> Result<Summary, String> {
        let suspect_after_ms = self.rules.doubt.suspect_after_ms;
        let gives_agents = self.gives_agents;
        let (of, agents) = (scope.clone(), self.agents.now());
        let snapshot = self.queue.query(move |view| {
            let tracker = of.view(view.state.tracker());
            let by_agent = gives_agents.then(|| public_by_agent(&tracker));
            let snapshot = Snapshot::of(view, (&tracker, &of), suspect_after_ms);
            let alerts = alerts_view(&agents, view.state.alerts(), &of);
            Snapshot { public_by_agent: by_agent, alerts, ..snapshot }
        });
        let snapshot = snapshot.await.map_err(|why| why.to_string())?;
        let (status, known) = (self.status.get(), (&*self.agents, self.rules.doubt));
        // What concerns one agent is in one shard.
        let sum_is_upper_bound = self.rules.sums_are_upper_bounds && scope.agent().is_none();
        let waiting = snapshot.callbacks.clone();
        let shown = |status| Summary { sum_is_upper_bound, ..snapshot.shown(known, status, scope) };
        match status.unanswered {
            // What the provider has answered is the operator's.
            Some(stale) if !scope.is_operators() => Err(NotRecorded::from(stale).to_string()),
            Some(stale) => Err(with_failure(stale.into(), status.reconciler)),
            None if scope.is_operators() => {
                let deliveries = self.deliveries.shown(&self.agents.now(), &waiting);
                Ok(Summary { deliveries, ..shown(status) })
            }
            None => {
                // How the provider is asked is the operator's, too.
                let status = ReplicaStatus { reconciler: None, ..status };
                Ok(scope.limit(shown(status)))
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
    alerts: Option<AlertsView>,
}

/// The same of one agent.
#[derive(Clone, Copy, Default)]
struct AgentSnapshot {
    breakdown: Breakdown,
    suspect: usize,
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
    /// That of the calls in scope, which are those of this tracker.
    fn of(
        View { state, now, at }: View<'_>,
        (tracker, scope): (&Tracker, &Scope),
        suspect_after_ms: u64,
    ) -> Self {
        let mut by_agent: BTreeMap<Agent, AgentSnapshot> = BTreeMap::new();
        for (agent, breakdown) in tracker.breakdown_by_agent() {
            by_agent.entry(agent).or_default().breakdown = breakdown;
        }
        let (ages, ages_by_agent) = tracker.ages(now);
        for (agent, ages) in ages_by_agent {
            by_agent.entry(agent).or_default().ages = ages;
        }
        let talked = Talked { durations: state.durations(), scope, now };
        for (agent, confidence) in Confidence::by_agent(tracker, now, suspect_after_ms) {
            by_agent.entry(agent).or_default().suspect = confidence.suspect;
        }
        for agent in talked.agents() {
            let lately = talked.lately(Some(&agent));
            by_agent.entry(agent).or_default().talked = lately;
        }
        Self {
            now,
            at,
            breakdown: tracker.breakdown(),
            public_by_agent: None,
            confidence: Confidence::of(tracker, now, suspect_after_ms),
            ages,
            talked: talked.lately(None),
            by_agent,
            by_country: tracker.by_country(),
            by_place: tracker.by_place(),
            by_source: tracker.by_source(),
            by_account: tracker.by_account(),
            drift: drift_view(state, scope),
            callbacks: state.callbacks().by_agent(),
            alerts: None,
        }
    }

    fn shown(
        self,
        (registry, doubt): (&AgentRegistry, DoubtRules),
        status: ReplicaStatus,
        scope: &Scope,
    ) -> Summary {
        let (average_ms, longest_ms) = of_ages(self.ages);
        let agents = &registry.now();
        let counted = (&**registry.sources(), scope);
        let sources = source_counts(counted, &self.by_source, self.breakdown.live, &status);
        Summary {
            live_users: self.breakdown.live.users as u64,
            upper_bound: false,
            sum_is_upper_bound: false,
            live_calls: self.breakdown.live.calls as u64,
            line: line(&self.breakdown),
            public_by_agent: self.public_by_agent,
            public_suspect: doubt
                .told(self.confidence.suspect as u64, self.breakdown.live.users as u64),
            confirmed: self.confidence.confirmed as u64,
            suspect: self.confidence.suspect as u64,
            as_of: moment(self.now),
            epoch: format!("{:016x}", self.at.epoch),
            // The number of the journal's last record would tell how much is said of the calls of others.
            seq: if scope.is_limited() { self.now.0 } else { self.at.seq },
            average_ms,
            longest_ms,
            last_hour: talked(self.talked.hour),
            last_day: talked(self.talked.day),
            by_agent: by_agent((agents, scope), self.by_agent, doubt),
            by_country: by_country(self.by_country),
            by_region: self.by_place.into_iter().map(by_region).collect(),
            sources,
            by_account: account_counts(self.by_account),
            referee: referee(status),
            drift: self.drift,
            deliveries: Vec::new(),
            alerts: self.alerts,
        }
    }
}

/// How long the calls in scope were that ended lately.
struct Talked<'a> {
    durations: &'a CallDurations,
    scope: &'a Scope,
    now: Millis,
}

impl Talked<'_> {
    /// Of one agent, or of all.
    fn lately(&self, agent: Option<&Agent>) -> Lately {
        let Self { durations, scope, now } = *self;
        let agent = match scope.agent() {
            Some(of) => &Some(Agent::Id(of.clone())),
            None => &agent.cloned(),
        };
        let agent = agent.as_ref();
        let Some(accounts) = scope.accounts() else {
            let (hour, day) = (durations.last_hour(agent, now), durations.last_day(agent, now));
            return Lately { hour, day };
        };
        accounts.iter().fold(Lately::default(), |sum, account| Lately {
            hour: sum.hour.with(durations.last_hour_of(account, agent, now)),
            day: sum.day.with(durations.last_day_of(account, agent, now)),
        })
    }

    /// The agents that have any.
    fn agents(&self) -> BTreeSet<Agent> {
        let Self { durations, scope, now } = *self;
        let Some(accounts) = scope.accounts() else {
            let is_in = |agent: &&Agent| match scope.agent() {
                Some(of) => matches!(agent, Agent::Id(id) if id == of),
                None => true,
            };
            return durations.agents(now).filter(is_in).cloned().collect();
        };
        accounts.iter().flat_map(|account| durations.agents_of(account, now)).cloned().collect()
    }
}

/// The configured agents in scope, in the order of their file, then all others that are called.
fn by_agent(
    (agents, scope): (&Agents, &Scope),
    mut snapshots: BTreeMap<Agent, AgentSnapshot>,
    doubt: DoubtRules,
) -> Vec<AgentCount> {
    let in_scope = agents.iter().filter(|agent| scope.has_agent(agent));
    let configured = in_scope.map(|agent| {
        let key = Agent::Id(agent.id.as_str().into());
        let snapshot = snapshots.remove(&key).unwrap_or_default();
        row((&key, Some(agent)), snapshot, doubt)
    });
    let mut rows: Vec<_> = configured.collect();
    rows.extend(
        snapshots.into_iter().map(|(agent, snapshot)| row((&agent, None), snapshot, doubt)),
    );
    rows
}

fn row(
    (agent, configured): (&Agent, Option<&agents::Agent>),
    snapshot: AgentSnapshot,
    doubt: DoubtRules,
) -> AgentCount {
    let AgentSnapshot { breakdown, suspect, ages, talked: Lately { hour, day } } = snapshot;
    let (average_ms, longest_ms) = of_ages(ages);
    AgentCount {
        agent: agent_ref(agent),
        name: configured.map(|it| it.name.clone()),
        numbers: configured.map(|it| it.numbers.clone()).unwrap_or_default(),
        account: configured.and_then(|it| it.account.clone()),
        capacity: configured.and_then(|it| it.capacity),
        own_voice: configured.is_some_and(|it| it.voice_url.is_some()),
        live_users: breakdown.live.users as u64,
        public_suspect: doubt.told(suspect as u64, breakdown.live.users as u64),
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
