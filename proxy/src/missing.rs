//! Which shards tell no number, and since when.

use std::fmt::{self, Display};

use jiff::Timestamp;
use live_users_wire::ShardSet;

/// Shards that tell no number, and since when: the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    shards: ShardSet,
    since: Timestamp,
}

impl Missing {
    /// These, of which the first told its number last at this moment.
    pub(crate) fn new(shards: ShardSet, since: Timestamp) -> Self {
        Self { shards, since }
    }

    /// Whether the same shards are missing, whenever they were in contact last.
    pub(crate) fn are_same(self, other: Self) -> bool {
        self.shards == other.shards
    }
}

impl Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (since {:.3})", self.shards, self.since)
    }
}
