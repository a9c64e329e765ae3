//! A log on a NATS service (JetStream), shared by any number of replicas.
//!
//! The service orders, replicates and stores the messages. This engine does none of that.
//! `docs/JOURNAL.md` describes the stored messages, the promises, and the needs of a production
//! service.

mod address;
mod append;
mod client;
mod connect;
mod cursor;
mod fault;
mod follower;
mod frame;
mod history;
mod lease;
mod log;
mod log_index;
mod login;
mod opening;
mod order;
mod quorum;
mod runtime;
mod snapshots;
mod state;
mod subjects;
mod tls;
mod trim;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use self::address::NatsAddress;
use self::append::{append, cancel};
use self::cursor::{Cursor, from_memory};
use self::fault::Fault;
#[cfg(feature = "testing")]
pub use self::frame::{pack_nats_message, pack_old_nats_log, read_nats_message};
use self::lease::NatsLease;
use self::log::{FOLLOWER_PATIENCE, Log};
use self::runtime::Runtime;
use self::snapshots::NatsSnapshots;
use crate::contract::{
    APPEND_MS_MAX, Journal, Lease, PageLimit, Position, Reader, Record, Snapshots, refuse_large,
};
use crate::latch::Latch;
use crate::memory::draw_epoch as draw;
use crate::{JournalError, ReplicationStatus};

/// The time of this machine's clock, in milliseconds since the Unix epoch.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How long an append or a refresh may take.
const PATIENCE: Duration = Duration::from_millis(APPEND_MS_MAX);

/// How much longer the caller waits for a task that has a limit of its own.
const GRACE: Duration = Duration::from_millis(100);

/// How long fetching a page or a step of a trim may take.
const FETCH_PATIENCE: Duration = Duration::from_secs(10);

/// How long the change to a new log may take.
const REPLACE_PATIENCE: Duration = Duration::from_secs(30);

/// A log, as the writer of one replica uses it.
pub(crate) struct NatsJournal {
    runtime: Arc<Runtime>,
    cursor: Arc<tokio::sync::Mutex<Cursor>>,
    latch: Latch,
}

impl NatsJournal {
    pub(crate) fn open(address: NatsAddress, clock: Clock) -> Result<Self, JournalError> {
        let runtime = Arc::new(Runtime::open(address, clock)?);
        Ok(Self { runtime, cursor: Arc::default(), latch: Latch::default() })
    }

    fn send(&self, batch: &[Vec<u8>]) -> Result<Position, JournalError> {
        let (log, batch) = (self.runtime.log.clone(), batch.to_vec());
        let sent = self.runtime.wait(PATIENCE + GRACE, async move {
            append(&log, &batch, Instant::now() + PATIENCE).await
        });
        sent.map_err(|fault| fault.into_error("appending"))
    }

    /// Brings the index up to the end of the log. Changes to the new log if this one was lost.
    fn bring_up_to_date(&mut self) -> Result<(), JournalError> {
        let log = self.runtime.log.clone();
        let give_up = Instant::now() + PATIENCE;
        let refreshed = self.runtime.wait(PATIENCE + GRACE, async move {
            loop {
                match log.catch_up(FOLLOWER_PATIENCE).await {
                    Err(Fault::Silent(_))
                        if Instant::now() + Duration::from_millis(100) < give_up =>
                    {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    other => return other,
                }
            }
        });
        match refreshed {
            Ok(_) => Ok(()),
            Err(Fault::NoStream | Fault::Error(JournalError::Replaced { .. })) => {
                let log = self.runtime.log.clone();
                let replacing = async move {
                    log.replace().await.map_err(Fault::Error)?;
                    log.catch_up(FOLLOWER_PATIENCE).await.map(drop)
                };
                let replaced = self.runtime.wait(REPLACE_PATIENCE, replacing);
                let replaced = replaced.map_err(|fault| fault.into_error("opening a new log"));
                if let Err(JournalError::Replaced { .. }) = replaced {
                    // Nothing was appended to the new log yet, so nothing in it is uncertain.
                    self.latch.open();
                }
                replaced
            }
            Err(fault) => Err(fault.into_error("asking how far the log is")),
        }
    }
}

impl Journal for NatsJournal {
    fn position(&self) -> Position {
        position(&self.runtime.log)
    }

    fn append(&mut self, batch: &[Vec<u8>]) -> Result<Position, JournalError> {
        self.latch.check()?;
        refuse_large(batch)?;
        if batch.is_empty() {
            return Ok(self.position());
        }
        let sent = self.send(batch);
        self.latch.watch(sent)
    }

    fn first_seq(&self) -> u64 {
        self.runtime.log.index.lock().first_seq
    }

    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        read(&self.runtime, &self.cursor, from_seq, limit)
    }

    fn trim(&mut self, before_seq: u64) -> Result<u64, JournalError> {
        self.latch.check()?;
        let log = self.runtime.log.clone();
        let trimming = async move { trim::step(&log, before_seq).await };
        let trimmed = self.runtime.wait(FETCH_PATIENCE, trimming);
        trimmed.map_err(|fault| fault.into_error("trimming"))
    }

    fn snapshots(&self) -> Result<Box<dyn Snapshots>, JournalError> {
        Ok(Box::new(NatsSnapshots { runtime: self.runtime.clone() }))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        Ok(Box::new(NatsReader { runtime: self.runtime.clone(), cursor: Arc::default() }))
    }

    fn recover(&mut self) -> Result<(), JournalError> {
        self.bring_up_to_date()?;
        let log = self.runtime.log.clone();
        let verifying = async move { log.verify().await };
        let verified = self.runtime.wait(FETCH_PATIENCE, verifying);
        verified.map_err(|fault| fault.into_error("looking for the last record"))?;
        if self.latch.is_closed() {
            // If the failed batch has not come by now, it never counts. If it has come, its records
            // stay in the log, and the caller may append them once more.
            let log = self.runtime.log.clone();
            let cancelled = self.runtime.wait(PATIENCE + GRACE, async move {
                cancel(&log, Instant::now() + PATIENCE).await
            });
            cancelled.map_err(|fault| fault.into_error("appending"))?;
            self.latch.open();
        }
        Ok(())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn refresh(&mut self) -> Result<Position, JournalError> {
        self.bring_up_to_date()?;
        Ok(self.position())
    }

    fn replication_status(&self) -> ReplicationStatus {
        self.runtime.log.status.clone()
    }

    fn lease(&self, name: &str) -> Result<Box<dyn Lease>, JournalError> {
        Ok(Box::new(NatsLease::new(&self.runtime, name)?))
    }
}

struct NatsReader {
    runtime: Arc<Runtime>,
    cursor: Arc<tokio::sync::Mutex<Cursor>>,
}

impl Reader for NatsReader {
    fn position(&mut self) -> Result<Position, JournalError> {
        Ok(position(&self.runtime.log))
    }

    fn first_seq(&mut self) -> Result<u64, JournalError> {
        Ok(self.runtime.log.index.lock().first_seq)
    }

    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        read(&self.runtime, &self.cursor, from_seq, limit.of_a_reader())
    }
}

fn position(log: &Log) -> Position {
    let index = log.index.lock();
    Position { epoch: index.epoch, seq: index.end().seq }
}

fn read(
    runtime: &Runtime,
    cursor: &Arc<tokio::sync::Mutex<Cursor>>,
    from_seq: u64,
    limit: PageLimit,
) -> Result<Vec<Record>, JournalError> {
    let log = runtime.log.clone();
    if let Some(page) = from_memory(&log, from_seq, limit)? {
        return Ok(page);
    }
    let cursor = cursor.clone();
    let fetching = async move {
        let mut cursor = cursor.lock().await;
        match cursor.fetch(&log, from_seq, limit).await {
            Err(Fault::NotFound | Fault::NoStream) => {
                Err(Fault::Error(log.why_not_there(from_seq).await))
            }
            other => other,
        }
    };
    let fetched = runtime.wait(FETCH_PATIENCE, fetching);
    fetched.map_err(|fault| fault.into_error("reading"))
}
