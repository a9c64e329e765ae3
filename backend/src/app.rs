//! Puts the parts together and runs them until it is time to stop.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use live_users_http_kit::{AllowedOrigins, Sparing, make_room_for, serve};
use live_users_intake::CallerKey;
use live_users_journal::{Lease, Reader as JournalReader};
use live_users_state::{LEAD, Snapshotter, Writer, replay_keeping};
use log::{error, info, warn};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::config::{Config, Verification};
use crate::http::auth::BearerAuth;
use crate::http::routes;
use crate::http::signature::SignatureVerifier;
use crate::parts::agents::AgentRegistry;
use crate::parts::chat::Chat;
use crate::parts::clock::Clock;
use crate::parts::conversation::Conversation;
use crate::parts::counters::Counters;
use crate::parts::latest::{LatestCount, Reader};
use crate::parts::leadership::Leadership;
use crate::parts::queue::Queue;
use crate::parts::reconciler::ReconcilerHandle;
use crate::parts::streams::Streams;
use crate::parts::summary::Summarizer;
use crate::tasks::reconciliation::{self, Reconciliation};
use crate::tasks::{leadership, publishing, reload, sweep, writer_thread};

/// What the request handlers share.
pub(crate) struct State {
    pub(crate) signature: SignatureVerifier,
    pub(crate) agents: Arc<AgentRegistry>,
    pub(crate) chat: Arc<Chat>,
    pub(crate) caller_key: CallerKey,
    pub(crate) conversation: Conversation,
    pub(crate) queue: Queue,
    pub(crate) latest: Reader,
    /// What has happened since the start.
    pub(crate) counters: Arc<Counters>,
    /// What is told at once to whoever listens.
    pub(crate) streams: Arc<Streams>,
    /// What time it is.
    pub(crate) clock: Clock,
    /// Whether this replica leads.
    pub(crate) leadership: Leadership,
    /// Who may read more than the total.
    pub(crate) auth: BearerAuth,
    /// How the reconciler stands, if there are credentials for one.
    pub(crate) reconciler: ReconcilerHandle,
    /// Makes summaries.
    pub(crate) summarizer: Summarizer,
    /// Reads the journal beside the writer.
    pub(crate) journal_reader: Arc<Mutex<Box<dyn JournalReader>>>,
    /// A call is suspect when nothing was heard of it for so long, in milliseconds.
    pub(crate) suspect_after_ms: u64,
    /// A silent call older than this is over, in milliseconds.
    pub(crate) max_call_ms: u64,
    /// Lines about unsigned requests, which anybody may send.
    pub(crate) refusals: Sparing,
    /// Lines about requests with a wrong method.
    pub(crate) wrong_methods: Sparing,
}

/// A backend that knows what its journal tells, and does not listen yet.
pub struct Backend {
    state: State,
    origins: AllowedOrigins,
    thread: JoinHandle<()>,
    reconciliation: Option<Reconciliation>,
    lease: Box<dyn Lease>,
}

impl Backend {
    /// Opens the journal, replays it, and is ready to serve: only then should anybody be let in.
    ///
    /// # Errors
    /// If the journal cannot be opened or does not tell a state, or the system gives no thread.
    pub fn open(config: Config) -> io::Result<Self> {
        let counters = Arc::new(Counters::new());
        say_hello(&config);
        let journal = live_users_journal::open(&config.journal_url).map_err(io::Error::other)?;
        let replayed = replay_keeping(&*journal, config.keep.history).map_err(io::Error::other)?;
        let journal_name = live_users_journal::without_secrets(&config.journal_url);
        info!("the journal is {journal_name} at {}", replayed.at);
        let journal_reader = Arc::new(Mutex::new(journal.reader().map_err(io::Error::other)?));
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
        let (agents, leadership) = (Arc::new(config.agents), Leadership::none());
        let summarizer = Summarizer {
            queue: queue.clone(),
            agents: agents.clone(),
            reconciler: ReconcilerHandle(reconciler.clone()),
            leadership: leadership.clone(),
            clock: clock.clone(),
            suspect_after_ms: config.suspect_after_ms,
        };
        let state = State {
            conversation: Conversation::new(config.url_rule.path_prefix(), config.farewell),
            signature: SignatureVerifier::new(config.verification, config.url_rule),
            agents,
            chat,
            caller_key: config.caller_key,
            queue,
            latest,
            counters,
            streams: Arc::new(Streams::new(config.streams_max, config.origins.clone())),
            clock,
            leadership,
            auth: BearerAuth(config.api_token),
            reconciler: ReconcilerHandle(reconciler),
            summarizer,
            journal_reader,
            suspect_after_ms: config.suspect_after_ms,
            max_call_ms: config.max_call_ms,
            refusals: Sparing::default(),
            wrong_methods: Sparing::default(),
        };
        Ok(Self { state, origins: config.origins, thread, reconciliation, lease })
    }

    /// Serves on the listener until `shutdown` resolves; then finishes the requests under way and
    /// what they gave the writer to do.
    ///
    /// # Errors
    /// The system's own, or that the writer has ended before its time.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let Self { state, origins, thread, reconciliation, lease } = self;
        let (queue, clock) = (state.queue.clone(), state.clock.clone());
        let (leadership, counters) = (state.leadership.clone(), state.counters.clone());
        make_room_for(state.streams.places.max());
        let publishing =
            publishing::start(&state.streams, &state.latest, &queue, &state.summarizer);
        let leading = tokio::spawn(leadership::run(leadership.clone(), lease));
        let sweeping = tokio::spawn(sweep::run(queue.clone(), leadership.clone()));
        let (agents, chat) = (state.agents.clone(), state.chat.clone());
        let reloading = reload::run(reload::hang_ups()?, agents, chat, state.reconciler.clone());
        let reloading = tokio::spawn(reloading);
        let reconciling = reconciliation.map(|it| {
            tokio::spawn(reconciliation::run(it, queue.clone(), (clock, leadership), counters))
        });
        let state = Arc::new(state);
        // Without a writer the count would stand still and look alive: better to end, and be
        // started again by whoever watches over the process.
        let writer_ended = queue.ended();
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                () = writer_ended => error!("the writer has stopped: ending"),
            }
            // A stream has no end of its own that the server could wait for.
            state.streams.close();
        };
        let served = {
            let state = state.clone();
            serve(listener, stop, move |app| routes::add(app, &state, &origins)).await
        };

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

fn say_hello(config: &Config) {
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
