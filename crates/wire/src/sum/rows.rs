//! Lists of several parts: rows of the same thing become one, in the order that the parts have.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::spans::{Ages, Talked};
use super::{least, sum_of_told};
use crate::{
    AgentCount, AlertEventView, AlertView, AlertsView, DeliveryView, HealedView, LineView,
    SourceCount, SourceReferee,
};

/// The most healed calls and events of alerts that a sum lists, the newest: as many as a part does.
const HEALED_MAX: usize = 50;
const EVENTS_MAX: usize = 20;

/// Rows by what they are of, each with its place: the least that it has in any part.
#[derive(Clone, Debug)]
pub(super) struct Rows<K, R>(BTreeMap<K, (usize, R)>);

impl<K: Ord, R> Rows<K, R> {
    pub(super) fn of(rows: impl IntoIterator<Item = (K, usize, R)>, add: fn(&mut R, R)) -> Self {
        let mut all = Self(BTreeMap::new());
        rows.into_iter().for_each(|(id, place, row)| all.put(id, (place, row), add));
        all
    }

    pub(super) fn add(&mut self, other: Self, add: fn(&mut R, R)) {
        other.0.into_iter().for_each(|(id, row)| self.put(id, row, add));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn put(&mut self, id: K, (place, row): (usize, R), add: fn(&mut R, R)) {
        match self.0.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert((place, row));
            }
            Entry::Occupied(mut entry) => {
                let (least, sum) = entry.get_mut();
                add(sum, row);
                *least = place.min(*least);
            }
        }
    }

    /// By their places; those with the same by what they are of.
    pub(super) fn into_rows(self) -> Vec<R> {
        let mut rows: Vec<_> = self.0.into_values().collect();
        rows.sort_by_key(|(place, _)| *place);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// By what agents are ordered: what is unknown, what was called, then ids.
pub(super) type AgentKey = (bool, Option<String>, Option<String>);

/// An agent, with times that can be added.
#[derive(Clone, Debug)]
pub(super) struct AgentSum {
    row: AgentCount,
    ages: Ages,
    hour: Talked,
    day: Talked,
}

impl AgentSum {
    /// The row of a part of this moment, with its place in the list. Agents of the file have a name, and
    /// stand before all others.
    pub(super) fn of(place: usize, row: AgentCount, as_of: &str) -> (AgentKey, usize, Self) {
        let key = (row.agent.agent.is_some(), row.agent.agent.clone(), row.agent.address.clone());
        let place = if row.name.is_some() { place } else { usize::MAX };
        let ages = Ages::of(row.live_calls, (row.average_ms, row.longest_ms), as_of);
        let (hour, day) = (Talked::of(&row.last_hour), Talked::of(&row.last_day));
        (key, place, Self { row, ages, hour, day })
    }

    /// Adds the same agent of another part.
    pub(super) fn add(&mut self, other: Self) {
        let Self { row, ages, hour, day } = self;
        let AgentCount { live_users, live_calls, line, public_suspect, .. } = other.row;
        let live_users = row.live_users.saturating_add(live_users);
        let live_calls = row.live_calls.saturating_add(live_calls);
        let public_suspect = sum_of_told(row.public_suspect, public_suspect);
        let line = sum_of_lines(row.line, line);
        if row.name.is_none() && other.row.name.is_some() {
            // Its agents file knows the agent.
            *row = other.row;
        }
        (row.live_users, row.live_calls, row.public_suspect) =
            (live_users, live_calls, public_suspect);
        row.line = line;
        ages.add(other.ages);
        hour.add(other.hour);
        day.add(other.day);
    }

    pub(super) fn row(self, as_of: &str) -> AgentCount {
        let Self { row, ages, hour, day } = self;
        let (average_ms, longest_ms) = ages.at(as_of);
        AgentCount { average_ms, longest_ms, last_hour: hour.view(), last_day: day.view(), ..row }
    }
}

pub(super) fn sum_of_lines(one: LineView, other: LineView) -> LineView {
    LineView {
        with_agent: one.with_agent.saturating_add(other.with_agent),
        waiting: one.waiting.saturating_add(other.waiting),
        with_person: one.with_person.saturating_add(other.with_person),
        machine: one.machine.saturating_add(other.machine),
        on_the_line: one.on_the_line.saturating_add(other.on_the_line),
    }
}

/// Adds the same source of another part. Each shard asks its provider by itself, perhaps for the same
/// list of calls, so the lengths of these lists are no parts of a sum.
pub(super) fn add_source(sum: &mut SourceCount, part: SourceCount) {
    sum.live_users = sum.live_users.saturating_add(part.live_users);
    sum.live_calls = sum.live_calls.saturating_add(part.live_calls);
    sum.heard_at = sum.heard_at.take().max(part.heard_at);
    sum.refused_at = sum.refused_at.take().max(part.refused_at);
    sum.referee = match (sum.referee.take(), part.referee) {
        (Some(one), Some(other)) => Some(SourceReferee {
            state: worse(&SOURCE_STATES, one.state, other.state),
            gives: one.gives.min(other.gives),
            // The oldest; none if one has none.
            asked_at: one.asked_at.zip(other.asked_at).map(|(one, other)| one.min(other)),
            calls: None,
            difference: None,
            failure: least(one.failure, other.failure),
        }),
        (some, None) | (None, some) => some,
    };
}

/// From good to bad.
const SOURCE_STATES: [&str; 4] = ["elsewhere", "watching", "failing", "refused"];

/// The one that stands later in this list, or is not in it.
pub(super) fn worse(states: &[&str], one: String, other: String) -> String {
    let rank = |state: &str| states.iter().position(|it| *it == state).unwrap_or(states.len());
    if (rank(&one), &one) < (rank(&other), &other) { other } else { one }
}

pub(super) fn add_delivery(sum: &mut DeliveryView, part: DeliveryView) {
    sum.pending = sum.pending.saturating_add(part.pending);
    sum.undelivered = sum.undelivered.saturating_add(part.undelivered);
    sum.failing_since = least(sum.failing_since.take(), part.failing_since);
    sum.failure = least(sum.failure.take(), part.failure);
}

/// The newest of both.
pub(super) fn newest_healed(mut all: Vec<HealedView>, more: Vec<HealedView>) -> Vec<HealedView> {
    all.extend(more);
    let key = |it: &HealedView| (it.at.clone(), it.call_sid.clone(), it.cause.clone());
    all.sort_by_cached_key(|it| std::cmp::Reverse(key(it)));
    all.truncate(HEALED_MAX);
    all
}

/// How alerts stand. Each shard looks at its own calls: one that fires anywhere fires.
#[derive(Clone, Debug)]
pub(super) struct AlertsSum {
    alerts: Rows<String, AlertView>,
    recent: Vec<AlertEventView>,
}

impl AlertsSum {
    pub(super) fn of(AlertsView { alerts, recent }: AlertsView) -> Self {
        let rows = alerts.into_iter().enumerate();
        let rows = rows.map(|(place, row)| (row.alert.clone(), place, row));
        Self { alerts: Rows::of(rows, add_alert), recent: newest_events(recent, Vec::new()) }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.alerts.add(other.alerts, add_alert);
        self.recent = newest_events(std::mem::take(&mut self.recent), other.recent);
    }

    pub(super) fn view(self) -> AlertsView {
        AlertsView { alerts: self.alerts.into_rows(), recent: self.recent }
    }
}

fn add_alert(sum: &mut AlertView, part: AlertView) {
    sum.firing |= part.firing;
    sum.since = least(sum.since.take(), part.since);
    sum.value = match part.rule.below {
        true => least(sum.value, part.value),
        false => sum.value.max(part.value),
    };
}

fn newest_events(mut all: Vec<AlertEventView>, more: Vec<AlertEventView>) -> Vec<AlertEventView> {
    all.extend(more);
    let key = |it: &AlertEventView| (it.at.clone(), it.alert.clone(), it.state.clone(), it.value);
    all.sort_by_cached_key(|it| std::cmp::Reverse(key(it)));
    all.truncate(EVENTS_MAX);
    all
}
