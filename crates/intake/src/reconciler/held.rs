//! What a round has found is given out together where nothing else tells of calls. Some calls that
//! end and others that begin between two polls would otherwise be counted together for a moment,
//! and stay in the history as a peak.

use live_users_core::{Evidence, Millis, Said};

use super::{Reconciler, Stage};

/// With more calls than these to ask for by name, nothing is held back: that takes too long.
pub(super) const HELD_CALLS_MAX: usize = 100;

impl Reconciler {
    /// What was found, with what was held back before; nothing as long as the round goes on.
    pub(super) fn with_held(&mut self, found: Vec<Evidence>) -> Vec<Evidence> {
        self.held.extend(found);
        if self.rules.is_only_source && self.is_in_round() {
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
        matches!(self.stage, Stage::BulkChecking { .. } | Stage::Checking { is_held: true, .. })
    }

    /// Whether the last poll has found something that is not given out yet: a second one has to
    /// confirm it, or calls are asked for by name.
    pub fn is_in_round(&self) -> bool {
        !matches!(self.stage, Stage::Idle { .. } | Stage::Checking { is_held: false, .. })
    }
}

/// What a round that is given up has found for good. What it took for a start may be over at the end
/// of the next one, which finds it again.
pub(super) fn is_over(evidence: &Evidence) -> bool {
    matches!(evidence.said, Said::Over(_))
}
