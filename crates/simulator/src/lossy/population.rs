//! The people who are truly on the line: now, throughout the allowance, and at any moment of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The people on the line. `now` is exact. A system learns with a delay of up to the allowance, so
/// it can only know the other two.
#[derive(Debug, Default)]
pub(super) struct Population {
    presences: HashMap<Arc<str>, Presence>,
    /// When the last arrival or departure of a person is as old as the allowance, in the order of
    /// time.
    due: VecDeque<(u64, Arc<str>)>,
    counts: Counts,
}

/// Numbers of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// On the line now.
    pub(super) now: u64,
    /// Throughout the allowance.
    pub(super) throughout: u64,
    /// At any moment of the allowance.
    pub(super) ever: u64,
}

#[derive(Debug, Default)]
struct Presence {
    calls: u32,
    /// When the person last arrived (with a call) or left (without one).
    since_ms: u64,
    is_throughout: bool,
    is_ever: bool,
}

impl Population {
    /// A person has one more call.
    pub(super) fn enter(&mut self, now_ms: u64, allowance_ms: u64, person: &Arc<str>) {
        let presence = self.presences.entry(Arc::clone(person)).or_default();
        presence.calls += 1;
        if presence.calls > 1 {
            return;
        }
        presence.since_ms = now_ms;
        self.counts.now += 1;
        if !presence.is_ever {
            presence.is_ever = true;
            self.counts.ever += 1;
        }
        self.due.push_back((now_ms + allowance_ms, Arc::clone(person)));
    }

    /// A person has one call fewer.
    pub(super) fn leave(&mut self, now_ms: u64, allowance_ms: u64, person: &Arc<str>) {
        let Some(presence) = self.presences.get_mut(person) else { return };
        presence.calls -= 1;
        if presence.calls > 0 {
            return;
        }
        presence.since_ms = now_ms;
        self.counts.now -= 1;
        if presence.is_throughout {
            presence.is_throughout = false;
            self.counts.throughout -= 1;
        }
        self.due.push_back((now_ms + allowance_ms, Arc::clone(person)));
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// When the counts change next, if nobody arrives or leaves.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.due.front().map(|(due_ms, _)| *due_ms)
    }

    /// Makes the next of these changes.
    pub(super) fn settle(&mut self, allowance_ms: u64) {
        let Some((due_ms, person)) = self.due.pop_front() else { return };
        let Some(presence) = self.presences.get_mut(&person) else { return };
        // A person who has arrived or left since then has a later entry.
        if presence.since_ms + allowance_ms != due_ms {
            return;
        }
        if presence.calls > 0 {
            if !presence.is_throughout {
                presence.is_throughout = true;
                self.counts.throughout += 1;
            }
            return;
        }
        if presence.is_ever {
            self.counts.ever -= 1;
        }
        self.presences.remove(&person);
    }
}
