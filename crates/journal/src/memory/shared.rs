//! A log in memory, as one of its replicas uses it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Handle, MemoryReader, MemorySnapshots};
use crate::contract::{
    Journal, LEASE_MS, Lease, PageLimit, Position, Reader, Record, Snapshots, refuse_large,
};
use crate::latch::Latch;
use crate::{JournalError, ReplicationStatus};

/// What a shared log knows of its replicas.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    /// The holder and the end of each lease.
    leases: HashMap<String, (u64, u64)>,
    links: u64,
}

impl Replicas {
    pub(super) fn new_link(&mut self) -> Link {
        self.links += 1;
        Link { is_partitioned: Arc::default(), number: self.links }
    }

    /// The same replicas, after the log was lost with all leases.
    pub(super) fn without_leases(&self) -> Self {
        Self { leases: HashMap::new(), links: self.links }
    }
}

/// The link from a replica to a shared log. Clones are the same link.
#[derive(Clone, Debug)]
pub struct Link {
    is_partitioned: Arc<AtomicBool>,
    number: u64,
}

impl Link {
    /// Cuts the link, or restores it.
    pub fn set_partitioned(&self, is_partitioned: bool) {
        self.is_partitioned.store(is_partitioned, Ordering::Release);
    }

    fn check(&self, doing: &str) -> Result<(), JournalError> {
        match self.is_partitioned.load(Ordering::Acquire) {
            true => Err(JournalError::Io { doing: doing.to_owned(), why: "it is cut off".into() }),
            false => Ok(()),
        }
    }
}

/// A replica's journal. It knows its own appends, and the end of the log at its last refresh.
pub(super) struct SharedJournal {
    handle: Handle,
    link: Link,
    known: Position,
    latch: Latch,
}

impl SharedJournal {
    pub(super) fn new(handle: Handle, link: Link, known: Position) -> Self {
        Self { handle, link, known, latch: Latch::default() }
    }

    fn push(&self, batch: &[Vec<u8>]) -> Result<Position, JournalError> {
        self.link.check("appending")?;
        let mut log = self.handle.log();
        if log.epoch != self.known.epoch {
            return Err(JournalError::Replaced { was: self.known.epoch, is: log.epoch });
        }
        if !batch.is_empty() {
            log.has_space()?;
        }
        log.push(batch);
        Ok(log.position())
    }
}

impl Journal for SharedJournal {
    fn position(&self) -> Position {
        self.known
    }

    fn append(&mut self, batch: &[Vec<u8>]) -> Result<Position, JournalError> {
        self.latch.check()?;
        refuse_large(batch)?;
        self.known = self.latch.watch(self.push(batch))?;
        Ok(self.known)
    }

    fn first_seq(&self) -> u64 {
        self.handle.log().first_seq
    }

    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        let log = self.handle.log();
        let last = self.known.seq;
        if from_seq > last + 1 {
            return Err(JournalError::NotThere { wanted: from_seq, first: log.first_seq, last });
        }
        let mut page = log.page(from_seq, limit)?;
        page.retain(|record| record.seq <= last);
        Ok(page)
    }

    fn trim(&mut self, before_seq: u64) -> Result<u64, JournalError> {
        self.latch.check()?;
        self.link.check("trimming")?;
        Ok(self.handle.log().trim(before_seq))
    }

    fn snapshots(&self) -> Result<Box<dyn Snapshots>, JournalError> {
        Ok(Box::new(MemorySnapshots { handle: Handle::new(&self.handle.0) }))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        Ok(Box::new(MemoryReader { handle: Handle::new(&self.handle.0) }))
    }

    fn recover(&mut self) -> Result<(), JournalError> {
        self.refresh()?;
        self.handle.log().has_space()?;
        self.latch.open();
        Ok(())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn refresh(&mut self) -> Result<Position, JournalError> {
        self.link.check("asking how far the log is")?;
        let found = self.handle.log().position();
        let was = std::mem::replace(&mut self.known, found).epoch;
        if was != found.epoch {
            self.latch.open();
            return Err(JournalError::Replaced { was, is: found.epoch });
        }
        Ok(found)
    }

    fn replication_status(&self) -> ReplicationStatus {
        ReplicationStatus::default()
    }

    fn lease(&self, name: &str) -> Result<Box<dyn Lease>, JournalError> {
        let (handle, link) = (Handle::new(&self.handle.0), self.link.clone());
        Ok(Box::new(MemoryLease { handle, link, name: name.to_owned() }))
    }
}

struct MemoryLease {
    handle: Handle,
    link: Link,
    name: String,
}

impl Lease for MemoryLease {
    fn hold(&mut self) -> Result<bool, JournalError> {
        self.link.check("taking a lease")?;
        let mut log = self.handle.log();
        let now_ms = log.now_ms;
        let (holder, until_ms) = log.replicas.leases.get(&self.name).copied().unwrap_or_default();
        let is_free = holder == self.link.number || until_ms <= now_ms;
        if is_free {
            log.replicas.leases.insert(self.name.clone(), (self.link.number, now_ms + LEASE_MS));
        }
        Ok(is_free)
    }

    fn release(&mut self) {
        let mut log = self.handle.log();
        if log
            .replicas
            .leases
            .get(&self.name)
            .is_some_and(|(holder, _)| *holder == self.link.number)
        {
            log.replicas.leases.remove(&self.name);
        }
    }
}
