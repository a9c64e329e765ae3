//! When an alert fires, when it is told again, and when it is over: a function of the time and of
//! what is known at that moment. Nothing here reads a clock.

use std::collections::BTreeMap;

use live_users_core::{MINUTE_MS, Millis};
use live_users_intake::agents::Agents;
use live_users_intake::alerts::{AlertTable, Condition, Threshold};
use live_users_state::{AlertChange, AlertStatus, AlertStep, Alerts};

use super::alert_values::Values;

/// What is known at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whether the numbers may be shown, and so may what follows from them. Whether anybody answers
    /// who is asked is known in any case.
    pub(crate) is_known: bool,
    /// The figures of all calls together.
    pub(crate) all: Figures,
    /// Those of each agent that an alert names.
    pub(crate) by_agent: BTreeMap<String, Figures>,
    /// When the last webhook came, whosever it was.
    pub(crate) heard: Option<Millis>,
    /// The same of each source of which it is known.
    pub(crate) heard_of: BTreeMap<String, Millis>,
    /// Since when this backend listens. What was not heard before proves nothing.
    pub(crate) listening_since: Millis,
    /// Somebody is live, or was so at the same time a week ago.
    pub(crate) expects_calls: bool,
    /// Whether those who are asked which calls are up do not answer; `None` where that is not known.
    pub(crate) failing: BTreeMap<String, Option<bool>>,
}

/// The figures of some calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) users: u64,
    pub(crate) calls: u64,
    pub(crate) suspect: u64,
    /// How many calls there may be.
    pub(crate) capacity: Option<u32>,
}

/// What an alert looks at, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reading {
    value: Option<u64>,
    /// Whether it is so; `None` if nobody knows.
    holds: Option<bool>,
}

/// Decides about all alerts, one look after the other.
#[derive(Debug, Default)]
pub(crate) struct Evaluator {
    /// Since when it is so, of each alert of which it is so.
    held: BTreeMap<String, (AlertTable, Millis)>,
}

impl Evaluator {
    /// What has to be recorded of the alerts now. What nobody knows begins no alert and ends none.
    pub(crate) fn look(
        &mut self,
        now: Millis,
        agents: &Agents,
        facts: &Facts,
        alerts: &Alerts,
    ) -> Vec<AlertChange> {
        let tables = agents.alerts();
        // One that was changed is another one: its window begins anew.
        self.held.retain(|id, (held, _)| tables.iter().any(|it| it.id == *id && it == held));
        let gone = alerts.ids().filter(|id| !tables.iter().any(|it| it.id == ***id));
        let mut changes: Vec<_> = gone.map(|id| removed(id)).collect();
        for table in tables {
            let status = alerts.status(&table.id);
            if let Some(ended) = ended_by_file(table, &status) {
                changes.push(ended);
                continue;
            }
            let reading = read(table, facts, now);
            let held_ms = self.held_ms(now, table, reading.holds);
            if let Some((what, told)) = decide(now, table, (reading.holds, held_ms), &status) {
                let mut change = change(table, what, told, reading.value);
                if let (AlertStep::Resolved, Some(fires)) = (what, status.rule) {
                    // Who was told that it fires, whatever the file says meanwhile.
                    change.hooks = fires.hooks;
                }
                changes.push(change);
            }
        }
        changes
    }

    /// For how long it has been so without a break.
    fn held_ms(&mut self, now: Millis, table: &AlertTable, holds: Option<bool>) -> u64 {
        if holds != Some(true) {
            self.held.remove(&table.id);
            return 0;
        }
        let (_, since) = self.held.entry(table.id.clone()).or_insert_with(|| (table.clone(), now));
        now.since(*since)
    }
}

/// The value of each alert now.
pub(crate) fn values(now: Millis, agents: &Agents, facts: &Facts) -> Values {
    let tables = agents.alerts().iter();
    let value = |table: &AlertTable| (table.clone(), read(table, facts, now).value);
    tables.map(|table| (table.id.clone(), value(table))).collect()
}

/// The end of an alert that fires by another rule than that of the file.
fn ended_by_file(table: &AlertTable, status: &AlertStatus) -> Option<AlertChange> {
    let fires = status.since.and(status.rule.as_ref())?;
    let (what, told) = (AlertStep::Resolved, status.told.is_some());
    // The value is about the rule of before, and nobody looks at that.
    let ended = AlertChange { what, told, value: None, rule_changed: true, ..fires.clone() };
    (!is_rule_of(table, fires)).then_some(ended)
}

/// Whether what was recorded of an alert is by the rule that the file has for it.
fn is_rule_of(table: &AlertTable, recorded: &AlertChange) -> bool {
    let AlertChange { condition, threshold, below, agent, source, .. } =
        change(table, AlertStep::Firing, false, None);
    recorded.condition == condition
        && (recorded.threshold, recorded.below) == (threshold, below)
        && (&recorded.agent, &recorded.source) == (&agent, &source)
}

/// Whether an alert begins, is told again, or is over, and whether the hooks are told.
fn decide(
    now: Millis,
    table: &AlertTable,
    (holds, held_ms): (Option<bool>, u64),
    status: &AlertStatus,
) -> Option<(AlertStep, bool)> {
    // The window of a silence is in its value.
    let window_s = if table.condition().is_silence() { 0 } else { table.for_seconds() };
    let quiet_ms = u64::from(table.repeat_after_minutes()) * MINUTE_MS;
    // A clock that was ahead may have told it: then nothing was told for longer than that.
    let distance_ms = |at: Millis| now.since(at).max(at.since(now));
    // The quiet time is that of the rule by which it was told. Older programs did not keep which it was.
    let is_same_rule = status.rule.as_ref().is_none_or(|told| is_rule_of(table, told));
    let told_at = status.told_at.filter(|_| is_same_rule);
    let may_tell = told_at.is_none_or(|at| distance_ms(at) >= quiet_ms);
    match (holds?, status.since) {
        (true, None) => {
            let is_due = held_ms >= u64::from(window_s) * 1_000;
            is_due.then_some((AlertStep::Firing, may_tell))
        }
        (true, Some(_)) => may_tell.then_some((AlertStep::Firing, true)),
        // Who was not told that it fires need not hear that it is over.
        (false, Some(_)) => Some((AlertStep::Resolved, status.told.is_some())),
        (false, None) => None,
    }
}

/// What an alert looks at.
fn read(table: &AlertTable, facts: &Facts, now: Millis) -> Reading {
    if !facts.is_known && table.condition() != Condition::RefereeFailing {
        return Reading::default();
    }
    let figures = match &table.agent {
        Some(id) => facts.by_agent.get(id).copied().unwrap_or_default(),
        None => facts.all,
    };
    let compared = |value: u64| {
        let holds = table.threshold().map(|threshold| match threshold {
            Threshold::AtLeast(least) => value >= least.into(),
            Threshold::Below(limit) => value < limit.into(),
        });
        Reading { value: Some(value), holds }
    };
    match table.condition() {
        Condition::Users => compared(figures.users),
        Condition::CapacityShare => {
            let share = figures.capacity.and_then(|it| percent(figures.calls, it.into()));
            share.map(compared).unwrap_or_default()
        }
        Condition::SuspectShare if figures.users < table.min_users().into() => {
            let value = Some(percent(figures.suspect, figures.users).unwrap_or_default());
            Reading { value, holds: Some(false) }
        }
        Condition::SuspectShare => {
            compared(percent(figures.suspect, figures.users).unwrap_or_default())
        }
        Condition::NoWebhooks => silence(table, facts, facts.heard, now),
        Condition::SourceSilent => {
            let source = table.source.as_ref();
            silence(table, facts, source.and_then(|id| facts.heard_of.get(id)).copied(), now)
        }
        Condition::RefereeFailing => {
            let asked = facts.failing.iter();
            let of_it = |id: &String| table.source.as_ref().is_none_or(|it| it == id);
            let states = asked.filter(|(id, _)| of_it(id)).map(|(_, failing)| *failing);
            Reading { value: None, holds: any(states) }
        }
    }
}

/// The silence of somebody who was last heard then.
fn silence(table: &AlertTable, facts: &Facts, heard: Option<Millis>, now: Millis) -> Reading {
    // Before we listened, it may have been sent to nobody.
    let is_heard = heard.is_some_and(|at| at >= facts.listening_since);
    let silent_ms =
        now.since(heard.map_or(facts.listening_since, |at| at.max(facts.listening_since)));
    let is_silent = silent_ms >= u64::from(table.for_seconds()) * 1_000;
    let holds = match (is_silent, is_heard) {
        // Nobody calls at night. But whoever was missed then is missed until something comes.
        (true, _) => facts.expects_calls.then_some(true),
        (false, true) => Some(false),
        (false, false) => None,
    };
    Reading { value: Some(silent_ms / 1_000), holds }
}

/// Whether any of these is so. `None` if there is none, or nobody knows.
fn any(states: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    states.reduce(|one, other| match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, _) | (_, None) => None,
        (Some(false), Some(false)) => Some(false),
    })?
}

/// So many percent of a number, rounded down.
fn percent(part: u64, whole: u64) -> Option<u64> {
    part.saturating_mul(100).checked_div(whole)
}

/// What is recorded of an alert.
pub(crate) fn change(
    table: &AlertTable,
    what: AlertStep,
    told: bool,
    value: Option<u64>,
) -> AlertChange {
    let (threshold, below) = match table.threshold() {
        Some(Threshold::AtLeast(it)) => (Some(it), false),
        Some(Threshold::Below(it)) => (Some(it), true),
        // A silence is compared with the window.
        None => (table.condition().is_silence().then(|| table.for_seconds()), false),
    };
    AlertChange {
        alert: table.id.as_str().into(),
        what,
        told,
        condition: table.condition().name().into(),
        value,
        threshold: threshold.map(u64::from),
        below,
        agent: table.agent.as_deref().map(Into::into),
        source: table.source.as_deref().map(Into::into),
        rule_changed: false,
        hooks: table.hooks().map(|ids| ids.iter().map(|id| id.as_str().into()).collect()),
    }
}

fn removed(id: &str) -> AlertChange {
    AlertChange {
        alert: id.into(),
        what: AlertStep::Removed,
        told: false,
        condition: "".into(),
        value: None,
        threshold: None,
        below: false,
        agent: None,
        source: None,
        rule_changed: false,
        hooks: None,
    }
}

#[cfg(test)]
mod tests;
