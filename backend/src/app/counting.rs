//! A state with its writer: all that counts, before anything reads it.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use live_users_intake::Reconciler;
use live_users_intake::shards::Router;
use live_users_journal::{Lease, ReplicationStatus};
use live_users_replica::{Node, Replica, Rules, check_invariants};
use live_users_state::{LEADER_LEASE, Suspects};
use live_users_twilio::rest::Request;
use parking_lot::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::watch;

use super::app_data::Reading;
use super::opening::Opened;
use crate::config::Config;
use crate::parts::clock::Clock;
use crate::parts::doubt::{Doubt, by_agent};
use crate::parts::journal_reader::JournalReader;
use crate::parts::latest::LatestCount;
use crate::parts::queue::Queue;
use crate::parts::replica_status::StatusReader;
use crate::parts::shards::SharedRouter;
use crate::parts::twilio_api::TwilioApi;
use crate::tasks::reconciliation;
use crate::tasks::source_asking::{self, Question};
use crate::tasks::total_frames::{CountOutlet, FramesOfWriter};
use crate::tasks::writer_thread::{self, Outlets};

/// What asks providers: the API with the credentials of each account, and what to ask.
pub(super) type Asking =
    (Vec<TwilioApi>, UnboundedReceiver<(usize, Request)>, UnboundedReceiver<Question>);

/// A state with its writer.
pub(super) struct Counting {
    pub(super) config: Config,
    pub(super) queue: Queue,
    pub(super) status: StatusReader,
    pub(super) reading: Reading,
    pub(super) thread: JoinHandle<()>,
    pub(super) lease: Box<dyn Lease>,
    pub(super) renewals: UnboundedReceiver<()>,
    pub(super) replication_status: ReplicationStatus,
    pub(super) asking: Asking,
    pub(super) frames: FramesOfWriter,
}

/// The count that a journal leads to.
fn first_count(replica: &Replica, clock: &Clock, gives_agents: bool) -> LatestCount {
    LatestCount::of(replica.first_publication(clock.now()), replica.state(), gives_agents)
}

/// A router that knows the calls of all these states; `None` for one.
pub(super) fn router(configs: &[Config], opened: &[Opened]) -> Option<SharedRouter> {
    let layout = configs.first()?.layout;
    (layout.shards() > 1).then(|| {
        let mut router = Router::new(layout);
        let trackers = configs.iter().zip(opened);
        let trackers = trackers
            .map(|(config, it)| (config.shard.unwrap_or_default(), it.replayed.state.tracker()));
        router.learn(trackers);
        Arc::new(Mutex::new(router))
    })
}

/// Of several shards each asks for all calls, and takes those that nobody has told of and that belong to
/// it.
fn of_shard(
    reconciler: Reconciler,
    shard: Option<usize>,
    router: Option<&SharedRouter>,
) -> Reconciler {
    match shard.zip(router.cloned()) {
        Some((shard, router)) => reconciler
            .taking(move |evidence| router.lock().route(evidence).iter().any(|it| it == shard)),
        None => reconciler,
    }
}

impl Counting {
    /// Goes on with a journal that was replayed.
    pub(super) fn start(
        config: Config,
        Opened { journal, replayed }: Opened,
        router: Option<&SharedRouter>,
    ) -> io::Result<Self> {
        let journal_reader = JournalReader::new(journal.reader().map_err(io::Error::other)?);
        let lease = journal.lease(LEADER_LEASE).map_err(io::Error::other)?;
        let replication_status = journal.replication_status();
        let clock = match journal.is_shared() {
            true => Clock::of_service(replication_status.clone()),
            false => Clock::of_one_process(replayed.state.tracker().now()),
        };
        let (reconcilers, apis): (Vec<_>, Vec<_>) =
            reconciliation::prepare(&config, config.is_first())?.into_iter().unzip();
        let reconcilers = reconcilers.into_iter().map(|it| of_shard(it, config.shard, router));
        let gives_agents = config.public_by_agent;
        let rules = Rules {
            max_call_ms: config.max_call_ms,
            keep: Some(config.keep),
            asks_only_ms: config.asks_only_ms(),
        };
        let mut replica = Replica::new(replayed, journal.is_shared(), rules, reconcilers)
            .auditing(check_invariants);
        // What a source lists is compared with all calls of it, which no shard has.
        if !config.is_sharded() {
            replica = replica.asking_sources(source_asking::prepare(&config));
        }
        let latest = first_count(&replica, &clock, gives_agents);
        let (state, now) = (replica.state(), clock.now());
        let suspects = Suspects::of(state.tracker(), now, config.doubt.suspect_after_ms);
        let doubt = Arc::new(Doubt::new(suspects.users, by_agent(suspects)));
        let (latest_writer, latest) = watch::channel(latest);
        let (requests_sender, requests) = mpsc::unbounded_channel();
        let (questions_sender, questions) = mpsc::unbounded_channel();
        let (renewals_sender, renewals) = mpsc::unbounded_channel();
        let frames = FramesOfWriter::default();
        let outlets = Outlets {
            latest: CountOutlet::new(latest_writer, frames.clone()),
            gives_agents,
            requests: requests_sender,
            questions: questions_sender,
            shard: config.shard,
            renewals: renewals_sender,
        };
        let node = Node::new(replica, journal);
        let (queue, status, thread) = writer_thread::start(node, clock.clone(), outlets)?;
        let growing = queue.clone();
        replication_status.on_append(move || growing.catch_up());
        // What others have appended since the replay.
        queue.catch_up();
        let reading = ((latest, doubt), clock, journal_reader);
        let asking = (apis, requests, questions);
        Ok(Self {
            config,
            queue,
            status,
            reading,
            thread,
            lease,
            renewals,
            replication_status,
            asking,
            frames,
        })
    }
}
