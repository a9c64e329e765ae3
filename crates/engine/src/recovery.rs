//! From a journal to the state that it tells: the newest snapshot, and the records behind it
//! through the same `apply` that runs when they are written.

use live_users_core::Tracker;
use live_users_journal::{Journal, JournalError, PageLimit};
use log::{info, warn};

use crate::record::{FormError, Record, decode_snapshot};
use crate::writer::apply;

/// Why a journal does not tell a state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoveryError {
    /// It cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record is there, and says nothing that this program understands.
    #[error("record {seq} of the journal is {error}")]
    Record {
        /// Which.
        seq: u64,
        /// What is wrong with it.
        error: FormError,
    },
    /// The snapshot is there, and says nothing that this program understands.
    #[error("the snapshot in the journal is {0}")]
    Snapshot(FormError),
    /// The records begin in the middle, and there is no snapshot of what was before.
    #[error(
        "the journal begins with record {first} and has no snapshot of what was before: restore a \
         backup as docs/JOURNAL.md says"
    )]
    NoBeginning {
        /// The oldest record that is kept.
        first: u64,
    },
}

/// The state that a journal tells, and the last record that its snapshot covers.
///
/// # Errors
/// If anything in the journal cannot be read. Nothing is skipped or repaired: a count that is built
/// on half of a log would be wrong in silence.
pub(crate) fn replay(journal: &mut dyn Journal) -> Result<(Tracker, u64), RecoveryError> {
    let (mut tracker, covered) = snapshot(journal)?;
    let last = journal.position().seq;
    let mut next = covered + 1;
    while next <= last {
        for record in journal.read(next, PageLimit::default())? {
            let seq = record.seq;
            let record = Record::decode(&record.bytes)
                .map_err(|error| RecoveryError::Record { seq, error })?;
            apply(&mut tracker, &record);
            next = seq + 1;
        }
    }
    let numbers = tracker.numbers();
    info!(
        "replayed {} records after a snapshot at record {covered}: {} live",
        last - covered,
        numbers.users
    );
    Ok((tracker, covered))
}

fn snapshot(journal: &mut dyn Journal) -> Result<(Tracker, u64), RecoveryError> {
    let first = journal.first_seq();
    match journal.snapshots()?.load() {
        Ok(Some((at, bytes))) => {
            let tracker = decode_snapshot(&bytes).map_err(RecoveryError::Snapshot)?;
            Ok((tracker, at.seq))
        }
        Ok(None) if first > 1 => Err(RecoveryError::NoBeginning { first }),
        Ok(None) => Ok((Tracker::default(), 0)),
        // Every record is still there: the snapshot only saves time.
        Err(error) if first <= 1 => {
            warn!("{error}; all records are replayed instead");
            Ok((Tracker::default(), 0))
        }
        Err(error) => Err(error.into()),
    }
}
