//! The way to the writer: a bounded queue, and an acknowledgement for each piece of evidence.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use live_users_core::{Call, CallId, Evidence, Millis, Outcome};
use live_users_http_kit::metrics::Histogram;
use live_users_intake::agents::Agents;
use live_users_journal::Position;
use live_users_replica::{BATCH_MAX, is_fresh};
use live_users_state::{RecoveryError, State};
use live_users_twilio::rest::{Answer, Failure};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::parts::clock::Clock;
use crate::parts::replica_status::StatusReader;

/// Pieces of evidence that may wait for the writer. At 300 bytes each these are 10 MB, which are
/// taken only when needed: while the servers of a shared journal choose a new leader the writer
/// stands still for more than a second. A queue this long means that it is stuck.
pub(crate) const QUEUE_MAX: usize = 32_768;

/// How long a webhook waits for its acknowledgement, in milliseconds. Twilio gives up after 15 s;
/// a caller hears silence long before.
pub(crate) const ACKNOWLEDGE_MS: u64 = 2_000;

const _: () = assert!(BATCH_MAX <= QUEUE_MAX && ACKNOWLEDGE_MS < 15_000);

/// A way to the writer, to be cloned.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Work>,
    /// Whether the last acknowledgement that was waited for did not come in time.
    slow: Arc<AtomicBool>,
    /// What others have appended, and how much of it is applied.
    pub(crate) growth: Arc<Growth>,
    /// How the replica is.
    status: StatusReader,
    /// How long evidence has waited for its acknowledgement.
    waited: Arc<Histogram>,
    clock: Clock,
}

/// How often others were seen to append to the journal, and how much of that is applied.
///
/// The journal says that something can be read before it says as of when all can be. So a reader
/// that finds nothing noticed beyond what is applied, *after* it has found the journal fresh, shows
/// a state in which nothing of that is missing.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    noticed: AtomicU64,
    applied: AtomicU64,
    /// Whether the writer was woken for it.
    has_woken: AtomicBool,
}

impl Growth {
    /// What was noticed by now, to be applied: asked before it is looked how far the journal is.
    pub(crate) fn begin(&self) -> u64 {
        self.has_woken.store(false, Ordering::Release);
        self.noticed.load(Ordering::Acquire)
    }

    /// All that was noticed by then is applied.
    pub(crate) fn end(&self, begun: u64) {
        self.applied.store(begun, Ordering::Release);
    }

    fn is_applied(&self) -> bool {
        self.noticed.load(Ordering::Acquire) == self.applied.load(Ordering::Acquire)
    }
}

/// Why a piece of evidence was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRecorded {
    /// The queue is full: it was not taken.
    Full,
    /// The writer has stopped: it was not taken.
    Stopped,
    /// It was taken, and not recorded in time; it may still be.
    Slow,
    /// The journal cannot be written: it is kept and tried again.
    Trouble,
    /// The journal is shared and does not answer: nothing is known of what other replicas have
    /// recorded in the last milliseconds, which are these.
    Stale {
        /// Milliseconds.
        age_ms: u64,
    },
}

/// What an operator is told.
impl Display for NotRecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the queue of the writer is full",
            Self::Stopped => "the writer has stopped",
            Self::Slow => "the writer does not acknowledge in time",
            Self::Trouble => "the journal cannot be written; the log says why",
            Self::Stale { age_ms } => {
                let age_s = age_ms / 1000;
                return write!(
                    f,
                    "the journal's servers cannot be reached: what is known here is {age_s} s old"
                );
            }
        })
    }
}

/// What the writer does.
pub(crate) enum Work {
    /// Record this, and acknowledge it.
    Evidence(Evidence, oneshot::Sender<Result<Outcome, NotRecorded>>),
    /// Answer this.
    Query(Query),
    /// End this call by an operator's word.
    Evict(CallId, oneshot::Sender<Result<Evicted, NotRecorded>>),
    /// Apply what other replicas have appended.
    CatchUp,
    /// The provider has answered, or failed to.
    Provider(Result<Answer, Failure>),
    /// Whether the lease is held; `None` if nobody answers.
    Lease(Option<bool>),
    /// A snapshot was saved up to this record, or could not be saved.
    Snapshot(Result<u64, RecoveryError>),
    /// The agents file was read again.
    Agents(Arc<Agents>),
    /// End.
    Stop,
}

/// A question to the writer, which answers it between two batches. It gets an error instead of the
/// state if the state may be out of date.
pub(crate) type Query = Box<dyn FnOnce(Result<View<'_>, NotRecorded>) + Send>;

/// What became of an eviction.
#[derive(Clone, Debug)]
pub(crate) enum Evicted {
    /// There is no such call.
    Unknown,
    /// It was over before.
    OverAlready,
    /// It is over by now.
    Done {
        /// As it is now.
        call: Box<Call>,
        /// The present.
        now: Millis,
    },
}

/// The state at one moment between two batches.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    /// The present, which is never before the last record.
    pub(crate) now: Millis,
    /// How far the journal is in the state.
    pub(crate) at: Position,
}

impl Queue {
    /// Records a piece of evidence, and returns what it did once it is recorded, applied and
    /// published.
    pub(crate) async fn record(&self, evidence: Evidence) -> Result<Outcome, NotRecorded> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let start = Instant::now();
        self.send(Work::Evidence(evidence, acknowledge))?;
        let patience = Duration::from_millis(ACKNOWLEDGE_MS);
        let outcome = match tokio::time::timeout(patience, acknowledged).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(NotRecorded::Stopped),
            Err(_) => Err(NotRecorded::Slow),
        };
        self.waited.note(start.elapsed());
        self.slow.store(outcome == Err(NotRecorded::Slow), Ordering::Relaxed);
        outcome
    }

    /// Asks the writer something, after all that was given to it before. The query holds up what
    /// comes behind it, so it has to be short. Of a shared journal, the state has everything that
    /// any replica acknowledged some seconds ago.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        what: impl FnOnce(View<'_>) -> T + Send + 'static,
    ) -> Result<T, NotRecorded> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Query(Box::new(move |view| {
            let _gave_up = answer.send(view.map(what));
        })))?;
        self.within_patience(answered).await
    }

    async fn within_patience<T>(
        &self,
        answered: oneshot::Receiver<Result<T, NotRecorded>>,
    ) -> Result<T, NotRecorded> {
        let patience = Duration::from_millis(ACKNOWLEDGE_MS);
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(NotRecorded::Stopped),
            Err(_) if self.is_fresh() => Err(NotRecorded::Slow),
            // It waits for the journal's servers.
            Err(_) => Err(self.stale()),
        }
    }

    /// Whether what is known here is what is.
    fn is_fresh(&self) -> bool {
        is_fresh(self.clock.age_ms()) && self.growth.is_applied()
    }

    fn stale(&self) -> NotRecorded {
        NotRecorded::Stale { age_ms: self.clock.age_ms() }
    }

    /// Returns at once if what is known here is what is, and otherwise when it is again: a process
    /// that the system let sleep has to ask first what happened meanwhile.
    pub(crate) async fn freshen(&self) -> Result<(), NotRecorded> {
        match self.is_fresh() {
            true => Ok(()),
            false => self.query(|_| ()).await,
        }
    }

    /// Ends a call by an operator's word, if it is known and not over: looked up, recorded and looked
    /// up again in one turn of the writer.
    pub(crate) async fn evict(&self, id: CallId) -> Result<Evicted, NotRecorded> {
        let (answer, answered) = oneshot::channel();
        let start = Instant::now();
        self.send(Work::Evict(id, answer))?;
        let evicted = self.within_patience(answered).await;
        if matches!(evicted, Ok(Evicted::Done { .. })) {
            // It has waited as a webhook does.
            self.waited.note(start.elapsed());
        }
        evicted
    }

    /// Gives the writer what it has asked for. A full queue holds it up and does not lose it.
    pub(crate) async fn answer(&self, answer: Work) {
        let _has_stopped = self.sender.send(answer).await;
    }

    /// The same, for a thread that may block.
    pub(crate) fn answer_blocking(&self, answer: Work) {
        let _has_stopped = self.sender.blocking_send(answer);
    }

    /// Lets the writer apply what others have appended.
    pub(crate) fn catch_up(&self) {
        self.growth.noticed.fetch_add(1, Ordering::AcqRel);
        let is_woken = self.growth.has_woken.swap(true, Ordering::AcqRel);
        if !is_woken && self.send(Work::CatchUp).is_err() {
            self.growth.has_woken.store(false, Ordering::Release);
        }
    }

    /// Whether a piece of evidence would be recorded now, as far as can be told.
    pub(crate) fn state(&self) -> Result<(), NotRecorded> {
        let slow = self.slow.load(Ordering::Relaxed);
        let is_degraded = self.status.get().is_degraded;
        match (self.has_stopped(), is_degraded, self.sender.capacity(), slow) {
            (true, ..) => Err(NotRecorded::Stopped),
            (false, true, ..) => Err(NotRecorded::Trouble),
            (false, false, 0, _) => Err(NotRecorded::Full),
            (false, false, _, true) => Err(NotRecorded::Slow),
            (false, false, _, false) if self.is_fresh() => Ok(()),
            (false, false, _, false) => Err(self.stale()),
        }
    }

    /// How long the pieces of evidence that were taken have waited for their acknowledgement.
    pub(crate) fn waited(&self) -> &Histogram {
        &self.waited
    }

    /// How many pieces of work wait for the writer.
    pub(crate) fn depth(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Whether the writer has ended.
    pub(crate) fn has_stopped(&self) -> bool {
        self.sender.is_closed()
    }

    /// Resolves when the writer has ended, for whatever reason.
    pub(crate) async fn ended(&self) {
        self.sender.closed().await;
    }

    /// Lets the writer finish what it was given, and then end.
    pub(crate) async fn stop(&self) {
        let _has_stopped_already = self.sender.send(Work::Stop).await;
    }

    /// A way to the writer that receives from the other end.
    pub(crate) fn through(sender: mpsc::Sender<Work>, clock: Clock, status: StatusReader) -> Self {
        let (slow, growth, waited) = (Arc::default(), Arc::default(), Arc::default());
        Self { sender, slow, growth, status, waited, clock }
    }

    fn send(&self, work: Work) -> Result<(), NotRecorded> {
        self.sender.try_send(work).map_err(|error| match error {
            TrySendError::Full(_) => NotRecorded::Full,
            TrySendError::Closed(_) => NotRecorded::Stopped,
        })
    }

    /// A way to nowhere: a writer that has stopped, or one that is stuck for as long as what is
    /// returned beside it is kept.
    #[cfg(test)]
    pub(crate) fn broken(places: usize) -> (Self, impl Sized) {
        let (sender, stuck) = mpsc::channel(places);
        let (status, reader) = StatusReader::new();
        (Self::through(sender, Clock::default(), reader), (stuck, status))
    }
}
