//! How the numbers have changed, in all and for each agent and account, exactly: the live users, and beside them
//! those with an agent, waiting, with a person, machines, and their sum.
//!
//! Every change is a step at its record's time. Steps are summed up, while they come, in buckets of
//! a minute, a quarter of an hour, and an hour, each with the fewest, the most, and users times
//! milliseconds, so that the mean is exact. Only buckets in which something changed take room, 3 to
//! 5 bytes each; what stood in the others follows from the one before. Nothing ticks: a
//! reader fills in what has stood since the last step. The steps of the last minutes are kept as they are.
//!
//! It follows from the records and their times alone, and from how long it is kept, so a replay
//! gives the same.

pub(crate) mod chunks;
mod codec;
mod cut;
mod history_slice;
mod lines;
mod peaks;
mod recent;
mod resolution;
pub(crate) mod stored;
mod subjects;
mod time_series;

use live_users_core::{Agent, Applied, Breakdown, DAY_MS, HOUR_MS, MINUTE_MS, Millis, Tracker};

pub use self::history_slice::{HistorySlice, Point};
pub use self::lines::Line;
use self::lines::Lines;
pub use self::peaks::{Peak, Peaks};
pub use self::recent::{STEP_MS_MIN, STEPS_KEPT_MS, Step, sum_of_steps};
pub use self::subjects::SUBJECTS_MAX;
use self::subjects::{Moment, Subjects};

/// How wide buckets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// A minute.
    Minute,
    /// A quarter of an hour.
    Quarter,
    /// An hour.
    Hour,
}

impl Grain {
    /// All of them, the finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Quarter, Self::Hour];

    /// How wide, in milliseconds.
    pub fn width_ms(self) -> u64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Quarter => 15 * MINUTE_MS,
            Self::Hour => HOUR_MS,
        }
    }
}

/// How long buckets are kept, in milliseconds. A thousand agents that are busy all the time take up
/// to 7 MB for each day of minutes, 0.5 MB for each day of quarters, and 0.1 MB for each day of
/// hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Those of a minute.
    pub minutes_ms: u64,
    /// Those of a quarter of an hour.
    pub quarters_ms: u64,
    /// Those of an hour.
    pub hours_ms: u64,
}

impl Default for Retention {
    /// 48 hours, 30 days, 2 years.
    fn default() -> Self {
        Self { minutes_ms: 2 * DAY_MS, quarters_ms: 30 * DAY_MS, hours_ms: 730 * DAY_MS }
    }
}

impl Retention {
    /// How long buckets of this grain are kept, in milliseconds.
    pub fn of(self, grain: Grain) -> u64 {
        match grain {
            Grain::Minute => self.minutes_ms,
            Grain::Quarter => self.quarters_ms,
            Grain::Hour => self.hours_ms,
        }
    }

    fn oldest_bucket(self, grain: Grain, now: Millis) -> u64 {
        now.minus(self.of(grain)).0 / grain.width_ms()
    }

    /// Where the oldest bucket begins that is kept.
    fn oldest(self, grain: Grain, now: Millis) -> Millis {
        Millis(self.oldest_bucket(grain, now) * grain.width_ms())
    }
}

/// A longer gap between two records counts as this much for the retention, in milliseconds.
const GAP_MS_MAX: u64 = HOUR_MS;

/// After a longer gap, the retention catches up so many times as fast as records go on.
const CATCH_UP_TIMES: u64 = 24;

/// The time by which history is dropped. It follows the records, but it takes no long gap between
/// two of them over at once: that may be the night, or a restart by a clock that is years ahead.
/// After a gap it catches up while records go on, and each hour of them confirms a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RetentionClock {
    time: Millis,
    /// The time of the newest record.
    last: Millis,
}

impl RetentionClock {
    fn at(now: Millis) -> Self {
        Self { time: now, last: now }
    }

    fn advance(&mut self, now: Millis) {
        let gap_ms = now.since(self.last);
        let step_ms = if gap_ms <= GAP_MS_MAX { gap_ms * CATCH_UP_TIMES } else { GAP_MS_MAX };
        self.time = now.min(Millis(self.time.0 + step_ms));
        self.last = now;
    }
}

/// How the number of live users has changed. Agents without an id, known by an address that callers
/// can make up, have no history of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    retention: Retention,
    /// In all, from the first record on.
    all: Option<Lines>,
    agents: Subjects,
    accounts: Subjects,
    /// The time by which it is dropped, and its hour when something was last dropped.
    clock: RetentionClock,
    hour: u64,
}

impl History {
    /// The same, kept for so long from now on.
    pub(crate) fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// The numbers are counted otherwise from now on.
    pub(crate) fn restate(&mut self, tracker: &Tracker) {
        let (now, Some(all)) = (tracker.now(), &mut self.all) else { return };
        all.step(now, &tracker.breakdown());
        self.agents.restate(now, |id| tracker.breakdown_of_agent(&Agent::Id(id.clone())));
        self.accounts.restate(now, |id| tracker.breakdown_of_accounts([&**id]));
    }

    /// Takes in what a piece of evidence has done to the numbers; the tracker is of after it.
    pub(crate) fn note(&mut self, tracker: &Tracker, applied: &Applied) {
        let now = tracker.now();
        self.clock.advance(now);
        let Some(all) = &mut self.all else {
            return self.begin(now, tracker);
        };
        all.step(now, &tracker.breakdown());
        let at = self.moment(now);
        for delta in applied.deltas.iter() {
            if let Agent::Id(id) = &delta.agent {
                self.agents.step(at, id, &delta.before, &delta.after);
            }
        }
        for delta in &applied.accounts {
            self.accounts.step(at, &delta.account, &delta.before, &delta.after);
        }
        let hour = self.clock.time.0 / HOUR_MS;
        if hour > self.hour {
            self.hour = hour;
            self.trim();
        }
    }

    /// The numbers may be those of a snapshot that was written before there was a history.
    fn begin(&mut self, now: Millis, tracker: &Tracker) {
        self.clock = RetentionClock::at(now);
        self.hour = now.0 / HOUR_MS;
        self.all = Some(Lines::new(now, &tracker.breakdown()));
        let at = self.moment(now);
        for (agent, numbers) in tracker.breakdown_by_agent() {
            if let Agent::Id(id) = agent {
                self.agents.step(at, &id, &Breakdown::default(), &numbers);
            }
        }
        self.begin_accounts(tracker);
    }

    /// The same for accounts, of which older programs have kept none.
    pub(crate) fn begin_accounts(&mut self, tracker: &Tracker) {
        let now = tracker.now();
        let all_since = Some(now);
        for (account, numbers) in tracker.breakdown_by_account() {
            let at = Moment { all_since, ..self.moment(now) };
            self.accounts.step(at, &account, &Breakdown::default(), &numbers);
        }
    }

    fn moment(&self, now: Millis) -> Moment {
        let all_since = self.all_since();
        Moment { now, retention: self.retention, kept_by: self.clock.time, all_since }
    }

    fn all_since(&self) -> Option<Millis> {
        self.all.as_ref().map(|all| Millis(all.live.since))
    }

    fn trim(&mut self) {
        let (retention, now) = (self.retention, self.clock.time);
        self.all.iter_mut().for_each(|all| all.trim(retention, now));
        self.agents.trim(retention, now);
        self.accounts.trim(retention, now);
    }

    /// How long it is kept.
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// Whether this agent has a history of its own.
    pub fn has(&self, agent: &str) -> bool {
        self.agents.lines.contains_key(agent)
    }

    /// Whether this account has one.
    pub fn has_account(&self, account: &str) -> bool {
        self.accounts.lines.contains_key(account)
    }

    /// What it takes to draw the points of one number between two moments, where the first of them
    /// begins and the last one ends. `None` if nothing is known.
    pub fn slice(
        &self,
        subject: Subject<'_>,
        line: Line,
        grain: Grain,
        times: (Millis, Millis),
        now: Millis,
    ) -> Option<HistorySlice> {
        self.read(subject, |lines| lines.slice(line, self.retention, grain, times, now))
    }

    /// The steps from this moment on, the first with what stood then. `None` if nothing is known.
    pub fn steps(&self, subject: Subject<'_>, from: Millis) -> Option<Vec<Step>> {
        self.read(subject, |lines| lines.recent.slice(from))
    }

    /// The moment from which on no step is missing: that of the oldest one that is kept, however long
    /// ago it was. `None` if nothing is known.
    pub fn steps_since(&self, subject: Subject<'_>) -> Option<Millis> {
        self.read(subject, |lines| lines.recent.since()).flatten()
    }

    fn read<T>(&self, subject: Subject<'_>, read: impl Fn(&Lines) -> T) -> Option<T> {
        let nobody = |since| read(&Lines::new(since, &Breakdown::default()));
        let (kept, id, users) = match subject {
            Subject::All => return self.all.as_ref().map(read),
            Subject::Agent(id, users) => (&self.agents, id, users),
            Subject::Account(id, users) => (&self.accounts, id, users),
        };
        match kept.lines.get(id) {
            Some(lines) => Some(read(lines)),
            None if users == 0 => kept.zero_since(self.all_since()).map(nobody),
            None => None,
        }
    }
}

/// Whose history it is. An agent and an account come with how many users they have on the line now:
/// if that is none and they have no history of their own, they have had none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// That of all calls.
    All,
    /// That of the agent of this id.
    Agent(&'a str, usize),
    /// That of the account of this name.
    Account(&'a str, usize),
}

#[cfg(test)]
mod tests;
