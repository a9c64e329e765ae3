//! Alerts: what somebody is told about when it is so for a while.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/live-users/alerts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsView {
    /// The alerts of the agents file, in its order.
    pub alerts: Vec<AlertView>,
    /// What has happened to alerts lately, the newest first.
    pub recent: Vec<AlertEventView>,
}

/// How an alert stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertView {
    /// Its id in the agents file.
    pub alert: String,
    /// Whether it fires.
    pub firing: bool,
    /// Since when; `None` if it does not fire.
    pub since: Option<String>,
    /// The value when it began or was last told, if it fires and has one.
    pub value: Option<u64>,
    /// What it looks at.
    #[serde(flatten)]
    pub rule: AlertRuleView,
    /// How long it has to be so, in seconds.
    pub for_seconds: u32,
}

/// What an alert looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertRuleView {
    /// `users`, `capacity_share`, `suspect_share`, `no_webhooks`, `referee_failing` or
    /// `source_silent`.
    pub when: String,
    /// What its value is compared with: users, percent, or seconds of silence.
    pub threshold: Option<u64>,
    /// It fires below the threshold, and not from it on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub below: bool,
    /// The agent that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The source that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Something that has happened to an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertEventView {
    /// The id of the alert.
    pub alert: String,
    /// `firing`, `resolved` or `test`.
    pub state: String,
    /// When.
    pub at: String,
    /// Since when it fires, or fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Its value then, if it has one.
    pub value: Option<u64>,
    /// What it looked at.
    #[serde(flatten)]
    pub rule: AlertRuleView,
    /// It had been told before that the alert fires.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reminder: bool,
    /// It is over because the agents file has another rule for it, not because its value is another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rule_changed: bool,
}

/// The answer of `POST /api/live-users/alerts/{id}/test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertTested {
    /// The id of the alert.
    pub alert: String,
    /// The hooks that are sent a message.
    pub hooks: Vec<String>,
}
