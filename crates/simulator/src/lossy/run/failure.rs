//! A violated invariant.

use std::fmt::{self, Display};

/// A violated invariant, and how to repeat it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The invariant.
    pub what: String,
    /// The time, in milliseconds from the beginning of the world.
    pub at_ms: u64,
    /// The command that repeats it.
    pub command: String,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, at_ms, command } = self;
        write!(f, "{what}, {at_ms} ms after the beginning; to repeat it: {command}")
    }
}

impl std::error::Error for Failure {}
