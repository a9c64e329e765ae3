//! What a round has found is given out together where nothing else tells of calls. Some calls that
//! end and others that begin between two polls would otherwise be counted together for a moment,
//! and stay in the history as a peak.

use live_users_core::{Evidence, Millis};

use super::{Reconciler, Stage};

/// With more calls than these to ask for by name, nothing is held back: that takes too long.
pub(super) const HELD_CALLS_MAX: usize = 50;

impl Reconciler {
    /// What was found, with what was held back before; nothing as long as it is held back.
    pub(super) fn with_held(&mut self, found: Vec<Evidence>) -> Vec<Evidence> {
        self.held.extend(found);
        if self.rules.is_only_source && self.failure.is_none() && self.is_checking() {
            return Vec::new();
        }
        std::mem::take(&mut self.held)
    }

    /// Begins anew with a poll, and forgets what is held back: another replica has asked meanwhile.
    pub fn restart(&mut self) {
        self.held.clear();
        self.stage = Stage::Idle { until: Millis(0) };
    }

    /// Whether the list of completed calls is asked for, or few calls are by name.
    pub fn is_checking(&self) -> bool {
        match &self.stage {
            Stage::BulkChecking { .. } => true,
            Stage::Checking { is_held, .. } => *is_held,
            Stage::Idle { .. }
            | Stage::Polling { .. }
            | Stage::Comparing { .. }
            | Stage::Between { .. } => false,
        }
    }

    /// Whether the round has found something that is not given out yet: a second poll has to confirm
    /// it, or calls are asked for by name. A request that fails ends the wait for those.
    pub fn has_to_confirm(&self) -> bool {
        let has_differed =
            matches!(&self.stage, Stage::Between { round, .. } if round.differed.is_some());
        has_differed || self.failure.is_none() && self.is_checking()
    }
}
