//! Puts the parts together and runs them until it is time to stop.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use live_users_http_kit::{AllowedOrigins, Sparing, make_room_for, serve};
use live_users_intake::{CallerKey, Reconciler};
use live_users_journal::{Lease, Reader as JournalReader};
use live_users_state::{LEAD, Snapshotter, Writer, replay_keeping};
use log::{error, info, warn};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::cell::{Published, Reader};
use crate::chat::Chat;
use crate::clock::Clock;
use crate::config::{Config, Verification};
use crate::conversation::Conversation;
use crate::door::Door;
use crate::gate::Gate;
use crate::lead::{self, Lead};
use crate::metrics::Counters;
use crate::queue::{self, Queue};
use crate::referee::{self, ASK_MS_MAX};
use crate::roster::{self, Roster};
use crate::routes;
use crate::streams::{self, Streams};
use crate::twilio_api::TwilioApi;

/// How often the writer looks for calls that are older than a call can be, in milliseconds.
const SWEEP_EVERY_MS: u64 = 1_000;

/// What the request handlers share.
pub(crate) struct State {
    pub(crate) door: Door,
    pub(crate) roster: Roster,
    pub(crate) chat: Chat,
    pub(crate) caller_key: CallerKey,
    pub(crate) conversation: Conversation,
    pub(crate) queue: Queue,
    pub(crate) cell: Reader,
    /// What has happened since the start.
    pub(crate) counters: Arc<Counters>,
    /// What is told at once to whoever listens.
    pub(crate) streams: Streams,
    /// What time it is.
    pub(crate) clock: Clock,
    /// Whether this replica leads.
    pub(crate) lead: Lead,
    /// Who may read more than the total.
    pub(crate) gate: Gate,
    /// The referee, if there are credentials for it.
    pub(crate) referee: Option<referee::Shared>,
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
    api: Option<TwilioApi>,
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
        let (publisher, cell) = watch::channel(Published::new(numbers, replayed.at, now));
        let publish = Box::new(move |state: &live_users_state::State, at| {
            let tracker = state.tracker();
            publisher.send_replace(Published::new(tracker.numbers(), at, tracker.now()));
        });
        let writer = Writer::new(journal, replayed, publish, Some(snapshotter), config.max_call_ms);
        let (queue, thread) = queue::start(writer, clock.clone())?;
        let follower = queue.clone();
        contact.on_growth(move || follower.follow());
        // What others have appended since the replay.
        queue.follow();
        let asking = Asking::prepare(&config)?;
        let chat = Chat::new(Duration::from_millis(config.chat_ms))?;
        if let Some(mistake) = chat.mistake_in(&config.roster.now()) {
            return Err(io::Error::other(mistake));
        }
        let state = State {
            conversation: Conversation::new(config.url_rule.path_prefix(), config.farewell),
            door: Door::new(config.verification, config.url_rule),
            roster: config.roster,
            chat,
            caller_key: config.caller_key,
            queue,
            cell,
            counters,
            streams: Streams::new(config.streams_max, config.origins.clone()),
            clock,
            lead: Lead::none(),
            gate: Gate(config.api_token),
            referee: asking.as_ref().map(|asking| asking.referee.clone()),
            journal_reader,
            suspect_after_ms: config.suspect_after_ms,
            max_call_ms: config.max_call_ms,
            refusals: Sparing::default(),
            wrong_methods: Sparing::default(),
        };
        let api = asking.map(|asking| asking.api);
        Ok(Self { state, origins: config.origins, thread, api, lease })
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
        let Self { state, origins, thread, api, lease } = self;
        let (queue, clock, lead) = (state.queue.clone(), state.clock.clone(), state.lead.clone());
        let counters = state.counters.clone();
        let state = Arc::new(state);
        make_room_for(state.streams.places.max());
        let telling = streams::tell(&state);
        let leading = tokio::spawn(lead::run(lead.clone(), lease));
        let sweeper = tokio::spawn(sweep(queue.clone(), lead.clone()));
        let reloading = tokio::spawn(roster::reload_at(roster::hang_ups()?, state.clone()));
        let asking = state.referee.clone().zip(api);
        let referee = asking.map(|(referee, api)| {
            tokio::spawn(referee::run(referee, api, queue.clone(), (clock, lead), counters))
        });
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

        telling.iter().for_each(|task| task.abort());
        reloading.abort();
        sweeper.abort();
        leading.abort();
        if let Some(referee) = referee {
            referee.abort();
        }
        queue.stop().await;
        let finished = thread.join().map_err(|_| io::Error::other("the writer has panicked"));
        finished.and(served)
    }
}

/// What asking the provider takes.
struct Asking {
    referee: referee::Shared,
    api: TwilioApi,
}

impl Asking {
    /// `None` without credentials: then a suspect call stays suspect until it is too old.
    fn prepare(config: &Config) -> io::Result<Option<Self>> {
        let Some(settings) = &config.twilio_api else {
            warn!(
                "there is no referee: TWILIO_ACCOUNT_SID is not set, so a call whose end nobody \
                 reports is counted until it is older than MAX_CALL_HOURS"
            );
            return Ok(None);
        };
        let (agents, key) = ((*config.roster.now()).clone(), config.caller_key.clone());
        let referee = Reconciler::new(config.rules, agents, key, below);
        let api = TwilioApi::new(settings.clone(), Duration::from_millis(ASK_MS_MAX))?;
        info!(
            "the referee looks every {} s and asks Twilio at most {} times a minute",
            config.rules.look_every_ms / 1000,
            config.rules.requests_per_minute
        );
        Ok(Some(Self { referee: Arc::new(Mutex::new(referee)), api }))
    }
}

/// A random number below this one. Without randomness the bound itself: it only means to wait as
/// long as can be.
fn below(bound: u64) -> u64 {
    getrandom::u64().map_or(bound, |random| random % bound.max(1))
}

async fn sweep(queue: Queue, lead: Lead) {
    let mut tick = tokio::time::interval(Duration::from_millis(SWEEP_EVERY_MS));
    loop {
        tick.tick().await;
        queue.sweep(lead.is_held());
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
    info!("{} agents are configured", config.roster.now().iter().count());
}
