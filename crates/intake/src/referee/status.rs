//! How a referee stands, for people.

use std::sync::Arc;

use live_users_core::Millis;
use live_users_twilio::rest::Failure;

/// How the referee of a source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefereeStatus {
    /// The source that it asks about.
    pub source: Arc<str>,
    /// What the last complete answer has said.
    pub found: Option<Found>,
    /// What the last question has failed with, if it has.
    pub failure: Option<Failure>,
    /// Questions since it is asked.
    pub requests: u64,
    /// Questions that have failed, and lists that were given up.
    pub failures: u64,
}

/// What a complete answer has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// When it was complete.
    pub at: Millis,
    /// How many calls are up there.
    pub calls: u64,
    /// How many more these are than what we have.
    pub difference: i64,
}
