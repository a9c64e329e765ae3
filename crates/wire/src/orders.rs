//! The answers to what an operator asks for.

use serde::{Deserialize, Serialize};

use crate::calls::CallView;

/// The answer of `POST /api/live-users/agents/reload`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentsReloaded {
    /// How many agents are configured now.
    pub agents: usize,
    /// The SHA-256 of the agents file, in hexadecimal; `None` if there is none.
    pub sha256: Option<String>,
}

/// The answer of `POST /api/live-users/journal/rewrite`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRewritten {
    /// Names the new journal: 16 hexadecimal digits.
    pub epoch: String,
    /// Its last record.
    pub seq: u64,
    /// The file in the same directory that has what was there before, if there was anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<String>,
}

/// The answer of `POST /api/live-users/calls/{CallSid}/evict`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evicted {
    /// The call, which is not counted any more.
    pub call: CallView,
}
