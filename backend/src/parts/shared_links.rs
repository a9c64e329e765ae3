//! Shared links, for who shows the token of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_core::{HOUR_MS, MINUTE_MS, Millis};
use live_users_intake::Role;
use live_users_replica::StaleReason;
use live_users_state::{
    KnownLink, LinkChange, LinkId, LinkScope, LinkView, SharedLinks, TokenDigest,
};
use live_users_wire::{self as wire, LinkAccess, LinkInfo, True};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::clock::moment;
use super::latest::LatestReader;
use super::not_recorded::NotRecorded;
use super::queue::Queue;
use super::scope::Scope;
use super::tokens::{Access, Of};

/// What the token of each link begins with, so that people and scanners recognize one.
const TOKEN_PREFIX: &str = "link-";

/// So many random bytes are in a token.
const TOKEN_BYTES: usize = 32;

/// What stands for a link in `Live-Users-Access`, before its id. No `[[token]]` has such an id.
const VALUE_PREFIX: &str = "link:";

/// How often the use of a link is recorded, in milliseconds: so exact is what is told of it after a
/// restart.
const USE_EVERY_MS: u64 = HOUR_MS;

/// How long a record of a use is waited for until it is tried again, in milliseconds.
const USE_AGAIN_MS: u64 = MINUTE_MS;

/// The links that are in force here. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LinkReader {
    latest: LatestReader,
    queue: Queue,
    uses: Arc<Mutex<BTreeMap<LinkId, Use>>>,
}

/// The last use of a link here.
#[derive(Clone, Copy, Default)]
struct Use {
    at: Millis,
    /// When a record of it was last asked for.
    told: Option<Millis>,
}

impl LinkReader {
    pub(crate) fn new(latest: LatestReader, queue: Queue) -> Self {
        Self { latest, queue, uses: Arc::default() }
    }

    fn links(&self) -> SharedLinks {
        self.latest.borrow().links.clone()
    }

    /// What the token of a link opens; `None` if it is none of a link that is in force.
    ///
    /// # Errors
    /// Why it is not known which links are in force.
    pub(crate) fn opened_by(&self, token: &[u8]) -> Result<Option<Access>, NotRecorded> {
        let has_form = token.len() == TOKEN_PREFIX.len() + 2 * TOKEN_BYTES;
        if !has_form || !token.starts_with(TOKEN_PREFIX.as_bytes()) {
            return Ok(None);
        }
        let now = self.queue.clock().now();
        let links = self.links();
        self.or_unknown(links.by_digest(digest(token), now).map(|known| self.opened(known, now)))
    }

    /// What a value of `Live-Users-Access` opens, if it stands for a link that is in force.
    ///
    /// # Errors
    /// As [`LinkReader::opened_by`].
    pub(crate) fn by_value(&self, value: &str) -> Result<Option<Access>, NotRecorded> {
        let Some(id) = value.strip_prefix(VALUE_PREFIX).and_then(LinkId::parse) else {
            return Ok(None);
        };
        let now = self.queue.clock().now();
        self.or_unknown(self.links().get(id, now).map(|known| self.opened(known, now)))
    }

    /// A link that is not found may be in force all the same while the journal cannot be read.
    fn or_unknown(&self, found: Option<Access>) -> Result<Option<Access>, NotRecorded> {
        let stale = self.latest.borrow().stale.map(|it| it.reason);
        if found.is_none() && stale == Some(StaleReason::Behind) {
            // It may have just become fresh again.
            self.queue.state()?;
        }
        Ok(found)
    }

    /// Whether a link may still be read by, which somebody does.
    pub(crate) fn is_in_force(&self, id: LinkId) -> bool {
        let now = self.queue.clock().now();
        let links = self.links();
        let known = links.get(id, now);
        known.inspect(|known| self.note_use(known, now)).is_some()
    }

    fn opened(&self, known: &KnownLink, now: Millis) -> Access {
        self.note_use(known, now);
        access(known)
    }

    fn note_use(&self, known: &KnownLink, now: Millis) {
        let id = known.link.id;
        let mut uses = self.uses.lock();
        let noted = uses.entry(id).or_default();
        noted.at = now;
        let is_old = |at: Option<Millis>, ms| at.is_none_or(|at| now.since(at) >= ms);
        if is_old(known.used, USE_EVERY_MS) && is_old(noted.told, USE_AGAIN_MS) {
            noted.told = Some(now);
            self.queue.tell_change_of_link(LinkChange::Use(id));
        }
    }

    /// The links at this moment, the newest first.
    pub(crate) fn listed(&self, links: &SharedLinks, now: Millis) -> Vec<LinkInfo> {
        let mut known: Vec<_> = links.in_force(now).collect();
        known.sort_by_key(|known| std::cmp::Reverse((known.created, known.link.id)));
        let mut uses = self.uses.lock();
        uses.retain(|id, _| links.get(*id, now).is_some());
        known
            .into_iter()
            .map(|known| info(known, uses.get(&known.link.id).map(|it| it.at)))
            .collect()
    }
}

/// What a link opens.
fn access(KnownLink { link, .. }: &KnownLink) -> Access {
    Access {
        of: Of::Link(
            link.id,
            Arc::new(LinkAccess {
                name: link.name.to_string(),
                scope: shown_scope(&link.scope),
                view: shown_view(link.view),
                expires_ms: link.expires.0,
            }),
        ),
        role: Role::Read,
        scope: Scope::of_link(link),
        value: Some(format!("{VALUE_PREFIX}{}", link.id).into()),
    }
}

/// A link as it is listed. It may have been used here since that was recorded.
pub(crate) fn info(
    KnownLink { link, created, used }: &KnownLink,
    used_here: Option<Millis>,
) -> LinkInfo {
    LinkInfo {
        id: link.id.to_string(),
        name: link.name.to_string(),
        scope: shown_scope(&link.scope),
        view: shown_view(link.view),
        created: moment(*created),
        expires: moment(link.expires),
        last_used: (*used).max(used_here).map(moment),
    }
}

fn shown_scope(scope: &LinkScope) -> wire::LinkScope {
    match scope {
        LinkScope::All => wire::LinkScope::All(True),
        LinkScope::Total => wire::LinkScope::Total(True),
        LinkScope::Agent(agent) => wire::LinkScope::Agent(agent.to_string()),
        LinkScope::Account(account) => wire::LinkScope::Account(account.to_string()),
    }
}

fn shown_view(view: LinkView) -> wire::LinkView {
    match view {
        LinkView::Page => wire::LinkView::Page,
        LinkView::Wallboard => wire::LinkView::Wallboard,
    }
}

/// The scope that somebody asks for.
pub(crate) fn read_scope(scope: wire::LinkScope) -> LinkScope {
    match scope {
        wire::LinkScope::All(True) => LinkScope::All,
        wire::LinkScope::Total(True) => LinkScope::Total,
        wire::LinkScope::Agent(agent) => LinkScope::Agent(agent.into()),
        wire::LinkScope::Account(account) => LinkScope::Account(account.into()),
    }
}

/// The view that somebody asks for.
pub(crate) fn read_view(view: wire::LinkView) -> LinkView {
    match view {
        wire::LinkView::Page => LinkView::Page,
        wire::LinkView::Wallboard => LinkView::Wallboard,
    }
}

/// Draws a link's id and token.
///
/// # Errors
/// If the system has no random numbers.
pub(crate) fn draw() -> Result<(LinkId, String), getrandom::Error> {
    let mut secret = [0; TOKEN_BYTES];
    getrandom::fill(&mut secret)?;
    let hex = secret.iter().map(|byte| format!("{byte:02x}"));
    Ok((LinkId(getrandom::u64()?), format!("{TOKEN_PREFIX}{}", hex.collect::<String>())))
}

/// What a token is found by.
pub(crate) fn digest(token: &[u8]) -> TokenDigest {
    TokenDigest(Sha256::digest(token).into())
}
