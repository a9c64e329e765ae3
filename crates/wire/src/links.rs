//! Shared links: who has one reads a part of the numbers until it ends or is revoked.

use serde::{Deserialize, Serialize};

/// What the readers of a link see: `{"all":true}`, `{"total":true}`, `{"agent":"booking"}` or
/// `{"account":"acme"}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkScope {
    /// All calls.
    All(True),
    /// The numbers of all calls together, and no agent and no call.
    Total(True),
    /// The calls of this agent.
    Agent(String),
    /// The calls of this account.
    Account(String),
}

/// `true`, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct True;

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("expected true") }
    }
}

impl From<True> for bool {
    fn from(True: True) -> Self {
        true
    }
}

/// What a link shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkView {
    /// The page, with the calls in scope.
    #[default]
    Page,
    /// The wallboard: numbers, and no call.
    Wallboard,
}

/// The body of `POST /api/live-users/links`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// What people call it.
    pub name: String,
    /// What its readers see.
    pub scope: LinkScope,
    /// What it shows.
    #[serde(default)]
    pub view: LinkView,
    /// When it ends: a moment (RFC 3339), or how long it lasts (`12h`, `30d`).
    pub expires: String,
}

/// A link, as it is listed. Its token is not kept, so nothing can show it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkInfo {
    /// Which.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What its readers see.
    pub scope: LinkScope,
    /// What it shows.
    pub view: LinkView,
    /// When it was made.
    pub created: String,
    /// When it ends.
    pub expires: String,
    /// When somebody read by it last; `None` if nobody has.
    pub last_used: Option<String>,
}

/// The answer of `GET /api/live-users/links`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkList {
    /// Those that are in force, the newest first.
    pub links: Vec<LinkInfo>,
    /// The moment of the list.
    pub as_of: String,
}

/// The answer of `POST /api/live-users/links`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkMade {
    /// The link.
    pub link: LinkInfo,
    /// Its token, which is told this once. It stands in no `Debug` output.
    pub token: String,
}

/// The answer of `POST /api/live-users/links/{id}/revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRevoked {
    /// The link, as it was.
    pub link: LinkInfo,
}

/// The link whose token was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkAccess {
    /// What people call it.
    pub name: String,
    /// What its readers see.
    pub scope: LinkScope,
    /// What it shows.
    pub view: LinkView,
    /// When it ends, in milliseconds since 1970.
    pub expires_ms: u64,
}

impl std::fmt::Debug for LinkMade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkMade").field("link", &self.link).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_exactly_the_documented_shape() {
        for (scope, json) in [
            (LinkScope::All(True), r#"{"all":true}"#),
            (LinkScope::Total(True), r#"{"total":true}"#),
            (LinkScope::Agent("booking".to_owned()), r#"{"agent":"booking"}"#),
            (LinkScope::Account("acme".to_owned()), r#"{"account":"acme"}"#),
        ] {
            assert_eq!(serde_json::to_string(&scope).unwrap(), json);
            assert_eq!(serde_json::from_str::<LinkScope>(json).unwrap(), scope);
        }
        let both = r#"{"agent":"booking","account":"acme"}"#;
        for wrong in [r#"{"total":false}"#, r#"{"all":1}"#, "{}", both, r#""all""#, r#"{"x":true}"#]
        {
            assert!(serde_json::from_str::<LinkScope>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_in_the_json_and_not_in_what_is_logged() {
        let made = LinkMade {
            link: LinkInfo {
                id: "0a".to_owned(),
                name: "Wall".to_owned(),
                scope: LinkScope::Total(True),
                view: LinkView::Wallboard,
                created: "c".to_owned(),
                expires: "e".to_owned(),
                last_used: None,
            },
            token: "s3cret".to_owned(),
        };
        assert!(!format!("{made:?}").contains("s3cret"));
        let json = concat!(
            r#"{"link":{"id":"0a","name":"Wall","scope":{"total":true},"view":"wallboard","#,
            r#""created":"c","expires":"e","lastUsed":null},"token":"s3cret"}"#
        );
        assert_eq!(serde_json::to_string(&made).unwrap(), json);
    }
}
