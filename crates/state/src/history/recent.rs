//! The last minutes of one subject, step by step: what buckets of a minute are too wide for.

use std::collections::VecDeque;

use live_users_core::{Breakdown, MINUTE_MS, Millis};

use super::lines::Line;

/// How far back steps are kept, in milliseconds. Readers get a quarter of an hour, which ends when
/// their question arrives, so a little more is kept.
pub const STEPS_KEPT_MS: u64 = 16 * MINUTE_MS;
/// Changes that follow a step this closely are part of it, in milliseconds, and only the most live
/// users among them stay beside the last: so there are at most 3,840 steps, however many calls. A
/// step that is as old as this does not change any more.
pub const STEP_MS_MIN: u64 = 500;

/// The numbers from one moment on, until the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When they came to be.
    pub at: Millis,
    /// In the order of [`Line::ALL`].
    pub users: [u32; 6],
}

impl Step {
    fn of(at: Millis, numbers: &Breakdown) -> Self {
        Self { at, users: Line::ALL.map(|line| line.users(numbers)) }
    }

    /// The number of a line.
    pub fn of_line(&self, line: Line) -> u32 {
        let place = Line::ALL.iter().position(|it| *it == line);
        place.map_or(0, |place| self.users[place])
    }
}

/// The steps of the last minutes. The first of them has what stood where they begin, and may be
/// older; so there always is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecentSteps {
    pub(super) list: VecDeque<Step>,
}

impl RecentSteps {
    pub(super) fn new(since: Millis, numbers: &Breakdown) -> Self {
        Self::begin(Step::of(since, numbers))
    }

    /// Nothing is known of before this step.
    pub(super) fn begin(step: Step) -> Self {
        Self { list: VecDeque::from([step]) }
    }

    /// Sets the numbers from now on.
    pub(super) fn step(&mut self, now: Millis, numbers: &Breakdown) {
        let step = Step::of(now, numbers);
        let is_close = |it: &Step| now.since(it.at) < STEP_MS_MIN;
        let live = |it: &Step| it.of_line(Line::Live);
        let second = self.list.len().checked_sub(2);
        match self.list.back().copied() {
            Some(last) if last.users == step.users => return,
            // What has stood for no millisecond has never stood.
            Some(last) if last.at == now => self.overwrite(step),
            Some(last) if is_close(&last) => match second.filter(|at| is_close(&self.list[*at])) {
                None if live(&step) < live(&last) => self.list.push_back(step),
                second => {
                    if let Some(high) = second.filter(|at| live(&last) > live(&self.list[*at])) {
                        self.list[high].users = last.users;
                    }
                    self.overwrite(step);
                }
            },
            _ => self.list.push_back(step),
        }
        self.trim(now);
    }

    fn overwrite(&mut self, step: Step) {
        if let Some(last) = self.list.back_mut() {
            last.users = step.users;
        }
    }

    /// Drops what is older than it has to be.
    pub(super) fn trim(&mut self, now: Millis) {
        let oldest = now.minus(STEPS_KEPT_MS);
        while self.list.get(1).is_some_and(|second| second.at <= oldest) {
            self.list.pop_front();
        }
    }

    /// The steps from this moment on, beginning with what stood then, or with the first that is known.
    pub(super) fn slice(&self, from: Millis) -> Vec<Step> {
        let before = self.list.partition_point(|step| step.at <= from).saturating_sub(1);
        let steps = self.list.range(before..);
        steps.map(|step| Step { at: step.at.max(from), ..*step }).collect()
    }

    /// The moment from which on no step is missing, if there is one.
    pub(super) fn since(&self) -> Option<Millis> {
        self.list.front().map(|step| step.at)
    }

    /// Leaves out what was after this moment, at which these numbers stood.
    pub(super) fn cut(&mut self, at: Step) {
        self.list.retain(|step| step.at < at.at);
        if self.list.is_empty() {
            *self = Self::begin(at);
        }
    }
}

/// The sum of several, from the moment on at which all of them are known.
pub fn sum_of_steps(all: &[Vec<Step>]) -> Vec<Step> {
    let [one] = all else { return sum_of_several(all) };
    one.clone()
}

fn sum_of_several(all: &[Vec<Step>]) -> Vec<Step> {
    let Some(since) = all.iter().filter_map(|steps| Some(steps.first()?.at)).max() else {
        return Vec::new();
    };
    let mut moments: Vec<_> = all.iter().flatten().map(|step| step.at.max(since)).collect();
    moments.sort_unstable();
    moments.dedup();
    let mut places = vec![0; all.len()];
    let sum = |at: Millis| {
        let mut sum = Step { at, users: [0; 6] };
        for (steps, place) in all.iter().zip(&mut places) {
            while steps.get(*place + 1).is_some_and(|next| next.at <= at) {
                *place += 1;
            }
            let Some(step) = steps.get(*place) else { continue };
            for (sum, users) in sum.users.iter_mut().zip(step.users) {
                *sum = sum.saturating_add(users);
            }
        }
        sum
    };
    moments.into_iter().map(sum).collect()
}

#[cfg(test)]
mod tests {
    use live_users_core::Numbers;

    use super::*;

    fn step(at: u64, live: u32) -> Step {
        Step { at: Millis(at), users: [live, live, 0, 0, 0, live] }
    }

    fn steps(list: &[(u64, u32)]) -> Vec<Step> {
        list.iter().map(|(at, live)| step(*at, *live)).collect()
    }

    #[test]
    fn a_slice_begins_with_what_stood() {
        let recent = RecentSteps { list: steps(&[(1_000, 1), (5_000, 2), (9_000, 1)]).into() };
        assert_eq!(recent.slice(Millis(6_000)), steps(&[(6_000, 2), (9_000, 1)]));
        assert_eq!(recent.slice(Millis(5_000)), steps(&[(5_000, 2), (9_000, 1)]));
        assert_eq!(recent.slice(Millis(0)), steps(&[(1_000, 1), (5_000, 2), (9_000, 1)]));
        assert_eq!(recent.slice(Millis(20_000)), steps(&[(20_000, 1)]));
    }

    #[test]
    fn of_changes_within_half_a_second_the_highest_stays_beside_the_last() {
        let mut recent = RecentSteps::begin(step(0, 0));
        let mut told = |changes: &[(u64, usize)]| {
            for (at, live) in changes {
                let live = Numbers { users: *live, ..Numbers::default() };
                recent.step(Millis(*at), &Breakdown { live, ..Breakdown::default() });
            }
            recent.list.iter().map(|it| (it.at.0, it.users[0])).collect::<Vec<_>>()
        };
        assert_eq!(told(&[(1_000, 1), (1_100, 2), (1_200, 3)]), [(0, 0), (1_000, 3)]);
        assert_eq!(told(&[(1_300, 2), (1_310, 1)]), [(0, 0), (1_000, 3), (1_300, 1)]);
        let higher = [(0, 0), (1_000, 5), (1_300, 2)];
        assert_eq!(told(&[(1_320, 4), (1_330, 5), (1_340, 2)]), higher);
        assert_eq!(told(&[(1_900, 3)]), [&higher[..], &[(1_900, 3)]].concat());
    }

    #[test]
    fn the_first_step_that_is_kept_has_what_stood_where_they_begin() {
        let (minute, all) = (MINUTE_MS, [(0, 1), (4 * MINUTE_MS, 2), (5 * MINUTE_MS, 3)]);
        let mut recent = RecentSteps { list: steps(&all).into() };
        recent.trim(Millis(20 * minute + 1));
        assert_eq!(recent.list, steps(&all[1..]));
        recent.trim(Millis(60 * minute));
        assert_eq!(recent.list, steps(&all[2..]));
    }

    #[test]
    fn what_is_cut_is_as_if_it_had_not_been() {
        let mut recent = RecentSteps { list: steps(&[(1_000, 1), (5_000, 2)]).into() };
        recent.cut(step(5_000, 1));
        assert_eq!(recent.list, steps(&[(1_000, 1)]));
        recent.cut(step(500, 4));
        assert_eq!(recent.list, steps(&[(500, 4)]));
    }

    #[test]
    fn the_sum_has_each_step_of_each() {
        let all = [steps(&[(0, 1), (10, 2), (20, 0)]), steps(&[(5, 4), (20, 6), (30, 1)])];
        assert_eq!(sum_of_steps(&all), steps(&[(5, 5), (10, 6), (20, 6), (30, 1)]));
        assert_eq!(sum_of_steps(&all[..1]), all[0]);
        assert_eq!(sum_of_steps(&[]), []);
    }
}
