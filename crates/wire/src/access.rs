//! What a token of the backend may see and do.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/live-users/access`: whose token the request has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// The id of its `[[token]]` table; `None` of `API_TOKEN`.
    pub id: Option<String>,
    /// What it may do.
    pub role: Role,
    /// The accounts whose calls it sees; `None` for all calls.
    pub accounts: Option<Vec<String>>,
    /// What a proxy shows in [`ACCESS_HEADER`] beside `API_TOKEN`, to be answered as this token is;
    /// `None` of `API_TOKEN`. It ends when the token is changed or removed.
    pub access: Option<String>,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It reads.
    #[default]
    Read,
    /// It takes calls out of the count, too.
    Operate,
}

/// The header in which a proxy says for which access it asks.
pub const ACCESS_HEADER: &str = "live-users-access";

/// The `code` of a 403 for an [`Access::access`] that has ended.
pub const ACCESS_ENDED: &str = "access-ended";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_is_exactly_the_documented_shape() {
        let all = Access { id: None, role: Role::Operate, accounts: None, access: None };
        let json = r#"{"id":null,"role":"operate","accounts":null,"access":null}"#;
        assert_eq!(serde_json::to_string(&all).unwrap(), json);
        let json = concat!(
            r#"{"id":"acme-wall","role":"read","accounts":["acme"],"#,
            r#""access":"acme-wall.0a1b"}"#
        );
        let access: Access = serde_json::from_str(json).unwrap();
        assert_eq!(access.accounts.as_deref(), Some(&["acme".to_owned()][..]));
        assert_eq!(serde_json::to_string(&access).unwrap(), json);
        assert!(serde_json::from_str::<Access>(&json.replace("read", "other")).is_err());
    }
}
