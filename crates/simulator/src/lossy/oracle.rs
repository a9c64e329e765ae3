//! The oracle: it knows the truth at each moment, and scores what is shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::population::{Counts, Population};

/// A number that becomes right within this time counts as right, in milliseconds. Every webhook
/// needs some time to arrive.
pub const ALLOWANCE_MS: u64 = 2_000;

/// Compares the shown number with the truth, and integrates over time from event to event.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    now_ms: u64,
    population: Population,
    shown: Option<u64>,
    is_measuring_over: bool,
    pub(super) score: Score,
    /// The calls that are believed wrongly, with the time since which they are.
    wrong: BTreeMap<Arc<str>, u64>,
    /// Since when the number is wrong, for systems that do not know calls.
    wrong_number: Option<u64>,
    by_number: bool,
    /// How long each error took to heal, of those longer than the allowance.
    pub(super) healed_ms: Vec<u64>,
}

/// Sums over time, in milliseconds, and in users times milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Score {
    pub(super) total_ms: u64,
    pub(super) exact_ms: u64,
    pub(super) on_the_wire_ms: u64,
    pub(super) down_ms: u64,
    pub(super) error_user_ms: u64,
    pub(super) live_user_ms: u64,
    pub(super) live_user_ms_while_up: u64,
    pub(super) error_max: u64,
    pub(super) live_max: u64,
}

impl Oracle {
    /// With `by_number`, the number itself has to heal, because the system does not know calls.
    pub(super) fn new(by_number: bool) -> Self {
        Self { by_number, ..Self::default() }
    }

    /// A person is on the line with one more call from now on.
    pub(super) fn enter(&mut self, now_ms: u64, person: &Arc<str>) {
        self.advance(now_ms);
        self.population.enter(now_ms, ALLOWANCE_MS, person);
    }

    /// A person is on the line with one call fewer from now on.
    pub(super) fn leave(&mut self, now_ms: u64, person: &Arc<str>) {
        self.advance(now_ms);
        self.population.leave(now_ms, ALLOWANCE_MS, person);
    }

    /// This number is shown from now on.
    pub(super) fn show(&mut self, now_ms: u64, shown: Option<u64>) {
        self.advance(now_ms);
        self.shown = shown;
    }

    /// From now on, only healing is measured.
    pub(super) fn end_measuring(&mut self, now_ms: u64) {
        self.advance(now_ms);
        self.is_measuring_over = true;
    }

    /// Whether this call is believed wrongly from now on.
    pub(super) fn believe(&mut self, now_ms: u64, call: &str, is_wrong: bool) {
        match (is_wrong, self.wrong.contains_key(call)) {
            (true, false) => drop(self.wrong.insert(Arc::from(call), now_ms)),
            (false, true) => {
                let since_ms = self.wrong.remove(call);
                self.heal(now_ms, since_ms);
            }
            (true, true) | (false, false) => {}
        }
    }

    /// The calls that are believed wrongly.
    pub(super) fn wrong(&self) -> impl Iterator<Item = &Arc<str>> {
        self.wrong.keys()
    }

    /// The number of people on the line.
    pub(super) fn truth(&self) -> u64 {
        self.population.counts().now
    }

    /// The number of errors that were longer than the allowance when the world ended.
    pub(super) fn never_healed(&self) -> u64 {
        let wrong = self.wrong.values().chain(&self.wrong_number);
        wrong.filter(|since_ms| self.now_ms - **since_ms > ALLOWANCE_MS).count() as u64
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
        let from_ms = self.now_ms;
        self.now_ms = to_ms;
        let counts = self.population.counts();
        if self.by_number {
            self.follow_number(from_ms, counts.now);
        }
        if !self.is_measuring_over {
            self.score.add(ms, counts, self.shown);
        }
    }

    fn follow_number(&mut self, from_ms: u64, truth: u64) {
        match (self.shown, self.wrong_number) {
            (Some(shown), Some(since_ms)) if shown == truth => {
                self.wrong_number = None;
                self.heal(from_ms, Some(since_ms));
            }
            (Some(shown), None) if shown != truth => self.wrong_number = Some(from_ms),
            _ => {}
        }
    }

    fn heal(&mut self, now_ms: u64, since_ms: Option<u64>) {
        let took_ms = since_ms.map(|since_ms| now_ms - since_ms);
        self.healed_ms.extend(took_ms.filter(|took_ms| *took_ms > ALLOWANCE_MS));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// One person from 1 s to 11 s, another from 6 s to 8 s.
    ///
    /// ```text
    /// time     0  1     1.5   3     6     6.5   8     10    10.1  11    13    20
    /// truth    0  1     1     1     2     2     1     1     1     0     0     0
    /// shown    0  0     1     1     1     2     2     2     1     1     0     0
    /// ```
    #[test]
    fn scores_are_those_computed_by_hand() {
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        let mut oracle = Oracle::new(false);
        oracle.show(0, Some(0));
        oracle.enter(1_000, &a);
        oracle.show(1_500, Some(1));
        oracle.enter(6_000, &b);
        oracle.show(6_500, Some(2));
        oracle.leave(8_000, &b);
        oracle.show(10_100, Some(1));
        oracle.leave(11_000, &a);
        oracle.show(13_000, Some(0));
        oracle.end_measuring(20_000);
        let expected = Score {
            total_ms: 20_000,
            // Wrong from 1 to 1.5, 6 to 6.5, 8 to 10.1 and 11 to 13.
            exact_ms: 20_000 - 500 - 500 - 2_100 - 2_000,
            // b left at 8, so 2 is wrong after 10.
            on_the_wire_ms: 20_000 - 100,
            down_ms: 0,
            error_user_ms: 500 + 500 + 2_100 + 2_000,
            live_user_ms: 10_000 + 2_000,
            live_user_ms_while_up: 12_000,
            error_max: 1,
            live_max: 2,
        };
        assert_eq!(oracle.score, expected);
    }

    #[test]
    fn somebody_with_two_calls_is_one_person_and_there_throughout_both() {
        let a = Arc::from("a");
        let mut people = Population::default();
        people.enter(0, 2_000, &a);
        people.enter(1_000, 2_000, &a);
        people.leave(1_500, 2_000, &a);
        people.settle(2_000);
        assert_eq!(people.counts(), Counts { now: 1, throughout: 1, ever: 1 });
        people.leave(3_000, 2_000, &a);
        assert_eq!(people.counts(), Counts { now: 0, throughout: 0, ever: 1 });
        // Back before the allowance is over: never quite gone, and not there throughout.
        people.enter(4_000, 2_000, &a);
        people.settle(2_000);
        assert_eq!(people.counts(), Counts { now: 1, throughout: 0, ever: 1 });
        people.settle(2_000);
        assert_eq!(people.counts(), Counts { now: 1, throughout: 1, ever: 1 });
    }

    #[test]
    fn nothing_is_right_while_nothing_is_shown() {
        let mut oracle = Oracle::new(false);
        oracle.show(0, Some(0));
        oracle.show(3_000, None);
        oracle.show(4_000, Some(0));
        oracle.end_measuring(10_000);
        let Score { exact_ms, on_the_wire_ms, down_ms, .. } = oracle.score;
        assert_eq!((exact_ms, on_the_wire_ms, down_ms), (9_000, 9_000, 1_000));
    }

    #[test]
    fn healing_is_what_took_longer_than_the_allowance() {
        let mut oracle = Oracle::new(false);
        oracle.believe(0, "quick", true);
        oracle.believe(0, "slow", true);
        oracle.believe(0, "never", true);
        oracle.believe(2_000, "quick", false);
        oracle.believe(2_001, "slow", false);
        oracle.believe(2_500, "slow", false);
        oracle.advance(5_000);
        assert_eq!(oracle.healed_ms, [2_001]);
        assert_eq!(oracle.never_healed(), 1);
    }

    #[test]
    fn a_system_that_does_not_know_calls_heals_when_its_number_is_right() {
        let mut oracle = Oracle::new(true);
        oracle.show(0, Some(0));
        oracle.enter(1_000, &Arc::from("a"));
        oracle.show(2_000, None);
        oracle.show(3_500, Some(1));
        oracle.advance(4_000);
        assert_eq!((oracle.healed_ms.as_slice(), oracle.never_healed()), (&[2_500][..], 0));
    }
}
