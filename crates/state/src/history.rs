//! How the number of live users has changed, in all and for each agent, exactly.
//!
//! Every change is a step at its record's time. Steps are summed up, while they come, in buckets of
//! a minute, a quarter of an hour, and an hour, each with the fewest, the most, and users times
//! milliseconds, so that the mean is exact. Only buckets in which something changed take room, 3 to
//! 5 bytes each; what stood in the others follows from the one before. Nothing ticks: a
//! reader fills in what has stood since the last step.
//!
//! It follows from the records and their times alone, and from how long it is kept, so a replay
//! gives the same.

mod codec;
mod history_slice;
mod peaks;
mod resolution;
pub(crate) mod stored;
mod time_series;

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_core::{Agent, AgentDeltas, DAY_MS, HOUR_MS, MINUTE_MS, Millis, Numbers, Tracker};

pub use self::history_slice::{HistorySlice, Point};
pub use self::peaks::{Peak, Peaks};
use self::time_series::TimeSeries;

/// So many agents have a history of their own; the others count in all. Agents without an id, known
/// by an address that callers can make up, have none.
pub const AGENTS_MAX: usize = 1_000;

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

/// How the number of live users has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    retention: Retention,
    /// In all, from the first record on.
    all: Option<TimeSeries>,
    by_agent: BTreeMap<Arc<str>, TimeSeries>,
    /// When there was last no room for an agent: since then an agent without a history of its own
    /// has had no users, if it has none now.
    refused: Option<Millis>,
    /// The hour of the newest record.
    hour: u64,
}

impl History {
    /// The same, kept for so long from now on.
    pub(crate) fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Takes in what a piece of evidence has done to the numbers; the tracker is of after it.
    pub(crate) fn note(&mut self, tracker: &Tracker, deltas: &AgentDeltas) {
        let now = tracker.now();
        let users = count(tracker.numbers());
        let Some(all) = &mut self.all else {
            return self.begin(now, tracker);
        };
        all.step(now, users);
        for delta in deltas.iter() {
            if let Agent::Id(id) = &delta.agent {
                self.step(now, id, count(delta.before), count(delta.after));
            }
        }
        let hour = now.0 / HOUR_MS;
        if hour > self.hour {
            self.hour = hour;
            self.trim(now);
        }
    }

    /// The numbers may be those of a snapshot that was written before there was a history.
    fn begin(&mut self, now: Millis, tracker: &Tracker) {
        self.hour = now.0 / HOUR_MS;
        self.all = Some(TimeSeries::new(now, count(tracker.numbers())));
        for (agent, numbers) in tracker.by_agent() {
            if let Agent::Id(id) = agent {
                self.step(now, &id, 0, count(numbers));
            }
        }
    }

    fn step(&mut self, now: Millis, id: &Arc<str>, before: u32, after: u32) {
        if let Some(series) = self.by_agent.get_mut(id) {
            return series.step(now, after);
        }
        if before == after && after == 0 {
            return;
        }
        let retention = self.retention;
        if self.by_agent.len() >= AGENTS_MAX {
            self.by_agent.retain(|_, series| !series.is_forgotten(retention, now));
        }
        if self.by_agent.len() >= AGENTS_MAX {
            self.refused = Some(now);
            return;
        }
        // With users whom nobody has noted, there was no room for it before.
        let series = match (before, self.zero_since()) {
            (0, Some(since)) => {
                let mut series = TimeSeries::new(since, 0);
                series.step(now, after);
                series
            }
            _ => TimeSeries::new(now, after),
        };
        self.by_agent.insert(id.clone(), series);
    }

    /// Since when an agent without a history of its own, and without users, has had none.
    fn zero_since(&self) -> Option<Millis> {
        let since = self.all.as_ref().map(|all| Millis(all.since));
        since.max(self.refused)
    }

    fn trim(&mut self, now: Millis) {
        let retention = self.retention;
        self.by_agent.retain(|_, series| !series.is_forgotten(retention, now));
        for series in self.all.iter_mut().chain(self.by_agent.values_mut()) {
            series.trim(retention, now);
        }
    }

    /// How long it is kept.
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// Whether this agent has a history of its own.
    pub fn has(&self, agent: &str) -> bool {
        self.by_agent.contains_key(agent)
    }

    /// What it takes to draw the points between two moments, where the first of them begins and
    /// the last one ends; of all, or of one agent, which has so many users now. If it has none and
    /// no history of its own, it has had none. `None` if nothing is known.
    pub fn slice(
        &self,
        agent: Option<(&str, usize)>,
        grain: Grain,
        times: (Millis, Millis),
        now: Millis,
    ) -> Option<HistorySlice> {
        let of = |series: &TimeSeries| series.slice(self.retention, grain, times, now);
        match agent {
            None => self.all.as_ref().map(of),
            Some((id, users)) => match self.by_agent.get(id) {
                Some(series) => Some(of(series)),
                None if users == 0 => self.zero_since().map(|since| of(&TimeSeries::new(since, 0))),
                None => None,
            },
        }
    }
}

fn count(numbers: Numbers) -> u32 {
    u32::try_from(numbers.users).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
