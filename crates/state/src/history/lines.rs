//! How all numbers of one subject have changed: of all calls, or of one agent.

use live_users_core::{Breakdown, Millis, Numbers, Party};

use super::history_slice::HistorySlice;
use super::recent::{RecentSteps, Step};
use super::time_series::TimeSeries;
use super::{Grain, Retention};

/// One of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The live users: the number.
    Live,
    /// Those with an agent. It differs from the live users where handed-over callers count.
    WithAgent,
    /// Those who wait.
    Waiting,
    /// Those who were handed over to a person.
    WithPerson,
    /// Calls that a machine has answered.
    Machine,
    /// The sum of the four.
    OnTheLine,
}

impl Line {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Live,
        Self::WithAgent,
        Self::Waiting,
        Self::WithPerson,
        Self::Machine,
        Self::OnTheLine,
    ];

    /// The lines beside [`Line::Live`], in the order in which they are kept.
    pub const REST: [Self; 5] =
        [Self::WithAgent, Self::Waiting, Self::WithPerson, Self::Machine, Self::OnTheLine];

    /// The number of this line.
    pub fn users(self, numbers: &Breakdown) -> u32 {
        let Numbers { users, .. } = match self {
            Self::Live => numbers.live,
            Self::WithAgent => numbers.of(Party::Agent),
            Self::Waiting => numbers.of(Party::Waiting),
            Self::WithPerson => numbers.of(Party::Person),
            Self::Machine => numbers.of(Party::Machine),
            Self::OnTheLine => numbers.on_the_line(),
        };
        u32::try_from(users).unwrap_or(u32::MAX)
    }

    /// Whether it is the live users until it first differs from them; the others are 0 until then.
    fn follows_live(self) -> bool {
        matches!(self, Self::WithAgent | Self::OnTheLine)
    }
}

/// The live users, and the other numbers from the moment on at which they began to say something of
/// their own. Most agents never have anybody waiting, so most of these take no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) live: TimeSeries,
    /// In the order of [`Line::REST`].
    pub(super) rest: [Option<TimeSeries>; 5],
    pub(super) recent: RecentSteps,
}

impl Lines {
    pub(super) fn new(since: Millis, numbers: &Breakdown) -> Self {
        let live = TimeSeries::new(since, Line::Live.users(numbers));
        let recent = RecentSteps::new(since, numbers);
        let mut lines = Self { live, rest: Default::default(), recent };
        lines.step(since, numbers);
        lines
    }

    /// Sets the numbers from now on.
    ///
    /// Trap: a line that begins to say something of its own has been what the live users were until
    /// now, so it begins before these change.
    pub(super) fn step(&mut self, now: Millis, numbers: &Breakdown) {
        let live = Line::Live.users(numbers);
        for (line, series) in Line::REST.into_iter().zip(&mut self.rest) {
            let users = line.users(numbers);
            let is_its_own = if line.follows_live() { users != live } else { users > 0 };
            if series.is_none() && is_its_own {
                *series = Some(match line.follows_live() {
                    true => self.live.clone(),
                    false => TimeSeries::new(Millis(self.live.since), 0),
                });
            }
            if let Some(series) = series {
                series.step(now, users);
            }
        }
        self.live.step(now, live);
        self.recent.step(now, numbers);
    }

    pub(super) fn trim(&mut self, retention: Retention, now: Millis) {
        self.all_mut().for_each(|series| series.trim(retention, now));
        self.recent.trim(now);
    }

    pub(super) fn is_forgotten(&self, retention: Retention, now: Millis) -> bool {
        let rest = self.rest.iter().flatten();
        rest.chain([&self.live]).all(|series| series.is_forgotten(retention, now))
    }

    pub(super) fn slice(
        &self,
        line: Line,
        retention: Retention,
        grain: Grain,
        times: (Millis, Millis),
        now: Millis,
    ) -> HistorySlice {
        let kept = Line::REST.iter().position(|it| *it == line);
        match kept.and_then(|at| self.rest[at].as_ref()) {
            Some(series) => series.slice(retention, grain, times, now),
            None if line == Line::Live || line.follows_live() => {
                self.live.slice(retention, grain, times, now)
            }
            None => TimeSeries::new(Millis(self.live.since), 0).slice(retention, grain, times, now),
        }
    }

    /// The numbers that stand, by the series alone, as if they had stood from this moment on.
    pub(super) fn present(&self, at: Millis) -> Step {
        let mut users = [self.live.users; 6];
        let rest = Line::REST.into_iter().zip(&self.rest);
        for (users, (line, series)) in users.iter_mut().skip(1).zip(rest) {
            match series {
                Some(series) => *users = series.users,
                None if line.follows_live() => {}
                None => *users = 0,
            }
        }
        Step { at, users }
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut TimeSeries> {
        self.rest.iter_mut().flatten().chain([&mut self.live])
    }
}
