//! The place of a replica, with or without one running.

use super::replica::Replica;

/// What is known of a replica outside of it.
pub(super) struct Slot {
    pub(super) up: Option<Replica>,
    pub(super) beat_ms: u64,
    /// When it gets news of the appends of others.
    pub(super) follow_ms: Option<u64>,
    /// Whether the load balancer routes requests to it.
    pub(super) is_in_rotation: bool,
    pub(super) is_cut: bool,
}

impl Slot {
    /// A place without a replica.
    pub(super) fn empty(beat_ms: u64) -> Self {
        Self { up: None, beat_ms, follow_ms: None, is_in_rotation: true, is_cut: false }
    }

    /// The next moments at which there is work.
    pub(super) fn wakes_ms(&self) -> impl Iterator<Item = u64> {
        let up = self.up.as_ref().map(Replica::wake_ms);
        [Some(self.beat_ms), self.follow_ms, up].into_iter().flatten()
    }
}
