//! An ordered, durable log of byte records, with snapshots to shorten its replay.
//!
//! A log is opened by its address. One writer thread uses it through [`Journal`], a small trait
//! that hides the engine. The journal does not know what a record means. `docs/JOURNAL.md`
//! describes the formats, what a crash can leave behind, backup and restore.
//!
//! ```
//! use live_users_journal::{PageLimit, open};
//!
//! let mut journal = open("memory:")?;
//! let position = journal.append(&[b"first".to_vec(), b"second".to_vec()])?;
//! assert_eq!(position.seq, 2);
//! assert_eq!(journal.read(2, PageLimit::default())?[0].bytes, b"second");
//! # Ok::<(), live_users_journal::JournalError>(())
//! ```
//!
//! # Features
//!
//! None is on by default. The contract and the log in memory need hardly any other package.
//!
//! - `sqlite`: logs on a local disk, `file:DIRECTORY`, and their `backup`.
//! - `nats`: logs that a NATS service keeps, `nats://HOST:PORT/NAME`.
//! - `testing`: the `conformance` suite, replicas in memory, and faults on demand.

mod address;
mod checksum;
#[cfg(feature = "testing")]
pub mod conformance;
mod contract;
mod error;
mod latch;
mod memory;
#[cfg(feature = "nats")]
mod nats;
#[cfg(any(feature = "nats", feature = "sqlite"))]
mod part_id;
mod parts;
mod replication_status;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
use std::path::Path;
#[cfg(feature = "nats")]
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub use contract::{
    APPEND_MS_MAX, BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Journal, LEASE_MS, Lease, PageLimit,
    Position, READER_RECORDS_MAX, RECORD_BYTES_MAX, Reader, Record, Rewritten, Snapshots,
    TRIM_RECORDS_MAX,
};
pub use error::{FaultKind, JournalError};
#[cfg(feature = "testing")]
pub use memory::Link;
pub use memory::Memory;
#[cfg(all(feature = "nats", feature = "testing"))]
pub use nats::{pack_nats_message, pack_old_nats_log, read_nats_message};
pub use parts::{PART_NAME_BYTES_MAX, Part, SavedParts};
pub use replication_status::{ReplicationStatus, WarningKind};

pub use self::address::{beside, without_secrets};

use self::address::Address;

/// Opens the log at this address, and creates it if there is none.
///
/// - `file:DIRECTORY`, such as `file:./data` or `file:/var/lib/live-users`, is a log on a local
///   disk. Only one process at a time can open it.
/// - `memory:` is a new log that is gone when it is dropped.
/// - `nats://HOST:PORT/NAME` is a log on a NATS service for any number of replicas: see
///   docs/JOURNAL.md.
///
/// # Errors
///
/// [`JournalError::NotBuiltIn`] if this program was built without the engine of the address.
/// Otherwise if the address has another form, or the log cannot be opened. Each variant of
/// [`JournalError`] says what to do.
pub fn open(url: &str) -> Result<Box<dyn Journal>, JournalError> {
    open_with_clock(url, machine_ms)
}

/// Whether an address can be one of a log; nothing is opened.
///
/// # Errors
///
/// [`JournalError::BadAddress`] or [`JournalError::NotBuiltIn`], with what is expected.
pub fn check_address(url: &str) -> Result<(), JournalError> {
    Address::parse(url).map(drop)
}

/// Whether there is no log at this address, as far as that is known without opening it: a directory without
/// one. A service is not asked.
#[must_use]
pub fn is_missing(url: &str) -> bool {
    match Address::parse(url) {
        #[cfg(feature = "sqlite")]
        Ok(Address::Directory(directory)) => sqlite::refuse_missing(&directory).is_err(),
        _ => false,
    }
}

/// The names of the logs that are [`beside`] the one at this address: in directories below its own. A service
/// is not asked.
#[must_use]
pub fn names_beside(url: &str) -> Vec<String> {
    match Address::parse(url) {
        #[cfg(feature = "sqlite")]
        Ok(Address::Directory(directory)) => sqlite::logs_below(&directory),
        _ => Vec::new(),
    }
}

/// As [`open`], but refuses a directory without a log in place of creating one.
///
/// # Errors
///
/// As [`open`], and [`JournalError::Refused`] if there is none.
pub fn open_existing(url: &str) -> Result<Box<dyn Journal>, JournalError> {
    match Address::parse(url)? {
        #[cfg(feature = "sqlite")]
        Address::Directory(directory) => sqlite::refuse_missing(&directory)?,
        #[cfg(feature = "nats")]
        Address::Nats(_) => {}
        Address::Memory => {}
    }
    open(url)
}

/// As [`open`], with this clock in place of the machine's, in milliseconds since the Unix epoch. It
/// matters for a log with a time of its own: see [`ReplicationStatus::log_time_ms`].
///
/// # Errors
///
/// As [`open`].
pub fn open_with_clock(
    url: &str,
    clock: impl Fn() -> u64 + Send + Sync + 'static,
) -> Result<Box<dyn Journal>, JournalError> {
    #[cfg(not(feature = "nats"))]
    let _only_a_service_has_a_clock_of_its_own = clock;
    match Address::parse(url)? {
        #[cfg(feature = "sqlite")]
        Address::Directory(directory) => Ok(Box::new(sqlite::FileJournal::open(&directory)?)),
        Address::Memory => Memory::new()?.open(),
        #[cfg(feature = "nats")]
        Address::Nats(address) => Ok(Box::new(nats::NatsJournal::open(address, Arc::new(clock))?)),
    }
}

/// Copies the log at this address into the new file `to`, as it is at this moment. Returns the
/// position of the last record in the copy.
///
/// This process or another one may use the log meanwhile, and appends do not wait. To restore, put
/// the copy as `journal.sqlite3` into an empty directory and open that.
///
/// # Errors
///
/// If the address is not `file:`, if there is no log, if `to` exists, or if reading or writing
/// fails. An unfinished copy never has the name `to`.
#[cfg(feature = "sqlite")]
pub fn backup(url: &str, to: &Path) -> Result<Position, JournalError> {
    match Address::parse(url)? {
        Address::Directory(directory) => sqlite::backup(&directory, to),
        #[cfg(feature = "nats")]
        Address::Nats(_) => Err(JournalError::Refused {
            why: "a journal that a NATS service keeps is backed up by copying it into a file: run \
                  `live-users-backend journal copy --in-use`"
                .to_owned(),
        }),
        Address::Memory => Err(JournalError::Refused {
            why: "a log in memory has no backup; it is for tests".to_owned(),
        }),
    }
}

/// The time of this machine's clock, in milliseconds since the Unix epoch.
fn machine_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
