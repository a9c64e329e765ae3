//! The queue to the writer thread. It is bounded, and acknowledges each piece of evidence.

mod callbacks;
mod changes;
mod forwards;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use live_users_core::{Call, CallId, Evidence, Millis};
use live_users_http_kit::metrics::Histogram;
use live_users_intake::Unanswered;
use live_users_intake::agents::Agents;
use live_users_journal::{Position, Rewritten};
use live_users_replica::{BATCH_MAX, Done, NotRewritten, Ticket, is_fresh};
use live_users_state::record::Change;
use live_users_state::{RecoveryError, SealedCallback, State};
use live_users_twilio::rest::{Answer, Failure};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::parts::clock::Clock;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::replica_status::StatusReader;
#[cfg(test)]
use crate::parts::replica_status::StatusWriter;
use crate::parts::telemetry::Mark;

/// The most work that may wait for the writer thread. At 300 bytes each, this is 10 MB. Memory is
/// taken only when needed: the thread waits for more than a second while the servers of a shared
/// journal elect a leader. A full queue means that the thread is stuck.
pub(crate) const QUEUE_MAX: usize = 32_768;

/// How long a webhook waits for its acknowledgement, in milliseconds. Twilio gives up after 15 s,
/// but the caller hears silence meanwhile.
pub(crate) const ACKNOWLEDGE_MS: u64 = 2_000;

const _: () = assert!(BATCH_MAX <= QUEUE_MAX && ACKNOWLEDGE_MS < 15_000);

/// A handle of the queue. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Work>,
    /// Whether the last acknowledgement did not come in time.
    slow: Arc<AtomicBool>,
    /// The appends of other replicas that were noticed, and how many of them are applied.
    pub(crate) growth: Arc<Growth>,
    /// The status of the replica.
    status: StatusReader,
    /// How long evidence has waited for its acknowledgement.
    waited: Arc<Histogram>,
    clock: Clock,
}

/// How many appends of other replicas were noticed, and how many of these are applied.
///
/// Trap: the journal notifies of a record before it calls the knowledge of that moment complete. So
/// a reader checks the age first, and second that everything noticed is applied. Then nothing is
/// missing in the state that was known at that age. On a busy journal something is noticed all the
/// time; then the age counts from the last moment that the state covers.
#[derive(Debug)]
pub(crate) struct Growth {
    /// The start of the process. Uptimes count from here.
    pub(crate) start: Instant,

    noticed: AtomicU64,
    applied: AtomicU64,
    /// The newest moment at which nothing that was known was missing in the state: an uptime in
    /// milliseconds.
    covered_at: AtomicU64,
    /// Whether the writer thread was woken for it.
    has_woken: AtomicBool,
}

impl Default for Growth {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            noticed: AtomicU64::default(),
            applied: AtomicU64::default(),
            covered_at: AtomicU64::default(),
            has_woken: AtomicBool::default(),
        }
    }
}

impl Growth {
    /// The time since the start, in milliseconds.
    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How many appends of other replicas were noticed by now.
    pub(crate) fn noticed(&self) -> u64 {
        self.noticed.load(Ordering::Acquire)
    }

    /// Returns what was noticed by now. Trap: call it before the journal's position is read.
    pub(crate) fn begin(&self) -> u64 {
        self.has_woken.store(false, Ordering::Release);
        self.noticed()
    }

    /// Notes that everything up to this value of [`Growth::begin`] is applied. So the state has all
    /// that was known at `known_at`, an uptime that was sampled before that call.
    pub(crate) fn end(&self, begun: u64, known_at: Millis) {
        self.applied.store(begun, Ordering::Release);
        self.covered_at.fetch_max(known_at.0, Ordering::AcqRel);
    }

    /// The age of the state at this uptime, in milliseconds. `known_ms` is the age of what is known
    /// of the journal, and was sampled before.
    pub(crate) fn age_ms(&self, known_ms: u64, uptime_ms: u64) -> u64 {
        if self.noticed() == self.applied.load(Ordering::Acquire) {
            return known_ms;
        }
        uptime_ms.saturating_sub(self.covered_at.load(Ordering::Acquire)).max(known_ms)
    }
}

/// A piece of work for the writer thread.
pub(crate) enum Work {
    /// Record this evidence, and acknowledge it. The mark tells what was done when.
    Evidence(Box<Evidence>, Acknowledge, Mark),
    /// Answer this query.
    Query(Query),
    /// End this call for an operator.
    Evict(CallId, oneshot::Sender<Result<Evicted, NotRecorded>>),
    /// Record these changes, which are no evidence.
    Change(Vec<Change>, oneshot::Sender<Result<(), NotRecorded>>),
    /// Record that this status callback waits, and say for how many receivers there was no room.
    PassOn(Box<SealedCallback>, oneshot::Sender<Result<usize, NotRecorded>>),
    /// Write the state into a new journal for an operator.
    Rewrite(oneshot::Sender<Result<Rewritten, NotRewritten>>),
    /// Apply the appends of other replicas.
    CatchUp,
    /// The answer of the provider to one of the reconcilers.
    Provider(usize, Result<Answer, Failure>),
    /// The answer of the provider of a source to this question.
    SourceProvider(Ticket, Result<live_users_sources::Answer, Unanswered>),
    /// Whether the lease is held. `None` if there was no answer.
    Lease(Option<bool>),
    /// The last record that a snapshot covers, or why it was not saved.
    Snapshot(Result<u64, RecoveryError>),
    /// The result of a recount of the calls.
    Audited(Result<(), String>),
    /// The agents file was read again.
    Agents(Arc<Agents>),
    /// End the thread.
    Stop,
}

/// Whom to tell that evidence is recorded.
pub(crate) type Acknowledge = oneshot::Sender<Result<Done, NotRecorded>>;

/// A closure that reads the state on the writer thread, between two batches. It gets an error if
/// the state is too old.
pub(crate) type Query = Box<dyn FnOnce(Result<View<'_>, NotRecorded>) + Send>;

/// The result of an eviction.
#[derive(Clone, Debug)]
pub(crate) enum Evicted {
    /// The call is not known.
    Unknown,
    /// The call was over before.
    OverAlready,
    /// The call is over now.
    Done {
        /// The call as it is now.
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
    /// The last record in the state.
    pub(crate) at: Position,
}

impl Queue {
    /// Records a piece of evidence. Returns what it has done once it is recorded, applied and published.
    pub(crate) fn record(
        &self,
        evidence: Evidence,
    ) -> impl Future<Output = Result<Done, NotRecorded>> + use<'_> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let (start, mark) = (Instant::now(), Mark::here());
        let sent = self.send(Work::Evidence(Box::new(evidence), acknowledge, mark.clone()));
        async move {
            sent?;
            let patience = Duration::from_millis(ACKNOWLEDGE_MS);
            let done = match tokio::time::timeout(patience, acknowledged).await {
                Ok(Ok(done)) => done,
                Ok(Err(_)) => Err(NotRecorded::Stopped),
                Err(_) => Err(NotRecorded::Slow),
            };
            self.waited.note(start.elapsed());
            self.slow.store(done == Err(NotRecorded::Slow), Ordering::Relaxed);
            mark.end(done.err().map(NotRecorded::word));
            done
        }
    }

    /// Whether there is room for what can be sent again later: so much waits only where the thread is
    /// stuck, and then the rest is for calls that come in.
    pub(crate) fn has_room_beside_calls(&self) -> bool {
        self.sender.capacity() >= QUEUE_MAX / 2
    }

    /// Has a piece of evidence recorded after all that was taken before, and does not wait for that.
    pub(crate) fn tell(&self, evidence: Evidence) {
        let _cannot_be_helped =
            self.send(Work::Evidence(Box::new(evidence), oneshot::channel().0, Mark::default()));
    }

    /// Runs a query on the writer thread, after all work that was queued before. The query has to
    /// be short, because later work waits for it. On a shared journal, the state has everything
    /// that any replica acknowledged until [`live_users_replica::FRESH_MS`] ago.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        what: impl FnOnce(View<'_>) -> T + Send + 'static,
    ) -> Result<T, NotRecorded> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Query(Box::new(move |view| {
            // A read changes nothing, so a mistake in one must not end the count.
            let read = catch_unwind(AssertUnwindSafe(|| view.map(what)));
            let _gave_up = answer.send(read.unwrap_or(Err(NotRecorded::Failed)));
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
            // The replica waits for the journal's servers.
            Err(_) => Err(self.stale()),
        }
    }

    /// The age of the state, in milliseconds: this long ago, it had everything in the journal.
    pub(crate) fn age_ms(&self) -> u64 {
        let known_ms = self.clock.age_ms();
        self.growth.age_ms(known_ms, self.growth.uptime_ms())
    }

    /// Whether the state is fresh enough to show.
    pub(crate) fn is_fresh(&self) -> bool {
        is_fresh(self.age_ms())
    }

    fn stale(&self) -> NotRecorded {
        NotRecorded::Stale { age_ms: self.age_ms() }
    }

    /// Returns when the state is fresh: at once if it is so already. A process that the system let
    /// sleep has to ask the journal first.
    pub(crate) async fn freshen(&self) -> Result<(), NotRecorded> {
        match self.is_fresh() {
            true => Ok(()),
            false => self.query(|_| ()).await,
        }
    }

    /// Ends a call for an operator, if it is known and not over. Lookup, record and the second
    /// lookup are one piece of work for the writer thread.
    pub(crate) async fn evict(&self, id: CallId) -> Result<Evicted, NotRecorded> {
        let (answer, answered) = oneshot::channel();
        let start = Instant::now();
        self.send(Work::Evict(id, answer))?;
        let evicted = self.within_patience(answered).await;
        if matches!(evicted, Ok(Evicted::Done { .. })) {
            // An eviction waits as a webhook does.
            self.waited.note(start.elapsed());
        }
        evicted
    }

    /// Has the state written into a new journal. It waits until that is done: with many calls it
    /// may take seconds. `None` if the writer thread has stopped.
    pub(crate) async fn rewrite(&self) -> Option<Result<Rewritten, NotRewritten>> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Rewrite(answer)).ok()?;
        let rewritten = answered.await.ok()?;
        // What waited is recorded in the new journal first.
        let patience_ms = if rewritten.is_ok() { ACKNOWLEDGE_MS } else { 0 };
        self.status.wait_until_recorded(Duration::from_millis(patience_ms)).await;
        Some(rewritten)
    }

    /// Sends the answer to an effect. It waits while the queue is full, and loses nothing.
    pub(crate) async fn answer(&self, answer: Work) {
        let _has_stopped = self.sender.send(answer).await;
    }

    /// As [`Queue::answer`], for a thread that may block.
    pub(crate) fn answer_blocking(&self, answer: Work) {
        let _has_stopped = self.sender.blocking_send(answer);
    }

    /// Notes that other replicas have appended, and wakes the writer thread once for it.
    pub(crate) fn catch_up(&self) {
        self.growth.noticed.fetch_add(1, Ordering::AcqRel);
        let is_woken = self.growth.has_woken.swap(true, Ordering::AcqRel);
        if !is_woken && self.send(Work::CatchUp).is_err() {
            self.growth.has_woken.store(false, Ordering::Release);
        }
    }

    /// Whether evidence would be recorded now, as far as is known.
    pub(crate) fn state(&self) -> Result<(), NotRecorded> {
        let slow = self.slow.load(Ordering::Relaxed);
        let fault = self.status.get().fault;
        match (self.has_stopped(), fault, self.sender.capacity(), slow) {
            (true, ..) => Err(NotRecorded::Stopped),
            (false, Some(kind), ..) => Err(NotRecorded::Trouble(kind)),
            (false, None, 0, _) => Err(NotRecorded::Full),
            (false, None, _, true) => Err(NotRecorded::Slow),
            (false, None, _, false) if self.is_fresh() => Ok(()),
            (false, None, _, false) => Err(self.stale()),
        }
    }

    /// Why the number is unknown although a webhook would be recorded now.
    pub(crate) fn unanswered(&self) -> Option<NotRecorded> {
        self.status.get().unanswered.map(NotRecorded::from)
    }

    /// Why the count may be wrong until a restart, if a recount has found that.
    pub(crate) fn violation(&self) -> Option<String> {
        let violated = self.status.get().audit.violated?;
        Some(format!("the numbers do not agree with the calls ({violated}); restart this backend"))
    }

    /// The journal's time.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How long evidence has waited for its acknowledgement.
    pub(crate) fn waited(&self) -> &Histogram {
        &self.waited
    }

    /// How many pieces of work wait.
    pub(crate) fn depth(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Whether the writer thread has ended.
    pub(crate) fn has_stopped(&self) -> bool {
        self.sender.is_closed()
    }

    /// Resolves when the writer thread has ended, also after a panic.
    pub(crate) async fn ended(&self) {
        self.sender.closed().await;
    }

    /// Lets the writer thread finish the work in the queue, and then end.
    pub(crate) async fn stop(&self) {
        let _has_stopped_already = self.sender.send(Work::Stop).await;
    }

    /// A queue with this sending end.
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

    /// A queue without a writer thread. It seems stuck while the first of the other values is kept,
    /// and stopped once it is dropped. The last one sets the status.
    #[cfg(test)]
    pub(crate) fn broken(places: usize) -> (Self, (impl Sized, StatusWriter)) {
        let (sender, stuck) = mpsc::channel(places);
        let (status, reader) = StatusReader::new();
        (Self::through(sender, Clock::of_one_process(Millis(0)), reader), (stuck, status))
    }
}
