//! Where records go before they count.
//!
//! This is the seam of the durable journal. As yet records only take their position here and a
//! restart forgets them; whoever calls `append` does so in the order that a durable journal needs:
//! append, then apply, then publish, then acknowledge.

use std::fmt::{self, Display};

use live_users_core::{Evidence, Millis};

/// One entry of the log. Nothing changes but by one of these.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    /// Something was said about a call.
    Evidence(Evidence),
    /// The calls that ended before this moment are forgotten.
    Forget {
        /// The moment.
        ended_before: Millis,
    },
}

/// A place in a log: which log, and how far along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Drawn when the log was made, so that a new log is never taken for an old one that jumped.
    pub(crate) epoch: u64,
    /// How many records there are up to here.
    pub(crate) seq: u64,
}

impl Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} of log {:016x}", self.seq, self.epoch)
    }
}

/// A log that is kept no longer than the process.
#[derive(Debug)]
pub(crate) struct Journal {
    /// The newest record.
    pub(crate) position: Position,
}

impl Journal {
    /// A new and empty log.
    pub(crate) fn new(epoch: u64) -> Self {
        Self { position: Position { epoch, seq: 0 } }
    }

    /// Appends a batch, and returns the position of its last record.
    pub(crate) fn append(&mut self, batch: &[Record]) -> Position {
        self.position.seq += batch.len() as u64;
        self.position
    }
}
