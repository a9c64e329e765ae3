//! Authenticates admins, who may read more than the total and end calls. They show `ADMIN_TOKEN`
//! with each request, or once to sign in. Who shows the token of an account is an admin with a
//! scope: the backend says what it sees.

mod auth_error;
mod fetch_metadata;
mod judging;
mod session;
mod shown;
pub(crate) mod view;

#[cfg(feature = "testing")]
pub use self::session::is_signed_cookie;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use cookie::Cookie;
use live_users_broadcast::{Authorization, Reader};
use live_users_http_kit::{BearerToken, Denied, TokenGuard, TrustedProxies, token_in};
use live_users_wire::EndedSession;
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) use self::auth_error::AuthError;
pub(crate) use self::fetch_metadata::{RequestSource, is_in_the_clear, request_source};
use self::session::{Claims, EndedBy, Sessions, no_cookie};
pub(crate) use self::session::{SessionOver, cookies, link_path};
pub(crate) use self::shown::ViewOf;
use self::shown::{Freshness, Judged, ShownBy};
use crate::channels::Channels;
use crate::config::Config;
use crate::scope::Scope;
use crate::upstream::{AccessLookup, LookupError};

/// For how long a browser that signs out waits until all proxies know.
const SHARED_WITHIN: Duration = Duration::from_millis(1_500);

/// Checks requests. A handler asks for the check by taking an [`Admin`].
pub(crate) struct Authenticator {
    credentials: Option<Credentials>,
    guard: TokenGuard,
    lookup: AccessLookup,
    trusted_proxies: TrustedProxies,
    /// A session was ended here.
    ended: Notify,
    /// The list of the sessions that have ended at any proxy has come.
    learned: Notify,
    /// Why it has not come, when it was asked for in vain the last time.
    not_learned: Mutex<Option<LookupError>>,
}

/// What admins can show.
struct Credentials {
    token: BearerToken,
    sessions: Sessions,
    /// Whether sessions that end are told to the other proxies, through the backend.
    shares: bool,
}

/// Proof that a request is an admin's.
pub(crate) struct Admin {
    authenticator: Data<Authenticator>,
    by: ShownBy,
}

/// Proof that a request shows the token itself: for programs. A browser that is signed in has no
/// use for what they ask.
pub(crate) struct TokenShown;

impl Authenticator {
    /// Accepts the admin token of these settings, or nobody without one; and beside it the tokens
    /// that this finds at the backend.
    pub(crate) fn new(config: &Config, lookup: AccessLookup) -> Self {
        let credentials = config.admin.clone().map(|token| {
            let sessions = Sessions::new(&token, config.session, SystemTime::now());
            Credentials { token, sessions, shares: config.backend_authorization.is_some() }
        });
        Self {
            credentials,
            guard: TokenGuard::new("ADMIN_TOKEN"),
            lookup,
            trusted_proxies: config.trusted_proxies.clone(),
            ended: Notify::new(),
            learned: Notify::new(),
            not_learned: Mutex::new(None),
        }
    }

    /// Whether there is a token at all.
    pub(crate) fn is_configured(&self) -> bool {
        self.credentials.is_some()
    }

    /// Whether the backend can be asked whose a token is.
    pub(crate) fn can_look_up(&self) -> bool {
        self.lookup.can_ask()
    }

    /// How many tokens were wrong, and how many were not looked at after too many wrong ones.
    pub(crate) fn refused(&self) -> [u64; 2] {
        self.guard.refused()
    }

    /// Whether a request is of a browser that is signed in, wherever it comes from. Only for what
    /// nobody else could read and what changes nothing, such as a page.
    pub(crate) fn is_signed_in(&self, request: &HttpRequest) -> bool {
        self.claims(request).is_some()
    }

    /// The same of a browser that is signed in with the token of an account.
    pub(crate) fn is_scoped(&self, request: &HttpRequest) -> bool {
        self.claims(request).is_some_and(|claims| claims.scope.is_some())
    }

    /// Why a browser is not signed in though it shows a cookie. `None` if it shows none, or is.
    pub(crate) fn why_over(&self, request: &HttpRequest) -> Option<SessionOver> {
        let Credentials { sessions, .. } = self.credentials.as_ref()?;
        sessions.why_over(request.headers(), SystemTime::now())
    }

    fn claims(&self, request: &HttpRequest) -> Option<Claims> {
        let Credentials { sessions, .. } = self.credentials.as_ref()?;
        let claims = Self::shown(sessions, request);
        claims.filter(|claims| sessions.is_live(claims.session, SystemTime::now()))
    }

    /// The session that a request shows, whether over or not: of a link below its path, and of an admin
    /// everywhere else.
    fn shown(sessions: &Sessions, request: &HttpRequest) -> Option<Claims> {
        match request.extensions().get::<ViewOf>() {
            Some(ViewOf(link)) => sessions.shown_of_link(request.headers(), link),
            None => sessions.shown(request.headers()),
        }
    }

    /// Begins a session, with a cookie of its own, for a client that shows the token, or that of an
    /// account.
    ///
    /// # Errors
    /// If it is neither, nobody can tell, or the system has no random numbers.
    pub(crate) async fn sign_in(
        &self,
        request: &HttpRequest,
        shown: &[u8],
    ) -> Result<io::Result<Cookie<'static>>, AuthError> {
        let credentials = self.credentials.as_ref().ok_or(AuthError::NoAdminToken)?;
        let (now, from) = (SystemTime::now(), self.address(request));
        Ok(match self.judge(credentials, request, shown, Freshness::Now).await? {
            Judged::Admin(which) => {
                log::info!("an admin has signed in from {from}");
                credentials.sessions.begin(which, None, now)
            }
            Judged::Account(scope) if scope.link.is_some() => {
                return Err(AuthError::Role("a token that is no link's: open the link itself"));
            }
            Judged::Account(scope) => {
                log::info!("who has the token {:?} has signed in from {from}", scope.id);
                credentials.sessions.begin(0, Some(scope), now)
            }
        })
    }

    /// Ends the session of this browser, and gives the cookie that takes the place of its own.
    pub(crate) fn sign_out(&self, request: &HttpRequest) -> Cookie<'static> {
        if let Some(Credentials { sessions, .. }) = &self.credentials
            && let Some(claims) = Self::shown(sessions, request)
        {
            sessions.end(&claims, EndedBy::SignOut, SystemTime::now());
            self.ended.notify_one();
        }
        no_cookie()
    }

    /// Waits a moment until all proxies know what this browser's session is: over. Whether they do.
    pub(crate) async fn is_signed_out_everywhere(&self, request: &HttpRequest) -> bool {
        let shared = self.credentials.as_ref().filter(|credentials| credentials.shares);
        let Some(Credentials { sessions, .. }) = shared else { return true };
        let Some(Claims { session, .. }) = Self::shown(sessions, request) else { return true };
        let shared = async {
            loop {
                // Before the look: what comes in between is not missed.
                let learned = self.learned.notified();
                if sessions.is_ended_everywhere(session) {
                    return;
                }
                learned.await;
            }
        };
        tokio::time::timeout(SHARED_WITHIN, shared).await.is_ok()
    }

    /// Resolves when a session is ended here.
    pub(crate) async fn session_ended(&self) {
        self.ended.notified().await;
    }

    /// The sessions that were ended here and are not in this list.
    pub(crate) fn unreported_sessions(
        &self,
        known: &[EndedSession],
        now: SystemTime,
    ) -> Vec<EndedSession> {
        let credentials = self.credentials.as_ref();
        credentials.map_or_else(Vec::new, |it| it.sessions.unreported(known, now))
    }

    /// Takes in the list of the sessions that were ended at any proxy.
    pub(crate) fn learn_ended_sessions(&self, ended: Vec<EndedSession>) {
        if let Some(Credentials { sessions, .. }) = &self.credentials {
            sessions.learn(ended);
            self.learned.notify_waiters();
        }
    }

    /// Takes note of why that list cannot be read.
    pub(crate) fn note_not_learned(&self, why: LookupError) {
        *self.not_learned.lock() = Some(why);
    }

    /// Checks a request.
    ///
    /// # Errors
    /// If it is no admin's.
    pub(crate) async fn authenticate(
        authenticator: &Data<Self>,
        request: &HttpRequest,
    ) -> Result<Admin, AuthError> {
        let by = authenticator.shown_by(request).await?;
        Ok(Admin { authenticator: authenticator.clone(), by })
    }

    async fn shown_by(&self, request: &HttpRequest) -> Result<ShownBy, AuthError> {
        let credentials = self.credentials.as_ref().ok_or(AuthError::NoAdminToken)?;
        let mut shown = request.headers().get_all(header::AUTHORIZATION);
        match (shown.next(), shown.next()) {
            (None, _) => self.authenticate_session(credentials, request),
            (Some(only), None) => {
                let token = token_in(only.as_bytes()).ok_or(AuthError::Denied(Denied::Missing))?;
                let judged = self.judge(credentials, request, token, Freshness::Lately).await?;
                Ok(match judged {
                    Judged::Admin(_) => ShownBy::Token,
                    Judged::Account(scope) => ShownBy::AccountToken(scope),
                })
            }
            // Of two, somebody in between may have checked the other one.
            (Some(_), Some(_)) => Err(AuthError::Denied(Denied::Missing)),
        }
    }

    fn authenticate_session(
        &self,
        credentials: &Credentials,
        request: &HttpRequest,
    ) -> Result<ShownBy, AuthError> {
        let claims = self.claims(request).ok_or(AuthError::Denied(Denied::Missing))?;
        if !credentials.sessions.can_tell(claims.session) {
            return Err(AuthError::NotYetKnown(*self.not_learned.lock()));
        }
        let by = ShownBy::Session(claims);
        match request_source(request.headers()) {
            RequestSource::SameOrigin => Ok(by),
            RequestSource::UserInitiated if request.method().is_safe() => Ok(by),
            RequestSource::UserInitiated | RequestSource::CrossSite | RequestSource::Unknown => {
                Err(AuthError::NotOurPage)
            }
        }
    }

    /// The address of the client.
    pub(crate) fn address(&self, request: &HttpRequest) -> IpAddr {
        self.trusted_proxies.client(request.head())
    }

    /// Where a request comes from, for the log.
    fn shown_as(&self, request: &HttpRequest) -> String {
        self.trusted_proxies.shown_client(request.head())
    }
}

impl Admin {
    /// What of everything this admin sees; `None` for all of it.
    pub(crate) fn scope(&self) -> Option<&Arc<Scope>> {
        self.by.scope()
    }

    /// Where a request of this admin comes from.
    pub(crate) fn address(&self, request: &HttpRequest) -> IpAddr {
        self.authenticator.address(request)
    }

    /// Whether this admin may take calls out of the count.
    ///
    /// # Errors
    /// If not.
    pub(crate) fn check_operates(&self) -> Result<(), AuthError> {
        self.by.check_operates()
    }

    /// Whether this admin has no scope.
    ///
    /// # Errors
    /// If there is one.
    pub(crate) fn check_unscoped(&self) -> Result<(), AuthError> {
        self.by.check_unscoped()
    }

    /// Says whether the session that was shown goes on. What a token opens that is shown with the
    /// request itself, the backend says.
    pub(crate) fn lasting(self) -> impl Fn() -> bool {
        let Self { authenticator, by } = self;
        let session = match by {
            ShownBy::Token | ShownBy::AccountToken(_) => None,
            ShownBy::Session(claims) => Some(claims.session),
        };
        move || {
            session.is_none_or(|session| {
                let credentials = authenticator.credentials.as_ref();
                credentials.is_some_and(|it| it.sessions.is_live(session, SystemTime::now()))
            })
        }
    }

    /// The reader of a stream of these channels, who may read for as long as the session lasts.
    pub(crate) fn reader(self, channels: &Arc<Channels>) -> Reader {
        if matches!(self.by, ShownBy::Token) {
            return Reader::Authorized(None);
        }
        let (channels, is_live) = (Arc::clone(channels), self.lasting());
        let authorization: Authorization = Box::new(move || !channels.has_ended() && is_live());
        Reader::Authorized(Some(authorization))
    }

    /// The backend has said that the access of this admin has ended: so does the session.
    pub(crate) fn access_ended(&self) -> AuthError {
        match &self.by {
            ShownBy::Token => {}
            ShownBy::AccountToken(scope) => self.authenticator.lookup.forget(scope),
            // Whoever has a copy of the cookie is told the same.
            ShownBy::Session(claims)
                if claims.scope.as_ref().is_some_and(|it| it.link.is_some()) =>
            {
                return AuthError::LinkEnded;
            }
            ShownBy::Session(claims) => {
                if let Some(Credentials { sessions, .. }) = &self.authenticator.credentials {
                    sessions.end(claims, EndedBy::Access, SystemTime::now());
                    self.authenticator.ended.notify_one();
                    return AuthError::Denied(Denied::Missing);
                }
            }
        }
        AuthError::Denied(Denied::Wrong)
    }
}

/// A check that may have to ask the backend.
pub(crate) type Checked<T> = Pin<Box<dyn Future<Output = Result<T, AuthError>>>>;

impl FromRequest for Admin {
    type Error = AuthError;
    type Future = Checked<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (authenticator, request) = (authenticator_of(request), request.clone());
        Box::pin(async move { Authenticator::authenticate(&authenticator, &request).await })
    }
}

impl FromRequest for TokenShown {
    type Error = AuthError;
    type Future = Checked<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (authenticator, request) = (authenticator_of(request), request.clone());
        Box::pin(async move {
            let is_shown = request.headers().contains_key(header::AUTHORIZATION);
            if authenticator.is_configured() && !is_shown {
                return Err(AuthError::Denied(Denied::Missing));
            }
            let admin = Authenticator::authenticate(&authenticator, &request).await?;
            admin.check_unscoped().map(|()| Self)
        })
    }
}

fn authenticator_of(request: &HttpRequest) -> Data<Authenticator> {
    request.app_data::<Data<Authenticator>>().expect("the table of routes has it").clone()
}
