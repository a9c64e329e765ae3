//! One number: its truth, what is shown of it, and the score over time.

use std::sync::Arc;

use crate::lossy::oracle::ALLOWANCE_MS;
use crate::lossy::population::{Counts, Population};
use crate::truth::Party;

/// Compares a shown number with the truth, and integrates over time from change to change.
#[derive(Debug, Default)]
pub(in crate::lossy) struct Gauge {
    now_ms: u64,
    population: Population,
    shown: Option<u64>,
    /// Whether it was ever shown.
    is_known: bool,
    is_measuring_over: bool,
    pub(in crate::lossy) score: Score,
    /// How long the number was wrong each time it was longer than the allowance, and since when it
    /// is wrong now.
    pub(in crate::lossy) healed_ms: Vec<u64>,
    pub(in crate::lossy) wrong_since_ms: Option<u64>,
}

/// Sums over time, in milliseconds, and in users times milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::lossy) struct Score {
    pub(in crate::lossy) total_ms: u64,
    pub(in crate::lossy) exact_ms: u64,
    pub(in crate::lossy) on_the_wire_ms: u64,
    pub(in crate::lossy) down_ms: u64,
    pub(in crate::lossy) error_user_ms: u64,
    pub(in crate::lossy) live_user_ms: u64,
    pub(in crate::lossy) live_user_ms_while_up: u64,
    pub(in crate::lossy) error_max: u64,
    pub(in crate::lossy) live_max: u64,
}

impl Gauge {
    /// A person has one more call in this party from now on.
    pub(super) fn enter(&mut self, now_ms: u64, person: &Arc<str>, party: Party) {
        self.advance(now_ms);
        self.population.enter(now_ms, ALLOWANCE_MS, person, party);
    }

    /// A person has one call fewer in this party from now on.
    pub(super) fn leave(&mut self, now_ms: u64, person: &Arc<str>, party: Party) {
        self.advance(now_ms);
        self.population.leave(now_ms, ALLOWANCE_MS, person, party);
    }

    /// This number is shown from now on.
    pub(super) fn show(&mut self, now_ms: u64, shown: Option<u64>) {
        self.is_known |= shown.is_some();
        if self.shown != shown {
            self.advance(now_ms);
            self.shown = shown;
        }
    }

    /// From now on, only healing is measured.
    pub(super) fn end_measuring(&mut self, now_ms: u64) {
        self.advance(now_ms);
        self.is_measuring_over = true;
    }

    /// Whether the system ever shows this number.
    pub(in crate::lossy) fn is_known(&self) -> bool {
        self.is_known
    }

    /// The number of people.
    pub(super) fn truth(&self) -> u64 {
        self.population.counts().now
    }

    /// The distance of the shown number from the truth.
    pub(in crate::lossy) fn error(&self) -> u64 {
        self.shown.unwrap_or_default().abs_diff(self.truth())
    }

    /// Advances to this moment.
    pub(super) fn advance(&mut self, to_ms: u64) {
        while let Some(due_ms) = self.population.next_due_ms().filter(|due_ms| *due_ms <= to_ms) {
            self.integrate(due_ms);
            self.population.settle(ALLOWANCE_MS);
        }
        self.integrate(to_ms);
    }

    /// Adds the time since `self.now_ms`, in which nothing has changed.
    fn integrate(&mut self, to_ms: u64) {
        let ms = to_ms - self.now_ms;
        if ms == 0 {
            return;
        }
        let from_ms = std::mem::replace(&mut self.now_ms, to_ms);
        let counts = self.population.counts();
        self.follow(from_ms, counts.now);
        if !self.is_measuring_over {
            self.score.add(ms, counts, self.shown);
        }
    }

    /// A number is wrong until it is right again, also while nothing is shown in between.
    fn follow(&mut self, from_ms: u64, truth: u64) {
        match (self.shown, self.wrong_since_ms) {
            (Some(shown), Some(since_ms)) if shown == truth => {
                self.wrong_since_ms = None;
                self.healed_ms.extend(Some(from_ms - since_ms).filter(|ms| *ms > ALLOWANCE_MS));
            }
            (Some(shown), None) if shown != truth => self.wrong_since_ms = Some(from_ms),
            _ => {}
        }
    }

    /// Whether it was wrong for longer than the allowance when the world ended.
    pub(super) fn is_never_healed(&self) -> bool {
        self.wrong_since_ms.is_some_and(|since_ms| self.now_ms - since_ms > ALLOWANCE_MS)
    }
}

impl Score {
    fn add(&mut self, ms: u64, counts: Counts, shown: Option<u64>) {
        self.total_ms += ms;
        self.live_user_ms += counts.now * ms;
        self.live_max = self.live_max.max(counts.now);
        let Some(shown) = shown else {
            self.down_ms += ms;
            return;
        };
        let error = shown.abs_diff(counts.now);
        self.live_user_ms_while_up += counts.now * ms;
        self.error_user_ms += error * ms;
        self.error_max = self.error_max.max(error);
        if error == 0 {
            self.exact_ms += ms;
        }
        if (counts.throughout..=counts.ever).contains(&shown) {
            self.on_the_wire_ms += ms;
        }
    }
}
