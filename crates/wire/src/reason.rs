//! Why a call is counted or not, and what happens next, as codes and values: whoever reads them makes sentences
//! of them in any language.

use serde::{Deserialize, Serialize};

use crate::EvidenceView;

/// Why a call is counted or not. [`crate::Explanation::because`] is made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// Whether it is in the count.
    pub counted: bool,
    /// With whom the caller is connected, or why the call is over: `with-agent`, `completed`.
    pub code: String,
    /// Since when, of a call that is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The limit that turned it away: `agent` or `account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The call that it is a leg of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Whether its end is our own guess, which the provider has not said yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    /// The sources whose limits it has broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// How often they were to be heard of it at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_seconds: Option<u32>,
    /// How long a call of theirs is at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_seconds: Option<u32>,
    /// What was said last that has changed this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceView>,
    /// The setting by which it counts: `count-handed-over`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What makes it count: `agent-talks` or `person-hangs-up`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_when: Option<String>,
    /// How sure it is that it goes on, if it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
}

/// How sure it is that a call goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certainty {
    /// `confirmed` or `suspect`.
    pub code: String,
    /// How long ago something was heard of it.
    pub heard_ms: u64,
}

/// What ends the calls of a source. [`crate::SourceCount::ends_by`] is made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceEnds {
    /// Its own word.
    pub by_word: bool,
    /// The list of calls that its provider is asked for.
    pub by_list: bool,
    /// The clock, by limits that are not in the agents file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_clock: bool,
    /// So many seconds in which nothing is heard of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_seconds: Option<u32>,
    /// So many seconds for which a call has been up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_seconds: Option<u32>,
}
