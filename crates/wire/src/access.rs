//! What a token opens.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/live-users/access`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessView {
    /// `read` or `operate`.
    pub role: String,
    /// The accounts whose calls it reads; `None` for all calls.
    pub accounts: Option<Vec<String>>,
    /// Its id in the agents file; `None` for `API_TOKEN`.
    pub id: Option<String>,
    /// What stands for it in the header `Live-Users-Access` beside `API_TOKEN`; `None` for
    /// `API_TOKEN` itself, and on a server that has none.
    pub access: Option<String>,
}
