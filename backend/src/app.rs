//! Puts the parts together and runs them until it is time to stop.

mod app_data;
mod exporting;
mod lasting;
mod opening;
mod standby;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use actix_web::web::ServiceConfig;
use live_users_http_kit::{AllowedOrigins, Application, serve};
use live_users_journal::{FaultKind, Lease, ReplicationStatus};
use live_users_replica::{Node, Replica, Rules, check_invariants};
use live_users_state::LEADER_LEASE;
use live_users_twilio::rest::Request;
use log::{error, info, warn};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use self::app_data::Parts;
use self::exporting::Exporting;
use self::lasting::Lasting;
use self::opening::{NotOpened, Opened, Place};
use crate::config::{Config, Verification};
use crate::http::ready_total::ready_total;
use crate::http::routes::{self, LIMIT_ANSWERS};
use crate::parts::arrivals::Arrivals;
use crate::parts::clock::Clock;
use crate::parts::configured;
use crate::parts::doubt::{Doubt, suspect_by_agent};
use crate::parts::journal_reader::JournalReader;
use crate::parts::latest::LatestCount;
use crate::parts::passing_on::DRAIN;
use crate::parts::twilio_api::TwilioApi;
use crate::tasks::alerts;
use crate::tasks::delivering::{self, Delivering};
use crate::tasks::hooks::{Means, Telling};
use crate::tasks::source_asking::{self, Question};
use crate::tasks::writer_thread::{self, Outlets};
use crate::tasks::{
    doubting, leadership, publishing, reconciliation, reload, scoped_publishing, warnings,
};

/// A backend that has opened its journal, or waits until it can be opened, and does not listen yet.
pub struct Backend(Start);

enum Start {
    Ready(Box<Ready>),
    Waiting(Box<Waiting>),
}

/// It has replayed its journal.
struct Ready {
    parts: Parts,
    origins: AllowedOrigins,
    thread: JoinHandle<()>,
    lease: Box<dyn Lease>,
    renewals: UnboundedReceiver<()>,
    replication_status: ReplicationStatus,
    /// The provider's API with the credentials of each account, and what to ask it.
    apis: Vec<TwilioApi>,
    requests: UnboundedReceiver<(usize, Request)>,
    questions: UnboundedReceiver<Question>,
}

/// What asks providers: the API with the credentials of each account, and what to ask.
type Asking = (Vec<TwilioApi>, UnboundedReceiver<(usize, Request)>, UnboundedReceiver<Question>);

/// An operator has to put something right before the journal can be opened.
struct Waiting {
    /// For the time until then, and for the time after it.
    configs: [Config; 2],
    lasting: Lasting,
    place: Place,
    reason: (FaultKind, String),
}

/// The count that a journal leads to.
fn first_count(replica: &Replica, clock: &Clock, gives_agents: bool) -> LatestCount {
    LatestCount::of(replica.first_publication(clock.now()), replica.state(), gives_agents)
}

impl Backend {
    /// Opens the journal and replays it. A listener should not be bound before. It takes the
    /// settings twice: where the journal cannot be opened, and an operator can put that right,
    /// [`Backend::run`] answers callers meanwhile, counts nothing, and tries again.
    ///
    /// Trap: hooks that send mail start this program again. Its `main` begins with
    /// [`keep_mail_command`](crate::keep_mail_command).
    ///
    /// # Errors
    /// If trying again would not help, or the system starts no thread.
    pub fn open(mut configs: [Config; 2]) -> io::Result<Self> {
        log_settings(&configs[0]);
        let place = Place::of(&configs[0]);
        let opening = place.open();
        let arrivals = Arrivals::begin(std::time::Instant::now())?;
        let telemetry = Arc::new(configs[0].telemetry.start()?);
        let lasting = Lasting { arrivals, telemetry };
        let start = match opening {
            Ok(opened) => {
                let [config, _] = configs;
                Start::Ready(Box::new(Ready::of(config, lasting, opened)?))
            }
            Err(NotOpened::Waiting { kind, why }) => {
                let reason = (kind, why);
                Start::Waiting(Box::new(Waiting { configs, lasting, place, reason }))
            }
            Err(NotOpened::Refused(error)) => return Err(error),
        };
        Ok(Self(start))
    }

    /// Serves on the listener until `shutdown` resolves. Then it finishes open requests and the
    /// work in the writer's queue.
    ///
    /// # Errors
    /// The system's own, that the writer has panicked, or that the journal turns out to be one that
    /// cannot be used.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        tokio::pin!(shutdown);
        let ready = match self.0 {
            Start::Ready(ready) => *ready,
            Start::Waiting(waiting) => {
                let Waiting { configs: [meanwhile, config], lasting, place, reason } = *waiting;
                let listener = listener.try_clone()?;
                let meanwhile = (meanwhile, lasting.clone());
                let opened =
                    standby::stand_by(meanwhile, place, listener, reason, &mut shutdown).await?;
                let Some(opened) = opened else { return Ok(()) };
                // They may have changed since the start.
                if let Err(mistakes) = config.agents.reload() {
                    error!("the agents are those of the start: {}", mistakes.join("; "));
                }
                Ready::of(config, lasting, opened)?
            }
        };
        ready.run(listener, shutdown).await
    }
}

impl Ready {
    fn of(
        config: Config,
        lasting: Lasting,
        Opened { journal, replayed }: Opened,
    ) -> io::Result<Self> {
        lasting.arrivals.begin_after(replayed.state.corrections());
        let journal_reader = JournalReader::new(journal.reader().map_err(io::Error::other)?);
        let lease = journal.lease(LEADER_LEASE).map_err(io::Error::other)?;
        let replication_status = journal.replication_status();
        let clock = match journal.is_shared() {
            true => Clock::of_service(replication_status.clone()),
            false => Clock::of_one_process(replayed.state.tracker().now()),
        };
        let (reconcilers, apis): (Vec<_>, Vec<_>) =
            reconciliation::prepare(&config)?.into_iter().unzip();
        let gives_agents = config.public_by_agent;
        let rules = Rules {
            max_call_ms: config.max_call_ms,
            keep: Some(config.keep),
            asks_only_ms: config.asks_only_ms(),
        };
        let replica = Replica::new(replayed, journal.is_shared(), rules, reconcilers)
            .asking_sources(source_asking::prepare(&config))
            .auditing(check_invariants);
        let latest = first_count(&replica, &clock, gives_agents);
        let (state, now) = (replica.state(), clock.now());
        let suspect_after_ms = config.doubt.suspect_after_ms;
        let suspect = state.confidence(now, suspect_after_ms).suspect;
        let of_agents = suspect_by_agent(state.tracker(), now, suspect_after_ms);
        let doubt = Arc::new(Doubt::new(suspect, of_agents));
        let (latest_writer, latest) = watch::channel(latest);
        let (requests_sender, requests) = mpsc::unbounded_channel();
        let (questions_sender, questions) = mpsc::unbounded_channel();
        let (renewals_sender, renewals) = mpsc::unbounded_channel();
        let outlets = Outlets {
            latest: latest_writer,
            gives_agents,
            requests: requests_sender,
            questions: questions_sender,
            renewals: renewals_sender,
        };
        let node = Node::new(replica, journal);
        let (queue, status, thread) = writer_thread::start(node, clock.clone(), outlets)?;
        let growing = queue.clone();
        replication_status.on_append(move || growing.catch_up());
        // What others have appended since the replay.
        queue.catch_up();
        let reading = ((latest, doubt), clock, journal_reader);
        let (parts, origins) = Parts::of(config, lasting, (queue, status), reading)?;
        Ok(Self {
            parts,
            origins,
            thread,
            lease,
            renewals,
            replication_status,
            apis,
            requests,
            questions,
        })
    }

    async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let Self { parts, origins, thread, lease, renewals, replication_status, .. } = self;
        let asking = (self.apis, self.requests, self.questions);
        let mut tasks = spawn_tasks(&parts, replication_status, asking)?;
        let exporting = Exporting::of(&parts);
        tasks.extend(exporting.start());
        let (queue, streams) = (parts.queue.clone(), parts.streams.clone());
        let (agents, passing_on) = (parts.agents.clone(), parts.figures.passing_on.clone());
        let delivering = Delivering::start(delivering::Means {
            queue: queue.clone(),
            status: parts.status.clone(),
            agents: agents.clone(),
            signer: parts.webhooks.passing.signer.clone(),
            passing_on: passing_on.clone(),
        });
        let leading = tokio::spawn(leadership::run(lease, renewals, queue.clone()));
        let telling = Telling::start(
            Means {
                queue: queue.clone(),
                latest: parts.latest.clone(),
                status: parts.status.clone(),
                deliveries: parts.summarizer.deliveries.clone(),
                values: parts.alert_values.clone(),
            },
            agents.hooks(),
        )?;
        // Without a writer the count would stand still and look alive. It is better to end, so that
        // the supervisor starts the process again.
        let writer_ended = queue.ended();
        let mut stopping = Instant::now();
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                () = writer_ended => error!("the writer has stopped: ending"),
            }
            stopping = Instant::now();
            // A stream never ends by itself, and the server waits for open requests.
            streams.close();
        };
        let connections = parts.figures.connections.clone();
        let ready = ready_total(parts.total_rules.clone(), queue.clone(), parts.latest.clone());
        let configure = move |app: &mut ServiceConfig| {
            parts.add_to(app);
            routes::add(app, &origins);
        };
        let application = Application { configure, limits: LIMIT_ANSWERS, ready: Some(ready) };
        let served = serve(listener, connections, stop, application);
        let served = served.await;

        tasks.iter().for_each(AbortHandle::abort);
        telling.stop().await;
        let until = stopping + DRAIN;
        let streams_end = streams.connections.ended();
        tokio::join!(delivering.stop(until), passing_on.drain(until), streams_end);
        let last = exporting.page().await;
        queue.stop().await;
        let finished = thread.join().map_err(|_| io::Error::other("the writer has panicked"));
        // Last, so that no other replica leads while this one still does what a leader does.
        leading.abort();
        exporting.telemetry().stop(&last).await;
        finished.and(served)
    }
}

/// Starts the tasks that may end at any moment.
fn spawn_tasks(
    parts: &Parts,
    replication_status: ReplicationStatus,
    (apis, requests, questions): Asking,
) -> io::Result<Vec<AbortHandle>> {
    let (queue, latest, agents) = (&parts.queue, &parts.latest, &parts.agents);
    let known = (latest, &parts.doubt);
    let publishing = publishing::start(&parts.streams, known, &parts.summarizer, queue);
    let scoped = scoped_publishing::start(&parts.streams, known, &parts.summarizer, queue);
    let suspect_after_ms = parts.rules.doubt.suspect_after_ms;
    let doubt = parts.doubt.clone();
    let doubting = doubting::run(doubt, latest.clone(), queue.clone(), suspect_after_ms);
    let alerting = alerts::run(alerts::Means {
        queue: queue.clone(),
        latest: latest.clone(),
        status: parts.status.clone(),
        agents: agents.clone(),
        rules: parts.rules,
        values: parts.alert_values.clone(),
    });
    let reloading = reload::run(reload::hang_ups()?, agents.clone(), queue.clone());
    let tasks = [
        tokio::spawn(doubting).abort_handle(),
        tokio::spawn(alerting).abort_handle(),
        tokio::spawn(reloading).abort_handle(),
        tokio::spawn(warnings::run(replication_status)).abort_handle(),
        tokio::spawn(reconciliation::run(apis, requests, queue.clone())).abort_handle(),
        tokio::spawn(source_asking::run(agents.clone(), questions, queue.clone())).abort_handle(),
    ];
    let streams = publishing.iter().chain(&scoped).map(|task| task.abort_handle());
    Ok(streams.chain(tasks).collect())
}

fn log_settings(config: &Config) {
    config.trusted_proxies.warn();
    match &config.verification {
        Verification::Signed(tokens) => {
            info!(
                "webhooks are verified by X-Twilio-Signature with {tokens:?}, {}",
                config.url_rule
            );
        }
        Verification::Off => warn!("webhooks are NOT verified: ALLOW_UNSIGNED_WEBHOOKS is set"),
    }
    let agents = config.agents.now();
    info!("{} agents are configured", agents.iter().count());
    configured::lines(&agents).iter().for_each(|line| info!("{line}"));
    let of_file = config.agents.warnings();
    config.accounts.warnings.iter().chain(&of_file).for_each(|line| warn!("{line}"));
}
