//! Saving a snapshot beside the writer, which goes on meanwhile.

use std::fmt;

use live_users_journal::{Position, Reader, SavedParts, Snapshots};
use log::info;

use crate::recovery::{self, RecoveryError};
use crate::snapshot;
use crate::state::{Settings, State};

/// A snapshot to save, by a thread that has handles of its own.
pub enum SnapshotTask {
    /// Replay the log from its newest snapshot on, as a restart does, and save where that arrives.
    /// So the writer never stands still for a snapshot, however many calls there are.
    Replay {
        /// The last record of the snapshot that was begun before.
        since: u64,
        /// The last record that the snapshot is to cover.
        last: u64,
        /// What the state follows beside the records.
        settings: Settings,
    },
    /// Save this copy of the state, which the log has led to here.
    Save(Position, Box<State>),
}

impl SnapshotTask {
    /// Does it, and returns the last record that a snapshot covers by then. Of a shared log another
    /// replica may have saved a snapshot meanwhile, which is as good.
    ///
    /// # Errors
    /// If the log cannot be read, or the snapshot not be saved. [`RecoveryError::NoBeginning`] if
    /// the newest snapshot was lost.
    pub fn perform(
        self,
        reader: &mut dyn Reader,
        snapshots: &mut dyn Snapshots,
    ) -> Result<u64, RecoveryError> {
        let (at, saved) = match self {
            Self::Save(at, state) => (at, snapshots.save_parts(at, &mut snapshot::parts(&state))?),
            Self::Replay { since, last, settings } => {
                let epoch = reader.position()?.epoch;
                let (state, covered) = recovery::replayed(reader, snapshots, last, settings)?;
                if covered > since {
                    return Ok(covered);
                }
                let at = Position { epoch, seq: last };
                (at, snapshots.save_parts(at, &mut snapshot::parts(&state))?)
            }
        };
        let SavedParts { bytes, written } = saved;
        info!("snapshot of {bytes} bytes at {at}, of which {written} are new");
        Ok(at.seq)
    }
}

/// Without the state, which has names of calls.
impl fmt::Debug for SnapshotTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replay { since, last, .. } => {
                f.debug_struct("Replay").field("since", since).field("last", last).finish()
            }
            Self::Save(at, _) => f.debug_tuple("Save").field(at).finish_non_exhaustive(),
        }
    }
}
