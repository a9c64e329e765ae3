//! What hooks are sent. Moments are RFC 3339 in UTC with milliseconds. No phone number is in it, but
//! for one that was called and belongs to no agent, with its middle left out.

use serde::{Deserialize, Serialize};

use crate::{AgentRef, AlertEventView};

/// The body of one request to a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookMessage<T> {
    /// `live_users.changed`, `call.started`, `call.ended`, `threshold` or `alert`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub timestamp: String,
    /// What happened.
    pub data: T,
}

/// The data of `live_users.changed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangedData {
    /// How many live users there are now.
    pub live_users: u64,
    /// The agent that they are of, if the hook names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// The data of `threshold`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThresholdData {
    /// How many live users there are now.
    pub live_users: u64,
    /// The threshold of the hook.
    pub threshold: u64,
    /// Whether there are so many or more.
    pub reached: bool,
    /// The agent that they are of, if the hook names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// The data of `call.started` and of `call.ended`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallData {
    /// Which call: the id that it is kept under.
    pub call_sid: String,
    /// Its other ids, of those who tell of it. The one that it was told under before is among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The agent that the call belongs to.
    #[serde(flatten)]
    pub agent: AgentRef,
    /// `inbound` or `outbound`, if it is known.
    pub direction: Option<String>,
    /// How many live users there are since then, with all agents.
    pub live_users: u64,
    /// The call goes on although it was told to be over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// Why it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it was connected with agents. Absent if it was not, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// The data of `alert`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertData {
    /// The alert, and what has happened to it.
    #[serde(flatten)]
    pub event: AlertEventView,
    /// The same for people.
    pub text: String,
}
