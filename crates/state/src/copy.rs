//! A journal's state, brought into an empty journal of any engine.
//!
//! Not its records: a shared log says itself when it took a record in, so that old ones would all
//! have been said at the time of the copy. The state has its times in it.

use live_users_core::{Millis, Numbers};
use live_users_journal::{Journal, JournalError, Lease, Position};

use crate::record::{Change, Record};
use crate::recovery::{RecoveryError, replay};
use crate::shard_mark::ShardMark;
use crate::snapshot;

/// The lease of the replica that leads on a journal: while it is held, the journal is in use.
pub const LEADER_LEASE: &str = "lead";

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// How far the source was.
    pub from: Position,
    /// Where the copy begins.
    pub to: Position,
    /// What the copy leads to.
    pub numbers: Numbers,
}

/// What the copy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The service is to go on with it. So nobody may write to the source from then on.
    Move,
    /// A backup of one moment, of a source that may be in use.
    Backup,
}

/// Which of the two journals of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that is copied.
    Source,
    /// The one that was empty.
    Target,
}

/// Why nothing was copied, or why what was copied must not be used.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two cannot be read or written.
    #[error("{side}: {error}")]
    Journal {
        /// Which.
        side: Side,
        /// Why.
        error: JournalError,
    },
    /// One of the two leads to no state.
    #[error("{side}: {error}")]
    Recovery {
        /// Which.
        side: Side,
        /// Why.
        error: RecoveryError,
    },
    /// A backend works on it.
    #[error(
        "{0} is in use: stop all backends that work on it first; when one was killed, wait 10 s"
    )]
    InUse(Side),
    /// There is nothing in the source.
    #[error("{} has no record and no snapshot: is its address right?", Side::Source)]
    Nothing,
    /// The source is of another shard than is wanted.
    #[error("{source} is {0}", source = Side::Source)]
    OtherShard(String),
    /// There is something in the target.
    #[error("{target} is not empty, it is at {0}: name a new one", target = Side::Target)]
    NotEmpty(Position),
    /// Somebody has written to the source meanwhile.
    #[error(
        "{} has grown meanwhile, from {was} to {is}: stop all backends that work on it, remove \
         what is in {}, and copy again",
        Side::Source,
        Side::Target
    )]
    Grown {
        /// How far it was.
        was: Position,
        /// How far it is.
        is: Position,
    },
    /// What is read in the target is not what was in the source.
    #[error("{} does not tell what {} tells: do not use it", Side::Target, Side::Source)]
    Differs,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Source => "the journal to copy from",
            Self::Target => "the journal to copy to",
        })
    }
}

/// Brings the state that one journal leads to into another, which has to be empty, as its snapshot,
/// and reads it again there: it is the same byte for byte.
///
/// The copy has an epoch of its own and none of the records, so what was said about each call
/// until now is not in it; everything else is.
///
/// # Errors
/// If the target is in use or not empty, or the source is empty; to move, if the source is in use
/// or somebody writes to it meanwhile; and if reading or writing fails. After an error the target
/// must not be used.
pub fn copy(
    from: &mut dyn Journal,
    to: &mut dyn Journal,
    purpose: Purpose,
) -> Result<Copied, CopyError> {
    copy_if(from, to, purpose, |_| Ok(()))
}

/// As [`copy`], if the source is of a shard that is wanted: before anything is written, `is_wanted` gets
/// its mark, and says what it is if it is not.
///
/// # Errors
/// As [`copy`], and [`CopyError::OtherShard`].
pub fn copy_if(
    from: &mut dyn Journal,
    to: &mut dyn Journal,
    purpose: Purpose,
    is_wanted: impl FnOnce(Option<&ShardMark>) -> Result<(), String>,
) -> Result<Copied, CopyError> {
    // Held until the end: a backend that starts on either meanwhile does not lead.
    let mut leases = vec![hold(to, Side::Target)?];
    if purpose == Purpose::Move {
        leases.push(hold(from, Side::Source)?);
    }
    let copied = copy_state(from, to, purpose, is_wanted);
    leases.iter_mut().for_each(|lease| lease.release());
    copied
}

fn hold(journal: &dyn Journal, side: Side) -> Result<Box<dyn Lease>, CopyError> {
    let failed = |error| CopyError::Journal { side, error };
    let mut lease = journal.lease(LEADER_LEASE).map_err(failed)?;
    if lease.hold().map_err(failed)? { Ok(lease) } else { Err(CopyError::InUse(side)) }
}

fn copy_state(
    from: &mut dyn Journal,
    to: &mut dyn Journal,
    purpose: Purpose,
    is_wanted: impl FnOnce(Option<&ShardMark>) -> Result<(), String>,
) -> Result<Copied, CopyError> {
    let source = |error| CopyError::Journal { side: Side::Source, error };
    let target = |error| CopyError::Journal { side: Side::Target, error };
    from.refresh().map_err(source)?;
    let replayed =
        replay(from).map_err(|error| CopyError::Recovery { side: Side::Source, error })?;
    let has_snapshot = |snapshots: Option<_>| snapshots.is_some();
    let found = from.snapshots().and_then(|mut it| it.load_parts()).map(has_snapshot);
    if replayed.at.seq == 0 && !found.map_err(source)? {
        return Err(CopyError::Nothing);
    }
    is_wanted(replayed.state.shard_mark()).map_err(CopyError::OtherShard)?;
    let empty = to.refresh().map_err(target)?;
    let mut snapshots = to.snapshots().map_err(target)?;
    if empty.seq > 0 || snapshots.load_parts().map_err(target)?.is_some() {
        return Err(CopyError::NotEmpty(empty));
    }
    unchanged(from, replayed.at, purpose)?;
    // A record that changes nothing, and is trimmed at once: a journal whose records begin with
    // the second one cannot be taken for an empty one if its snapshot is ever lost.
    let change = Change::Forget { ended_before: Millis(0) };
    let first = Record { at: replayed.state.tracker().now(), change };
    let at = to.append(&[first.encode()]).map_err(target)?;
    if at.seq != 1 {
        return Err(CopyError::InUse(Side::Target));
    }
    snapshots.save_parts(at, &mut snapshot::parts(&replayed.state)).map_err(target)?;
    to.trim(at.seq + 1).map_err(target)?;
    let read = replay(to).map_err(|error| CopyError::Recovery { side: Side::Target, error })?;
    let is_same = snapshot::parts(&read.state).eq(snapshot::parts(&replayed.state));
    if read.at != at || read.covered != at.seq || !is_same {
        return Err(CopyError::Differs);
    }
    unchanged(from, replayed.at, purpose)?;
    Ok(Copied { from: replayed.at, to: at, numbers: read.state.tracker().numbers() })
}

fn unchanged(from: &mut dyn Journal, was: Position, purpose: Purpose) -> Result<(), CopyError> {
    if purpose == Purpose::Backup {
        return Ok(());
    }
    match from.refresh() {
        Ok(is) if is == was => Ok(()),
        Ok(is) => Err(CopyError::Grown { was, is }),
        Err(error) => Err(CopyError::Journal { side: Side::Source, error }),
    }
}
