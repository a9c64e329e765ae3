//! How long finished calls were: of the last hour and of the last day, for each agent and for all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use live_users_core::{Agent, MINUTE_MS, Millis};

/// So many agents have sums of their own; the calls of the rest count among all. With
/// [`Scale::HOUR`] and [`Scale::DAY`] this is at most 5 MB.
const AGENTS_MAX: usize = 1_000;

/// At most so many of them are addresses for which no agent is configured: callers can make up as
/// many as they like.
const ADDRESSES_MAX: usize = AGENTS_MAX / 2;

/// So many pairs of an account and an agent, or all its agents, have sums of their own.
const OF_ACCOUNTS_MAX: usize = 2 * AGENTS_MAX;

/// Finished calls and how long they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationSummary {
    /// How many calls.
    pub calls: u64,
    /// How long they were together, in milliseconds.
    pub total_ms: u64,
    /// How long the longest was, in milliseconds. When the provider reports afterwards that it was
    /// less, this stays.
    pub longest_ms: u64,
}

impl DurationSummary {
    /// How long a call was on average, in milliseconds; `None` if there was none.
    pub fn average_ms(&self) -> Option<u64> {
        self.total_ms.checked_div(self.calls)
    }

    /// The calls of both.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    pub(super) fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.total_ms = self.total_ms.saturating_add(other.total_ms);
        self.longest_ms = self.longest_ms.max(other.longest_ms);
    }
}

/// What has become known of a call that ended a while ago.
#[derive(Clone, Copy)]
pub(super) struct DurationUpdate {
    /// When it ended.
    pub(super) at: Millis,
    /// The duration that it was noted with, if it was.
    pub(super) counted_ms: Option<u64>,
    /// The true duration.
    pub(super) ms: u64,
}

/// How finely, and for how long, sums are kept.
#[derive(Clone, Copy)]
struct Scale {
    bucket_ms: u64,
    buckets: u64,
}

impl Scale {
    const HOUR: Self = Self { bucket_ms: MINUTE_MS, buckets: 60 };
    const DAY: Self = Self { bucket_ms: 15 * MINUTE_MS, buckets: 96 };

    fn bucket_of(self, Millis(at): Millis) -> u64 {
        at / self.bucket_ms
    }

    /// The oldest bucket that belongs to the hour, or day, that ends now.
    fn oldest(self, now: Millis) -> u64 {
        (self.bucket_of(now) + 1).saturating_sub(self.buckets)
    }
}

/// Sums by the bucket in which the calls ended, the oldest first, without those that are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ring(pub(super) VecDeque<(u64, DurationSummary)>);

impl Ring {
    fn until(self, scale: Scale, end: Millis) -> Self {
        let end = scale.bucket_of(end);
        Self(self.0.into_iter().filter(|(bucket, _)| *bucket <= end).collect())
    }

    fn note(&mut self, scale: Scale, at: Millis, ms: u64) {
        let (bucket, oldest) = (scale.bucket_of(at), scale.oldest(at));
        while self.0.front().is_some_and(|(kept, _)| *kept < oldest) {
            self.0.pop_front();
        }
        if self.0.back().is_none_or(|(kept, _)| *kept < bucket) {
            self.0.push_back((bucket, DurationSummary::default()));
        }
        if let Some((_, talked)) = self.0.back_mut() {
            talked.add(DurationSummary { calls: 1, total_ms: ms, longest_ms: ms });
        }
    }

    fn correct(&mut self, scale: Scale, now: Millis, update: DurationUpdate) {
        let DurationUpdate { at, counted_ms, ms } = update;
        let bucket = scale.bucket_of(at);
        let place = self.0.partition_point(|(kept, _)| *kept < bucket);
        let is_there = self.0.get(place).is_some_and(|(kept, _)| *kept == bucket);
        match counted_ms {
            Some(counted_ms) if is_there => {
                let talked = &mut self.0[place].1;
                talked.total_ms = talked.total_ms.saturating_sub(counted_ms).saturating_add(ms);
                talked.longest_ms = talked.longest_ms.max(ms);
            }
            None if bucket >= scale.oldest(now) => {
                if !is_there {
                    self.0.insert(place, (bucket, DurationSummary::default()));
                }
                self.0[place].1.add(DurationSummary { calls: 1, total_ms: ms, longest_ms: ms });
            }
            // It is not within the hour, or day, any more.
            Some(_) | None => {}
        }
    }

    fn retract(&mut self, scale: Scale, at: Millis, ms: u64) {
        let bucket = scale.bucket_of(at);
        let place = self.0.partition_point(|(kept, _)| *kept < bucket);
        let Some((kept, talked)) = self.0.get_mut(place) else { return };
        if *kept != bucket {
            return;
        }
        talked.calls = talked.calls.saturating_sub(1);
        talked.total_ms = talked.total_ms.saturating_sub(ms);
        if talked.calls == 0 {
            self.0.remove(place);
        }
    }

    fn sum(&self, scale: Scale, now: Millis) -> DurationSummary {
        let mut sum = DurationSummary::default();
        let oldest = scale.oldest(now);
        self.0.iter().filter(|(kept, _)| *kept >= oldest).for_each(|(_, it)| sum.add(*it));
        sum
    }
}

/// The sums of one agent, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) hour: Ring,
    pub(super) day: Ring,
}

impl Sums {
    fn note(&mut self, at: Millis, ms: u64) {
        self.hour.note(Scale::HOUR, at, ms);
        self.day.note(Scale::DAY, at, ms);
    }

    fn correct(&mut self, now: Millis, update: DurationUpdate) {
        self.hour.correct(Scale::HOUR, now, update);
        self.day.correct(Scale::DAY, now, update);
    }

    fn retract(&mut self, at: Millis, ms: u64) {
        self.hour.retract(Scale::HOUR, at, ms);
        self.day.retract(Scale::DAY, at, ms);
    }

    fn is_of_the_day(&self, now: Millis) -> bool {
        self.day.0.back().is_some_and(|(kept, _)| *kept >= Scale::DAY.oldest(now))
    }
}

/// How long the calls were that ended within the last hour and the last day, as far as their
/// durations are known. The hour is the minute under way and the 59 before it, the day the quarter
/// of an hour under way and the 95 before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallDurations {
    pub(super) all: Sums,
    pub(super) by_agent: BTreeMap<Agent, Sums>,
    /// Those of accounts: of each in all, and with each agent.
    pub(super) by_account: BTreeMap<OfAccount, Sums>,
}

/// An account, and one of its agents or all of them.
pub(super) type OfAccount = (Arc<str>, Option<Agent>);

/// Whose calls they are, and with which agent; `None` stands for all.
#[derive(Clone, Copy)]
pub(super) struct Whose<'a>(pub(super) Option<&'a Arc<str>>, pub(super) Option<&'a Agent>);

impl CallDurations {
    /// Without the sums of what lies after this moment.
    pub(crate) fn until(self, end: Millis) -> Self {
        let until = |Sums { hour, day }: Sums| Sums {
            hour: hour.until(Scale::HOUR, end),
            day: day.until(Scale::DAY, end),
        };
        let by_agent = self.by_agent.into_iter().map(|(agent, sums)| (agent, until(sums)));
        let by_account = self.by_account.into_iter().map(|(of, sums)| (of, until(sums)));
        Self {
            all: until(self.all),
            by_agent: by_agent.collect(),
            by_account: by_account.collect(),
        }
    }

    /// The calls of the last hour, of one agent or of all.
    pub fn last_hour(&self, agent: Option<&Agent>, now: Millis) -> DurationSummary {
        self.sums(agent).map(|sums| sums.hour.sum(Scale::HOUR, now)).unwrap_or_default()
    }

    /// The calls of the last day, of one agent or of all.
    pub fn last_day(&self, agent: Option<&Agent>, now: Millis) -> DurationSummary {
        self.sums(agent).map(|sums| sums.day.sum(Scale::DAY, now)).unwrap_or_default()
    }

    /// The agents that have calls in the last day, in the order of [`Agent`].
    pub fn agents(&self, now: Millis) -> impl Iterator<Item = &Agent> {
        let of_the_day = self.by_agent.iter().filter(move |(_, sums)| sums.is_of_the_day(now));
        of_the_day.map(|(agent, _)| agent)
    }

    fn sums_of(&self, account: &Arc<str>, agent: Option<&Agent>) -> Option<&Sums> {
        self.by_account.get(&(account.clone(), agent.cloned()))
    }

    /// The calls of an account of the last hour, with one agent or in all.
    pub fn last_hour_of(
        &self,
        account: &Arc<str>,
        agent: Option<&Agent>,
        now: Millis,
    ) -> DurationSummary {
        let sums = self.sums_of(account, agent);
        sums.map(|sums| sums.hour.sum(Scale::HOUR, now)).unwrap_or_default()
    }

    /// The calls of an account of the last day, with one agent or in all.
    pub fn last_day_of(
        &self,
        account: &Arc<str>,
        agent: Option<&Agent>,
        now: Millis,
    ) -> DurationSummary {
        let sums = self.sums_of(account, agent);
        sums.map(|sums| sums.day.sum(Scale::DAY, now)).unwrap_or_default()
    }

    /// The agents that have calls of an account in the last day, in the order of [`Agent`].
    pub fn agents_of(&self, account: &Arc<str>, now: Millis) -> impl Iterator<Item = &Agent> {
        let of_it = self.by_account.range((account.clone(), None)..);
        let of_it = of_it.take_while(move |((owner, _), _)| owner == account);
        let of_the_day = of_it.filter(move |(_, sums)| sums.is_of_the_day(now));
        of_the_day.filter_map(|((_, agent), _)| agent.as_ref())
    }

    /// A call of an account, if that is known, has ended now that was connected with these agents.
    pub(super) fn note(
        &mut self,
        at: Millis,
        ms: u64,
        agents: &[(Agent, u64)],
        account: Option<&Arc<str>>,
    ) {
        self.all.note(at, ms);
        for (of, ms) in of_account(account, ms, agents) {
            if let Some(sums) = self.make_room_of(at, of) {
                sums.note(at, ms);
            }
        }
        for (agent, ms) in agents {
            if let Some(sums) = self.make_room(at, agent) {
                sums.note(at, *ms);
            }
        }
    }

    /// A call that was noted at this moment is not over.
    pub(super) fn retract(
        &mut self,
        at: Millis,
        ms: u64,
        agents: &[(Agent, u64)],
        account: Option<&Arc<str>>,
    ) {
        self.all.retract(at, ms);
        for (of, ms) in of_account(account, ms, agents) {
            if let Some(sums) = self.by_account.get_mut(&of) {
                sums.retract(at, ms);
            }
        }
        for (agent, ms) in agents {
            if let Some(sums) = self.by_agent.get_mut(agent) {
                sums.retract(at, *ms);
            }
        }
    }

    /// How long a call that ended before was is known now: with one agent, or in all.
    pub(super) fn correct(&mut self, now: Millis, whose: Whose<'_>, update: DurationUpdate) {
        let Whose(account, agent) = whose;
        if let Some(account) = account {
            let of = (account.clone(), agent.cloned());
            let sums = match update.counted_ms {
                Some(_) => self.by_account.get_mut(&of),
                None => self.make_room_of(now, of),
            };
            if let Some(sums) = sums {
                sums.correct(now, update);
            }
        }
        let Some(agent) = agent else { return self.all.correct(now, update) };
        let sums = match update.counted_ms {
            Some(_) => self.by_agent.get_mut(agent),
            None => self.make_room(now, agent),
        };
        if let Some(sums) = sums {
            sums.correct(now, update);
        }
    }

    fn sums(&self, agent: Option<&Agent>) -> Option<&Sums> {
        match agent {
            Some(agent) => self.by_agent.get(agent),
            None => Some(&self.all),
        }
    }

    fn make_room(&mut self, now: Millis, agent: &Agent) -> Option<&mut Sums> {
        if !self.by_agent.contains_key(agent) {
            if !self.has_room(agent) {
                self.by_agent.retain(|_, sums| sums.is_of_the_day(now));
            }
            if !self.has_room(agent) {
                return None;
            }
        }
        Some(self.by_agent.entry(agent.clone()).or_default())
    }

    fn make_room_of(&mut self, now: Millis, of: OfAccount) -> Option<&mut Sums> {
        let is_full = |it: &Self| it.by_account.len() >= OF_ACCOUNTS_MAX;
        if !self.by_account.contains_key(&of) {
            if is_full(self) {
                self.by_account.retain(|_, sums| sums.is_of_the_day(now));
            }
            if is_full(self) {
                return None;
            }
        }
        Some(self.by_account.entry(of).or_default())
    }

    fn has_room(&self, agent: &Agent) -> bool {
        let is_address = |agent: &Agent| matches!(agent, Agent::Address(_));
        let addresses = || self.by_agent.keys().filter(|agent| is_address(agent)).count();
        self.by_agent.len() < AGENTS_MAX && (!is_address(agent) || addresses() < ADDRESSES_MAX)
    }
}

/// What a call of this account adds to: that in all, and with each agent.
fn of_account(
    account: Option<&Arc<str>>,
    ms: u64,
    agents: &[(Agent, u64)],
) -> Vec<(OfAccount, u64)> {
    let Some(account) = account else { return Vec::new() };
    let with_agents =
        agents.iter().map(|(agent, ms)| ((account.clone(), Some(agent.clone())), *ms));
    [((account.clone(), None), ms)].into_iter().chain(with_agents).collect()
}
