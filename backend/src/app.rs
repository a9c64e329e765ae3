//! Puts the parts together and runs them until it is time to stop.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use live_users_http_kit::{AllowedOrigins, make_room_for, serve};
use live_users_journal::Lease;
use live_users_state::{LEAD, Snapshotter, Writer, replay_keeping};
use log::{error, info, warn};
use tokio::sync::watch;

use crate::config::{Config, Verification};
use crate::http::auth::BearerAuth;
use crate::http::metrics;
use crate::http::routes::{self, WrongMethods};
use crate::http::signature::SignatureVerifier;
use crate::http::webhooks::Webhooks;
use crate::parts::agents::AgentRegistry;
use crate::parts::chat::Chat;
use crate::parts::clock::Clock;
use crate::parts::conversation::Conversation;
use crate::parts::counters::Counters;
use crate::parts::counting_rules::CountingRules;
use crate::parts::journal_reader::JournalReader;
use crate::parts::latest::{LatestCount, Reader};
use crate::parts::leadership::Leadership;
use crate::parts::queue::Queue;
use crate::parts::reconciler::ReconcilerHandle;
use crate::parts::streams::Streams;
use crate::parts::summary::Summarizer;
use crate::tasks::reconciliation::{self, Reconciliation};
use crate::tasks::{leadership, publishing, reload, sweep, writer_thread};

/// What the request handlers take.
#[derive(Clone)]
struct Parts {
    auth: Arc<BearerAuth>,
    webhooks: Arc<Webhooks>,
    figures: Arc<metrics::Sources>,
    queue: Queue,
    latest: Reader,
    streams: Arc<Streams>,
    summarizer: Summarizer,
    agents: Arc<AgentRegistry>,
    rules: CountingRules,
    reconciler: ReconcilerHandle,
    journal_reader: JournalReader,
    wrong_methods: Arc<WrongMethods>,
}

impl Parts {
    fn new(
        auth: BearerAuth,
        webhooks: Webhooks,
        summarizer: Summarizer,
        latest: Reader,
        streams: Arc<Streams>,
        journal_reader: JournalReader,
    ) -> Self {
        let Summarizer { queue, agents, reconciler, leadership, clock, rules } = summarizer.clone();
        let figures = metrics::Sources {
            agents: agents.clone(),
            chat: webhooks.chat.clone(),
            clock,
            counters: webhooks.counters.clone(),
            latest: latest.clone(),
            leadership,
            queue: queue.clone(),
            reconciler: reconciler.clone(),
            rules,
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
            reconciler,
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
            .app_data(Data::new(self.reconciler.clone()))
            .app_data(Data::new(self.journal_reader.clone()))
            .app_data(Data::from(self.wrong_methods.clone()));
    }
}

/// A backend that has replayed its journal, and does not listen yet.
pub struct Backend {
    parts: Parts,
    origins: AllowedOrigins,
    thread: JoinHandle<()>,
    reconciliation: Option<Reconciliation>,
    lease: Box<dyn Lease>,
}

impl Backend {
    /// Opens the journal and replays it. A listener should not be bound before.
    ///
    /// # Errors
    /// If the journal cannot be opened or replayed, or the system starts no thread.
    pub fn open(config: Config) -> io::Result<Self> {
        let counters = Arc::new(Counters::new());
        log_settings(&config);
        let journal = live_users_journal::open(&config.journal_url).map_err(io::Error::other)?;
        let replayed = replay_keeping(&*journal, config.keep.history).map_err(io::Error::other)?;
        let journal_name = live_users_journal::without_secrets(&config.journal_url);
        info!("the journal is {journal_name} at {}", replayed.at);
        let journal_reader = JournalReader::new(journal.reader().map_err(io::Error::other)?);
        let lease = journal.lease(LEAD).map_err(io::Error::other)?;
        let contact = journal.contact();
        let clock = Clock::of(contact.clone());
        let snapshotter =
            Snapshotter::start(&*journal, replayed.covered, clock.now(), config.keep)?;
        let (numbers, now) = (replayed.state.tracker().numbers(), clock.now());
        let (publisher, latest) = watch::channel(LatestCount::new(numbers, replayed.at, now));
        let publish = Box::new(move |state: &live_users_state::State, at| {
            let tracker = state.tracker();
            publisher.send_replace(LatestCount::new(tracker.numbers(), at, tracker.now()));
        });
        let writer = Writer::new(journal, replayed, publish, Some(snapshotter), config.max_call_ms);
        let (queue, thread) = writer_thread::start(writer, clock.clone())?;
        let follower = queue.clone();
        contact.on_growth(move || follower.follow());
        // What others have appended since the replay.
        queue.follow();
        let reconciliation = Reconciliation::prepare(&config)?;
        let chat = Arc::new(Chat::new(Duration::from_millis(config.chat_ms))?);
        if let Some(mistake) = chat.mistake_in(&config.agents.now()) {
            return Err(io::Error::other(mistake));
        }
        let reconciler = reconciliation.as_ref().map(|it| it.reconciler.clone());
        let summarizer = Summarizer {
            queue,
            agents: Arc::new(config.agents),
            reconciler: ReconcilerHandle(reconciler),
            leadership: Leadership::none(),
            clock,
            rules: CountingRules {
                suspect_after_ms: config.suspect_after_ms,
                max_call_ms: config.max_call_ms,
            },
        };
        let webhooks = Webhooks {
            conversation: Conversation::new(config.url_rule.path_prefix(), config.farewell),
            signature: SignatureVerifier::new(config.verification, config.url_rule),
            agents: summarizer.agents.clone(),
            caller_key: config.caller_key,
            chat,
            queue: summarizer.queue.clone(),
            counters,
        };
        let streams = Arc::new(Streams::new(config.streams_max, config.origins.clone()));
        let auth = BearerAuth(config.api_token);
        let parts = Parts::new(auth, webhooks, summarizer, latest, streams, journal_reader);
        Ok(Self { parts, origins: config.origins, thread, reconciliation, lease })
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
        let Self { parts, origins, thread, reconciliation, lease } = self;
        let Summarizer { queue, clock, leadership, .. } = parts.summarizer.clone();
        let (streams, counters) = (parts.streams.clone(), parts.webhooks.counters.clone());
        make_room_for(streams.places.max());
        let publishing = publishing::start(&streams, &parts.latest, &queue, &parts.summarizer);
        let leading = tokio::spawn(leadership::run(leadership.clone(), lease));
        let sweeping = tokio::spawn(sweep::run(queue.clone(), leadership.clone()));
        let (agents, chat) = (parts.agents.clone(), parts.webhooks.chat.clone());
        let reloading = reload::run(reload::hang_ups()?, agents, chat, parts.reconciler.clone());
        let reloading = tokio::spawn(reloading);
        let reconciling = reconciliation.map(|it| {
            tokio::spawn(reconciliation::run(it, queue.clone(), (clock, leadership), counters))
        });
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
        let served = serve(listener, stop, move |app| {
            parts.add_to(app);
            routes::add(app, &origins);
        });
        let served = served.await;

        publishing.iter().for_each(|task| task.abort());
        reloading.abort();
        sweeping.abort();
        leading.abort();
        if let Some(reconciling) = reconciling {
            reconciling.abort();
        }
        queue.stop().await;
        let finished = thread.join().map_err(|_| io::Error::other("the writer has panicked"));
        finished.and(served)
    }
}

fn log_settings(config: &Config) {
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
