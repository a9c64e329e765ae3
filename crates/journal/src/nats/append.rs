//! Appending: a frame is sent for the place behind the last message that is known, again and again
//! until it is known what lies there.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::fault::Fault;
use super::frame::{End, pack};
use super::log::Log;
use crate::{JournalError, Position};

/// The header by which a message is refused in another place.
const EXPECTED: &str = "Nats-Expected-Last-Sequence";

/// How long the tail may take to bring what somebody else has appended.
const TAIL_PATIENCE: Duration = Duration::from_millis(20);

/// How long after silence it is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// Appends a batch, and returns the position of its last record. Once it fails the batch may or
/// may not be there, and may still come to be.
pub(super) async fn append(
    log: &Log,
    batch: &[Vec<u8>],
    give_up: Instant,
) -> Result<Position, Fault> {
    loop {
        log.check()?;
        let nonce = super::draw().map_err(Fault::Error)?;
        let (epoch, end) = {
            let mut known = log.known.lock();
            known.expect(nonce);
            (known.epoch, known.end)
        };
        let attempt = Attempt { log, epoch, end, nonce };
        if let Some(seq) = attempt.make(batch, give_up).await? {
            return Ok(Position { epoch, seq });
        }
    }
}

/// An attempt to be the next message.
struct Attempt<'a> {
    log: &'a Log,
    epoch: u64,
    end: End,
    nonce: u64,
}

impl Attempt<'_> {
    /// The number of the last record; `None` if another message lies where this one was to.
    async fn make(&self, batch: &[Vec<u8>], give_up: Instant) -> Result<Option<u64>, Fault> {
        let log = self.log;
        let frame = pack(self.end, self.nonce, batch);
        let subject = log.names.log_subject(self.epoch);
        let mut fault = Fault::Silent("no answer in time".to_owned());
        loop {
            let (asked, before_ms) = (std::time::Instant::now(), (log.clock)());
            let expected = Some((EXPECTED, self.end.message));
            let id = Some(format!("{:016x}", self.nonce));
            let sending = log.service.publish(&subject, expected, id, frame.clone());
            let answer = timeout_at(give_up, sending).await;
            let after_ms = (log.clock)();
            let known = match answer {
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
            if let Ok(Err(error @ Fault::Error(_))) = known {
                return Err(error);
            }
            let (landed, end) = {
                let known = log.known.lock();
                if known.epoch != self.epoch {
                    let (was, is) = (self.epoch, known.epoch);
                    return Err(Fault::Error(JournalError::Replaced { was, is }));
                }
                (known.landed(), known.end)
            };
            if let Some((seq, at_ms)) = landed {
                // Nobody else had appended when it was sent, or it would not be there.
                log.contact.known_at(asked);
                log.compared(at_ms, before_ms, after_ms);
                return Ok(Some(seq));
            }
            if end.message > self.end.message {
                return Ok(None);
            }
            if Instant::now() >= give_up {
                return Err(fault);
            }
            if let Ok(Err(Fault::Silent(why))) = known {
                fault = Fault::Silent(why);
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Learns what lies where this was to.
    async fn look(&self) -> Result<(), Fault> {
        if self.log.wait_for(self.end.message + 1, TAIL_PATIENCE).await {
            return Ok(());
        }
        self.log.catch_up(Duration::ZERO).await.map(drop)
    }
}
