//! What had to be healed because webhooks did not come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What had to be healed since the journal began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftView {
    /// How many calls.
    pub healed: u64,
    /// How many by cause: `missed-start`, `missed-answer`, `missed-end`, `timed-out`, `evicted`,
    /// `wrong-end`.
    pub by_cause: BTreeMap<String, u64>,
    /// The newest of them, the newest first.
    pub recent: Vec<HealedView>,
}

/// A call that was healed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealedView {
    /// When.
    pub at: String,
    /// Which.
    pub call_sid: String,
    /// Of what.
    pub cause: String,
}
