//! The readers of one slot on one thread.

use crate::latest::{Slot, Subscription};

/// The readers of one slot, by their keys in the table of all.
#[derive(Debug)]
pub(super) struct Group {
    subscription: Subscription,
    members: Vec<u32>,
    /// Those who are to be told, the next one last.
    due: Vec<u32>,
    /// The slot has changed again meanwhile.
    has_changed: bool,
}

impl Group {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self { subscription, members: Vec::new(), due: Vec::new(), has_changed: false }
    }

    /// The slot now.
    pub(super) fn slot(&self) -> Slot {
        self.subscription.now()
    }

    /// Adds a reader, and returns its place.
    pub(super) fn add(&mut self, key: u32) -> usize {
        self.members.push(key);
        self.members.len() - 1
    }

    /// Removes the reader at this place. Returns who has this place now.
    pub(super) fn remove(&mut self, place: usize) -> Option<u32> {
        self.members.swap_remove(place);
        self.members.get(place).copied()
    }

    pub(super) fn members(&self) -> &[u32] {
        &self.members
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// All are to be told. Those who wait already come first, so nobody waits for ever.
    ///
    /// Returns whether it is the first change since the last one was told to all.
    pub(super) fn change(&mut self) -> bool {
        if !self.due.is_empty() {
            self.has_changed = true;
            return false;
        }
        self.due.extend(self.members.iter().rev());
        !self.due.is_empty()
    }

    /// The next one who is to be told. It may have gone, or have been told already.
    pub(super) fn next(&mut self) -> Option<u32> {
        let next = self.due.pop();
        if self.due.is_empty() && std::mem::take(&mut self.has_changed) {
            self.due.extend(self.members.iter().rev());
        }
        if self.due.is_empty() {
            // As many as there were once are not needed again soon.
            self.due = Vec::new();
        }
        next
    }

    /// Whether all were told.
    pub(super) fn is_done(&self) -> bool {
        self.due.is_empty()
    }
}
