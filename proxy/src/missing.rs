//! Which shards tell no number, since when, and what answers in their place.

use std::fmt::{self, Display};

use jiff::Timestamp;
use live_users_wire::ShardSet;

use crate::config::NamedBy;

/// Shards that tell no number; since when a sum lacks the first of them; and what is wrong with one of them, if
/// it is known to be something else than that it is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    shards: ShardSet,
    since: Timestamp,
    mismatch: Option<Mismatch>,
}

/// Something else answers at the address of a shard. Its text goes to browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// A shard of a service with another number of shards.
    Count(usize, NamedBy),
    /// Another shard of the same ones, by a list in another order.
    Shard(usize),
    /// No shard at all.
    None(NamedBy),
}

impl Missing {
    /// These, of which a sum lacks the first since this moment.
    pub(crate) fn new(shards: ShardSet, since: Timestamp, mismatch: Option<Mismatch>) -> Self {
        Self { shards, since, mismatch }
    }

    /// Whether the same shards are missing for the same reason, since whenever.
    pub(crate) fn are_same(self, other: Self) -> bool {
        (self.shards, self.mismatch) == (other.shards, other.mismatch)
    }
}

impl Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (since {:.3})", self.shards, self.since)?;
        match self.mismatch {
            Some(mismatch) => write!(f, ": {mismatch}"),
            None => Ok(()),
        }
    }
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(of, NamedBy::List) => write!(
                f,
                "the backend counts in {of} shards: expected the address of each in BACKEND_URLS"
            ),
            Self::Count(of, _) => {
                write!(f, "the backend counts in {of} shards: expected the same SHARDS in the proxy")
            }
            Self::Shard(number) => write!(
                f,
                "shard {number} answers in place of another one: expected the addresses in the order of \
                 the shards in BACKEND_URLS"
            ),
            Self::None(NamedBy::List) => f.write_str(
                "something else than this shard answers: expected the address of each shard in \
                 BACKEND_URLS",
            ),
            Self::None(NamedBy::Spread) => f.write_str(
                "the backend there does not have this shard: expected the same SHARDS and \
                 SHARD_BACKENDS as at the backends",
            ),
            Self::None(_) => f.write_str(
                "the backend does not have this shard: expected its SHARDS, and SHARD_BACKENDS in place \
                 of BACKEND_URL if several backends have the shards",
            ),
        }
    }
}
