//! The live users by who tells of them, and by account.

use serde::{Deserialize, Serialize};

use crate::SourceEnds;

/// A source and the live users that it has told of. A person of whom two sources tell is in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceCount {
    /// Its id in the agents file; `twilio` of Twilio's own webhooks and lists, and `api` of who shows
    /// `API_TOKEN` at `/api/events`.
    pub source: String,
    /// Its kind, such as `telnyx`.
    pub kind: String,
    /// What people call its kind.
    pub title: String,
    /// The account that its calls belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// How many distinct callers it has told of.
    pub live_users: u64,
    /// In how many calls.
    pub live_calls: u64,
    /// When the last webhook of it came that was let in, since the start of this process.
    pub heard_at: Option<String>,
    /// When the last webhook for it came that was not signed by it, since the start of this process.
    pub refused_at: Option<String>,
    /// On what it rests that a call has started: `event`, `derived` or `untold`.
    pub start: String,
    /// The same of an answer.
    pub answer: String,
    /// The same of a hand-over to a person.
    pub hand_over: String,
    /// The same of the end.
    pub end: String,
    /// What ends its calls, in English, as the end of "a call ends ...".
    pub ends_by: String,
    /// The same as values; `None` from an older backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<SourceEnds>,
    /// What its provider says of the calls that are up, if it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referee: Option<SourceReferee>,
}

/// What the provider of a source says of the calls that are up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceReferee {
    /// `watching`; `failing`, `refused` (its key is); or `elsewhere`: another replica asks.
    pub state: String,
    /// What it answers: a `list` of calls, or a `number`, which ends nothing.
    pub gives: String,
    /// When its last complete answer was compared with what is counted.
    pub asked_at: Option<String>,
    /// How many calls are up by that answer.
    pub calls: Option<u64>,
    /// How many more these are than what this source has told of.
    pub difference: Option<i64>,
    /// Why the last question failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// An account and its live users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountCount {
    /// Its name in the agents file; `None` for calls of which no account is known.
    pub account: Option<String>,
    /// How many distinct callers it has.
    pub live_users: u64,
    /// In how many calls.
    pub live_calls: u64,
}
