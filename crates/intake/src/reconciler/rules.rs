//! What the reconciler keeps to.

/// What the reconciler keeps to. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconcilerRules {
    /// From the beginning of one poll to that of the next.
    pub poll_every_ms: u64,
    /// From a poll that has found differences to the second one.
    pub confirm_poll_ms: u64,
    /// A call about which a report came so lately is not missing, whatever the lists say.
    pub grace_ms: u64,
    /// A call that is in the lists is noted as confirmed when no report about it came for so long.
    pub confirm_after_ms: u64,
    /// A call that the provider does not know by name is not asked for again before this.
    pub unknown_again_ms: u64,
    /// The most requests in a minute.
    pub requests_per_minute: u32,
    /// Nothing else tells of calls. Then all inbound calls are added where no agent has a number, and
    /// the provider is asked again sooner after failures.
    pub is_only_source: bool,
}

impl Default for ReconcilerRules {
    fn default() -> Self {
        Self::polling_every(20_000, 120_000)
    }
}

impl ReconcilerRules {
    /// The rules for a poll every so often, where a call is suspect after so much silence: it is
    /// confirmed before.
    pub fn polling_every(poll_every_ms: u64, suspect_after_ms: u64) -> Self {
        Self {
            poll_every_ms,
            confirm_poll_ms: poll_every_ms / 4,
            grace_ms: poll_every_ms / 2,
            confirm_after_ms: suspect_after_ms / 2,
            unknown_again_ms: poll_every_ms.saturating_mul(30),
            requests_per_minute: 120,
            is_only_source: false,
        }
    }

    /// The same with this budget.
    #[must_use]
    pub fn at_most(self, requests_per_minute: u32) -> Self {
        Self { requests_per_minute, ..self }
    }

    /// The same where nothing else tells of calls, or does.
    #[must_use]
    pub fn as_only_source(self, is_only_source: bool) -> Self {
        // No report is on its way that a list could be ahead of.
        let grace_ms = if is_only_source { 0 } else { self.grace_ms };
        Self { is_only_source, grace_ms, ..self }
    }
}
