//! How a reconciler stands, for people.

use std::sync::Arc;

use live_users_core::Millis;
use live_users_twilio::rest::Failure;

/// How the reconciler stands, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When the last poll was complete.
    pub polled: Option<Millis>,
    /// When the next request or poll is due.
    pub next: Millis,
    /// What the last request failed with, if it failed.
    pub failure: Option<Failure>,
    /// Requests since the start.
    pub requests: u64,
    /// Requests since the start that have failed, and polls that were given up.
    pub failures: u64,
    /// Inbound calls that were up in the last poll and are not counted, since no agent has their
    /// number. 0 where webhooks tell of calls: the others may be somebody else's.
    pub unlisted: usize,
    /// The account of the agents file that it asks about; `None`: the one of the settings.
    pub account: Option<Arc<str>>,
}

impl Status {
    /// One status of several reconcilers: each figure of all together, and of moments the one that
    /// matters. `None` if there is none.
    pub fn of_all(statuses: Vec<Self>) -> Option<Self> {
        statuses.into_iter().reduce(|all, one| Self {
            polled: all.polled.min(one.polled),
            next: all.next.min(one.next),
            failure: all.failure.or(one.failure),
            requests: all.requests + one.requests,
            failures: all.failures + one.failures,
            unlisted: all.unlisted + one.unlisted,
            account: None,
        })
    }
}
