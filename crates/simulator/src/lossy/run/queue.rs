//! Planned events, in the order of time. At one moment, the one planned first comes first.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

pub(in crate::lossy) struct Queue<T> {
    heap: BinaryHeap<Reverse<Planned<T>>>,
    n: u64,
}

struct Planned<T> {
    at_ms: u64,
    /// Its number among all planned events, so that the order never depends on the heap.
    n: u64,
    event: T,
}

impl<T> Queue<T> {
    pub(in crate::lossy) fn push(&mut self, at_ms: u64, event: T) {
        self.heap.push(Reverse(Planned { at_ms, n: self.n, event }));
        self.n += 1;
    }

    pub(in crate::lossy) fn pop(&mut self) -> Option<(u64, T)> {
        self.heap.pop().map(|Reverse(planned)| (planned.at_ms, planned.event))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), n: 0 }
    }
}

impl<T> Planned<T> {
    fn key(&self) -> (u64, u64) {
        (self.at_ms, self.n)
    }
}

impl<T> Ord for Planned<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<T> PartialOrd for Planned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Planned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Planned<T> {}
