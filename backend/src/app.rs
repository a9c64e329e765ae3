//! Puts the parts together and runs them until it is time to stop.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use live_users_http_kit::{AllowedOrigins, Connections, serve};
use live_users_journal::Lease;
use live_users_replica::{Node, Publication, Replica, Rules, check_invariants};
use live_users_state::{LEADER_LEASE, Replayed, replay_with};
use live_users_twilio::rest::Request;
use log::{error, info, warn};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::watch;

use crate::config::{Config, Verification};
use crate::http::auth::BearerAuth;
use crate::http::metrics;
use crate::http::routes::{self, LIMIT_ANSWERS, WrongMethods};
use crate::http::signature::SignatureVerifier;
use crate::http::webhooks::{OldCallbacks, Webhooks};
use crate::parts::agents::AgentRegistry;
use crate::parts::chat::Chat;
use crate::parts::clock::{Clock, steady_unix_ms};
use crate::parts::conversation::Conversation;
use crate::parts::counters::Counters;
use crate::parts::counting_rules::CountingRules;
use crate::parts::journal_reader::JournalReader;
use crate::parts::latest::{LatestCount, LatestReader, public_by_agent};
use crate::parts::notices::Notices;
use crate::parts::queue::Queue;
use crate::parts::replica_status::StatusReader;
use crate::parts::streams::Streams;
use crate::parts::summary::Summarizer;
use crate::parts::twilio_api::TwilioApi;
use crate::tasks::writer_thread::{self, Outlets};
use crate::tasks::{leadership, publishing, reconciliation, reload};

/// What the request handlers take.
#[derive(Clone)]
struct Parts {
    auth: Arc<BearerAuth>,
    webhooks: Arc<Webhooks>,
    figures: Arc<metrics::Sources>,
    queue: Queue,
    latest: LatestReader,
    streams: Arc<Streams>,
    summarizer: Summarizer,
    agents: Arc<AgentRegistry>,
    rules: CountingRules,
    status: StatusReader,
    journal_reader: JournalReader,
    wrong_methods: Arc<WrongMethods>,
}

impl Parts {
    fn new(
        auth: BearerAuth,
        webhooks: Webhooks,
        summarizer: Summarizer,
        (latest, clock): (LatestReader, Clock),
        streams: Arc<Streams>,
        connections: Connections,
        journal_reader: JournalReader,
    ) -> Self {
        let Summarizer { queue, agents, status, rules, .. } = summarizer.clone();
        let figures = metrics::Sources {
            agents: agents.clone(),
            chat: webhooks.chat.clone(),
            clock,
            connections,
            counters: webhooks.counters.clone(),
            latest: latest.clone(),
            queue: queue.clone(),
            rules,
            status: status.clone(),
            streams: streams.clone(),
        };
        Self {
            auth: Arc::new(auth),
            webhooks: Arc::new(webhooks),
            figures: Arc::new(figures),
            queue,
            latest,
            streams,
            summarizer,
            agents,
            rules,
            status,
            journal_reader,
            wrong_methods: Arc::default(),
        }
    }

    /// Gives them to an application, for its handlers.
    fn add_to(&self, app: &mut ServiceConfig) {
        app.app_data(Data::from(self.auth.clone()))
            .app_data(Data::from(self.webhooks.clone()))
            .app_data(Data::from(self.figures.clone()))
            .app_data(Data::new(self.queue.clone()))
            .app_data(Data::new(self.latest.clone()))
            .app_data(Data::from(self.streams.clone()))
            .app_data(Data::new(self.summarizer.clone()))
            .app_data(Data::from(self.agents.clone()))
            .app_data(Data::new(self.rules))
            .app_data(Data::new(self.status.clone()))
            .app_data(Data::new(self.journal_reader.clone()))
            .app_data(Data::from(self.wrong_methods.clone()));
    }
}

/// A backend that has replayed its journal, and does not listen yet.
pub struct Backend {
    parts: Parts,
    origins: AllowedOrigins,
    thread: JoinHandle<()>,
    lease: Box<dyn Lease>,
    renewals: UnboundedReceiver<()>,
    /// The provider's API, if there are credentials for it, and what to ask it.
    api: Option<TwilioApi>,
    requests: UnboundedReceiver<Request>,
}

/// The count that a journal leads to.
fn first_count(replayed: &Replayed, clock: &Clock, gives_agents: bool) -> LatestCount {
    let tracker = replayed.state.tracker();
    let (numbers, as_of) = (tracker.numbers(), clock.now());
    let publication = Publication { numbers, at: replayed.at, as_of, stale: None };
    LatestCount::with_agents(publication, gives_agents.then(|| public_by_agent(tracker)))
}

impl Backend {
    /// Opens the journal and replays it. A listener should not be bound before.
    ///
    /// # Errors
    /// If the journal cannot be opened or replayed, or the system starts no thread.
    pub fn open(config: Config) -> io::Result<Self> {
        let counters = Arc::new(Counters::new());
        log_settings(&config);
        let journal = live_users_journal::open_with_clock(&config.journal_url, steady_unix_ms)
            .map_err(io::Error::other)?;
        let replayed = replay_with(&*journal, config.keep.settings).map_err(io::Error::other)?;
        let journal_name = live_users_journal::without_secrets(&config.journal_url);
        info!("the journal is {journal_name} at {}", replayed.at);
        let journal_reader = JournalReader::new(journal.reader().map_err(io::Error::other)?);
        let lease = journal.lease(LEADER_LEASE).map_err(io::Error::other)?;
        let replication_status = journal.replication_status();
        let clock = match journal.is_shared() {
            true => Clock::of_service(replication_status.clone()),
            false => Clock::of_one_process(replayed.state.tracker().now()),
        };
        let (reconciler, api) = reconciliation::prepare(&config)?.unzip();
        let gives_agents = config.public_by_agent;
        let latest = first_count(&replayed, &clock, gives_agents);
        let rules = Rules { max_call_ms: config.max_call_ms, keep: Some(config.keep) };
        let replica = Replica::new(replayed, journal.is_shared(), rules, reconciler)
            .auditing(check_invariants);
        let (latest_writer, latest) = watch::channel(latest);
        let (requests_sender, requests) = mpsc::unbounded_channel();
        let (renewals_sender, renewals) = mpsc::unbounded_channel();
        let outlets = Outlets {
            latest: latest_writer,
            gives_agents,
            requests: requests_sender,
            renewals: renewals_sender,
        };
        let node = Node::new(replica, journal);
        let (queue, status, thread) = writer_thread::start(node, clock.clone(), outlets)?;
        let growing = queue.clone();
        replication_status.on_append(move || growing.catch_up());
        // What others have appended since the replay.
        queue.catch_up();
        let chat = Arc::new(Chat::new(Duration::from_millis(config.chat_ms))?);
        if let Some(mistake) = chat.mistake_in(&config.agents.now()) {
            return Err(io::Error::other(mistake));
        }
        let summarizer = Summarizer {
            queue,
            agents: Arc::new(config.agents),
            status,
            gives_agents,
            rules: CountingRules {
                counting: config.keep.settings.counting,
                suspect_after_ms: config.suspect_after_ms,
                max_call_ms: config.max_call_ms,
            },
        };
        let webhooks = Webhooks {
            conversation: Conversation::new(&config.url_rule, config.farewell),
            signature: SignatureVerifier::new(config.verification, config.url_rule),
            agents: summarizer.agents.clone(),
            caller_key: config.caller_key,
            chat,
            queue: summarizer.queue.clone(),
            counters,
            old_callbacks: OldCallbacks::default(),
            notices: Notices::default(),
        };
        let limits = config.limits.fit_files();
        let streams_max = config.streams_max.min(limits.streams());
        let streams = Arc::new(Streams::new(streams_max, config.origins.clone()));
        let connections = Connections::new(limits, config.trusted_proxies);
        let auth = BearerAuth(config.api_token);
        let latest = (latest, clock);
        let parts =
            Parts::new(auth, webhooks, summarizer, latest, streams, connections, journal_reader);
        Ok(Self { parts, origins: config.origins, thread, lease, renewals, api, requests })
    }

    /// Serves on the listener until `shutdown` resolves. Then it finishes open requests and the
    /// work in the writer's queue.
    ///
    /// # Errors
    /// The system's own, or that the writer has panicked.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let Self { parts, origins, thread, lease, renewals, api, requests } = self;
        let (queue, streams) = (parts.queue.clone(), parts.streams.clone());
        let (agents, webhooks) = (parts.agents.clone(), parts.webhooks.clone());
        let publishing =
            publishing::start(&streams, &parts.latest, &parts.summarizer, &parts.queue);
        let leading = tokio::spawn(leadership::run(lease, renewals, queue.clone()));
        let (chat, counters) = (webhooks.chat.clone(), webhooks.counters.clone());
        let reloading = reload::run(reload::hang_ups()?, agents, chat, queue.clone());
        let reloading = tokio::spawn(reloading);
        let reconciling = api
            .map(|api| tokio::spawn(reconciliation::run(api, requests, queue.clone(), counters)));
        // Without a writer the count would stand still and look alive. It is better to end, so that
        // the supervisor starts the process again.
        let writer_ended = queue.ended();
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                () = writer_ended => error!("the writer has stopped: ending"),
            }
            // A stream never ends by itself, and the server waits for open requests.
            streams.close();
        };
        let connections = parts.figures.connections.clone();
        let served = serve(listener, connections, LIMIT_ANSWERS, stop, move |app| {
            parts.add_to(app);
            routes::add(app, &origins);
        });
        let served = served.await;

        publishing.iter().for_each(|task| task.abort());
        reloading.abort();
        if let Some(reconciling) = reconciling {
            reconciling.abort();
        }
        queue.stop().await;
        let finished = thread.join().map_err(|_| io::Error::other("the writer has panicked"));
        // Last, so that no other replica leads while this one still does what a leader does.
        leading.abort();
        finished.and(served)
    }
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
    info!("{} agents are configured", config.agents.now().iter().count());
}
