//! Which alerts fire, and what happened to them lately: so that every backend shows the same, and a
//! restart neither repeats nor forgets one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use live_users_core::Millis;
use serde::{Deserialize, Serialize};

/// So much is kept of what happened to alerts.
pub const ALERT_NEWS_MAX: usize = 200;

/// The most alerts that are known.
const ALERTS_MAX: usize = 200;

/// What is recorded of an alert. It says all that a message needs, whatever the file says later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertChange {
    /// The id of the alert.
    pub alert: Arc<str>,
    /// What has happened to it.
    pub what: AlertStep,
    /// Whether the hooks are told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub told: bool,
    /// What it is about: the word of the file.
    #[serde(default)]
    pub condition: Arc<str>,
    /// The value at that moment, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
    /// What the value is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u64>,
    /// It fires below the threshold, not from it on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub below: bool,
    /// The agent that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Arc<str>>,
    /// The source that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Arc<str>>,
    /// It is over because the file has another rule for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rule_changed: bool,
    /// The hooks that are told; `None` for all that take alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Vec<Arc<str>>>,
}

impl AlertChange {
    /// Whether a hook with this id, which takes what is about this agent alone or about anything, is
    /// told.
    pub fn is_for(&self, hook: &str, agent: Option<&str>) -> bool {
        let is_named = self.hooks.as_ref().is_none_or(|it| it.iter().any(|id| **id == *hook));
        let is_its = agent.is_none_or(|agent| self.agent.as_deref() == Some(agent));
        self.told && is_named && is_its
    }
}

/// What can happen to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStep {
    /// It fires; of one that does already: it goes on.
    Firing,
    /// It is over.
    Resolved,
    /// Somebody tries whether the hooks are told.
    Test,
    /// The file has it no more.
    Removed,
}

/// Something that happened to an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertNews {
    /// When it was recorded.
    #[serde(with = "moment")]
    pub at: Millis,
    /// What it was.
    #[serde(flatten)]
    pub change: AlertChange,
    /// Since when the alert fires, or fired.
    #[serde(default, with = "perhaps", skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
    /// It had been told before that the alert fires.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reminder: bool,
}

/// How an alert stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlertStatus {
    /// Since when it fires; `None` if it does not.
    #[serde(with = "perhaps", skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
    /// When the hooks were last told that it fires.
    #[serde(with = "perhaps", skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Millis>,
    /// The rule by which it fires, or fired last, and the value when that was recorded last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<AlertChange>,
    /// The number of the news by which they were, while nobody was told that it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<u64>,
}

/// The alerts that have ever fired and are in the file, and what happened to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alerts {
    /// How much ever happened: the number of the newest.
    count: u64,
    alerts: BTreeMap<Arc<str>, AlertStatus>,
    news: VecDeque<AlertNews>,
}

impl Alerts {
    /// Notes what has happened to an alert. What cannot have is ignored, such as the end of one that
    /// does not fire.
    pub(crate) fn note(&mut self, at: Millis, change: &AlertChange) {
        let is_known = self.alerts.contains_key(&change.alert);
        let status = self.status(&change.alert);
        match change.what {
            AlertStep::Test => self.tell(at, change, (status.since, false)),
            AlertStep::Removed => drop(self.alerts.remove(&change.alert)),
            AlertStep::Resolved if status.since.is_none() => {}
            AlertStep::Resolved => {
                self.tell(at, change, (status.since, false));
                // The quiet time is that of the rule.
                let told_at = status.told_at.filter(|_| !change.rule_changed);
                let rule = status.rule.filter(|_| told_at.is_some());
                let ended = AlertStatus { told_at, rule, ..AlertStatus::default() };
                self.alerts.insert(change.alert.clone(), ended);
            }
            AlertStep::Firing if !is_known && self.alerts.len() == ALERTS_MAX => {}
            AlertStep::Firing if status.since.is_some() && !change.told => {}
            AlertStep::Firing => {
                let since = status.since.or(Some(at));
                self.tell(at, change, (since, status.told.is_some()));
                let told_at = if change.told { Some(at) } else { status.told_at };
                let told = change.told.then_some(self.count).or(status.told);
                let fires = AlertStatus { since, told_at, told, rule: Some(change.clone()) };
                self.alerts.insert(change.alert.clone(), fires);
            }
        }
    }

    fn tell(
        &mut self,
        at: Millis,
        change: &AlertChange,
        (since, reminder): (Option<Millis>, bool),
    ) {
        if self.news.len() == ALERT_NEWS_MAX {
            self.news.pop_front();
        }
        self.news.push_back(AlertNews { at, change: change.clone(), since, reminder });
        self.count += 1;
    }

    /// How this alert stands.
    pub fn status(&self, alert: &str) -> AlertStatus {
        self.alerts.get(alert).cloned().unwrap_or_default()
    }

    /// The ids of all that are known.
    pub fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.alerts.keys()
    }

    /// The number of the newest news.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What is kept of what happened, each with its number, the oldest first.
    pub fn news(&self) -> impl DoubleEndedIterator<Item = (u64, &AlertNews)> + ExactSizeIterator {
        let first = usize::try_from(self.count).unwrap_or(usize::MAX) - self.news.len();
        self.news.iter().enumerate().map(move |(n, news)| ((first + n + 1) as u64, news))
    }

    /// What fires and was told, as it stands: each with the number of the last news that told so.
    pub fn firing(&self) -> impl Iterator<Item = (u64, AlertNews)> {
        // Their news may be gone by now: so much may have happened to others.
        let told = self.alerts.values().filter_map(|status| {
            let AlertStatus { since: Some(_), told_at, rule: Some(rule), told } = status else {
                return None;
            };
            let (at, change, since) = ((*told_at)?, rule.clone(), status.since);
            Some(((*told)?, AlertNews { at, change, since, reminder: true }))
        });
        told.collect::<BTreeMap<_, _>>().into_iter()
    }

    /// Whether there never was one.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0 && self.alerts.is_empty()
    }

    /// The same with other times.
    pub(crate) fn mended(mut self, mend: impl Fn(Millis) -> Millis) -> Self {
        for status in self.alerts.values_mut() {
            status.since = status.since.map(&mend);
            status.told_at = status.told_at.map(&mend);
        }
        for news in &mut self.news {
            (news.at, news.since) = (mend(news.at), news.since.map(&mend));
        }
        self
    }
}

/// A moment as it is stored.
mod moment {
    use live_users_core::Millis;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
        at.0.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(it: D) -> Result<Millis, D::Error> {
        u64::deserialize(it).map(Millis)
    }
}

/// The same of one that may be missing.
mod perhaps {
    use live_users_core::Millis;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes it so")]
    pub(super) fn serialize<S: Serializer>(
        at: &Option<Millis>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(|at| at.0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        it: D,
    ) -> Result<Option<Millis>, D::Error> {
        Ok(Option::<u64>::deserialize(it)?.map(Millis))
    }
}

#[cfg(test)]
mod tests;
