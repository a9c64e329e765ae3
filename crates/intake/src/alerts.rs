//! The alerts in the configuration file: what somebody is told about when it is so for a while.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::agents::{Agents, ID_BYTES_MAX, is_id};
use crate::hooks::HookEvent;

/// The most alerts in one file.
const ALERTS_MAX: usize = 50;

/// The longest window, in seconds: a day.
const FOR_S_MAX: u32 = 86_400;

/// The window of an alert that names none, in seconds.
const FOR_S: u32 = 60;

/// The longest quiet time, in minutes: a week.
const REPEAT_MIN_MAX: u32 = 10_080;

/// The quiet time of an alert that names none, in minutes.
const REPEAT_MIN: u32 = 60;

/// What Twilio's own webhooks and lists are called among the sources.
pub const TWILIO: &str = "twilio";

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `users`: the number of live users is at a threshold or above it, or below one.
    Users,
    /// `capacity_share`: the live calls reach a percentage of what an agent, or all together, hold.
    CapacityShare,
    /// `suspect_share`: of the live users, a percentage is suspect.
    SuspectShare,
    /// `no_webhooks`: nothing has come for a while although calls are expected.
    NoWebhooks,
    /// `referee_failing`: whoever is asked which calls are up does not answer.
    RefereeFailing,
    /// `source_silent`: nothing has come of one source for a while although calls are expected.
    SourceSilent,
}

/// What the value of an alert is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// It is so much or more.
    AtLeast(u32),
    /// It is less.
    Below(u32),
}

/// An `[[alert]]` of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertTable {
    /// Its name: letters, digits, `-` and `_`.
    pub id: String,
    when: String,
    #[serde(default)]
    at_least: Option<u32>,
    #[serde(default)]
    below: Option<u32>,
    /// Only this agent.
    #[serde(default)]
    pub agent: Option<String>,
    /// Only this source; `twilio` is Twilio itself.
    #[serde(default)]
    pub source: Option<String>,
    #[serde(default)]
    min_users: Option<u32>,
    #[serde(default)]
    for_seconds: Option<u32>,
    #[serde(default)]
    repeat_after_minutes: Option<u32>,
    #[serde(default)]
    hooks: Option<Vec<String>>,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Users,
        Self::CapacityShare,
        Self::SuspectShare,
        Self::NoWebhooks,
        Self::RefereeFailing,
        Self::SourceSilent,
    ];

    /// Its name in the file and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::CapacityShare => "capacity_share",
            Self::SuspectShare => "suspect_share",
            Self::NoWebhooks => "no_webhooks",
            Self::RefereeFailing => "referee_failing",
            Self::SourceSilent => "source_silent",
        }
    }

    /// The condition of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Whether it is about silence, so that the window is how long it lasts.
    pub fn is_silence(self) -> bool {
        matches!(self, Self::NoWebhooks | Self::SourceSilent)
    }

    fn has_agent(self) -> bool {
        matches!(self, Self::Users | Self::CapacityShare | Self::SuspectShare)
    }

    fn has_source(self) -> bool {
        matches!(self, Self::RefereeFailing | Self::SourceSilent)
    }

    /// The most that its threshold may be, where it has one.
    fn threshold_max(self) -> Option<u32> {
        match self {
            Self::Users => Some(1_000_000),
            Self::CapacityShare => Some(1_000),
            Self::SuspectShare => Some(100),
            Self::NoWebhooks | Self::RefereeFailing | Self::SourceSilent => None,
        }
    }
}

impl AlertTable {
    /// What it is about.
    pub fn condition(&self) -> Condition {
        Condition::parse(&self.when).unwrap_or(Condition::Users)
    }

    /// What its value is compared with; `None` where it has none.
    pub fn threshold(&self) -> Option<Threshold> {
        let at_least = self.at_least.map(Threshold::AtLeast);
        at_least.or_else(|| self.below.map(Threshold::Below))
    }

    /// How long it has to be so, in seconds.
    pub fn for_seconds(&self) -> u32 {
        self.for_seconds.unwrap_or(FOR_S)
    }

    /// How long nothing is told after it was told that the alert fires, in minutes.
    pub fn repeat_after_minutes(&self) -> u32 {
        self.repeat_after_minutes.unwrap_or(REPEAT_MIN)
    }

    /// With fewer live users than this, no share of them is too much.
    pub fn min_users(&self) -> u32 {
        self.min_users.unwrap_or(1)
    }

    /// The ids of the hooks that are told; `None` for all that take alerts.
    pub fn hooks(&self) -> Option<&[String]> {
        self.hooks.as_deref()
    }

    /// Whether it never fires, since nobody is asked which calls are up of whom it is about. `asks_twilio`
    /// says whether Twilio is asked, beside the accounts of the file.
    pub fn asks_nobody(&self, agents: &Agents, asks_twilio: bool) -> bool {
        if self.condition() != Condition::RefereeFailing {
            return false;
        }
        let asks_twilio = asks_twilio || !agents.accounts().is_empty();
        let is_asked = |id: &str| {
            let mut sources = agents.sources().iter();
            sources.any(|it| it.id == id && it.referee().is_some())
        };
        match self.source.as_deref() {
            Some(TWILIO) => !asks_twilio,
            Some(id) => !is_asked(id),
            None => !asks_twilio && !agents.sources().iter().any(|it| is_asked(&it.id)),
        }
    }

    /// What is wrong with it: a field, and what was expected.
    fn mistakes(&self, agents: &Agents) -> Vec<(&'static str, String)> {
        let id = format!("expected 1 to {ID_BYTES_MAX} letters, digits, '-' or '_'");
        let mut mistakes = Vec::new();
        if !is_id(&self.id) {
            mistakes.push(("id", id));
        }
        let Some(condition) = Condition::parse(&self.when) else {
            let names = Condition::ALL.map(Condition::name).join(", ");
            mistakes.push(("when", format!("{:?} is unknown; expected one of {names}", self.when)));
            return mistakes;
        };
        mistakes.extend(self.mistakes_of_threshold(condition));
        mistakes.extend(self.mistakes_of_subject(condition, agents));
        mistakes.extend(self.mistakes_of_times(condition));
        mistakes.extend(self.mistakes_of_hooks(agents));
        mistakes
    }

    fn mistakes_of_threshold(&self, condition: Condition) -> Option<(&'static str, String)> {
        let Self { at_least, below, min_users, .. } = self;
        let name = condition.name();
        let Some(max) = condition.threshold_max() else {
            let field = if at_least.is_some() { "at_least" } else { "below" };
            let is_wrong = at_least.is_some() || below.is_some();
            return is_wrong.then(|| (field, format!("expected none with when = {name:?}")));
        };
        let is_share = condition != Condition::Users;
        if is_share && below.is_some() {
            return Some(("below", format!("expected at_least with when = {name:?}")));
        }
        let (field, threshold) = match (at_least, below) {
            (Some(_), Some(_)) => {
                return Some(("below", "expected either at_least or below".to_owned()));
            }
            (None, Some(_)) => ("below", below),
            (_, None) => ("at_least", at_least),
        };
        if !threshold.is_some_and(|it| (1..=max).contains(&it)) {
            let unit = if is_share { " percent" } else { "" };
            return Some((field, format!("expected 1 to {max}{unit}")));
        }
        let is_misplaced = min_users.is_some() && condition != Condition::SuspectShare;
        let expected = "expected only with when = \"suspect_share\"".to_owned();
        is_misplaced.then_some(("min_users", expected))
    }

    fn mistakes_of_subject(
        &self,
        condition: Condition,
        agents: &Agents,
    ) -> Option<(&'static str, String)> {
        let name = condition.name();
        let none = |field| Some((field, format!("expected none with when = {name:?}")));
        if self.agent.is_some() && !condition.has_agent() {
            return none("agent");
        }
        if self.source.is_some() && !condition.has_source() {
            return none("source");
        }
        let agent = self.agent.as_deref().map(|id| agents.by_id(id));
        if agent == Some(None) {
            return Some(("agent", "expected the id of an agent in this file".to_owned()));
        }
        if condition == Condition::CapacityShare {
            return match agent {
                Some(Some(agent)) if agent.capacity.is_none() => {
                    Some(("agent", "expected an agent with a capacity".to_owned()))
                }
                None if agents.limit().is_none() => {
                    let what = "expected an agent, or a `limit` for all calls in this file";
                    Some(("agent", what.to_owned()))
                }
                _ => None,
            };
        }
        let source = self.source.as_deref().filter(|it| *it != TWILIO);
        let known = source.map(|id| agents.sources().iter().find(|it| it.id == id));
        match (condition, known) {
            (_, Some(None)) => Some(("source", "expected the id of a source in this file".into())),
            (Condition::SourceSilent, None) if self.source.is_none() => {
                Some(("source", "expected the id of a source in this file".into()))
            }
            (Condition::RefereeFailing, Some(Some(it))) if it.referee().is_none() => {
                Some(("source", "expected a source whose provider is asked".into()))
            }
            _ => None,
        }
    }

    fn mistakes_of_times(&self, condition: Condition) -> Vec<(&'static str, String)> {
        // Shorter silences are no news.
        let least = if condition.is_silence() { FOR_S } else { 0 };
        let is_window = self.for_seconds.is_none_or(|it| (least..=FOR_S_MAX).contains(&it));
        let is_missing = condition.is_silence() && self.for_seconds.is_none();
        let mut mistakes = Vec::new();
        if !is_window || is_missing {
            mistakes.push(("for_seconds", format!("expected {least} to {FOR_S_MAX}")));
        }
        if !self.repeat_after_minutes.is_none_or(|it| (1..=REPEAT_MIN_MAX).contains(&it)) {
            mistakes.push(("repeat_after_minutes", format!("expected 1 to {REPEAT_MIN_MAX}")));
        }
        mistakes
    }

    fn mistakes_of_hooks(&self, agents: &Agents) -> Option<(&'static str, String)> {
        let told = |id: &String| {
            let hook = agents.hooks().iter().find(|it| it.id == *id);
            hook.is_some_and(|it| {
                let is_for_it = it.agent.is_none() || it.agent == self.agent;
                it.takes(HookEvent::Alert) && is_for_it
            })
        };
        let wrong = self.hooks.iter().flatten().find(|id| !told(id))?;
        let what =
            format!("{wrong:?}: expected the id of a hook that takes \"alert\" of its agent");
        Some(("hooks", what))
    }
}

impl Agents {
    /// What somebody is told about when it is so for a while, in the order of the file.
    pub fn alerts(&self) -> &[AlertTable] {
        &self.alerts
    }
}

/// All that is wrong with the alerts of a file.
pub(crate) fn mistakes_in_alerts(agents: &Agents) -> Vec<String> {
    let (alerts, mut mistakes) = (agents.alerts(), Vec::new());
    if alerts.len() > ALERTS_MAX {
        mistakes.push(format!("{} alerts; expected at most {ALERTS_MAX}", alerts.len()));
    }
    let mut ids = BTreeMap::new();
    for (alert, place) in alerts.iter().zip(1..) {
        let mut wrong = |field: &str, what: String| {
            mistakes.push(format!("alert {place} ({:?}): {field}: {what}", alert.id));
        };
        if let Some(first) = ids.insert(&alert.id, place) {
            wrong("id", format!("already the id of alert {first}; expected a different one"));
        }
        alert.mistakes(agents).into_iter().for_each(|(field, what)| wrong(field, what));
    }
    mistakes
}

#[cfg(test)]
mod tests;
