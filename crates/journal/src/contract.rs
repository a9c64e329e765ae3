//! The contract of every engine: positions, records, and the traits.

use std::fmt::{self, Display};
use std::path::PathBuf;

use crate::JournalError;
use crate::parts::{PART_NAME_BYTES_MAX, Part, SavedParts};
use crate::replication_status::ReplicationStatus;

/// The largest record, in bytes. A larger one is refused before anything is written.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// The most bytes of all records of a batch together, so that a batch fits into one message of a
/// NATS server. A larger batch is refused before anything is written.
pub const BATCH_BYTES_MAX: usize = 768 * 1024;

/// The most records of one batch, for the same reason: each record adds a few bytes. A larger batch
/// is refused before anything is written.
pub const BATCH_RECORDS_MAX: usize = 20_000;

/// The most records that one call of [`Journal::trim`] removes. So an append never waits long for
/// it.
pub const TRIM_RECORDS_MAX: u64 = 2_000;

/// The most records on a page of a [`Reader`]. So an append never waits long for it.
pub const READER_RECORDS_MAX: usize = 512;

/// A place in a log: the log, and the number of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// A random number, drawn when the log is created. It distinguishes a new log from an old one
    /// whose count jumped.
    pub epoch: u64,
    /// The number of a record; the first one ever has 1. As the position of a log, it is how many
    /// records were ever appended.
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
    /// Its number: one more than that of the record before.
    pub seq: u64,
    /// When a shared log accepted it, by the clock of its service, in milliseconds since the Unix
    /// epoch. `None` in a log of one process, whose records contain their time.
    pub at_ms: Option<u64>,
    /// The bytes that were appended.
    pub bytes: Vec<u8>,
}

/// The most that one read returns. The first record is returned whatever its size, so that a replay
/// always makes progress.
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
/// The caller keeps one order: append, then apply, publish and acknowledge.
///
/// A log belongs to one process, or is shared by any number of replicas: see
/// [`Journal::is_shared`].
pub trait Journal: Send {
    /// The position of the last record. In a new log, `seq` is 0. In a shared log, it is the last
    /// record that can be read here at once.
    fn position(&self) -> Position;

    /// Appends a batch: all of it or nothing, without records of others in between. When this
    /// returns, the batch is durable and the position is that of its last record. Everything up to
    /// it can be read. In a shared log, records of others may lie between the position before and
    /// the batch. An empty batch does nothing.
    ///
    /// # Errors
    ///
    /// [`JournalError::Refused`] if a record is larger than [`RECORD_BYTES_MAX`], or the batch is
    /// larger than [`BATCH_BYTES_MAX`], or has more than [`BATCH_RECORDS_MAX`] records.
    ///
    /// Any other error latches the journal: each later append fails with [`JournalError::Latched`]
    /// until [`Journal::recover`] succeeds. Then the failed batch is not in the log and can be
    /// appended again. If the process ends before that, the batch may be in the log all the same.
    ///
    /// In a shared log, a failed batch may be in the log, or appear in it later, even after a
    /// recovery. So its reader has to count the same evidence only once. An append to a shared log
    /// fails after [`APPEND_MS_MAX`].
    fn append(&mut self, batch: &[Vec<u8>]) -> Result<Position, JournalError>;

    /// The oldest record that is kept. One more than the position if none is.
    fn first_seq(&self) -> u64;

    /// A page of records from this one on, checked for damage. It is empty just after the last
    /// record.
    ///
    /// # Errors
    ///
    /// [`JournalError::NotThere`] for a record that was trimmed, or is more than one past the last.
    /// [`JournalError::Damaged`] if a record is missing, or is not what was appended.
    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError>;

    /// Removes records before this one, at most [`TRIM_RECORDS_MAX`] in a call. Returns the oldest
    /// record that is kept. Call it again while that is below `before_seq` and rises. Records that
    /// no complete snapshot covers are always kept.
    ///
    /// # Errors
    ///
    /// If the removal cannot be written, and while the journal is latched.
    fn trim(&mut self, before_seq: u64) -> Result<u64, JournalError>;

    /// A handle for snapshots of this log, for another thread. The log stays open until its handles
    /// are dropped, too.
    ///
    /// # Errors
    ///
    /// If the engine cannot make one.
    fn snapshots(&self) -> Result<Box<dyn Snapshots>, JournalError>;

    /// A handle for reading this log, for another thread. The log stays open until its handles are
    /// dropped, too.
    ///
    /// # Errors
    ///
    /// If the engine cannot make one.
    fn reader(&self) -> Result<Box<dyn Reader>, JournalError>;

    /// Opens the log again after a failed append. Lifts the latch if the log has everything that
    /// was acknowledged, and nothing else.
    ///
    /// # Errors
    ///
    /// If the log still cannot be opened. The journal stays latched, and this can be called again.
    /// [`JournalError::Damaged`] if an acknowledged record is gone. [`JournalError::Replaced`] as
    /// with [`Journal::refresh`].
    fn recover(&mut self) -> Result<(), JournalError>;

    /// Looks whether the log can still be appended to, without an append: a process that has nothing
    /// to record should notice, too, that the files of its log are gone.
    ///
    /// # Errors
    ///
    /// [`JournalError::Moved`] or [`JournalError::Foreign`]. Either latches the journal.
    fn check(&mut self) -> Result<(), JournalError> {
        Ok(())
    }

    /// Replaces the log by a new one, with a new epoch, these records and a snapshot of all of
    /// them. What is at its place is kept beside it and never overwritten. Lifts the latch, because
    /// the new log has everything.
    ///
    /// The records come in batches, each within the limits of [`Journal::append`]. They begin with
    /// number 2, as if the first one had been trimmed: without its snapshot the log is no log.
    ///
    /// # Errors
    ///
    /// The first error among the records. [`JournalError::Locked`] if another process has locked
    /// the place. [`JournalError::Refused`] if the engine cannot do this. Otherwise if the new log
    /// cannot be written. Then nothing has changed.
    fn rewrite(
        &mut self,
        records: &mut dyn Iterator<Item = Result<Vec<Vec<u8>>, JournalError>>,
        snapshot: &[Part],
    ) -> Result<Rewritten, JournalError> {
        let _only_a_file_is_replaced = (records, snapshot);
        let why = "this journal is not in a file, so it cannot be written anew".to_owned();
        Err(JournalError::Refused { why })
    }

    /// Whether replicas in other processes append to this log, too. Then the position moves by
    /// itself, and [`ReplicationStatus::on_append`] notifies of it.
    fn is_shared(&self) -> bool {
        false
    }

    /// Asks for the end of the log, which has everything that any replica acknowledged by now.
    /// Waits until that can be read here, at most [`APPEND_MS_MAX`].
    ///
    /// # Errors
    ///
    /// If the service of a shared log does not answer. [`JournalError::Replaced`] if the log was
    /// lost and the service has another one. This handle then belongs to the new log, and the state
    /// has to be rebuilt from it.
    fn refresh(&mut self) -> Result<Position, JournalError> {
        Ok(self.position())
    }

    /// The status of the log's replication to this replica.
    fn replication_status(&self) -> ReplicationStatus {
        ReplicationStatus::default()
    }

    /// A handle for the lease of this name, for another thread. At most one replica holds it.
    ///
    /// # Errors
    ///
    /// If the engine cannot make one.
    fn lease(&self, name: &str) -> Result<Box<dyn Lease>, JournalError> {
        let _no_other_holder_is_possible = name;
        Ok(Box::new(OwnLease))
    }
}

/// A log that took the place of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Its last record, which its snapshot covers.
    pub at: Position,
    /// The file of the log that was there before, if there was any.
    pub aside: Option<PathBuf>,
}

/// How long an append or a refresh of a shared log may take, in milliseconds. A caller on the phone
/// waits for at most 2 s in all.
pub const APPEND_MS_MAX: u64 = 1_500;

/// How long a lease lasts without a renewal, in milliseconds.
pub const LEASE_MS: u64 = 10_000;

/// The right to do what only one replica may do.
pub trait Lease: Send {
    /// Acquires or renews the lease. Returns whether it is held, for [`LEASE_MS`] from the moment
    /// of the call. It blocks. Call it at least every third of that time.
    ///
    /// # Errors
    ///
    /// If the service does not answer. A lease that was held stays held until its time is over.
    fn hold(&mut self) -> Result<bool, JournalError>;

    /// Releases the lease, so that another replica need not wait for its end.
    fn release(&mut self) {}
}

/// The lease of a log of one process, which no other process can hold.
struct OwnLease;

impl Lease for OwnLease {
    fn hold(&mut self) -> Result<bool, JournalError> {
        Ok(true)
    }
}

/// Reads a log while it is appended to. It returns durable and acknowledged records only: never a
/// batch whose append has failed or is not done. An append waits for at most one page of
/// [`READER_RECORDS_MAX`] records.
pub trait Reader: Send {
    /// The position of the last record.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    fn position(&mut self) -> Result<Position, JournalError>;

    /// The oldest record that is kept. One more than the position if none is.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    fn first_seq(&mut self) -> Result<u64, JournalError>;

    /// A page of records as from [`Journal::read`], with at most [`READER_RECORDS_MAX`] of them.
    ///
    /// # Errors
    ///
    /// As [`Journal::read`]. A record may be trimmed between two pages.
    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError>;
}

/// The snapshots of one log. The newest complete one is kept, and the others are dropped.
///
/// A snapshot is a list of parts. Those that stay as they are from one snapshot to the next are
/// written once.
pub trait Snapshots: Send {
    /// Saves a snapshot of everything in the log up to this position. Parts are written in small
    /// blocks, so an append never waits for more than one of them. The snapshot counts once it is
    /// complete, and until then the one before counts. Each part is dropped before the next one is
    /// taken.
    ///
    /// # Errors
    ///
    /// [`JournalError::Refused`] if the position is of another log, past this log's end, or before
    /// the newest snapshot; or if a name is too long, or two parts have the same. Otherwise if it
    /// cannot be written. The one before is kept.
    fn save_parts(
        &mut self,
        at: Position,
        parts: &mut dyn Iterator<Item = Part>,
    ) -> Result<SavedParts, JournalError>;

    /// The parts of the newest complete snapshot in the order in which they were saved, if there is
    /// any.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] if it is not what was saved. It names the part.
    fn load_parts(&mut self) -> Result<Option<(Position, Vec<Part>)>, JournalError>;

    /// Saves a snapshot of one part, as [`Snapshots::save_parts`].
    ///
    /// # Errors
    ///
    /// As there.
    fn save(&mut self, at: Position, bytes: &[u8]) -> Result<(), JournalError> {
        self.save_parts(at, &mut std::iter::once(Part::whole(bytes.to_vec()))).map(drop)
    }

    /// The newest complete snapshot as one piece of bytes: those of its parts, one after the other.
    ///
    /// # Errors
    ///
    /// As [`Snapshots::load_parts`].
    fn load(&mut self) -> Result<Option<(Position, Vec<u8>)>, JournalError> {
        Ok(self.load_parts()?.map(|(at, parts)| (at, Part::joined(parts))))
    }
}

/// Refuses the name of a part beside those of the parts before it.
pub(crate) fn refuse_name<'a>(
    name: &str,
    mut before: impl Iterator<Item = &'a str>,
) -> Result<(), JournalError> {
    let why = if name.len() > PART_NAME_BYTES_MAX {
        format!("the name of a part has {} bytes: at most {PART_NAME_BYTES_MAX} fit", name.len())
    } else if before.any(|it| it == name) {
        format!("two parts of a snapshot have the name `{name}`")
    } else {
        return Ok(());
    };
    Err(JournalError::Refused { why })
}

/// Refuses a batch or a record that is too large, before anything is written.
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

/// Refuses a snapshot that does not fit this log, with its last record and newest snapshot.
/// Trimming relies on what a snapshot covers.
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
