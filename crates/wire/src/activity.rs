//! What happened to calls: the feed, the newest first.

use serde::{Deserialize, Serialize};

use crate::{AgentRef, PlaceView};

/// The answer of `GET /api/live-users/activity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityPage {
    /// The newest activities after the one that was asked for, or of all; the newest first.
    pub activities: Vec<ActivityView>,
    /// The `after` of a request for what is newer than all of these.
    pub cursor: String,
    /// Whether there were more between these and the one that was asked for.
    pub missed: bool,
    /// The moment at which this held.
    pub as_of: String,
}

/// One thing that happened to a call, with what was known of the call then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityView {
    /// Names this activity in this journal.
    pub cursor: String,
    /// When it was recorded.
    pub at: String,
    /// `started`, `answered`, `moved`, `ended`, `healed` or `evicted`.
    pub what: String,
    /// Which call.
    pub call_sid: String,
    /// Whose call it was.
    #[serde(flatten)]
    pub agent: AgentRef,
    /// The same label for the same person; `None` if the caller id was withheld or unusable.
    pub caller: Option<String>,
    /// Where the person was.
    #[serde(flatten)]
    pub place: PlaceView,
    /// `inbound` or `outbound`, if it was known.
    pub direction: Option<String>,
    /// With whom the caller is connected since then, as [`crate::CallView::party`]; only of a call
    /// that has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<String>,
    /// The call has moved away from this agent to another one, of which the reader sees nothing; only
    /// to who reads the calls of one agent or of some accounts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub away: bool,
    /// Why the call was over, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it was connected with agents, as the provider reports it or else as it was
    /// measured; only of a call that was over and had been live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Why the count had been wrong: `missed-start`, `missed-answer`, `missed-end`, `timed-out`,
    /// `evicted` or `wrong-end`; only of what has healed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}
