//! What counts, when a silent call becomes suspect, and when it ends.

use live_users_core::{Counting, Limits, Millis};
use live_users_state::is_suspect;

use super::doubt::DoubtRules;

/// The rules of counting, and those for silent calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountingRules {
    /// What counts as a live user.
    pub(crate) counting: Counting,
    /// After this long without evidence a call is suspect, in milliseconds.
    pub(crate) suspect_after_ms: u64,
    /// A silent call that is older than this ends, in milliseconds.
    pub(crate) max_call_ms: u64,
    /// What the public is told of suspect calls.
    pub(crate) doubt: DoubtRules,
}

impl CountingRules {
    /// Whether a call is suspect now, by the moment of its last evidence and its limits.
    pub(crate) fn is_suspect(&self, heard: (Millis, Limits), now: Millis) -> bool {
        is_suspect(heard, now, self.suspect_after_ms)
    }
}
