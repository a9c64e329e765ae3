//! The sessions of admins who have signed in: a signed cookie, and nothing kept on this side but
//! which of them were ended before their time.
//!
//! Which were ended is shared with all other proxies through the backend. Until the first list has
//! come from there, sessions from before the start of this process open no more than the page.
//!
//! A session of a shared link has a cookie of its own, below the path of the link, so it takes no
//! admin's place in the same browser. It lasts as long as the link, which the backend decides by its
//! clock: that of this machine may be hours off.
//!
//! A cookie says who it is (a random number), when the session began, and of the token of an account
//! what it may see; one without that sees everything, as all did once. It is signed with a key
//! that is derived from the token which was shown: so sessions survive a restart, are the same for
//! all proxies that have the token, and end when the token is changed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::header::{self, HeaderMap};
use cookie::{Cookie, CookieJar, Key, SameSite};
use live_users_http_kit::BearerToken;
use live_users_wire::EndedSession;
use parking_lot::{Mutex, RwLock};
use sha2::{Digest, Sha256};

use crate::scope::Scope;

/// The name of the cookie. With this prefix no browser takes it from another host, without TLS, or
/// for a part of the paths (RFC 6265bis, 4.1.3.2). To Chromium, loopback is as good as TLS.
const NAME: &str = "__Host-live-users";

/// The name of the cookie of a link, which is sent below its path alone. Its prefix needs TLS as the other
/// one does.
const LINK_NAME: &str = "__Secure-live-users-link";

/// For how long a browser keeps the cookie beyond the end of the session, in days: it no longer
/// opens anything, but proves to [`live_users_http_kit::TokenGuard`] that the browser was signed in
/// before.
const KNOWN_DAYS: u64 = 30;

/// Sessions that were ended before their time. Only who has a token can have so many.
const ENDED_MAX: usize = 10_000;

/// How many of them may be those of accounts: their people are not ours, and must not keep an admin
/// from signing out.
const ENDED_SCOPED_MAX: usize = ENDED_MAX / 2;

/// Who a session is, drawn at random.
pub(crate) type Id = [u8; 16];

/// All sessions.
pub(crate) struct Sessions {
    /// One for each token.
    keys: Vec<Key>,
    lifetime: Duration,
    /// Those that were ended here.
    ended: Mutex<HashMap<Id, Ended>>,
    /// Those that were ended at any proxy, by the hash of their ids. `None` before the first list
    /// has come.
    elsewhere: RwLock<Option<HashSet<String>>>,
    /// The start of this process, in Unix time in milliseconds.
    started_ms: u64,
}

/// A session that was begun here or by another proxy with the same token, and may be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: Id,
    /// Unix time in milliseconds.
    began_ms: u64,
    /// When the link ends that it is of, in the same time.
    link_ends_ms: Option<u64>,
}

/// What the cookie of a session says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) session: Session,
    /// What it sees; `None` for everything.
    pub(crate) scope: Option<Arc<Scope>>,
}

/// What has ended a session before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// The browser has signed out.
    SignOut,
    /// The backend does not know the token of its account any more.
    Access,
}

/// A session that has ended before its time.
#[derive(Clone, Copy)]
struct Ended {
    session: Session,
    by: EndedBy,
    is_scoped: bool,
}

/// Why a session is over, as far as its cookie and this process can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionOver {
    /// It was ended at this proxy, since the proxy was started.
    SignedOutHere,
    /// The token of its account was changed or removed.
    AccessEnded,
    /// It was ended at another proxy, or at this one before its start.
    SignedOutElsewhere,
    /// It is as old as a session may be.
    Expired,
    /// Its cookie has the form of a session's, and none of the tokens has signed it.
    OtherToken,
    /// Its cookie has another form.
    Unreadable,
}

/// The length of a signature before the text of a cookie: a SHA-256 in base64.
const SIGNATURE_BYTES: usize = 44;

impl Sessions {
    /// Sessions for admins with one of these tokens; each lasts this long. `now` is the start of this
    /// process.
    pub(crate) fn new(token: &BearerToken, lifetime: Duration, now: SystemTime) -> Self {
        let keys = token.keys("live-users session cookie");
        let keys = keys.iter().map(|key| Key::derive_from(key)).collect();
        let (ended, elsewhere) = <_>::default();
        Self { keys, lifetime, ended, elsewhere, started_ms: unix_ms(now) }
    }

    /// Begins a session for who has shown this one of the tokens, or is to see no more than a scope.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn begin(
        &self,
        which: usize,
        scope: Option<Arc<Scope>>,
        now: SystemTime,
    ) -> std::io::Result<Cookie<'static>> {
        let claims = Claims::begun(scope, now)?;
        let kept_s = self.lifetime.as_secs() + KNOWN_DAYS * 24 * 3600;
        Ok(cookie(self.signed(which, NAME, &claims), kept_s))
    }

    /// Begins a session of who has shown the token of a link.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn begin_of_link(
        &self,
        scope: Arc<Scope>,
        now: SystemTime,
    ) -> std::io::Result<Cookie<'static>> {
        Ok(self.cookie_of_link(&Claims::begun(Some(scope), now)?, now))
    }

    /// The cookie of a session of a link, signed with the first token: so one that an earlier token has
    /// signed outlives it.
    pub(crate) fn cookie_of_link(&self, claims: &Claims, now: SystemTime) -> Cookie<'static> {
        let ends_ms = claims.session.link_ends_ms.unwrap_or_default();
        // Some time longer, so that it is known what has ended.
        let kept_s = ends_ms.saturating_sub(unix_ms(now)) / 1000 + KNOWN_DAYS * 24 * 3600;
        let id = claims.scope.as_ref().map_or("", |scope| &scope.id);
        let mut cookie = cookie(self.signed(0, LINK_NAME, claims), kept_s);
        cookie.set_name(LINK_NAME);
        cookie.set_path(link_path(id));
        // It opens nothing but pages, and a link to them may stand anywhere.
        cookie.set_same_site(SameSite::Lax);
        cookie
    }

    fn signed(&self, which: usize, name: &'static str, claims: &Claims) -> String {
        let mut jar = CookieJar::new();
        jar.signed_mut(&self.keys[which]).add((name, claims.to_text()));
        jar.get(name).expect("just added").value().to_owned()
    }

    /// The session that a request shows, whether over or not.
    pub(crate) fn shown(&self, headers: &HeaderMap) -> Option<Claims> {
        let found = cookies(headers, NAME).find_map(|it| self.verify(it));
        found.filter(|claims| claims.session.link_ends_ms.is_none())
    }

    /// The session of this link that a request shows, whether over or not.
    pub(crate) fn shown_of_link(&self, headers: &HeaderMap, link: &str) -> Option<Claims> {
        let is_its = |scope: &Scope| scope.link.is_some() && scope.id == link;
        let mut claims = cookies(headers, LINK_NAME).filter_map(|it| self.verify(it));
        claims.find(|claims| claims.scope.as_deref().is_some_and(is_its))
    }

    /// Why the session that a request shows is over. `None` if it shows none, or one that is not.
    pub(crate) fn why_over(&self, headers: &HeaderMap, now: SystemTime) -> Option<SessionOver> {
        let Some(Claims { session, .. }) = self.shown(headers) else {
            let cookie = cookies(headers, NAME).find(|it| !it.value().is_empty())?;
            let text = cookie.value().get(SIGNATURE_BYTES..);
            return Some(match text.and_then(Claims::from_text) {
                Some(_) => SessionOver::OtherToken,
                None => SessionOver::Unreadable,
            });
        };
        if self.is_live(session, now) {
            return None;
        }
        let ended_by = self.ended.lock().get(&session.id).map(|ended| ended.by);
        Some(match ended_by {
            Some(EndedBy::SignOut) => SessionOver::SignedOutHere,
            Some(EndedBy::Access) => SessionOver::AccessEnded,
            None if self.is_ended_everywhere(session) => SessionOver::SignedOutElsewhere,
            None => SessionOver::Expired,
        })
    }

    /// Whether it is known of this session whether it was ended elsewhere.
    pub(crate) fn can_tell(&self, session: Session) -> bool {
        // Nobody ends that of a link but the backend, which is asked each time.
        let is_of_link = session.link_ends_ms.is_some();
        is_of_link || session.began_ms >= self.started_ms || self.elsewhere.read().is_some()
    }

    /// Whether the session still is one, as far as is known.
    pub(crate) fn is_live(&self, session: Session, now: SystemTime) -> bool {
        // The backend is asked each time whether a link is in force.
        (session.link_ends_ms.is_some() || !self.is_over(session, now))
            && !self.is_ended_everywhere(session)
            && !self.ended.lock().contains_key(&session.id)
    }

    /// Whether every proxy knows that the session has ended.
    pub(crate) fn is_ended_everywhere(&self, session: Session) -> bool {
        self.elsewhere.read().as_ref().is_some_and(|ended| ended.contains(&session.hash()))
    }

    /// Takes in the list of the sessions that were ended at any proxy.
    pub(crate) fn learn(&self, ended: Vec<EndedSession>) {
        let ended = ended.into_iter().map(|session| session.id).collect();
        *self.elsewhere.write() = Some(ended);
    }

    /// The sessions that were ended here and are not in that list.
    pub(crate) fn unreported(&self, known: &[EndedSession], now: SystemTime) -> Vec<EndedSession> {
        let known: HashSet<_> = known.iter().map(|session| session.id.as_str()).collect();
        let ended = self.ended.lock();
        let lasting = ended.iter().filter(|(_, it)| !self.is_over(it.session, now));
        let told = lasting.map(|(_, Ended { session, .. })| EndedSession {
            id: session.hash(),
            until_ms: self.ends_ms(*session),
        });
        told.filter(|session| !known.contains(session.id.as_str())).collect()
    }

    /// Ends a session before its time: a copy of its cookie opens nothing either.
    pub(crate) fn end(&self, claims: &Claims, by: EndedBy, now: SystemTime) {
        let (session, is_scoped) = (claims.session, claims.scope.is_some());
        let mut ended = self.ended.lock();
        if ended.len() >= if is_scoped { ENDED_SCOPED_MAX } else { ENDED_MAX } {
            ended.retain(|_, it| !self.is_over(it.session, now));
        }
        let scoped = || ended.values().filter(|it| it.is_scoped).count();
        if ended.len() < ENDED_MAX && (!is_scoped || scoped() < ENDED_SCOPED_MAX) {
            ended.insert(session.id, Ended { session, by, is_scoped });
        } else {
            log::error!("too many sessions were ended: this one ends in its browser only");
        }
    }

    /// Whether it has lasted as long as it may, by the clock of this machine. A moment in the future is one
    /// of a clock that has been set back since.
    pub(crate) fn is_over(&self, session: Session, now: SystemTime) -> bool {
        unix_ms(now) >= self.ends_ms(session)
    }

    /// When it is over, if nothing ends it before, in Unix time in milliseconds.
    fn ends_ms(&self, session: Session) -> u64 {
        let lifetime_ms = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        session.link_ends_ms.unwrap_or_else(|| session.began_ms.saturating_add(lifetime_ms))
    }

    fn verify(&self, cookie: Cookie<'_>) -> Option<Claims> {
        let cookie = cookie.into_owned();
        let jar = CookieJar::new();
        let verified = |key| jar.signed(key).verify(cookie.clone());
        Claims::from_text(self.keys.iter().find_map(verified)?.value())
    }
}

/// The cookies of this name that a request shows: any host of the domain may set more of them.
pub(crate) fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = Cookie<'a>> {
    let texts = headers.get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    texts.flat_map(Cookie::split_parse).flatten().filter(move |it| it.name() == name)
}

/// Where the page of a link is, and all that is read by its session.
pub(crate) fn link_path(id: &str) -> String {
    format!("/view/{id}")
}

/// The cookie that takes the place of a session's.
pub(crate) fn no_cookie() -> Cookie<'static> {
    cookie(String::new(), 0)
}

fn cookie(value: String, kept_s: u64) -> Cookie<'static> {
    let kept_s = i64::try_from(kept_s).unwrap_or(i64::MAX);
    Cookie::build((NAME, value))
        .http_only(true)
        .secure(true)
        .same_site(SameSite::Strict)
        .path("/")
        .max_age(cookie::time::Duration::seconds(kept_s))
        .build()
}

impl Session {
    /// What other servers know the session by: nobody can find the id in it.
    fn hash(self) -> String {
        let digest = Sha256::new_with_prefix("live-users ended session").chain_update(self.id);
        digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Claims {
    /// Whose wrong tokens are counted together: those of a browser, and of all browsers with the token
    /// of one account, whose people could else begin sessions to guess on.
    pub(crate) fn client(&self) -> Id {
        let Some(scope) = &self.scope else { return self.session.id };
        let digest = Sha256::new_with_prefix("live-users scope").chain_update(scope.access());
        *digest.finalize().first_chunk().expect("a SHA-256 has 32 bytes")
    }

    fn to_text(&self) -> String {
        let Session { id, began_ms, .. } = self.session;
        let text = format!("{:032x}.{began_ms}", u128::from_be_bytes(id));
        match &self.scope {
            Some(scope) => format!("{text}.{}", scope.to_text()),
            None => text,
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let id = u128::from_str_radix(parts.next()?, 16).ok()?.to_be_bytes();
        let began_ms = parts.next()?.parse().ok()?;
        // What cannot be read is not left out: without a scope a session sees everything.
        let scope = match parts.next() {
            Some(text) => Some(Arc::new(Scope::from_text(text)?)),
            None => None,
        };
        Some(Self::of(id, began_ms, scope))
    }

    /// Those of a session that begins now.
    fn begun(scope: Option<Arc<Scope>>, now: SystemTime) -> std::io::Result<Self> {
        let mut id = Id::default();
        getrandom::fill(&mut id).map_err(std::io::Error::other)?;
        Ok(Self::of(id, unix_ms(now), scope))
    }

    fn of(id: Id, began_ms: u64, scope: Option<Arc<Scope>>) -> Self {
        let link = scope.as_ref().and_then(|scope| scope.link.as_ref());
        let link_ends_ms = link.map(|link| link.expires_ms);
        Self { session: Session { id, began_ms, link_ends_ms }, scope }
    }
}

/// Whether a proxy has signed one of the cookies of this header; what they say is read in any case:
/// for fuzz targets.
///
/// # Panics
/// If the text of a session is not the same after it was written again.
#[cfg(feature = "testing")]
pub fn is_signed_cookie(header: &str) -> bool {
    for cookie in Cookie::split_parse(header).flatten() {
        if let Some(claims) = Claims::from_text(cookie.value()) {
            assert_eq!(Claims::from_text(&claims.to_text()), Some(claims));
        }
    }
    let key = Key::derive_from(&[7; 32]);
    let sessions = Sessions {
        keys: vec![key],
        lifetime: Duration::from_secs(1),
        ended: Mutex::default(),
        elsewhere: RwLock::default(),
        started_ms: 0,
    };
    let mut headers = HeaderMap::new();
    if let Ok(value) = header::HeaderValue::from_str(header) {
        headers.append(header::COOKIE, value);
    }
    sessions.shown(&headers).is_some()
}

fn unix_ms(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
