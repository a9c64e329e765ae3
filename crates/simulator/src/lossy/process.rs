//! One process of the backend, as far as it counts. It runs the replica of production on a
//! simulated journal, clock and provider, and drives it as the backend's writer thread does.

use live_users_core::{CallId, Evidence};
use live_users_intake::{Reconciler, ReconcilerRules};
use live_users_journal::{Journal, JournalError, Lease};
use live_users_replica::{Effect, Input, Keep, Node, Now, Publication, Replica, Rules, Ticket};
use live_users_state::{LEADER_LEASE, RecoveryError, SnapshotTask, replay_with};
use live_users_twilio::rest::{Answer, Failure, Request};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::live_users::settings;
use super::parser::{Parser, key};
use crate::rest::CallsApi;

/// How long Twilio's REST API takes to answer, in milliseconds.
const REST_TAKES_MS: u64 = 300;

/// A process that is up.
pub(super) struct Process {
    node: Node,
    lease: Box<dyn Lease>,
    /// The process cannot reach the journal.
    is_cut: bool,
    /// A request that is not sent yet.
    request: Option<Request>,
    /// An answer under way, and the time of its arrival.
    answer: Option<(u64, Result<Answer, Failure>)>,
    published: Option<Publication>,
    /// The calls with new evidence since the last [`Process::take_changed`].
    changed: Vec<CallId>,
}

/// What a process is made with.
pub(super) struct Making<'a> {
    pub(super) parser: &'a Parser,
    /// The rules of the reconciler. `None`: there is none.
    pub(super) rules: Option<ReconcilerRules>,
    pub(super) keep: Keep,
    /// The seed of the reconciler's jitter. Each start has a random stream of its own.
    pub(super) seed: u64,
    pub(super) stream: u64,
}

impl Process {
    /// Starts on a journal as the backend does: it first replays the journal.
    pub(super) fn start(journal: Box<dyn Journal>, making: &Making<'_>) -> Result<Self, String> {
        let lease = journal.lease(LEADER_LEASE).map_err(|error| error.to_string())?;
        let replayed = replay_with(&*journal, settings()).map_err(|error| error.to_string())?;
        let reconciler = making.rules.map(|rules| {
            let mut rng = ChaCha8Rng::seed_from_u64(making.seed);
            rng.set_stream(making.stream);
            let jitter = move |below: u64| rng.random_range(0..below.max(1));
            Reconciler::new(rules, making.parser.agents.clone(), key(), jitter)
        });
        let rules = Rules { keep: Some(making.keep), ..Rules::default() };
        let published = Publication {
            numbers: replayed.state.tracker().numbers(),
            at: replayed.at,
            as_of: replayed.state.tracker().now(),
            stale: None,
        };
        let replica = Replica::new(replayed, journal.is_shared(), rules, reconciler);
        Ok(Self {
            node: Node::new(replica, journal),
            lease,
            is_cut: false,
            request: None,
            answer: None,
            published: Some(published),
            changed: Vec::new(),
        })
    }

    pub(super) fn replica(&self) -> &Replica {
        self.node.replica()
    }

    pub(super) fn set_cut(&mut self, is_cut: bool) {
        self.is_cut = is_cut;
    }

    /// Records evidence. Returns whether it is acknowledged.
    pub(super) fn record(&mut self, now: Now, evidence: Vec<Evidence>) -> bool {
        self.step(now, Input::Record(Ticket(0), evidence))
    }

    /// Applies the records of other replicas that can be read here.
    pub(super) fn catch_up(&mut self, now: Now) {
        // A journal in memory learns of its end only when it is asked, unlike one on a network.
        if self.node.journal_mut().refresh().is_err() {
            return;
        }
        let Self { node, published, .. } = self;
        node.catch_up(|| now, &mut |_, effect| {
            if let Effect::Publish(publication) = effect {
                *published = Some(publication);
            }
        });
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Now, api: &mut CallsApi) {
        let now_ms = now.uptime.0;
        self.send(now_ms, api);
        while let Some((_, answer)) = self.answer.take_if(|(due_ms, _)| *due_ms <= now_ms) {
            self.step(now, Input::Provider(0, answer));
            self.send(now_ms, api);
        }
        if self.node.replica().next_deadline() <= now.uptime {
            self.step(now, Input::Tick);
            self.send(now_ms, api);
        }
    }

    /// The next deadline, in milliseconds from the beginning of the world.
    pub(super) fn wake_ms(&self) -> u64 {
        let answer_ms = self.answer.as_ref().map_or(u64::MAX, |(due_ms, _)| *due_ms);
        self.node.replica().next_deadline().0.min(answer_ms)
    }

    /// The shown number. `None` while it says that its number is too old.
    pub(super) fn shown(&self, now: Now) -> Option<u64> {
        let is_fresh = self.replica().is_fresh(now);
        let published = self.published.filter(|it| it.stale.is_none() && is_fresh);
        published.map(|it| it.numbers.users as u64)
    }

    /// The calls with new evidence since the last call of this function.
    pub(super) fn take_changed(&mut self) -> Vec<CallId> {
        std::mem::take(&mut self.changed)
    }

    /// Sends the request to the provider.
    fn send(&mut self, now_ms: u64, api: &mut CallsApi) {
        if let Some(request) = self.request.take() {
            self.answer = Some((now_ms + REST_TAKES_MS, api.ask(now_ms, &request)));
        }
    }

    /// Passes an input to the replica and carries out its effects. Returns whether it is
    /// acknowledged.
    fn step(&mut self, now: Now, input: Input) -> bool {
        let (mut is_recorded, mut renews, mut task) = (true, false, None);
        let Self { node, request, published, changed, .. } = self;
        node.step(|| now, input, &mut |_, effect| match effect {
            Effect::Publish(publication) => *published = Some(publication),
            Effect::Report(lines) => {
                changed.extend(lines.iter().map(|line| line.evidence().call.clone()));
            }
            Effect::Recorded(_, recorded) => is_recorded &= recorded.is_ok(),
            Effect::Ask(_, asked) => *request = Some(asked),
            Effect::Renew => renews = true,
            Effect::SaveSnapshot(snapshot) => task = Some(snapshot),
            // No process of the simulator asks for recounts.
            Effect::Answer(..)
            | Effect::AskSource(..)
            | Effect::Audit(_)
            | Effect::Rewritten(..) => {}
        });
        if renews {
            let answer = self.lease.hold().ok();
            self.step(now, Input::Lease(answer));
        }
        if let Some(task) = task {
            let saved = self.save(task);
            self.step(now, Input::Snapshot(saved));
        }
        is_recorded
    }

    fn save(&self, task: SnapshotTask) -> Result<u64, RecoveryError> {
        if self.is_cut {
            let (doing, why) = ("saving a snapshot".to_owned(), "it is cut off".to_owned());
            return Err(JournalError::Io { doing, why }.into());
        }
        let journal = self.node.journal();
        task.perform(&mut *journal.reader()?, &mut *journal.snapshots()?)
    }
}
