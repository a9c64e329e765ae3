//! Asks the backend whose token somebody has shown.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use live_users_http_kit::{LogThrottle, read_body};
use live_users_wire::{Access, Introspected, Introspection};
use lru::LruCache;
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response, Url};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::backend_client::{BackendClient, Failure, failure, wrong_status};
use super::turns::{Turn, Turns};
use crate::error::{TOKEN_REFUSED, UpstreamError};
use crate::scope::{Scope, ScopeError};

/// The biggest answer that is read, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The shortest and the longest token that is looked up, in bytes.
const TOKEN_BYTES_MIN: usize = 16;
const TOKEN_BYTES_MAX: usize = 4 * 1024;

/// Look-ups under way at the same time. So many guesses may be under way before one is found wrong.
const LOOKUPS_MAX: usize = 16;

/// Look-ups that wait for their turn, a few KiB each, and for how long. A backend that answers as it
/// should is through with all of them in less.
const WAITING_MAX: usize = 256;
const PATIENCE: Duration = Duration::from_secs(2);

/// For how long a token that was right is not looked up again. So long one that was removed may
/// still be let in here; the backend then answers it with nothing.
const KEPT: Duration = Duration::from_secs(10);

/// Tokens that are kept, about 500 bytes each. The one that was shown the longest ago goes first.
const KEPT_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");

/// Looks tokens up at the backend.
pub(crate) struct AccessLookup {
    backend: BackendClient,
    url: Url,
    /// The backend's `API_TOKEN`, to ask with.
    authorization: Option<HeaderValue>,
    turns: Turns,
    kept: Kept,
    lines: LogThrottle,
}

/// A look-up of a token, whose turn it is.
pub(crate) struct Lookup<'a> {
    lookup: &'a AccessLookup,
    authorization: &'a HeaderValue,
    secret: &'a str,
    _turn: Turn<'a>,
}

/// Why nobody can tell whose a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LookupError {
    /// The backend gave no answer that could be read.
    #[error(transparent)]
    Upstream(UpstreamError),
    /// It looks at no token now, since too many were wrong.
    #[error("the backend looks at no token now, after too many wrong ones")]
    Throttled,
    /// The backend does not want what the proxy shows.
    #[error("{TOKEN_REFUSED}")]
    Refused,
    /// Too many ask at the same time. The token was not looked at.
    #[error("too many tokens are looked up at the same time")]
    Busy,
    /// The token is right, and no session can hold what it may see.
    #[error(transparent)]
    Scope(ScopeError),
}

impl From<UpstreamError> for LookupError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Status(401 | 403) => Self::Refused,
            UpstreamError::Status(429) => Self::Throttled,
            other => Self::Upstream(other),
        }
    }
}

impl AccessLookup {
    /// Prepares; nothing is sent yet. Without a token for the backend, no token is anybody's.
    ///
    /// # Errors
    /// When `BACKEND_URL` can have no path behind it, or the system has no random numbers.
    pub(crate) fn new(
        backend: BackendClient,
        authorization: Option<HeaderValue>,
    ) -> std::io::Result<Self> {
        let url = backend.url("api/live-users/access")?;
        let turns = Turns::new(LOOKUPS_MAX, WAITING_MAX, PATIENCE);
        let lines = LogThrottle::default();
        Ok(Self { backend, url, authorization, turns, kept: Kept::new()?, lines })
    }

    /// The scope of a token that was right a few seconds ago.
    pub(crate) fn kept(&self, token: &[u8]) -> Option<Arc<Scope>> {
        self.kept.get(token, Instant::now())
    }

    /// Whether there is a token to ask the backend with.
    pub(crate) fn can_ask(&self) -> bool {
        self.authorization.is_some()
    }

    /// Waits until the backend can be asked about a token: so many other look-ups may be under way.
    /// `None` for a token that is nobody's, and about which it is not asked.
    ///
    /// # Errors
    /// [`LookupError::Busy`] if too many wait already, or for too long.
    pub(crate) async fn turn<'a>(
        &'a self,
        token: &'a [u8],
    ) -> Result<Option<Lookup<'a>>, LookupError> {
        // An API_TOKEN is refused below.
        let (Some(authorization), Some(secret)) = (&self.authorization, secret(token)) else {
            return Ok(None);
        };
        let turn = self.turns.next().await.ok_or(LookupError::Busy)?;
        Ok(Some(Lookup { lookup: self, authorization, secret, _turn: turn }))
    }

    /// Forgets what is known of a scope: it has ended.
    pub(crate) fn forget(&self, scope: &Scope) {
        self.kept.forget(scope);
    }

    /// What a token opens. The proxy shows its own token and names the other one in the body, so that
    /// the backend counts no guess of a client here against all of them.
    async fn ask(
        &self,
        authorization: &HeaderValue,
        token: &str,
    ) -> Result<Option<Access>, Failure> {
        let question = Introspection { token: token.to_owned() };
        let question = serde_json::to_vec(&question).expect("a text is always JSON");
        let request = self.backend.request(Method::POST, self.url.clone()).body(question);
        let request = request.header(AUTHORIZATION, authorization.clone());
        let answer = request.header(CONTENT_TYPE, "application/json").send().await?;
        match answer.status().as_u16() {
            200 => {
                let introspected: Introspected = read(answer).await?;
                introspected.opened().map_err(|_| {
                    failure(UpstreamError::NotAnAccess, "active, and nothing more".to_owned())
                })
            }
            404 | 405 => self.ask_as_its_client(token).await,
            status => Err(wrong_status(status)),
        }
    }

    /// The same of a backend of an older version, which tells a token's own holder alone.
    async fn ask_as_its_client(&self, token: &str) -> Result<Option<Access>, Failure> {
        let authorization = HeaderValue::from_str(&format!("Bearer {token}"));
        let Ok(mut authorization) = authorization else { return Ok(None) };
        authorization.set_sensitive(true);
        let request = self.backend.request(Method::GET, self.url.clone());
        let answer = request.header(AUTHORIZATION, authorization).send().await?;
        match answer.status().as_u16() {
            200 => read(answer).await.map(Some),
            // 404 is a still older one's, which has no such tokens.
            401 | 403 | 404 => Ok(None),
            status => Err(wrong_status(status)),
        }
    }

    fn note(&self, Failure { upstream_error, detail }: &Failure) -> LookupError {
        let error = LookupError::from(*upstream_error);
        if let Some(held_back) = self.lines.line_at(Instant::now()) {
            log::warn!(
                "whose token was shown is not known: {error}: {detail} ({held_back} such \
                 lines before this one were held back)"
            );
        }
        error
    }
}

impl Lookup<'_> {
    /// The scope of the token. `None` if it is nobody's.
    ///
    /// # Errors
    /// If nobody can tell.
    pub(crate) async fn scope(self) -> Result<Option<Arc<Scope>>, LookupError> {
        let Self { lookup, authorization, secret, .. } = self;
        let asked = Instant::now();
        let answer = lookup.backend.in_time(lookup.ask(authorization, secret)).await;
        let access = answer.map_err(|failed| lookup.note(&failed))?;
        let scope = access.map_or(Ok(None), Scope::of).map_err(LookupError::Scope)?.map(Arc::new);
        lookup.kept.put(secret.as_bytes(), scope.clone(), asked);
        Ok(scope)
    }
}

/// A token that has the form of a secret of the backend. No other is looked up.
fn secret(token: &[u8]) -> Option<&str> {
    let has_length = (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len());
    let is_visible = token.iter().all(u8::is_ascii_graphic);
    str::from_utf8(token).ok().filter(|_| has_length && is_visible)
}

/// Reads what a backend says of a token.
async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, Failure> {
    let body = read_body(answer, BODY_BYTES_MAX).await?;
    let said = serde_json::from_slice(&body);
    said.map_err(|error| failure(UpstreamError::NotAnAccess, error.to_string()))
}

/// Tokens that were right lately, by a digest that nobody can compute from elsewhere.
struct Kept {
    key: [u8; 32],
    scopes: Mutex<LruCache<[u8; 32], KeptScope>>,
}

/// When the backend was asked, and what it has said.
type KeptScope = (Instant, Arc<Scope>);

impl Kept {
    fn new() -> std::io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(std::io::Error::other)?;
        Ok(Self { key, scopes: Mutex::new(LruCache::new(KEPT_MAX)) })
    }

    fn get(&self, token: &[u8], now: Instant) -> Option<Arc<Scope>> {
        let mut scopes = self.scopes.lock();
        let (asked, scope) = scopes.get(&self.digest(token))?;
        (now.saturating_duration_since(*asked) < KEPT).then(|| Arc::clone(scope))
    }

    fn put(&self, token: &[u8], scope: Option<Arc<Scope>>, asked: Instant) {
        let digest = self.digest(token);
        let mut scopes = self.scopes.lock();
        match scope {
            Some(scope) => drop(scopes.put(digest, (asked, scope))),
            None => drop(scopes.pop(&digest)),
        }
    }

    fn forget(&self, ended: &Scope) {
        let mut scopes = self.scopes.lock();
        let is_ended = |scope: &Scope| scope.access() == ended.access();
        let found = scopes.iter().filter(|(_, (_, scope))| is_ended(scope)).map(|(key, _)| *key);
        for digest in found.collect::<Vec<_>>() {
            scopes.pop(&digest);
        }
    }

    fn digest(&self, token: &[u8]) -> [u8; 32] {
        Sha256::new_with_prefix(self.key).chain_update(token).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use live_users_wire::Role;

    use super::*;

    fn scope(access: &str) -> Arc<Scope> {
        let (id, access) = (Some("a".to_owned()), Some(access.to_owned()));
        let access = Access { id, role: Role::Read, accounts: None, access, link: None };
        Arc::new(Scope::of(access).unwrap().unwrap())
    }

    #[test]
    fn a_token_is_kept_for_ten_seconds_and_not_as_it_is() {
        let (kept, now) = (Kept::new().unwrap(), Instant::now());
        kept.put(b"one", Some(scope("a.1")), now);
        assert_eq!(kept.get(b"one", now + Duration::from_millis(9_999)), Some(scope("a.1")));
        assert_eq!(kept.get(b"one", now + Duration::from_secs(10)), None);
        assert_eq!(kept.get(b"two", now), None);
        let other = Kept::new().unwrap();
        assert_ne!(kept.digest(b"one"), other.digest(b"one"), "each process has its own key");
        kept.put(b"one", None, now);
        assert_eq!(kept.get(b"one", now), None, "it is not right any more");
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_has_ended_is_forgotten() {
        let (kept, now) = (Kept::new().unwrap(), Instant::now());
        kept.put(b"one", Some(scope("a.1")), now);
        kept.put(b"two", Some(scope("a.2")), now);
        kept.forget(&scope("a.1"));
        assert_eq!((kept.get(b"one", now), kept.get(b"two", now)), (None, Some(scope("a.2"))));
        for n in 0..2 * KEPT_MAX.get() {
            kept.put(&n.to_be_bytes(), Some(scope("a.1")), now);
        }
        assert_eq!(kept.scopes.lock().len(), KEPT_MAX.get());
        assert_eq!(kept.get(b"two", now), None);
    }
}
