//! When a call is doubted, and when it is ended without a word about it.

use live_users_core::Millis;
use live_users_state::is_suspect;

/// The rules about calls that nothing is heard of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountingRules {
    /// A call is suspect when nothing was heard of it for so long, in milliseconds.
    pub(crate) suspect_after_ms: u64,
    /// A silent call older than this is over, in milliseconds.
    pub(crate) max_call_ms: u64,
}

impl CountingRules {
    /// Whether a call is suspect now if it was last heard of then.
    pub(crate) fn is_suspect(&self, heard: Millis, now: Millis) -> bool {
        is_suspect(heard, now, self.suspect_after_ms)
    }
}
