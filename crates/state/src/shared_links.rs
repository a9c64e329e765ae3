//! Shared links: who has one reads a part of the numbers until it ends or is revoked.
//!
//! Only a digest of the token is kept. Which links there are follows from the records alone, so
//! every replica of a journal knows the same ones, also after a restart.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use live_users_core::Millis;
use serde::{Deserialize, Serialize};

use crate::format::DecodeError;
use crate::words::{LINK_VIEWS, Word, value, word};

/// The most links that are in force at the same time. One beyond it is not taken in.
pub const SHARED_LINKS_MAX: usize = 100;

/// Names a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

impl LinkId {
    /// Reads 16 hexadecimal digits, as they are written.
    pub fn parse(text: &str) -> Option<Self> {
        let id = u64::from_str_radix(text, 16).ok().map(Self);
        id.filter(|id| id.to_string() == text)
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The SHA-256 of a link's token, which is drawn at random and long: nobody finds it by its digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(digest))
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// It opens nothing, and is no business of a log either.
impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

/// What the readers of a link see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkScope {
    /// All calls.
    All,
    /// The numbers of all calls together, and no agent and no call.
    Total,
    /// The calls of this agent.
    Agent(Arc<str>),
    /// The calls of this account.
    Account(Arc<str>),
}

/// What a link shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkView {
    /// The page, with the calls in scope.
    Page,
    /// The wallboard: numbers, and no call.
    Wallboard,
}

/// A link, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedLink {
    /// Which.
    pub id: LinkId,
    /// What people call it.
    pub name: Arc<str>,
    /// What its token is found by.
    pub digest: TokenDigest,
    /// What its readers see.
    pub scope: LinkScope,
    /// What it shows.
    pub view: LinkView,
    /// When it ends.
    pub expires: Millis,
}

/// What a record says of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// There is a new one.
    Share(SharedLink),
    /// It opens nothing any more.
    Revoke(LinkId),
    /// Somebody reads by it.
    Use(LinkId),
}

/// A link that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLink {
    /// As it was made.
    pub link: SharedLink,
    /// When it was made.
    pub created: Millis,
    /// When its last use was recorded.
    pub used: Option<Millis>,
}

/// The links that are not revoked. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedLinks(Arc<BTreeMap<LinkId, KnownLink>>);

impl SharedLinks {
    /// Takes in a change. Links that have ended are forgotten when there is a new one.
    pub(crate) fn change(&mut self, at: Millis, change: &LinkChange) {
        let links = Arc::make_mut(&mut self.0);
        match change {
            LinkChange::Share(link) => {
                links.retain(|_, known| known.link.expires > at);
                // A repeat of the record changes nothing, and an id is nobody else's.
                if links.len() < SHARED_LINKS_MAX && link.expires > at {
                    let known = || KnownLink { link: link.clone(), created: at, used: None };
                    links.entry(link.id).or_insert_with(known);
                }
            }
            LinkChange::Revoke(id) => drop(links.remove(id)),
            LinkChange::Use(id) => {
                if let Some(known) = links.get_mut(id) {
                    known.used = known.used.max(Some(at));
                }
            }
        }
    }

    /// The links that are in force at this moment, in the order of their ids.
    pub fn in_force(&self, now: Millis) -> impl Iterator<Item = &KnownLink> {
        self.0.values().filter(move |known| known.link.expires > now)
    }

    /// This link, if it is in force.
    pub fn get(&self, id: LinkId, now: Millis) -> Option<&KnownLink> {
        self.0.get(&id).filter(|known| known.link.expires > now)
    }

    /// The link with this token, if it is in force.
    pub fn by_digest(&self, digest: TokenDigest, now: Millis) -> Option<&KnownLink> {
        self.in_force(now).find(|known| known.link.digest == digest)
    }

    pub(crate) fn to_stored(&self) -> Vec<StoredKnownLink> {
        let stored = |known: &KnownLink| StoredKnownLink {
            link: StoredLink::of(&known.link),
            created: known.created.0,
            used: known.used.map(|Millis(used)| used),
        };
        self.0.values().map(stored).collect()
    }

    pub(crate) fn from_stored(stored: Vec<StoredKnownLink>) -> Result<Self, DecodeError> {
        let known = stored.into_iter().map(|StoredKnownLink { link, created, used }| {
            let link = link.read()?;
            let known = KnownLink { created: Millis(created), used: used.map(Millis), link };
            Ok((known.link.id, known))
        });
        Ok(Self(Arc::new(known.collect::<Result<_, DecodeError>>()?)))
    }
}

/// A link in a snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredKnownLink {
    #[serde(flatten)]
    link: StoredLink,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
}

/// A link in a record.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredLink {
    id: String,
    name: Arc<str>,
    digest: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    total: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Arc<str>>,
    view: Word,
    expires: u64,
}

/// What a record says of a link: one of these.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct StoredLinkChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<StoredLink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoke: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    used: Option<String>,
}

impl StoredLink {
    fn of(link: &SharedLink) -> Self {
        let SharedLink { id, name, digest, scope, view, expires } = link;
        let (total, agent, account) = match scope {
            LinkScope::All => (false, None, None),
            LinkScope::Total => (true, None, None),
            LinkScope::Agent(agent) => (false, Some(agent.clone()), None),
            LinkScope::Account(account) => (false, None, Some(account.clone())),
        };
        Self {
            id: id.to_string(),
            name: name.clone(),
            digest: digest.to_string(),
            total,
            agent,
            account,
            view: word(LINK_VIEWS, view),
            expires: expires.0,
        }
    }

    fn read(self) -> Result<SharedLink, DecodeError> {
        let scope = match (self.total, self.agent, self.account) {
            (false, None, None) => LinkScope::All,
            (true, None, None) => LinkScope::Total,
            (false, Some(agent), None) => LinkScope::Agent(agent),
            (false, None, Some(account)) => LinkScope::Account(account),
            // What cannot be read as one scope must not open another one.
            _ => return Err(DecodeError::Value("link")),
        };
        Ok(SharedLink {
            id: parsed(&self.id)?,
            name: self.name,
            digest: TokenDigest::parse(&self.digest).ok_or(DecodeError::Value("digest"))?,
            scope,
            view: value(LINK_VIEWS, &self.view, "view")?,
            expires: Millis(self.expires),
        })
    }
}

impl StoredLinkChange {
    pub(crate) fn of(change: &LinkChange) -> Self {
        match change {
            LinkChange::Share(link) => {
                Self { share: Some(StoredLink::of(link)), ..Self::default() }
            }
            LinkChange::Revoke(id) => Self { revoke: Some(id.to_string()), ..Self::default() },
            LinkChange::Use(id) => Self { used: Some(id.to_string()), ..Self::default() },
        }
    }

    pub(crate) fn read(self) -> Result<LinkChange, DecodeError> {
        Ok(match (self.share, self.revoke, self.used) {
            (Some(link), None, None) => LinkChange::Share(link.read()?),
            (None, Some(id), None) => LinkChange::Revoke(parsed(&id)?),
            (None, None, Some(id)) => LinkChange::Use(parsed(&id)?),
            _ => return Err(DecodeError::Value("link")),
        })
    }
}

fn parsed(id: &str) -> Result<LinkId, DecodeError> {
    LinkId::parse(id).ok_or(DecodeError::Value("link"))
}

#[cfg(test)]
mod tests;
