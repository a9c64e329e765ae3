//! How what is sent to others stands.

use serde::{Deserialize, Serialize};

/// How what is sent to one recipient stands, at this backend and since its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// `agent ID`: the receivers of its status callbacks, with ` (not in the agents file)` behind it if it
    /// is gone; or `hook ID`.
    pub to: String,
    /// How many wait or are under way.
    pub pending: u64,
    /// How many were given up or lost.
    pub undelivered: u64,
    /// Since when none has succeeded. Absent if the last one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<String>,
    /// Why the last one failed, or why it waits. Absent if the last one has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}
