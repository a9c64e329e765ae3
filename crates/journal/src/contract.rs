//! The contract of every engine: positions, records, and the traits.

use std::fmt::{self, Display};

use crate::JournalError;
use crate::replication_status::ReplicationStatus;

/// The largest record, in bytes. A larger one is refused before anything is written.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// The most that the records of one batch have together, in bytes, so that a batch fits into one
/// message of an engine that is reached by network. A larger one is refused before anything is
/// written.
pub const BATCH_BYTES_MAX: usize = 768 * 1024;

/// The most records of one batch, for the same reason: each has a little around it. A larger one is
/// refused before anything is written.
pub const BATCH_RECORDS_MAX: usize = 20_000;

/// The most records that one call of [`Journal::trim`] removes, so that an append never waits long
/// behind it.
pub const TRIM_RECORDS_MAX: u64 = 2_000;

/// The most records on a page that a [`Reader`] gives, so that an append never waits long behind
/// it.
pub const READER_RECORDS_MAX: usize = 512;

/// A place in a log: which log, and how far along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Drawn at random when the log is created, so that a new log is never taken for an old one
    /// whose count jumped.
    pub epoch: u64,
    /// The number of a record; the first one ever is 1. As the position of a log: how many records
    /// were appended in its life.
    pub seq: u64,
}

impl Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} of log {:016x}", self.seq, self.epoch)
    }
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number; each record's is one more than that of the record before.
    pub seq: u64,
    /// When a shared log took it in, by the clock of its service, in milliseconds since the Unix
    /// epoch. `None` in a log of one process, whose records say it themselves.
    pub at_ms: Option<u64>,
    /// As they were appended.
    pub bytes: Vec<u8>,
}

/// How much one read returns at most. The first record is returned whatever its size, so that a
/// replay always gets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit {
    /// The number of records; 0 is taken as 1.
    pub records_max: usize,
    /// The sum of their bytes.
    pub bytes_max: usize,
}

impl PageLimit {
    pub(crate) fn of_a_reader(self) -> Self {
        Self { records_max: self.records_max.min(READER_RECORDS_MAX), ..self }
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self { records_max: 4096, bytes_max: 4 * 1024 * 1024 }
    }
}

/// An ordered, durable log. It belongs to one thread, and its calls block.
///
/// The order is the writer's safety: append, and only then apply, publish and acknowledge.
///
/// A log is either of one process, which has it to itself, or shared by any number of replicas: see
/// [`Journal::is_shared`].
pub trait Journal: Send {
    /// The position of the last record; `seq` is 0 in a new log. In a shared log, of the last one
    /// that is known here and can be read at once.
    fn position(&self) -> Position;

    /// Appends a batch: all of it or nothing, with nothing of others in between. When this returns
    /// the batch is durable, and the position is that of its last record: all up to there can be
    /// read. In a shared log there may be records of others between what was the position before
    /// and the batch. An empty batch does nothing.
    ///
    /// # Errors
    ///
    /// [`JournalError::Refused`] if a record is larger than [`RECORD_BYTES_MAX`], or all together
    /// than [`BATCH_BYTES_MAX`], or if there are more of them than [`BATCH_RECORDS_MAX`]. Any other
    /// error latches the journal: each later append fails with [`JournalError::Latched`] until
    /// [`Journal::recover`] has succeeded. Then the failed batch is not in the log and can be
    /// appended again. If the process ends before that, the batch may turn out to be in the log:
    /// a failed append says that nothing is certain, not that nothing was written. In a shared log
    /// that holds after a recovery too: it may be there, or come to be there, without harm to a
    /// reader to whom the same thing twice is once. A shared log is given up after
    /// [`APPEND_MS_MAX`].
    fn append(&mut self, batch: &[Vec<u8>]) -> Result<Position, JournalError>;

    /// The oldest record that is kept; one past the position if none is.
    fn first_seq(&self) -> u64;

    /// A page of records from this one on, checked for damage; empty just past the last record.
    ///
    /// # Errors
    ///
    /// [`JournalError::NotThere`] for a record that was trimmed or is further off than the next
    /// one. [`JournalError::Damaged`] if a record is missing or is not what was appended.
    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError>;

    /// Removes records before this one, at most [`TRIM_RECORDS_MAX`] in a call, and returns the
    /// oldest that is kept: call again while that is less and rises. Records that are in no
    /// complete snapshot are kept whatever is asked.
    ///
    /// # Errors
    ///
    /// If the removal cannot be written, and while the journal is latched.
    fn trim(&mut self, before_seq: u64) -> Result<u64, JournalError>;

    /// A handle for snapshots of this log, for another thread. The log stays open until its
    /// handles are dropped as well.
    ///
    /// # Errors
    ///
    /// If the engine cannot make one.
    fn snapshots(&self) -> Result<Box<dyn Snapshots>, JournalError>;

    /// A handle for reading this log, for another thread. The log stays open until its handles are
    /// dropped as well.
    ///
    /// # Errors
    ///
    /// If the engine cannot make one.
    fn reader(&self) -> Result<Box<dyn Reader>, JournalError>;

    /// Opens the log again after a failed append, and lifts the latch if all that was acknowledged
    /// is there and nothing else.
    ///
    /// # Errors
    ///
    /// If the log still cannot be opened; the journal stays latched and this can be called again.
    /// [`JournalError::Damaged`] if an acknowledged record is gone. [`JournalError::Replaced`] as
    /// [`Journal::refresh`].
    fn recover(&mut self) -> Result<(), JournalError>;

    /// Whether replicas in other processes append to this log too. Then the position moves by
    /// itself, and [`ReplicationStatus`] calls a function when it does.
    fn is_shared(&self) -> bool {
        false
    }

    /// Asks for the end of the log, which has all that was acknowledged to any replica by now, and
    /// waits until that much can be read here. It takes [`APPEND_MS_MAX`] at most.
    ///
    /// # Errors
    ///
    /// If the service of a shared log does not answer. [`JournalError::Replaced`] if it has another
    /// log by now, because the one before was lost: this handle is of the new one from then on,
    /// and a state that was made from the old one has to be rebuilt.
    fn refresh(&mut self) -> Result<Position, JournalError> {
        Ok(self.position())
    }

    /// The status of the log's replication to this replica.
    fn replication_status(&self) -> ReplicationStatus {
        ReplicationStatus::default()
    }

    /// A handle for the lease of this name, for another thread. One replica at most holds it.
    ///
    /// # Errors
    ///
    /// If the engine cannot make one.
    fn lease(&self, name: &str) -> Result<Box<dyn Lease>, JournalError> {
        let _no_other_holder_is_possible = name;
        Ok(Box::new(OwnLease))
    }
}

/// How long a shared log may take to append or to say how far it is, in milliseconds: a caller
/// waits for no longer than 2 s in all.
pub const APPEND_MS_MAX: u64 = 1_500;

/// How long a lease is held without being renewed, in milliseconds.
pub const LEASE_MS: u64 = 10_000;

/// The right to do what only one of several replicas may do.
pub trait Lease: Send {
    /// Takes the lease or renews it, and says whether it is held: then for [`LEASE_MS`] from the
    /// moment of the call. It blocks; call it about every third of that time.
    ///
    /// # Errors
    ///
    /// If the service does not answer. What was held before is held until its time is over.
    fn hold(&mut self) -> Result<bool, JournalError>;

    /// Releases the lease, so that another replica need not wait until its time is over.
    fn release(&mut self) {}
}

/// The lease of a log of one process: no other holder is possible.
struct OwnLease;

impl Lease for OwnLease {
    fn hold(&mut self) -> Result<bool, JournalError> {
        Ok(true)
    }
}

/// Reads one log while it is appended to. It sees what is durable and acknowledged: never a batch
/// whose append has failed or is still under way. An append waits for one page of
/// [`READER_RECORDS_MAX`] records at most.
pub trait Reader: Send {
    /// The position of the last record.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    fn position(&mut self) -> Result<Position, JournalError>;

    /// The oldest record that is kept; one past the position if none is.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    fn first_seq(&mut self) -> Result<u64, JournalError>;

    /// A page of records, as [`Journal::read`] gives it, of [`READER_RECORDS_MAX`] records at most.
    ///
    /// # Errors
    ///
    /// As [`Journal::read`]; a record may be trimmed between two pages.
    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError>;
}

/// The snapshots of one log: the newest complete one is kept, the others are dropped.
pub trait Snapshots: Send {
    /// Saves a snapshot of all that the log says up to this position. It is written in small
    /// pieces, so that appends meanwhile never wait for more than one of them, and it counts once
    /// it is complete; until then the one before does.
    ///
    /// # Errors
    ///
    /// [`JournalError::Refused`] if the position is of another log, past this log's end, or older
    /// than the newest snapshot. Otherwise if it cannot be written; the one before is kept.
    fn save(&mut self, at: Position, bytes: &[u8]) -> Result<(), JournalError>;

    /// The newest complete snapshot, if there is any.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if it is not what was saved.
    fn load(&mut self) -> Result<Option<(Position, Vec<u8>)>, JournalError>;
}

/// Refuses a batch that is too large, or has a record that is, before any of it is written.
pub(crate) fn refuse_large(batch: &[Vec<u8>]) -> Result<(), JournalError> {
    let largest = batch.iter().map(Vec::len).max().unwrap_or(0);
    let together: usize = batch.iter().map(Vec::len).sum();
    let why = if largest > RECORD_BYTES_MAX {
        format!("a record of {largest} bytes is too large: at most {RECORD_BYTES_MAX} fit")
    } else if batch.len() > BATCH_RECORDS_MAX {
        format!("a batch of {} records is too large: at most {BATCH_RECORDS_MAX} fit", batch.len())
    } else if together > BATCH_BYTES_MAX {
        format!("a batch of {together} bytes is too large: at most {BATCH_BYTES_MAX} fit")
    } else {
        return Ok(());
    };
    Err(JournalError::Refused { why })
}

/// Refuses a snapshot that does not fit to the log, whose last record and newest snapshot are
/// these: trimming relies on what a snapshot says that it covers.
pub(crate) fn refuse_odd(
    at: Position,
    log: Position,
    newest: Option<u64>,
) -> Result<(), JournalError> {
    let expected = if at.epoch != log.epoch {
        format!("one of log {:016x}", log.epoch)
    } else if at.seq > log.seq {
        format!("one of record {} at most, the last one", log.seq)
    } else if let Some(newest) = newest.filter(|newest| at.seq < *newest) {
        format!("one of record {newest} at least, as there is one of that already")
    } else {
        return Ok(());
    };
    Err(JournalError::Refused { why: format!("a snapshot of {at}: expected {expected}") })
}
