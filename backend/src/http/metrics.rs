//! `GET /metrics`: the figures of the service, for Prometheus.

mod limits;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use live_users_broadcast::Transport;
use live_users_core::{Agent, Breakdown, Numbers, Party};
use live_users_http_kit::Connections;
use live_users_http_kit::metrics::{Labels, Page};
use live_users_intake::Found;
use live_users_journal::{FaultKind, WarningKind};
use live_users_state::{Cause, Confidence, words};

use super::auth::BearerAuth;
use super::authorized::Authorized;
use super::error::ApiError;
use super::total_reader::TotalRules;
use crate::parts::agents::AgentRegistry;
use crate::parts::chat::Chat;
use crate::parts::clock::Clock;
use crate::parts::counters::{Counters, Hook, Outcome, TurnedAwayBy};
use crate::parts::counting_rules::CountingRules;
use crate::parts::deliveries::{Deliveries, Delivery};
use crate::parts::latest::LatestReader;
use crate::parts::passing_on::{Outcome as PassedOn, PassingOn};
use crate::parts::queue::{Queue, View};
use crate::parts::replica_status::{ReplicaStatus, StatusReader};
use crate::parts::shards::Shards;
use crate::parts::sources::{EVENTS, OWN_ID, SourceOutcome};
use crate::parts::streams::Streams;
use crate::parts::telemetry::Telemetry;

/// The parts that have figures.
pub(crate) struct Sources {
    pub(crate) agents: Arc<AgentRegistry>,
    pub(crate) chat: Arc<Chat>,
    pub(crate) clock: Clock,
    pub(crate) connections: Connections,
    pub(crate) counters: Arc<Counters>,
    pub(crate) deliveries: Arc<Deliveries>,
    pub(crate) latest: LatestReader,
    pub(crate) passing_on: Arc<PassingOn>,
    pub(crate) queue: Queue,
    pub(crate) status: StatusReader,
    pub(crate) rules: CountingRules,
    pub(crate) shard: Option<usize>,
    pub(crate) shards: Shards,
    pub(crate) streams: Arc<Streams>,
    pub(crate) telemetry: Arc<Telemetry>,
}

/// The state at the moment of a scrape.
struct Snapshot {
    breakdown: Breakdown,
    confidence: Confidence,
    /// In the order of the agents that were asked for.
    by_agent: Vec<Breakdown>,
    healed: Vec<(Cause, u64)>,
    /// Whether each alert fires.
    firing: Vec<bool>,
}

/// Answers with all figures.
pub(crate) async fn metrics(
    _: Authorized,
    auth: Data<BearerAuth>,
    total_rules: Data<TotalRules>,
    sources: Data<Sources>,
) -> Result<HttpResponse, ApiError> {
    Ok(page(&auth, &total_rules, &[sources.into_inner()]).await.answer())
}

/// All figures: of the process, whose parts the first of these has, and of each state. Of several, each
/// has its number as a label.
pub(crate) async fn page(
    auth: &BearerAuth,
    total_rules: &TotalRules,
    states: &[Arc<Sources>],
) -> Page {
    let process = &states[0];
    let mut page = Page::of(env!("CARGO_PKG_VERSION"), process.counters.started);
    limits::capacities(&mut page, &process.agents.now());
    match states {
        [only] if only.shard.is_none() => of_state(&mut page, only).await,
        several => {
            for (place, state) in several.iter().enumerate() {
                let mut own = Page::default();
                of_state(&mut own, state).await;
                page.add_labelled(("shard", &state.shard.unwrap_or(place).to_string()), own);
            }
        }
    }
    process.shards.elsewhere().inspect(|it| it.add_to(&mut page, &process.shards.waiting()));
    webhooks(&mut page, process);
    of_sources(&mut page, &process.agents);
    outgoing(&mut page, process);
    streams(&mut page, process);
    let help = "Tokens that were refused: wrong ones, and those that were not looked at after too \
                many wrong ones";
    page.counters_by_reason(
        "live_users_refused_tokens",
        help,
        ["wrong", "too_many"],
        auth.refused(),
    );
    let help = "Reads of the total that came too often from one client";
    page.counter("live_users_refused_reads", help, total_rules.limit.refused());
    process.connections.add_to(&mut page);
    process.telemetry.add_to(&mut page);
    page
}

/// The figures of one state. Those of the count are left out while it is not known: unknown is never 0.
async fn of_state(page: &mut Page, sources: &Sources) {
    let agents = sources.agents.now();
    let ids: Vec<Agent> = agents.iter().map(|agent| Agent::Id(agent.id.as_str().into())).collect();
    let suspect_after_ms = sources.rules.doubt.suspect_after_ms;
    let configured = agents.clone();
    let snapshot = sources.queue.query(move |View { state, now, .. }| {
        let tracker = state.tracker();
        Snapshot {
            breakdown: tracker.breakdown(),
            confidence: state.confidence(now, suspect_after_ms),
            by_agent: ids.iter().map(|id| tracker.breakdown_of_agent(id)).collect(),
            healed: state.corrections().totals().collect(),
            firing: limits::firing(&configured, state),
        }
    });
    let snapshot = snapshot.await.ok();
    if let Some(snapshot) = &snapshot {
        limits::alerts(page, &agents, &snapshot.firing);
    }
    let snapshot = snapshot.filter(|_| sources.status.get().unanswered.is_none());
    let help = "Whether the count is known: 0 while the journal or the writer does not answer, or \
                where only asking the provider tells of calls and it does not answer; then the \
                gauges of the count are absent";
    page.gauge("live_users_count_known", help, f64::from(snapshot.is_some()));
    if let Some(snapshot) = snapshot {
        count(page, &snapshot, agents.iter().map(|agent| agent.id.as_str()));
    }
    journal(page, sources);
    clock(page, &sources.clock);
    of_source_referees(page, &sources.status.get());
    referee(page, &sources.status.get());
    hooks(page, sources);
}

fn count<'a>(page: &mut Page, snapshot: &Snapshot, ids: impl Iterator<Item = &'a str>) {
    let Snapshot { breakdown, confidence, by_agent, healed, .. } = snapshot;
    let help = "Live users: distinct callers connected with an agent";
    page.gauge("live_users_users", help, number(breakdown.live.users));
    page.gauge("live_users_calls", "Live calls", number(breakdown.live.calls));
    line(page, breakdown);
    let help = "Live users of whom something was heard lately";
    page.gauge("live_users_confirmed_users", help, number(confidence.confirmed));
    let help = "Live users of whom nothing was heard for SUSPECT_AFTER_SECONDS";
    page.gauge("live_users_suspect_users", help, number(confidence.suspect));
    let labels: Vec<_> = ids.map(|id| [("agent", id)]).collect();
    let of_agents = |number: fn(&Breakdown) -> usize| {
        let values = by_agent.iter().map(move |numbers| self::number(number(numbers)));
        labels.iter().map(|labels| labels as Labels<'_>).zip(values)
    };
    let help = "Live users of a configured agent";
    page.gauges("live_users_agent_users", help, of_agents(|it| it.live.users));
    let help = "Live calls of a configured agent";
    page.gauges("live_users_agent_calls", help, of_agents(|it| it.live.calls));
    let parties = Party::ALL.map(|party| (party, words::of_party(party)));
    let each = labels.iter().zip(by_agent).flat_map(|([agent], breakdown)| {
        parties.iter().map(|(party, name)| {
            ([*agent, ("party", name.as_ref())], number(breakdown.of(*party).users))
        })
    });
    let values: Vec<_> = each.collect();
    let values = values.iter().map(|(labels, n)| (labels as Labels<'_>, *n));
    let help = "Users of a configured agent whose calls are up, by whom they are connected with";
    page.gauges("live_users_agent_line_users", help, values);
    let of = |cause| healed.iter().find(|(it, _)| *it == cause).map_or(0, |(_, n)| *n);
    let causes = Cause::ALL.map(|cause| (words::of_cause(cause), of(cause)));
    let labels = causes.each_ref().map(|(name, n)| ([("cause", name.as_ref())], *n));
    let values = labels.iter().map(|(labels, n)| (labels as Labels<'_>, *n));
    let help = "Calls that were counted wrongly until this was found, since the journal began";
    page.counters("live_users_healed_calls", help, values);
}

/// What has come from the sources of the agents file.
fn of_sources(page: &mut Page, agents: &AgentRegistry) {
    let known = agents.sources().now();
    let each = known.values().flat_map(|source| {
        SourceOutcome::ALL.map(|outcome| {
            let n = source.seen.webhooks[outcome as usize].get();
            ([("source", source.table.id.as_str()), ("outcome", outcome.name())], n)
        })
    });
    let values: Vec<_> = each.collect();
    let values = values.iter().map(|(labels, n)| (labels as Labels<'_>, *n));
    let help = "Webhooks of sources, by what has become of them";
    page.counters("live_users_source_webhooks", help, values);
    let of_events = known.values().filter(|source| source.kind.name == EVENTS);
    let of_events = of_events.map(|source| (source.table.id.as_str(), &source.seen));
    let each = of_events.chain([(OWN_ID, &agents.sources().own)]);
    let values: Vec<_> =
        each.map(|(id, seen)| ([("source", id)], seen.unknown_fields.get())).collect();
    let values = values.iter().map(|(labels, n)| (labels as Labels<'_>, *n));
    let help = "Fields of events that are none of our own format";
    page.counters("live_users_source_unknown_fields", help, values);
}

/// What the providers of sources say of the calls that are up, where this backend asks.
fn of_source_referees(page: &mut Page, status: &ReplicaStatus) {
    let asked = status.referees.iter().filter(|_| status.leads);
    let labels: Vec<_> = asked.map(|it| (it, [("source", &*it.source)])).collect();
    let each = || labels.iter().map(|(it, labels)| (*it, labels as Labels<'_>));
    let found = |value: fn(Found) -> f64| {
        each().filter_map(move |(it, labels)| Some((labels, value(it.found?))))
    };
    let help = "Calls that the provider of a source says are up, less those that are counted of it";
    page.gauges("live_users_source_difference", help, found(|it| it.difference as f64));
    let help = "Calls that are up by what the provider of a source says";
    page.gauges("live_users_source_listed_calls", help, found(|it| it.calls as f64));
    let help = "When the last complete answer of the provider of a source was compared";
    page.gauges("live_users_source_asked_timestamp_seconds", help, found(|it| seconds(it.at.0)));
    let help = "Whether the last question to the provider of a source has failed";
    let failing = each().map(|(it, labels)| (labels, f64::from(it.failure.is_some())));
    page.gauges("live_users_source_referee_failing", help, failing);
    let help = "Questions to the provider of a source that have failed";
    page.counters(
        "live_users_source_referee_failures",
        help,
        each().map(|(it, l)| (l, it.failures)),
    );
}

/// Everybody whose call is up, by whom they are connected with.
fn line(page: &mut Page, breakdown: &Breakdown) {
    let parties = Party::ALL.map(|party| (party, words::of_party(party)));
    let labels = parties.each_ref().map(|(party, name)| (*party, [("party", name.as_ref())]));
    let of = |number: fn(Numbers) -> usize| {
        let value = move |party| self::number(number(breakdown.of(party)));
        labels.iter().map(move |(party, labels)| (labels as Labels<'_>, value(*party)))
    };
    let help = "Users whose calls are up, by whom they are connected with: agent, waiting (nobody \
                yet or for now), person (handed over), machine (voicemail, fax)";
    page.gauges("live_users_line_users", help, of(|it| it.users));
    let help = "Calls that are up, by whom the caller is connected with";
    page.gauges("live_users_line_calls", help, of(|it| it.calls));
    let help = "All of live_users_line_users together";
    page.gauge("live_users_on_the_line_users", help, number(breakdown.on_the_line().users));
}

fn journal(page: &mut Page, sources: &Sources) {
    let status = sources.status.get();
    let at = sources.latest.borrow().at;
    let help = "Whether the journal cannot be written just now";
    page.gauge("live_users_journal_trouble", help, f64::from(status.fault.is_some()));
    let help = "Why the journal cannot be written just now: 1 for the reason, 0 for all others";
    let kinds = FaultKind::ALL.map(|kind| (kind, [("kind", kind.name())]));
    let values = kinds
        .iter()
        .map(|(kind, labels)| (labels as Labels<'_>, f64::from(status.fault == Some(*kind))));
    page.gauges("live_users_journal_fault", help, values);
    let help = "Pieces of evidence that wait in memory until the journal can be written again";
    page.gauge("live_users_journal_backlog", help, number(status.deferred));
    let help = "How long ago it was last known that nothing is missing here of a shared journal; \
                0 for a journal of one backend";
    let age_s = seconds(sources.clock.age_ms());
    page.gauge("live_users_journal_contact_age_seconds", help, age_s);
    let help = "The last record of the journal that is in the count; its epoch is a label of \
                live_users_journal_info";
    page.gauge("live_users_journal_position", help, at.seq as f64);
    let epoch = format!("{:016x}", at.epoch);
    let help = "Names the journal: another epoch means that it was lost";
    page.info("live_users_journal", help, &[("epoch", &epoch)]);
    let help = "Whether this backend asks the provider and gives old calls up, of all that share \
                a journal";
    page.gauge("live_users_leads", help, f64::from(status.leads));
    let warnings = sources.clock.journal_warnings();
    let kinds = WarningKind::ALL.map(|kind| {
        let is_raised = warnings.iter().any(|(it, _)| *it == kind);
        ([("kind", kind.name())], f64::from(is_raised))
    });
    let help = "Whether something about the servers of a shared journal needs a look; /readyz and \
                the log say what";
    let values = kinds.iter().map(|(labels, value)| (labels as Labels<'_>, *value));
    page.gauges("live_users_journal_warnings", help, values);
    let help = "Recounts of all calls, each compared with the numbers that are shown";
    page.counter("live_users_invariant_checks", help, status.audit.checks);
    let help = "Of these, those that found another number: a bug, and the count may be wrong until \
                a restart";
    page.counter("live_users_invariant_violations", help, status.audit.violations);
    let help = "Pieces of work that wait for the writer";
    page.gauge("live_users_queue_depth", help, number(sources.queue.depth()));
    let help = "How long webhooks have waited until they were recorded, or were known not to be";
    page.histogram("live_users_acknowledgement_seconds", help, sources.queue.waited());
}

fn clock(page: &mut Page, clock: &Clock) {
    let help = "This machine's clock minus the journal's time, in seconds";
    page.gauge("live_users_clock_offset_seconds", help, clock.offset_ms() as f64 / 1_000.0);
    let help = "How often this machine's clock has jumped away from the journal's time by more \
                than 5 s; 0 for a journal that several backends share";
    page.counter("live_users_clock_jumps", help, clock.jumps());
}

fn webhooks(page: &mut Page, sources: &Sources) {
    let help = "Webhooks by path, and by what became of them: accepted (recorded), unsigned \
                (refused), bad (no form, or one that cannot be counted), not_recorded, old (sent longer \
                ago than ended calls are remembered), repeated (recorded before)";
    let each = Hook::ALL.into_iter().flat_map(|hook| Outcome::ALL.map(|outcome| (hook, outcome)));
    let values: Vec<_> = each
        .map(|(hook, outcome)| {
            let labels = [("path", hook.path()), ("outcome", outcome.name())];
            (labels, sources.counters.webhooks(hook, outcome).get())
        })
        .collect();
    let values = values.iter().map(|(labels, n)| (labels as Labels<'_>, *n));
    page.counters("live_users_webhooks", help, values);
    let help = "Voice webhooks that were answered with TwiML";
    page.counter("live_users_twiml_answers", help, sources.counters.twiml.get());
    let help = "Voice webhooks whose call was turned away, by agent, by the limit that was reached, \
                and by what was answered";
    let turned_away = sources.counters.turned_away();
    let each = turned_away.iter().map(|(TurnedAwayBy { agent, limit, decision }, n)| {
        ([("agent", agent.as_str()), ("limit", limit), ("decision", decision)], *n)
    });
    let values: Vec<_> = each.collect();
    let values = values.iter().map(|(labels, n)| (labels as Labels<'_>, *n));
    page.counters("live_users_turned_away", help, values);
}

fn referee(page: &mut Page, status: &ReplicaStatus) {
    if let Some(status) = &status.reconciler {
        let help = "Requests to the provider that asked which calls go on";
        page.counter("live_users_referee_requests", help, status.requests);
        let help =
            "Of these, those without an answer that could be used; and polls that were given up";
        page.counter("live_users_referee_failures", help, status.failures);
    }
}

fn outgoing(page: &mut Page, sources: &Sources) {
    let (asked, failed) = (sources.chat.asked.get(), sources.chat.failed.get());
    page.counter("live_users_chat_requests", "Questions to chats of agents", asked);
    let help = "Of these, those without an answer, or with none in time";
    page.counter("live_users_chat_failures", help, failed);
    let help = "Status callbacks for the status_callback_url of an agent, by what became of them: \
                delivered, refused (the answer was final and no 2xx), failed (not taken for too \
                long, or nobody can send it), dropped (too many waited already)";
    let values = PassedOn::ALL.map(|it| ([("outcome", it.name())], sources.passing_on.count(it)));
    let values = values.iter().map(|(labels, n)| (labels as Labels<'_>, *n));
    page.counters("live_users_status_callbacks_passed_on", help, values);
    let help = "Status callbacks that wait to be passed on, one for each receiver: all in the \
                journal, whoever has taken them, and those in the memory of this backend";
    let n_waiting = sources.status.get().callbacks_waiting + sources.passing_on.n_in_memory();
    page.gauge("live_users_status_callbacks_waiting", help, number(n_waiting));
}

/// Of the hooks that this backend tells: of several, the one that leads.
fn hooks(page: &mut Page, sources: &Sources) {
    let hooks = sources.deliveries.of_hooks();
    let now = sources.clock.now();
    let labels = hooks.iter().map(|(id, delivery)| ([("hook", id.as_str())], delivery));
    let labels: Vec<_> = labels.collect();
    let mut counted = |name: &'static str, help: &'static str, of: fn(&Delivery) -> u64| {
        let values = labels.iter().map(|(labels, it)| (labels as Labels<'_>, of(it)));
        page.counters(name, help, values);
    };
    counted("live_users_hook_deliveries", "Messages that a hook has taken", |it| it.delivered);
    let help = "Requests to a hook without an answer of 2xx; each is tried again";
    counted("live_users_hook_failed_tries", help, |it| it.failed_tries);
    let help = "Events that a hook will never get, since more waited for it than are kept";
    counted("live_users_hook_lost_events", help, |it| it.undelivered);
    let values = labels.iter().map(|(labels, it)| (labels as Labels<'_>, it.pending as f64));
    page.gauges("live_users_hook_pending", "Messages that wait for a hook", values);
    let age_s = |it: &Delivery| seconds(it.waits_since.map_or(0, |since| now.since(since)));
    let values = labels.iter().map(|(labels, it)| (labels as Labels<'_>, age_s(it)));
    let help = "How long ago the oldest event of a call or an alert happened that waits for a hook";
    page.gauges("live_users_hook_pending_age_seconds", help, values);
}

fn streams(page: &mut Page, sources: &Sources) {
    let connections = &sources.streams.connections;
    let labels = Transport::ALL.map(|by| (by, [("transport", by.name())]));
    let open = |(by, labels)| (labels as Labels<'_>, number(connections.taken_by(by)));
    let values = labels.iter().map(|(by, labels)| open((*by, labels)));
    page.gauges("live_users_open_streams", "Streams that are open", values);
    let values = labels.iter().map(|(by, labels)| (labels as Labels<'_>, connections.sent_by(*by)));
    page.counters("live_users_frames", "Frames that streams were told", values);
}

/// Exact up to 2^53, as every number that Prometheus knows.
fn number(n: usize) -> f64 {
    n as f64
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}
