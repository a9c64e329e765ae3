//! The way to the writer: a bounded queue, and an acknowledgement for each piece of evidence.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use live_users_core::{Evidence, Millis, Outcome};
use live_users_http_kit::metrics::Histogram;
use live_users_journal::Position;
use live_users_state::{BATCH_MAX, State};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::parts::clock::Clock;

/// Pieces of evidence that may wait for the writer. At 300 bytes each these are 10 MB, which are
/// taken only when needed: while the servers of a shared journal choose a new leader the writer
/// stands still for more than a second. A queue this long means that it is stuck.
pub(crate) const QUEUE_MAX: usize = 32_768;

/// What other replicas recorded before that is known here, in milliseconds; beyond that the journal
/// is asked before anything is answered.
pub(crate) const FRESH_MS: u64 = 2_500;

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
    /// Whether the journal cannot be written just now.
    pub(crate) trouble: Arc<AtomicBool>,
    /// Whether the writer is told already that others have appended something.
    pub(crate) grown: Arc<AtomicBool>,
    /// How many pieces of evidence are kept while the journal cannot be written.
    pub(crate) kept: Arc<AtomicUsize>,
    /// How long evidence has waited for its acknowledgement.
    waited: Arc<Histogram>,
    pub(crate) clock: Clock,
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
    /// Record all of this, and acknowledge it.
    Many(Vec<Evidence>, oneshot::Sender<Result<(), NotRecorded>>),
    /// Answer this.
    Query(Query),
    /// Notice that time has passed.
    Sweep {
        /// Whether this replica leads.
        leads: bool,
    },
    /// Apply what other replicas have appended.
    Follow,
    /// End.
    Stop,
}

/// A question to the writer, which answers it between two batches. It gets an error instead of the
/// state if the state may be out of date.
pub(crate) type Query = Box<dyn FnOnce(Result<View<'_>, NotRecorded>) + Send>;

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

    /// Records many pieces of evidence, which nobody waits for with a caller on the line.
    pub(crate) async fn record_all(&self, evidence: Vec<Evidence>) -> Result<(), NotRecorded> {
        let mut evidence = evidence.into_iter();
        loop {
            let batch: Vec<_> = evidence.by_ref().take(BATCH_MAX).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let (acknowledge, acknowledged) = oneshot::channel();
            self.send(Work::Many(batch, acknowledge))?;
            acknowledged.await.unwrap_or(Err(NotRecorded::Stopped))?;
        }
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
        let patience = Duration::from_millis(ACKNOWLEDGE_MS);
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(NotRecorded::Stopped),
            Err(_) if is_fresh(&self.clock) => Err(NotRecorded::Slow),
            // It waits for the journal's servers.
            Err(_) => Err(stale(&self.clock)),
        }
    }

    /// Returns at once if what is known here is what is, and otherwise when it is again: a process
    /// that the system let sleep has to ask first what happened meanwhile.
    pub(crate) async fn freshen(&self) -> Result<(), NotRecorded> {
        match is_fresh(&self.clock) {
            true => Ok(()),
            false => self.query(|_| ()).await,
        }
    }

    /// Lets the writer notice that time has passed. A full queue is no trouble: there is a next
    /// time.
    pub(crate) fn sweep(&self, leads: bool) {
        let _next_time = self.send(Work::Sweep { leads });
    }

    /// Lets the writer apply what others have appended.
    pub(crate) fn follow(&self) {
        if !self.grown.swap(true, Ordering::AcqRel) && self.send(Work::Follow).is_err() {
            self.grown.store(false, Ordering::Release);
        }
    }

    /// Whether a piece of evidence would be recorded now, as far as can be told.
    pub(crate) fn state(&self) -> Result<(), NotRecorded> {
        let slow = self.slow.load(Ordering::Relaxed);
        let trouble = self.trouble.load(Ordering::Relaxed);
        match (self.has_stopped(), trouble, self.sender.capacity(), slow) {
            (true, ..) => Err(NotRecorded::Stopped),
            (false, true, ..) => Err(NotRecorded::Trouble),
            (false, false, 0, _) => Err(NotRecorded::Full),
            (false, false, _, true) => Err(NotRecorded::Slow),
            (false, false, _, false) if is_fresh(&self.clock) => Ok(()),
            (false, false, _, false) => Err(stale(&self.clock)),
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

    /// How many pieces of evidence are kept until the journal can be written again, and whether it
    /// cannot just now.
    pub(crate) fn trouble(&self) -> (usize, bool) {
        (self.kept.load(Ordering::Relaxed), self.trouble.load(Ordering::Relaxed))
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
    pub(crate) fn through(sender: mpsc::Sender<Work>, clock: Clock) -> Self {
        let (slow, trouble, grown, kept, waited) = <_>::default();
        Self { sender, slow, trouble, grown, kept, waited, clock }
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
        (Self::through(sender, Clock::default()), stuck)
    }
}

/// Whether what is known here is what is.
pub(crate) fn is_fresh(clock: &Clock) -> bool {
    clock.age_ms() < FRESH_MS
}

/// Why nothing is answered while it is not.
pub(crate) fn stale(clock: &Clock) -> NotRecorded {
    NotRecorded::Stale { age_ms: clock.age_ms() }
}
