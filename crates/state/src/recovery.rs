//! From a journal to the state that it leads to: the newest snapshot, and the records behind it
//! through the same `apply` that runs when they are written.

use live_users_core::{Millis, READ_AHEAD};
use live_users_journal::{Journal, JournalError, PageLimit, Position, Reader, Snapshots};
use log::{info, warn};

use crate::format::DecodeError;
use crate::record::Record;
use crate::snapshot;
use crate::state::{Settings, State};

/// Why a journal leads to no state.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// It cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record is there, and says nothing that this program understands.
    #[error("record {seq} of the journal is {error}")]
    Record {
        /// Which.
        seq: u64,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// The snapshot is there, and says nothing that this program understands.
    #[error("the snapshot in the journal is {0}")]
    Snapshot(DecodeError),
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

/// What a journal leads to.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The state.
    pub state: State,
    /// How far the journal is in it.
    pub at: Position,
    /// The last record that the snapshot covers which it began with; 0 if there was none.
    pub covered: u64,
}

/// The state that a journal leads to.
///
/// # Errors
/// If anything in the journal cannot be read. Nothing is skipped or repaired: a count that is built
/// on half of a log would be wrong in silence.
pub fn replay(journal: &dyn Journal) -> Result<Replayed, RecoveryError> {
    replay_with(journal, Settings::default())
}

/// The same, by these settings.
///
/// # Errors
/// As for [`replay`].
pub fn replay_with(journal: &dyn Journal, settings: Settings) -> Result<Replayed, RecoveryError> {
    let last = journal.position();
    let (mut reader, mut snapshots) = (journal.reader()?, journal.snapshots()?);
    let (state, covered) = replayed(&mut *reader, &mut *snapshots, last.seq, settings)?;
    // Of a shared log another replica may have saved a snapshot of what was appended since.
    let at = Position { seq: last.seq.max(covered), ..last };
    let users = state.tracker().numbers().users;
    let n = at.seq - covered;
    info!("replayed {n} records after a snapshot at record {covered}: {users} live");
    Ok(Replayed { state, at, covered })
}

/// The state after this record, or after the one that the newest snapshot reaches to, if that is a
/// later one; and the last record that the snapshot covers.
pub(crate) fn replayed(
    reader: &mut dyn Reader,
    snapshots: &mut dyn Snapshots,
    last: u64,
    settings: Settings,
) -> Result<(State, u64), RecoveryError> {
    let (mut state, covered) = newest_snapshot(reader.first_seq()?, snapshots)?;
    state = state.with(settings);
    let mut next = covered + 1;
    while next <= last {
        let mut page = reader.read(next, PageLimit::default())?;
        page.truncate(page.partition_point(|record| record.seq <= last));
        for stored in page.chunks(READ_AHEAD) {
            let records = stored.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
            state.read_ahead(&records);
            for (stored, record) in stored.iter().zip(&records) {
                debug_assert_eq!(stored.seq, next, "no record is left out");
                state.apply(record);
                next = stored.seq + 1;
            }
        }
    }
    Ok((state, covered))
}

/// The record that is stored. Its time is the log's, where the log has a time.
///
/// # Errors
/// If it says nothing that this program understands.
pub fn decode(stored: &live_users_journal::Record) -> Result<Record, RecoveryError> {
    let seq = stored.seq;
    let record =
        Record::decode(&stored.bytes).map_err(|error| RecoveryError::Record { seq, error })?;
    // In a shared log it is the log that has the time: the clocks of replicas differ.
    Ok(Record { at: stored.at_ms.map_or(record.at, Millis), ..record })
}

pub(crate) fn newest_snapshot(
    first: u64,
    snapshots: &mut dyn Snapshots,
) -> Result<(State, u64), RecoveryError> {
    match snapshots.load_parts() {
        Ok(Some((at, parts))) => {
            let state = snapshot::decode(parts).map_err(RecoveryError::Snapshot)?;
            Ok((state, at.seq))
        }
        Ok(None) if first > 1 => Err(RecoveryError::NoBeginning { first }),
        Ok(None) => Ok((State::default(), 0)),
        // Every record is still there: the snapshot only saves time.
        Err(error) if first <= 1 => {
            warn!("{error}; all records are replayed instead");
            Ok((State::default(), 0))
        }
        Err(error) => Err(error.into()),
    }
}
