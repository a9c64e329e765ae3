//! Who is truly on the line: now, for all of the last moments, and at any of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Who is on the line. `now` is exact; the other two say what a system can know that is told after
/// a delay of up to the allowance.
#[derive(Debug, Default)]
pub(super) struct Population {
    presences: HashMap<Arc<str>, Presence>,
    /// When somebody's last coming or going is as old as the allowance; in the order of time.
    due: VecDeque<(u64, Arc<str>)>,
    counts: Counts,
}

/// Numbers of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// On the line now.
    pub(super) now: u64,
    /// For all of the allowance.
    pub(super) throughout: u64,
    /// At any moment of it.
    pub(super) ever: u64,
}

#[derive(Debug, Default)]
struct Presence {
    calls: u32,
    /// When the person last came (if there is a call) or went (if there is none).
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

    /// When the counts change next, if nobody comes or goes.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.due.front().map(|(due_ms, _)| *due_ms)
    }

    /// Lets the next of these changes happen.
    pub(super) fn settle(&mut self, allowance_ms: u64) {
        let Some((due_ms, person)) = self.due.pop_front() else { return };
        let Some(presence) = self.presences.get_mut(&person) else { return };
        // Whoever has come or gone since has an entry of its own.
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
