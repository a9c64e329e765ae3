//! Sessions of admins that have ended before their time, as proxies tell the backend of them.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/sessions/ended`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedSessions {
    /// The sessions, in the order of their ids.
    pub sessions: Vec<EndedSession>,
}

/// A session that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedSession {
    /// A hash of the session's own id: 32 hexadecimal digits.
    pub id: String,
    /// When the session would have been over, in milliseconds since 1970.
    pub until_ms: u64,
}
