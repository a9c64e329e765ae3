//! What counts, when a silent call becomes suspect, and when it ends.

use live_users_core::{Counting, Limits, Millis};
use live_users_state::is_suspect;

use super::doubt::DoubtRules;

/// The rules of counting, and those for silent calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountingRules {
    /// What counts as a live user.
    pub(crate) counting: Counting,
    /// A silent call that is older than this ends, in milliseconds.
    pub(crate) max_call_ms: u64,
    /// When a call is suspect, and what the public is told of that.
    pub(crate) doubt: DoubtRules,
    /// Whether the sum of the shards, of which this counts one, may count a person twice.
    pub(crate) sums_are_upper_bounds: bool,
}

impl CountingRules {
    /// Whether a call is suspect now, by the moment of its last evidence and its limits.
    pub(crate) fn is_suspect(&self, heard: (Millis, Limits), now: Millis) -> bool {
        is_suspect(heard, now, self.doubt.suspect_after_ms)
    }
}
