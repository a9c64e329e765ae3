//! Appends a batch. A message is sent, again and again, until the index shows what has become of
//! the first copy of it.
//!
//! The service puts messages in order, so nothing is asked of it but to store one. It may store a
//! message without an answer. So no answer alone decides: it only shows what to wait for. The index
//! decides, which is the log itself as every replica reads it. Therefore the first copy asks for no
//! answer while the follower delivers. Only one that does not come back is sent again with a question,
//! whose answer says why.

use std::time::{Duration, Instant as Moment};

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};

use super::fault::Fault;
use super::frame::{End, Sender, pack};
use super::log::Log;
use super::log_index::Outcome;
use crate::{JournalError, Position};

/// How long after silence the message is sent again.
const RETRY: Duration = Duration::from_millis(50);

/// How long a message may take to come back that was sent without asking what becomes of it.
const BACK_AFTER: Duration = Duration::from_millis(250);

/// Appends a batch, and returns the position of its last record. After a failure the batch may or
/// may not be in the log, and may still get there until [`cancel`] has succeeded.
pub(super) async fn append(
    log: &Log,
    batch: &[Vec<u8>],
    give_up: Instant,
) -> Result<Position, Fault> {
    loop {
        let attempt = Attempt::new(log, Counter::Next)?;
        let outcome = attempt.run(batch, give_up).await?;
        if let Some(commit) = outcome.commit {
            return Ok(Position { epoch: attempt.epoch, seq: commit.seq });
        }
        // The message came too late, and each copy of it comes later still. So it can never count
        // (`Order::take`). That makes it safe to pack the batch anew: it cannot come to be in the
        // log twice.
        if Instant::now() >= give_up {
            let why = "the message was stored too late to count: the service is slow, or its clocks \
                       are not in step";
            return Err(Fault::Silent(why.to_owned()));
        }
    }
}

/// Stores a message without records. It shows that the log can be appended to. If it is not known
/// what has become of the last batch, the message takes its place: then one of the two has come
/// first, and the other one never counts.
pub(super) async fn cancel(log: &Log, give_up: Instant) -> Result<(), Fault> {
    Attempt::new(log, Counter::OfTheLast)?.run(&[], give_up).await.map(drop)
}

enum Counter {
    Next,
    /// The one of the last message, as long as it is not known what has become of that.
    OfTheLast,
}

/// An attempt to get a message with one counter into the log.
struct Attempt<'a> {
    log: &'a Log,
    epoch: u64,
    /// What is known of the log when the message is made.
    known: End,
    sender: Sender,
}

impl<'a> Attempt<'a> {
    fn new(log: &'a Log, counter: Counter) -> Result<Self, Fault> {
        log.check()?;
        let made_ms = log.status.log_time_ms((log.clock)());
        // One lock for all: the counter is expected before the message can come back, and what is
        // known does not have it.
        let mut index = log.index.lock();
        let counter = match counter {
            Counter::Next => index.begin(),
            Counter::OfTheLast => index.begin_instead(),
        };
        let sender = Sender { writer: index.writer, counter, made_ms };
        Ok(Self { log, epoch: index.epoch, known: index.end(), sender })
    }

    /// Gets the message into the log, and returns what has become of the first one with its counter.
    async fn run(&self, batch: &[Vec<u8>], give_up: Instant) -> Result<Outcome, Fault> {
        let log = self.log;
        let message = pack(self.known, self.sender, batch);
        // Of the first copy: any copy may be the one that counts.
        let (first_sent, before_ms) = (Moment::now(), (log.clock)());
        let outcome = match self.send(&message, give_up).await? {
            Some(outcome) => outcome,
            None => self.insist(message, give_up).await?,
        };
        let after_ms = (log.clock)();
        // Whatever was acknowledged before the first copy was sent lies before it.
        log.status.known_at(first_sent);
        let service_ms = outcome.commit.map_or(outcome.taken_ms, |it| it.at_ms);
        log.set_clock_offset(service_ms, before_ms, after_ms);
        Ok(outcome)
    }

    /// Sends the message without asking what becomes of it: it comes back through the log anyway,
    /// and an answer before that costs each side a wake-up. Returns `None` if it does not come back,
    /// or if the follower has not delivered anything since the last one that did not.
    async fn send(&self, message: &Bytes, give_up: Instant) -> Result<Option<Outcome>, Fault> {
        let log = self.log;
        if !log.is_followed() {
            return Ok(None);
        }
        let sent = log.client.send(log.subjects.log_subject(self.epoch), message.clone()).await;
        if sent.is_ok() {
            let limit = give_up.min(Instant::now() + BACK_AFTER);
            if let Ok(back) = timeout_at(limit, self.await_outcome()).await {
                return back.map(Some);
            }
        }
        log.note_missed();
        // Perhaps it is there, and only the follower is late. A copy would lie behind it for nothing.
        match timeout_at(give_up, log.catch_up(Duration::ZERO)).await {
            Ok(Err(error @ Fault::Error(_))) => Err(error),
            _ => self.outcome(),
        }
    }

    /// Waits until the index shows what has become of the message.
    async fn await_outcome(&self) -> Result<Outcome, Fault> {
        // Before the first look. Otherwise a change between the two would be missed.
        let mut changes = self.log.changes();
        loop {
            if let Some(outcome) = self.outcome()? {
                return Ok(outcome);
            }
            self.log.check()?;
            let _the_sender_is_here = changes.changed().await;
        }
    }

    /// Sends the message until the index shows what has become of the first one with its counter.
    ///
    /// | answer of the service | then |
    /// |---|---|
    /// | stored, as message N | wait until the index has N |
    /// | nothing, or no leader | pause, and ask for the end of the log: it may be stored all the same |
    /// | a refusal | fail with it |
    /// | no answer until `give_up` | fail with the last silence |
    ///
    /// A copy has no effect, wherever it comes to lie. So a message can be sent again at any time.
    async fn insist(&self, message: Bytes, give_up: Instant) -> Result<Outcome, Fault> {
        let mut fault = Fault::Silent("no answer in time".to_owned());
        let mut stored = None;
        loop {
            let learned = match stored {
                None => match timeout_at(give_up, self.publish(message.clone())).await {
                    Ok(Ok(number)) => {
                        stored = Some(number);
                        timeout_at(give_up, self.settle(number)).await
                    }
                    Ok(Err(Fault::Silent(why))) => {
                        fault = Fault::Silent(why);
                        timeout_at(give_up, self.look()).await
                    }
                    Ok(Err(other)) => return Err(other),
                    Err(_) => return Err(fault),
                },
                Some(number) => timeout_at(give_up, self.settle(number)).await,
            };
            // A log that is damaged or replaced. Silence, on the other hand, is no reason to stop:
            // the follower may have delivered meanwhile what could not be asked.
            if let Ok(Err(error @ Fault::Error(_))) = learned {
                return Err(error);
            }
            if let Some(outcome) = self.outcome()? {
                return Ok(outcome);
            }
            if let Ok(Err(Fault::Silent(why))) = learned {
                fault = Fault::Silent(why);
            }
            if Instant::now() >= give_up {
                return Err(fault);
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    async fn publish(&self, message: Bytes) -> Result<u64, Fault> {
        let subject = self.log.subjects.log_subject(self.epoch);
        self.log.client.publish(&subject, None, None, message).await
    }

    /// Makes sure that the index has this message, which the service has just stored.
    async fn settle(&self, number: u64) -> Result<(), Fault> {
        if number <= self.known.message {
            let what = format!(
                "message {number} of stream {} was stored behind message {}",
                self.log.subjects.log, self.known.message
            );
            return Err(self.log.break_with(what));
        }
        self.log.settle(number).await
    }

    /// Learns what the log has, after a pause.
    async fn look(&self) -> Result<(), Fault> {
        sleep(RETRY).await;
        self.log.catch_up(Duration::ZERO).await.map(drop)
    }

    /// What has become of the message. Fails if the index is that of another log by now.
    fn outcome(&self) -> Result<Option<Outcome>, Fault> {
        let index = self.log.index.lock();
        if index.epoch != self.epoch {
            let (was, is) = (self.epoch, index.epoch);
            return Err(Fault::Error(JournalError::Replaced { was, is }));
        }
        debug_assert!(index.end().message >= self.known.message, "the end never goes back");
        Ok(index.outcome())
    }
}
