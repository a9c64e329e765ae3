//! What a token of the backend may see and do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::LinkAccess;

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
    /// The link, if the token is that of one; its `id` is the link's then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkAccess>,
}

/// The question of `POST /api/live-users/access`: what this token opens, as who has `API_TOKEN` asks
/// for somebody else (in the manner of RFC 7662).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introspection {
    /// The token, as it was shown. It stands in no URL, and in no `Debug` output.
    pub token: String,
}

/// The answer to an [`Introspection`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introspected {
    /// Whether the token is in force.
    pub active: bool,
    /// What it opens; `None` if it is not in force.
    #[serde(flatten)]
    pub access: Option<Access>,
}

impl Introspected {
    /// The answer for a token that opens this, or nothing.
    pub fn of(access: Option<Access>) -> Self {
        Self { active: access.is_some(), access }
    }

    /// What the token opens; `None` if it is not in force.
    ///
    /// # Errors
    /// If the answer says that it is in force and not what it opens.
    pub fn opened(self) -> Result<Option<Access>, NotAnAccess> {
        match self {
            Self { active: false, .. } => Ok(None),
            Self { active: true, access: Some(access) } => Ok(Some(access)),
            Self { active: true, access: None } => Err(NotAnAccess),
        }
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Introspection(hidden)")
    }
}

/// A token is in force, and what it opens is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAccess;

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
        let all =
            Access { id: None, role: Role::Operate, accounts: None, access: None, link: None };
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

    #[test]
    fn what_a_token_of_somebody_else_opens_is_exactly_the_documented_shape() {
        let json = concat!(
            r#"{"active":true,"id":"acme-wall","role":"read","accounts":["acme"],"#,
            r#""access":"acme-wall.0a1b"}"#
        );
        let answer: Introspected = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&answer).unwrap(), json);
        assert_eq!(answer.opened().unwrap().unwrap().id.as_deref(), Some("acme-wall"));
        let none = Introspected::of(None);
        assert_eq!(serde_json::to_string(&none).unwrap(), r#"{"active":false}"#);
        assert_eq!(none.opened(), Ok(None));
        let lacking: Introspected = serde_json::from_str(r#"{"active":true,"id":"a"}"#).unwrap();
        assert_eq!(lacking.opened(), Err(NotAnAccess));
        assert!(serde_json::from_str::<Introspected>(r#"{"id":null,"role":"read"}"#).is_err());
        let question: Introspection = serde_json::from_str(r#"{"token":"s3cret"}"#).unwrap();
        assert!(!format!("{question:?}").contains("s3cret"));
    }
}
