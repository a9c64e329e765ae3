//! The calls that have not ended, looked at without copying them.

use crate::call::Entry;
use crate::{Agent, Call, CallId, Caller, Millis, Phase, Tracker};

/// A call that has not ended, looked at in its place.
#[derive(Clone, Copy)]
pub struct OpenCall<'a> {
    tracker: &'a Tracker,
    entry: &'a Entry,
}

impl<'a> OpenCall<'a> {
    /// The call.
    pub fn id(&self) -> &'a CallId {
        &self.entry.id
    }

    /// Whether a person is on the line; if not, it is still dialing.
    pub fn is_live(&self) -> bool {
        self.entry.phase == Phase::Live
    }

    /// Since when it is in its phase.
    pub fn since(&self) -> Millis {
        self.entry.since
    }

    /// When the last report came that agrees with its being in its phase.
    pub fn heard(&self) -> Millis {
        self.entry.heard
    }

    /// The person, if the caller id was usable.
    pub fn caller(&self) -> Option<Caller> {
        self.entry.caller
    }

    /// The agent that it belongs to.
    pub fn agent(&self) -> &'a Agent {
        self.tracker.agents.value(self.entry.agent)
    }

    /// All that is known of it.
    pub fn call(&self) -> Call {
        self.tracker.public(self.entry)
    }
}

impl Tracker {
    /// Looks at every call that has not ended, in no order.
    pub fn open(&self) -> impl Iterator<Item = OpenCall<'_>> {
        let open = |entry: &&Entry| !matches!(entry.phase, Phase::Ended(_));
        let entries = self.entries.iter().flatten().filter(open);
        entries.map(|entry| OpenCall { tracker: self, entry })
    }
}
