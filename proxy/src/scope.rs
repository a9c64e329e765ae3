//! What the token of an account or of a link may see and do, as the backend has said when it was shown.

use live_users_wire::{Access, LinkAccess, Role};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::error::UpstreamError;

/// The longest text of a scope, in bytes: browsers keep cookies of up to 4,096 bytes.
const TEXT_BYTES_MAX: usize = 3_500;

/// What of a name stands in the text as it is. The separators are not among it.
const AS_IT_IS: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Between the parts of the text, and between the accounts.
const PARTS: char = '.';
const ACCOUNTS: char = '!';

/// In the place of accounts where there are none, before a link.
const NO_ACCOUNTS: &str = "!";

/// The part of everything that one token of the backend opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    access: String,
    /// The id of the token.
    pub(crate) id: String,
    /// What it may do.
    pub(crate) role: Role,
    /// Whose calls it sees; `None` for all.
    pub(crate) accounts: Option<Vec<String>>,
    /// The link, if the token is that of one.
    pub(crate) link: Option<LinkAccess>,
}

/// Why what the backend says of a token is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScopeError {
    /// It has no name, or one that no header can hold.
    #[error("{}", UpstreamError::NotAnAccess)]
    NotAnAccess,
    /// No cookie can hold it.
    #[error("this token has more accounts than a session can hold ({TEXT_BYTES_MAX} bytes)")]
    TooLong,
}

impl Scope {
    /// The scope of a token. `None` of `API_TOKEN`, whose access has no bounds.
    ///
    /// # Errors
    /// If the answer has another form, or is too long to be kept in a cookie.
    pub(crate) fn of(access: Access) -> Result<Option<Self>, ScopeError> {
        let Access { id, role, accounts, access, link } = access;
        let Some(access) = access else { return Ok(None) };
        let id = id.ok_or(ScopeError::NotAnAccess)?;
        let scope = Self { access, id, role, accounts, link };
        let text = scope.to_text();
        if text.len() > TEXT_BYTES_MAX {
            return Err(ScopeError::TooLong);
        }
        // What does not come back is not kept: an empty name, or one that no header can hold.
        match Self::from_text(&text) {
            Some(read) if read == scope => Ok(Some(scope)),
            Some(_) | None => Err(ScopeError::NotAnAccess),
        }
    }

    /// What the backend is shown, in visible ASCII. It names the scope among all others.
    pub(crate) fn access(&self) -> &str {
        &self.access
    }

    /// The text of it, in characters that a cookie may have (RFC 6265, 4.1.1).
    pub(crate) fn to_text(&self) -> String {
        let part = |text: &str| utf8_percent_encode(text, &AS_IT_IS).to_string();
        let role = match self.role {
            Role::Read => "read",
            Role::Operate => "operate",
        };
        let mut text = [role, &part(&self.id), &part(&self.access)].join(&PARTS.to_string());
        match (&self.accounts, &self.link) {
            (None, None) => return text,
            (None, Some(_)) => text.extend([PARTS, ACCOUNTS]),
            (Some(accounts), _) => {
                let accounts: Vec<_> = accounts.iter().map(|it| part(it)).collect();
                text.push(PARTS);
                text.push_str(&accounts.join(&ACCOUNTS.to_string()));
            }
        }
        if let Some(link) = &self.link {
            text.push(PARTS);
            text.push_str(&part(&serde_json::to_string(link).expect("texts are always JSON")));
        }
        text
    }

    /// Reads such a text. `None` if it is none.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split(PARTS);
        let role = match parts.next()? {
            "read" => Role::Read,
            "operate" => Role::Operate,
            _ => return None,
        };
        let (id, access) = (name(parts.next()?)?, name(parts.next()?)?);
        let accounts = parts.next();
        let link = parts.next().map(name);
        let accounts = match accounts {
            None => None,
            Some(NO_ACCOUNTS) if link.is_some() => None,
            Some("") => Some(Vec::new()),
            Some(accounts) => Some(accounts.split(ACCOUNTS).map(name).collect::<Option<_>>()?),
        };
        // What cannot be read is not left out: without a link, a session would see more.
        let link = match link {
            None => None,
            Some(text) => Some(serde_json::from_str(&text?).ok()?),
        };
        let is_visible = access.bytes().all(|byte| byte.is_ascii_graphic());
        (is_visible && parts.next().is_none()).then_some(Self { access, id, role, accounts, link })
    }
}

fn name(text: &str) -> Option<String> {
    let name = percent_decode_str(text).decode_utf8().ok()?.into_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use live_users_wire::{LinkScope, LinkView, True};

    use super::*;

    fn access(accounts: Option<&[&str]>) -> Access {
        Access {
            id: Some("acme-wall".to_owned()),
            role: Role::Read,
            accounts: accounts.map(|it| it.iter().map(|&it| it.to_owned()).collect()),
            access: Some("acme-wall.0a1b".to_owned()),
            link: None,
        }
    }

    #[test]
    fn the_scope_of_a_link_comes_back_with_it_or_not_at_all() {
        let link = LinkAccess {
            name: "Wand \u{fc}ber \"A\"; b.c!d".to_owned(),
            scope: LinkScope::Total(True),
            view: LinkView::Wallboard,
            expires_ms: 7,
        };
        for accounts in [None, Some(&["acme"][..]), Some(&[][..])] {
            let link = Some(link.clone());
            let scope = Scope::of(Access { link, ..access(accounts) }).unwrap().unwrap();
            let text = scope.to_text();
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!%".contains(&byte);
            assert!(text.bytes().all(is_plain), "{text}");
            assert_eq!(Scope::from_text(&text), Some(scope));
            for wrong in [&text[..text.len() - 4], &format!("{text}."), &format!("{text}x")] {
                assert_eq!(Scope::from_text(wrong), None, "{wrong}");
            }
        }
    }

    #[test]
    fn a_scope_comes_back_from_its_text_whatever_its_names_are() {
        for accounts in [
            None,
            Some(&[][..]),
            Some(&["acme"][..]),
            Some(&["acme", "b.c!d", "50% of \u{fc}; , \"x\""][..]),
        ] {
            for role in [Role::Read, Role::Operate] {
                let scope = Scope::of(Access { role, ..access(accounts) }).unwrap().unwrap();
                let text = scope.to_text();
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!%".contains(&byte);
                assert!(text.bytes().all(is_plain), "{text}");
                assert_eq!(Scope::from_text(&text), Some(scope));
            }
        }
        let expected = "read.acme-wall.acme-wall%2E0a1b.acme!beta";
        let scope = Scope::of(access(Some(&["acme", "beta"]))).unwrap().unwrap();
        assert_eq!(scope.to_text(), expected);
    }

    #[test]
    fn what_is_no_scope_is_none() {
        for text in
            ["", "read", "read.a", "root.a.b", "read..b", "read.a.", "read.a.b.c.d", "read.a.b.c."]
        {
            assert_eq!(Scope::from_text(text), None, "{text}");
        }
        for text in ["read.a.%00", "read.a.%20", "read.a.%ff", "read.a.b.c!", "read.a.b.!"] {
            assert_eq!(Scope::from_text(text), None, "{text}");
        }
        let all = Access { access: None, ..access(None) };
        assert_eq!(Scope::of(all), Ok(None), "API_TOKEN opens everything");
        for wrong in [
            Access { id: None, ..access(None) },
            Access { access: Some(String::new()), ..access(None) },
            Access { access: Some("a b".to_owned()), ..access(None) },
            Access { access: Some("a\r\nb: c".to_owned()), ..access(None) },
            access(Some(&[""])),
        ] {
            assert_eq!(Scope::of(wrong), Err(ScopeError::NotAnAccess));
        }
        let long = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(Scope::of(access(Some(&[&long]))), Err(ScopeError::TooLong));
    }
}
