//! A log as one replica knows it: the index, and the two ways to fill it.
//!
//! Two ways fill the index. The follower pushes messages as they are stored. Every request that
//! needs the log's end polls the leader, and fetches what the follower has not delivered in time.
//! Both call [`Log::ingest`], which takes each message once, whichever way is faster.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::Clock;
use super::address::NatsAddress;
use super::client::{Client, OPEN_PATIENCE, Stored};
use super::fault::Fault;
use super::frame::Unreadable;
use super::history::{Kept, order_before};
use super::log_index::{Ingested, LogIndex};
use super::opening::begin;
use super::quorum::quorum_age;
use super::state::State;
use super::subjects::{Subjects, epoch_of};
use crate::{JournalError, ReplicationStatus};

/// How many messages are fetched at once.
const FETCHED_AT_ONCE: usize = 16;

/// How long the follower may take to deliver what the service has. After that it is fetched one by
/// one.
pub(super) const FOLLOWER_PATIENCE: Duration = Duration::from_millis(60);

/// An answer that took longer is not used to compare the clocks, in milliseconds.
const COMPARED_MS_MAX: u64 = 1_000;

pub(super) struct Log {
    pub(super) client: Client,
    pub(super) subjects: Subjects,
    pub(super) index: Mutex<LogIndex>,
    pub(super) status: ReplicationStatus,
    pub(super) clock: Clock,
    /// Changes whenever the index does.
    moved: watch::Sender<()>,
    /// Restarts the follower, which does not deliver what the log has.
    pub(super) follower_is_late: Notify,
    /// How many messages the follower has delivered.
    pub(super) follower_delivered: AtomicU64,
    /// How many it had delivered when an own message was last missed.
    missed_at: AtomicU64,
    /// The service's clock minus this machine's, in milliseconds. `None` before the first
    /// comparison.
    ahead_ms: Mutex<Option<i64>>,
}

impl Log {
    /// Opens the log, or creates one.
    pub(super) async fn open(address: &NatsAddress, clock: Clock) -> Result<Self, JournalError> {
        let client = Client::connect(address).await?;
        let alone_or_not = if client.is_clustered() { 3 } else { 1 };
        let replicas = address.replicas.unwrap_or(alone_or_not);
        let subjects = Subjects::new(&address.name, replicas, address.max_bytes);
        let index = begin(&client, &subjects).await?;
        let log = Self {
            client,
            subjects,
            index: Mutex::new(index),
            status: ReplicationStatus::with_service(),
            clock,
            moved: watch::Sender::new(()),
            follower_is_late: Notify::new(),
            follower_delivered: AtomicU64::new(0),
            missed_at: AtomicU64::new(0),
            ahead_ms: Mutex::new(None),
        };
        log.await_quorum().await?;
        for _ in 0..5 {
            // Another replica may compare at the same moment, and its message replaces ours.
            if log.compare_clocks().await.is_ok() {
                break;
            }
        }
        Ok(log)
    }

    /// Waits for a leader that has a quorum.
    async fn await_quorum(&self) -> Result<(), JournalError> {
        let give_up = Instant::now() + OPEN_PATIENCE;
        loop {
            match self.catch_up(FOLLOWER_PATIENCE).await {
                Ok(_) => return Ok(()),
                // A server that was asked may not know yet of a stream that was made just now.
                Err(Fault::Silent(_) | Fault::NoStream) if Instant::now() < give_up => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(fault) => return Err(fault.into_error("opening the journal")),
            }
        }
    }

    pub(super) fn state(&self) -> State<'_> {
        let epoch = self.index.lock().epoch;
        State { client: &self.client, subjects: &self.subjects, epoch }
    }

    /// Takes in a message, from the follower or a fetch.
    pub(super) fn ingest(&self, stored: &Stored) -> Ingested {
        let mut index = self.index.lock();
        if stored.subject != self.subjects.log_subject(index.epoch) {
            return Ingested::Gap;
        }
        let ingested = index.ingest(stored.message, stored.at_ms, &stored.payload);
        // Own records are no news. A broken log is: its owner refreshes, and gets the error.
        //
        // Trap: the lock has to be held until the call. Another task may call the log known as soon
        // as it sees these records, and the owner must have been notified by then.
        if matches!(ingested, Ingested::Grown | Ingested::Broken) {
            self.status.notify_append();
        }
        drop(index);
        // The lock is free by now. The waiting tasks need it.
        if !matches!(ingested, Ingested::Old | Ingested::Gap) {
            self.moved.send_replace(());
        }
        ingested
    }

    /// Whether the follower has delivered anything since an own message was last missed.
    pub(super) fn is_followed(&self) -> bool {
        let delivered = self.follower_delivered.load(Ordering::Relaxed);
        delivered != self.missed_at.load(Ordering::Relaxed)
    }

    /// Notes that an own message was not delivered in time.
    pub(super) fn note_missed(&self) {
        let delivered = self.follower_delivered.load(Ordering::Relaxed);
        self.missed_at.store(delivered, Ordering::Relaxed);
    }

    /// Changes whenever the index does, from this call on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// Waits until the index has this message. Returns whether it has it.
    pub(super) async fn wait_for(&self, message: u64, limit: Duration) -> bool {
        // Before the first check. Otherwise a change between the two would be missed.
        let mut moved = self.changes();
        let is_there = || self.index.lock().end().message >= message;
        let waiting = async {
            while !is_there() {
                let _the_sender_is_here = moved.changed().await;
            }
        };
        timeout(limit, waiting).await.is_ok()
    }

    /// Makes sure that the index has this message. The service is known to have it.
    pub(super) async fn settle(&self, message: u64) -> Result<(), Fault> {
        if self.wait_for(message, FOLLOWER_PATIENCE).await {
            return Ok(());
        }
        self.fetch_to(message).await
    }

    async fn fetch_to(&self, message: u64) -> Result<(), Fault> {
        let from = self.index.lock().end().message + 1;
        let fetch = |number| self.client.message(&self.subjects.log, number);
        let mut fetched = stream::iter(from..=message).map(fetch).buffered(FETCHED_AT_ONCE);
        while let Some(stored) = fetched.next().await {
            // In order, only a message of another stream makes a gap: the stream was replaced
            // meanwhile. The next question finds its other epoch.
            if matches!(self.ingest(&stored?), Ingested::Gap) {
                return Err(Fault::Silent("the log was replaced during the fetch".to_owned()));
            }
        }
        self.check()
    }

    /// Fails if the index and the log contradict each other.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match &self.index.lock().broken {
            Some(why) => Err(Fault::Error(why.to_error(&self.subjects.log))),
            None => Ok(()),
        }
    }

    /// Notes that the log has lost what was in it, and returns that as an error.
    pub(super) fn break_with(&self, what: String) -> Fault {
        let mut index = self.index.lock();
        let why = index.broken.get_or_insert(Unreadable::Damaged(what));
        Fault::Error(why.to_error(&self.subjects.log))
    }

    /// Asks the leader for the end of the log, and waits until the index has it. Fetches what the
    /// follower does not deliver within `patience`, and returns whether that was necessary.
    ///
    /// On success the index has everything that the log had when the quorum was last known to
    /// agree with the leader. That moment is `asked` less [`quorum_age`], and not the moment of the
    /// answer: a leader that is cut off goes on answering.
    pub(super) async fn catch_up(&self, patience: Duration) -> Result<bool, Fault> {
        let asked = std::time::Instant::now();
        let info = self.client.info(&self.subjects.log).await?;
        let quorum_age = quorum_age(info.cluster.as_ref())?;
        // For an empty stream, the server says 0 or 1, depending on its version.
        let (last, first) = (info.state.last_sequence, info.state.first_sequence.max(1));
        let (was, end, first_message) = {
            let index = self.index.lock();
            (index.epoch, index.end(), index.first_message)
        };
        let is = epoch_of(&info).map_err(Fault::Error)?;
        if is != was {
            return Err(Fault::Error(JournalError::Replaced { was, is }));
        }
        // Acknowledged messages cannot disappear. So this is a leader that has yet to learn of
        // them, or a log that has lost its end. Only `verify` tells these apart, when the owner
        // recovers.
        if last < end.message {
            return Err(Fault::Silent(format!(
                "the service has {last} messages of {}, and had {} before",
                self.subjects.log, end.message
            )));
        }
        let mut was_fetched = false;
        if last > end.message && !self.wait_for(last, patience).await {
            was_fetched = true;
            let fetched = async {
                // The next message is trimmed: no way leads through the gap.
                if first > end.message + 1 {
                    self.skip_trimmed(first, last).await?;
                }
                self.fetch_to(last).await
            };
            match fetched.await {
                Err(Fault::NotFound) => {
                    return Err(Fault::Silent("it was trimmed meanwhile".to_owned()));
                }
                other => other?,
            }
        }
        self.check()?;
        if first != first_message {
            // Read after the end. It may be of a replica that is further ahead, so for a moment the
            // oldest record that is kept may lie behind the end of the index. A reader then gets
            // `NotThere` and begins with the snapshot, which is right.
            let low_watermark = self.state().low_watermark().await?.it;
            let first_seq = low_watermark.as_ref().map_or(1, |it| it.first_seq);
            let mut index = self.index.lock();
            index.first_message = first;
            index.first_seq = index.first_seq.max(first_seq);
            index.base = low_watermark.and_then(|it| it.base());
        }
        if let Some(agreed) = asked.checked_sub(quorum_age) {
            self.status.known_at(agreed);
        }
        Ok(was_fetched)
    }

    /// Moves the index to just before the first message that is kept, because those in between were
    /// trimmed. Whoever trimmed them has stored the order there. What this replica knew of them is
    /// not compared with it.
    async fn skip_trimmed(&self, first: u64, last: u64) -> Result<(), Fault> {
        let low_watermark = self.state().low_watermark().await?.it;
        let base = low_watermark.and_then(|it| it.base());
        let kept = Kept { first, last, base };
        let order = match kept.begin() {
            Some(order) => order,
            None => order_before(&self.client, &self.subjects, &kept, first).await?,
        };
        let mut index = self.index.lock();
        // The follower may have been faster, and the index never goes back.
        if index.end().message < order.end.message {
            index.skip_to(order);
        }
        Ok(())
    }

    /// Fails if the last message of the index is not in the log, or is another one there.
    pub(super) async fn verify(&self) -> Result<(), Fault> {
        let end = self.index.lock().end();
        if end.message == 0 {
            return Ok(());
        }
        let is_there = match self.client.message(&self.subjects.log, end.message).await {
            Ok(stored) => crc32fast::hash(&stored.payload) == end.crc,
            Err(Fault::NotFound) => false,
            Err(fault) => return Err(fault),
        };
        if is_there {
            return Ok(());
        }
        let what = format!("record {} of stream {} is not there", end.seq, self.subjects.log);
        Err(Fault::Error(JournalError::Damaged { what }))
    }

    /// Why a record of the index cannot be fetched.
    pub(super) async fn why_not_there(&self, wanted: u64) -> JournalError {
        // A trim by another replica is the harmless reason; this learns of it.
        let _either_way = self.catch_up(FOLLOWER_PATIENCE).await;
        let (first, last) = {
            let index = self.index.lock();
            (index.first_seq, index.end().seq)
        };
        if wanted < first {
            return JournalError::NotThere { wanted, first, last };
        }
        JournalError::Damaged { what: format!("record {wanted} is missing") }
    }

    /// Turns to the log that is there now, if it is another one.
    pub(super) async fn replace(&self) -> Result<(), JournalError> {
        let found = begin(&self.client, &self.subjects).await?;
        let (was, is) = {
            let mut index = self.index.lock();
            let was = index.epoch;
            if was != found.epoch {
                *index = found;
            }
            (was, index.epoch)
        };
        self.moved.send_replace(());
        // It follows the messages of the old log.
        self.follower_is_late.notify_one();
        if was == is { Ok(()) } else { Err(JournalError::Replaced { was, is }) }
    }

    pub(super) fn knows_clock_offset(&self) -> bool {
        self.ahead_ms.lock().is_some()
    }

    /// Compares the clock of the service with this machine's.
    pub(super) async fn compare_clocks(&self) -> Result<(), Fault> {
        let before_ms = (self.clock)();
        let service_ms = self.state().ask_the_time().await?;
        self.set_clock_offset(service_ms, before_ms, (self.clock)());
        Ok(())
    }

    /// The service's clock showed this at some time between these two of the machine's, all in
    /// milliseconds since the Unix epoch.
    pub(super) fn set_clock_offset(&self, service_ms: u64, before_ms: u64, after_ms: u64) {
        if after_ms < before_ms || after_ms - before_ms > COMPARED_MS_MAX {
            return;
        }
        let machine_ms = before_ms.midpoint(after_ms);
        let ahead_ms = service_ms.wrapping_sub(machine_ms).cast_signed();
        // The offset stays as it is while it may be right. Otherwise the time would tremble with
        // each answer, and go back now and then.
        let doubt_ms = (after_ms - before_ms) / 2 + 2;
        let mut known_ms = self.ahead_ms.lock();
        if known_ms.is_none_or(|it| it.abs_diff(ahead_ms) > doubt_ms) {
            *known_ms = Some(ahead_ms);
            self.status.set_clock_offset(service_ms, machine_ms);
        }
    }
}

#[cfg(test)]
mod tests;
