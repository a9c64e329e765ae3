//! Where a replica runs, or will again.

use super::replica::Replica;

/// What is known of a replica outside it.
pub(super) struct Slot {
    pub(super) up: Option<Replica>,
    pub(super) beat_ms: u64,
    /// When it learns of what others have appended.
    pub(super) follow_ms: Option<u64>,
    /// Whether the load balancer sends anything there.
    pub(super) is_in_rotation: bool,
    pub(super) is_cut: bool,
}

impl Slot {
    /// None is here yet.
    pub(super) fn empty(beat_ms: u64) -> Self {
        Self { up: None, beat_ms, follow_ms: None, is_in_rotation: true, is_cut: false }
    }

    /// When there is something to do here.
    pub(super) fn wakes_ms(&self) -> impl Iterator<Item = u64> {
        let up = self.up.as_ref().map(Replica::wake_ms);
        [Some(self.beat_ms), self.follow_ms, up].into_iter().flatten()
    }
}
