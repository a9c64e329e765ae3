//! A log that is kept by a NATS service (JetStream), shared by any number of replicas.
//!
//! The service orders, replicates and keeps; nothing of that is done here. `docs/JOURNAL.md` says
//! what is stored, what is promised, and what a production service needs.

mod address;
mod append;
mod engine;
mod fault;
mod frame;
mod known;
mod lease;
mod log;
mod majority;
mod names;
mod pages;
mod service;
mod snapshots;
mod state;
mod tail;
mod trim;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use self::address::NatsAddress;
use self::append::append;
use self::engine::Engine;
use self::fault::Fault;
use self::lease::NatsLease;
use self::log::{Log, TAIL_PATIENCE};
use self::pages::{Cursor, at_hand};
use self::snapshots::NatsSnapshots;
use crate::contract::{
    APPEND_MS_MAX, Journal, Lease, PageLimit, Position, Reader, Record, Snapshots, refuse_large,
};
use crate::latch::Latch;
use crate::memory::draw_epoch as draw;
use crate::{Contact, JournalError};

/// What tells the time of this machine, in milliseconds since the Unix epoch.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How long an append or a question may take.
const PATIENCE: Duration = Duration::from_millis(APPEND_MS_MAX);

/// How much longer is waited for what bounds itself.
const GRACE: Duration = Duration::from_millis(100);

/// How long a page may take that has to be fetched, and a step of a trim.
const FETCH_PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take to begin anew with a log.
const BEGIN_PATIENCE: Duration = Duration::from_secs(30);

/// A replica's way to a log.
pub(crate) struct NatsJournal {
    engine: Arc<Engine>,
    cursor: Arc<tokio::sync::Mutex<Cursor>>,
    latch: Latch,
}

impl NatsJournal {
    pub(crate) fn open(address: NatsAddress, clock: Clock) -> Result<Self, JournalError> {
        let engine = Arc::new(Engine::open(address, clock)?);
        Ok(Self { engine, cursor: Arc::default(), latch: Latch::default() })
    }

    fn send(&self, batch: &[Vec<u8>]) -> Result<Position, JournalError> {
        let (log, batch) = (self.engine.log.clone(), batch.to_vec());
        let sent = self.engine.wait(PATIENCE + GRACE, async move {
            append(&log, &batch, Instant::now() + PATIENCE).await
        });
        sent.map_err(|fault| fault.into_error("appending"))
    }

    /// Learns how far the log is, and turns to the new one if it was lost.
    fn ask(&mut self) -> Result<(), JournalError> {
        let log = self.engine.log.clone();
        let give_up = Instant::now() + PATIENCE;
        let asked = self.engine.wait(PATIENCE + GRACE, async move {
            loop {
                match log.catch_up(TAIL_PATIENCE).await {
                    Err(Fault::Silent(_))
                        if Instant::now() + Duration::from_millis(100) < give_up =>
                    {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    other => return other,
                }
            }
        });
        match asked {
            Ok(_) => Ok(()),
            Err(Fault::NotFound | Fault::Error(JournalError::Replaced { .. })) => {
                let log = self.engine.log.clone();
                let beginning = async move {
                    log.replace().await.map_err(Fault::Error)?;
                    log.catch_up(TAIL_PATIENCE).await.map(drop)
                };
                let begun = self.engine.wait(BEGIN_PATIENCE, beginning);
                let begun = begun.map_err(|fault| fault.into_error("opening a new log"));
                if let Err(JournalError::Replaced { .. }) = begun {
                    self.latch.open();
                }
                begun
            }
            Err(fault) => Err(fault.into_error("asking how far the log is")),
        }
    }
}

impl Journal for NatsJournal {
    fn position(&self) -> Position {
        position(&self.engine.log)
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
        self.engine.log.known.lock().first_seq
    }

    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        read(&self.engine, &self.cursor, from_seq, limit)
    }

    fn trim(&mut self, before_seq: u64) -> Result<u64, JournalError> {
        self.latch.check()?;
        let log = self.engine.log.clone();
        let trimming = async move { trim::step(&log, before_seq).await };
        let trimmed = self.engine.wait(FETCH_PATIENCE, trimming);
        trimmed.map_err(|fault| fault.into_error("trimming"))
    }

    fn snapshots(&self) -> Result<Box<dyn Snapshots>, JournalError> {
        Ok(Box::new(NatsSnapshots { engine: self.engine.clone() }))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        Ok(Box::new(NatsReader { engine: self.engine.clone(), cursor: Arc::default() }))
    }

    fn recover(&mut self) -> Result<(), JournalError> {
        self.ask()?;
        let log = self.engine.log.clone();
        let verifying = async move { log.verify().await };
        let verified = self.engine.wait(FETCH_PATIENCE, verifying);
        verified.map_err(|fault| fault.into_error("looking for the last record"))?;
        if self.latch.is_closed() {
            // A message without records: it shows that there is room, and what was sent for its
            // place and has not come is void from now on.
            self.send(&[])?;
            self.latch.open();
        }
        Ok(())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn refresh(&mut self) -> Result<Position, JournalError> {
        self.ask()?;
        Ok(self.position())
    }

    fn contact(&self) -> Contact {
        self.engine.log.contact.clone()
    }

    fn lease(&self, name: &str) -> Result<Box<dyn Lease>, JournalError> {
        Ok(Box::new(NatsLease::new(&self.engine, name)?))
    }
}

struct NatsReader {
    engine: Arc<Engine>,
    cursor: Arc<tokio::sync::Mutex<Cursor>>,
}

impl Reader for NatsReader {
    fn position(&mut self) -> Result<Position, JournalError> {
        Ok(position(&self.engine.log))
    }

    fn first_seq(&mut self) -> Result<u64, JournalError> {
        Ok(self.engine.log.known.lock().first_seq)
    }

    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        read(&self.engine, &self.cursor, from_seq, limit.of_a_reader())
    }
}

fn position(log: &Log) -> Position {
    let known = log.known.lock();
    Position { epoch: known.epoch, seq: known.end.seq }
}

fn read(
    engine: &Engine,
    cursor: &Arc<tokio::sync::Mutex<Cursor>>,
    from_seq: u64,
    limit: PageLimit,
) -> Result<Vec<Record>, JournalError> {
    let log = engine.log.clone();
    if let Some(page) = at_hand(&log, from_seq, limit)? {
        return Ok(page);
    }
    let cursor = cursor.clone();
    let fetching = async move {
        let mut cursor = cursor.lock().await;
        match cursor.fetch(&log, from_seq, limit).await {
            Err(Fault::NotFound) => Err(Fault::Error(log.why_not_there(from_seq).await)),
            other => other,
        }
    };
    let fetched = engine.wait(FETCH_PATIENCE, fetching);
    fetched.map_err(|fault| fault.into_error("reading"))
}
