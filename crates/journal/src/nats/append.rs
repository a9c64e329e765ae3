//! Appends a batch. A frame is sent for the place after the end of the index, again and again,
//! until the index shows what lies in that place.
//!
//! The service may store a message without an answer. So no answer alone decides: it only shows
//! what to wait for. The index decides, which is the log itself as every replica reads it.

use std::time::{Duration, Instant as Moment};

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};

use super::fault::Fault;
use super::frame::{End, pack};
use super::log::Log;
use super::log_index::Commit;
use crate::{JournalError, Position};

/// The header that makes the service refuse a message in another place.
const EXPECTED: &str = "Nats-Expected-Last-Sequence";

/// How long the follower may take to deliver what another replica has appended.
const FOLLOWER_PATIENCE: Duration = Duration::from_millis(20);

/// How long after silence the frame is sent again.
const RETRY: Duration = Duration::from_millis(50);

/// Appends a batch, and returns the position of its last record. After a failure the batch may or
/// may not be in the log, and may still get there.
pub(super) async fn append(
    log: &Log,
    batch: &[Vec<u8>],
    give_up: Instant,
) -> Result<Position, Fault> {
    loop {
        log.check()?;
        let nonce = super::draw().map_err(Fault::Error)?;
        // One lock for both: the nonce is expected before the frame can come back, and the place is
        // that of this very end.
        let (epoch, end) = {
            let mut index = log.index.lock();
            index.expect(nonce);
            (index.epoch, index.end)
        };
        let attempt = Attempt { log, epoch, end, nonce };
        if let Some(commit) = attempt.run(batch, give_up).await? {
            // The frame counts in its place only, directly after the end it was made for.
            debug_assert_eq!(
                commit.seq,
                end.seq + batch.len() as u64,
                "own records follow the end"
            );
            return Ok(Position { epoch, seq: commit.seq });
        }
        // Another message took the place, so this frame can never count (`Frame::counts`). That
        // makes it safe to pack the batch anew: it cannot come to be in the log twice.
    }
}

/// An attempt to be the message directly after one end of the log.
struct Attempt<'a> {
    log: &'a Log,
    epoch: u64,
    end: End,
    nonce: u64,
}

/// What lies in the place of an attempt.
enum Place {
    /// The frame of this attempt.
    Own(Commit),
    /// Another message. The frame is void, even if it is stored later.
    Taken,
    /// Nothing that is known here; the frame may be on its way.
    Unknown,
}

impl Attempt<'_> {
    /// Sends the frame until the index shows what lies in its place. Returns `None` if that is
    /// another message.
    ///
    /// | answer of the service | then |
    /// |---|---|
    /// | stored, as message N | wait until the index has N |
    /// | wrong last sequence | ask what lies there: another message, or this frame |
    /// | nothing, or no leader | pause, and ask what lies there: it may be stored all the same |
    /// | any other refusal | fail with it |
    /// | no answer until `give_up` | fail with the last silence |
    ///
    /// Each case that goes on ends in [`Attempt::place`]: own, taken, or unknown. Only an unknown
    /// place makes it send the same frame again.
    ///
    /// The id of the message makes the service drop repeats, which only saves work; the log is
    /// right without it. A repeat has different answers: one server answers *wrong last sequence*,
    /// a cluster answers *stored* with the number of the first copy. While the first copy is under
    /// way, a cluster may also answer *duplicate in process* (10158), which is silence: the frame is
    /// about to be stored.
    async fn run(&self, batch: &[Vec<u8>], give_up: Instant) -> Result<Option<Commit>, Fault> {
        let log = self.log;
        let frame = pack(self.end, self.nonce, batch);
        let mut fault = Fault::Silent("no answer in time".to_owned());
        // Of the first copy: any copy may be the one that is stored.
        let (first_sent, before_ms) = (Moment::now(), (log.clock)());
        loop {
            let answer = timeout_at(give_up, self.publish(frame.clone())).await;
            let after_ms = (log.clock)();
            let learned = match answer {
                Ok(Ok(number)) => timeout_at(give_up, log.settle(number)).await,
                Ok(Err(Fault::Conflict)) => timeout_at(give_up, self.look()).await,
                Ok(Err(Fault::Silent(why))) => {
                    fault = Fault::Silent(why);
                    sleep(RETRY).await;
                    timeout_at(give_up, self.look()).await
                }
                Ok(Err(other)) => return Err(other),
                Err(_) => return Err(fault),
            };
            // A log that is damaged or replaced. Silence, on the other hand, is no reason to stop:
            // the follower may have delivered meanwhile what could not be asked.
            if let Ok(Err(error @ Fault::Error(_))) = learned {
                return Err(error);
            }
            match self.place()? {
                Place::Own(commit) => {
                    // No other replica had appended before the first copy was sent, or the frame
                    // would not count. After that one may have, after an early copy. So the log is
                    // known as of `first_sent`, and not as of now.
                    log.status.known_at(first_sent);
                    log.set_clock_offset(commit.at_ms, before_ms, after_ms);
                    return Ok(Some(commit));
                }
                Place::Taken => return Ok(None),
                Place::Unknown if Instant::now() >= give_up => return Err(fault),
                Place::Unknown => {}
            }
            if let Ok(Err(Fault::Silent(why))) = learned {
                fault = Fault::Silent(why);
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    async fn publish(&self, frame: Bytes) -> Result<u64, Fault> {
        let subject = self.log.subjects.log_subject(self.epoch);
        let expected = Some((EXPECTED, self.end.message));
        let id = Some(format!("{:016x}", self.nonce));
        self.log.client.publish(&subject, expected, id, frame).await
    }

    /// Learns what lies in the place.
    async fn look(&self) -> Result<(), Fault> {
        if self.log.wait_for(self.end.message + 1, FOLLOWER_PATIENCE).await {
            return Ok(());
        }
        self.log.catch_up(Duration::ZERO).await.map(drop)
    }

    /// What the index has in the place. Fails if it is the index of another log by now.
    fn place(&self) -> Result<Place, Fault> {
        let index = self.log.index.lock();
        if index.epoch != self.epoch {
            let (was, is) = (self.epoch, index.epoch);
            return Err(Fault::Error(JournalError::Replaced { was, is }));
        }
        debug_assert!(index.end.message >= self.end.message, "the end never goes back");
        // Own before taken: with an own frame the end is past the place as well.
        Ok(match index.confirm_commit() {
            Some(commit) => {
                debug_assert!(self.end.seq <= commit.seq && commit.seq <= index.end.seq);
                Place::Own(commit)
            }
            None if index.end.message > self.end.message => Place::Taken,
            None => Place::Unknown,
        })
    }
}
