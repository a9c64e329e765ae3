//! The people who are truly in a party: now, throughout the allowance, and at any moment of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::truth::Party;

/// The people of one number. `now` is exact. A system learns with a delay of up to the allowance,
/// so it can only know the other two.
///
/// A person with calls in several parties of the number is in it several times, once for each.
#[derive(Debug, Default)]
pub(super) struct Population {
    presences: HashMap<Arc<str>, Presence>,
    /// When the last change of a person is as old as the allowance, in the order of time.
    due: VecDeque<(u64, Arc<str>)>,
    counts: Counts,
}

/// Numbers of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Now.
    pub(super) now: u64,
    /// Throughout the allowance.
    pub(super) throughout: u64,
    /// At any moment of the allowance.
    pub(super) ever: u64,
}

#[derive(Debug)]
struct Presence {
    calls: [u32; Party::ALL.len()],
    /// In how many parties the person is from each moment on. The first of these moments is the
    /// last one that is older than the allowance.
    levels: VecDeque<(u64, u64)>,
    counts: Counts,
}

impl Default for Presence {
    fn default() -> Self {
        let levels = VecDeque::from([(0, 0)]);
        Self { calls: Default::default(), levels, counts: Counts::default() }
    }
}

impl Population {
    /// A person has one more call in this party.
    pub(super) fn enter(
        &mut self,
        now_ms: u64,
        allowance_ms: u64,
        person: &Arc<str>,
        party: Party,
    ) {
        let presence = self.presences.entry(Arc::clone(person)).or_default();
        presence.calls[party as usize] += 1;
        if presence.calls[party as usize] == 1 {
            self.change(now_ms, allowance_ms, person);
        }
    }

    /// A person has one call fewer in this party.
    pub(super) fn leave(
        &mut self,
        now_ms: u64,
        allowance_ms: u64,
        person: &Arc<str>,
        party: Party,
    ) {
        let Some(presence) = self.presences.get_mut(person) else { return };
        presence.calls[party as usize] -= 1;
        if presence.calls[party as usize] == 0 {
            self.change(now_ms, allowance_ms, person);
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// When the counts change next, if nobody enters or leaves.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.due.front().map(|(due_ms, _)| *due_ms)
    }

    /// Makes the next of these changes.
    pub(super) fn settle(&mut self, allowance_ms: u64) {
        let Some((due_ms, person)) = self.due.pop_front() else { return };
        let Some(presence) = self.presences.get_mut(&person) else { return };
        let began_ms = due_ms - allowance_ms;
        while presence.levels.get(1).is_some_and(|(since_ms, _)| *since_ms <= began_ms) {
            presence.levels.pop_front();
        }
        presence.count(&mut self.counts);
        if presence.levels.len() == 1 && presence.counts.ever == 0 {
            self.presences.remove(&person);
        }
    }

    fn change(&mut self, now_ms: u64, allowance_ms: u64, person: &Arc<str>) {
        let Some(presence) = self.presences.get_mut(person) else { return };
        let level = presence.calls.iter().filter(|calls| **calls > 0).count() as u64;
        match presence.levels.back_mut() {
            // Who moves from one party to another is in both of them for no time at all.
            Some((since_ms, last)) if *since_ms == now_ms => *last = level,
            _ => presence.levels.push_back((now_ms, level)),
        }
        presence.count(&mut self.counts);
        self.due.push_back((now_ms + allowance_ms, Arc::clone(person)));
    }
}

impl Presence {
    /// Counts this person anew.
    fn count(&mut self, all: &mut Counts) {
        let levels = || self.levels.iter().map(|(_, level)| *level);
        let counts = Counts {
            now: levels().next_back().unwrap_or_default(),
            throughout: levels().min().unwrap_or_default(),
            ever: levels().max().unwrap_or_default(),
        };
        let before = std::mem::replace(&mut self.counts, counts);
        all.now = all.now + counts.now - before.now;
        all.throughout = all.throughout + counts.throughout - before.throughout;
        all.ever = all.ever + counts.ever - before.ever;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE_MS: u64 = 2_000;

    #[test]
    fn somebody_with_two_calls_is_one_person_and_there_throughout_both() {
        let a = Arc::from("a");
        let mut people = Population::default();
        people.enter(0, ALLOWANCE_MS, &a, Party::Agent);
        people.enter(1_000, ALLOWANCE_MS, &a, Party::Agent);
        people.leave(1_500, ALLOWANCE_MS, &a, Party::Agent);
        people.settle(ALLOWANCE_MS);
        assert_eq!(people.counts(), Counts { now: 1, throughout: 1, ever: 1 });
        people.leave(3_000, ALLOWANCE_MS, &a, Party::Agent);
        assert_eq!(people.counts(), Counts { now: 0, throughout: 0, ever: 1 });
        // Back before the allowance is over: never quite gone, and not there throughout.
        people.enter(4_000, ALLOWANCE_MS, &a, Party::Agent);
        people.settle(ALLOWANCE_MS);
        assert_eq!(people.counts(), Counts { now: 1, throughout: 0, ever: 1 });
        people.settle(ALLOWANCE_MS);
        assert_eq!(people.counts(), Counts { now: 1, throughout: 1, ever: 1 });
    }

    #[test]
    fn who_moves_between_parties_stays_on_the_line_and_two_parties_count_twice() {
        let a = Arc::from("a");
        let mut people = Population::default();
        people.enter(0, ALLOWANCE_MS, &a, Party::Agent);
        people.settle(ALLOWANCE_MS);
        people.leave(5_000, ALLOWANCE_MS, &a, Party::Agent);
        people.enter(5_000, ALLOWANCE_MS, &a, Party::Waiting);
        assert_eq!(people.counts(), Counts { now: 1, throughout: 1, ever: 1 });
        people.enter(6_000, ALLOWANCE_MS, &a, Party::Person);
        assert_eq!(people.counts(), Counts { now: 2, throughout: 1, ever: 2 });
        while people.next_due_ms().is_some() {
            people.settle(ALLOWANCE_MS);
        }
        assert_eq!(people.counts(), Counts { now: 2, throughout: 2, ever: 2 });
        people.leave(9_000, ALLOWANCE_MS, &a, Party::Waiting);
        people.leave(9_000, ALLOWANCE_MS, &a, Party::Person);
        people.settle(ALLOWANCE_MS);
        people.settle(ALLOWANCE_MS);
        assert_eq!((people.counts(), people.presences.len()), (Counts::default(), 0));
    }
}
