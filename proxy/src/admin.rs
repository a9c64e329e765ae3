//! Authenticates admins, who may read more than the total and end calls. They show `ADMIN_TOKEN`
//! with each request, or once to sign in.

mod fetch_metadata;
mod session;

#[cfg(feature = "testing")]
pub use self::session::is_signed_cookie;

use std::future::{Ready, ready};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use cookie::Cookie;
use live_users_broadcast::{Authorization, Reader};
use live_users_http_kit::{
    BearerToken, CHALLENGE, Client, Denied, TokenGuard, TokenRefusal, TrustedProxies, token_in,
    vouch_for, whole_seconds,
};
use live_users_wire::{EndedSession, Envelope};
use tokio::sync::Notify;

pub(crate) use self::fetch_metadata::{RequestSource, is_in_the_clear, request_source};
pub(crate) use self::session::SessionOver;
use self::session::{Session, Sessions, no_cookie};
use crate::config::Config;

/// For how long a browser that signs out waits until all proxies know.
const SHARED_WITHIN: Duration = Duration::from_millis(1_500);

/// Checks requests. A handler asks for the check by taking an [`Admin`].
pub(crate) struct Authenticator {
    credentials: Option<Credentials>,
    guard: TokenGuard,
    trusted_proxies: TrustedProxies,
    /// A session was ended here.
    ended: Notify,
    /// The list of the sessions that have ended at any proxy has come.
    learned: Notify,
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
    /// What it came by, if that ends some time; a token does not while this process runs.
    session: Option<Session>,
}

/// Proof that a request shows the token itself: for programs. A browser that is signed in has no
/// use for what they ask.
pub(crate) struct TokenShown;

/// Why a request is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// There is no token that could be shown.
    #[error("ADMIN_TOKEN is not set in the proxy: nobody may read more than the total")]
    NoAdminToken,
    /// It was not shown.
    #[error(transparent)]
    Denied(Denied),
    /// An admin's browser sends it, but not for a page of ours.
    #[error(
        "a session is for the pages of this proxy, and this request is of none; expected \
         Sec-Fetch-Site: same-origin, or this proxy's own Origin"
    )]
    NotOurPage,
    /// The backend has not told yet which sessions have ended.
    #[error("the backend has not told yet which sessions have ended: ask again in a second")]
    NotYetKnown,
    /// The total was read too often by this client. How long to wait.
    #[error(
        "the total was read too often from this address (READS_PER_SECOND): expected a pause of {} s, or \
         a stream",
        whole_seconds(*.0)
    )]
    TooOften(Duration),
    /// Too many wrong tokens came from there.
    #[error("too many wrong tokens: expected none for {} s", whole_seconds(*.0))]
    TooMany(Duration),
}

impl Authenticator {
    /// Accepts the admin token of these settings, or nobody without one.
    pub(crate) fn new(config: &Config) -> Self {
        let credentials = config.admin.clone().map(|token| {
            let sessions = Sessions::new(&token, config.session, SystemTime::now());
            Credentials { token, sessions, shares: config.backend_authorization.is_some() }
        });
        Self {
            credentials,
            guard: TokenGuard::new("ADMIN_TOKEN"),
            trusted_proxies: config.trusted_proxies.clone(),
            ended: Notify::new(),
            learned: Notify::new(),
        }
    }

    /// Whether there is a token at all.
    pub(crate) fn is_configured(&self) -> bool {
        self.credentials.is_some()
    }

    /// How many tokens were wrong, and how many were not looked at after too many wrong ones.
    pub(crate) fn refused(&self) -> [u64; 2] {
        self.guard.refused()
    }

    /// Whether a request is of a browser that is signed in, wherever it comes from. Only for what
    /// nobody else could read and what changes nothing, such as a page.
    pub(crate) fn is_signed_in(&self, request: &HttpRequest) -> bool {
        self.session(request).is_some()
    }

    /// Why a browser is not signed in though it shows a cookie. `None` if it shows none, or is.
    pub(crate) fn why_over(&self, request: &HttpRequest) -> Option<SessionOver> {
        let Credentials { sessions, .. } = self.credentials.as_ref()?;
        sessions.why_over(request.headers(), SystemTime::now())
    }

    fn session(&self, request: &HttpRequest) -> Option<Session> {
        let Credentials { sessions, .. } = self.credentials.as_ref()?;
        let session = sessions.shown(request.headers());
        session.filter(|session| sessions.is_live(*session, SystemTime::now()))
    }

    /// An admin as the reader of a stream, who may read for as long as the session lasts.
    pub(crate) fn reader(authenticator: &Data<Self>, admin: &Admin) -> Reader {
        let authorization = admin.session.map(|session| -> Authorization {
            let authenticator = authenticator.clone();
            let is_live = move |credentials: &Credentials| {
                credentials.sessions.is_live(session, SystemTime::now())
            };
            Box::new(move || authenticator.credentials.as_ref().is_some_and(&is_live))
        });
        Reader::Authorized(authorization)
    }

    /// Begins a session, with a cookie of its own, for a client that shows the token.
    ///
    /// # Errors
    /// If it is not the token, or the system has no random numbers.
    pub(crate) fn sign_in(
        &self,
        request: &HttpRequest,
        shown: &[u8],
    ) -> Result<io::Result<Cookie<'static>>, AuthError> {
        let credentials = self.credentials.as_ref().ok_or(AuthError::NoAdminToken)?;
        let which = self.judge(credentials, request, shown)?;
        log::info!("an admin has signed in from {}", self.address(request));
        Ok(credentials.sessions.begin(which, SystemTime::now()))
    }

    /// Ends the session of this browser, and gives the cookie that takes the place of its own.
    pub(crate) fn sign_out(&self, request: &HttpRequest) -> Cookie<'static> {
        if let Some(Credentials { sessions, .. }) = &self.credentials
            && let Some(session) = sessions.shown(request.headers())
        {
            sessions.end(session, SystemTime::now());
            self.ended.notify_one();
        }
        no_cookie()
    }

    /// Waits a moment until all proxies know what this browser's session is: over. Whether they do.
    pub(crate) async fn is_signed_out_everywhere(&self, request: &HttpRequest) -> bool {
        let shared = self.credentials.as_ref().filter(|credentials| credentials.shares);
        let Some(Credentials { sessions, .. }) = shared else { return true };
        let Some(session) = sessions.shown(request.headers()) else { return true };
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

    /// Checks a request.
    ///
    /// # Errors
    /// If it is no admin's.
    pub(crate) fn authenticate(&self, request: &HttpRequest) -> Result<Admin, AuthError> {
        let credentials = self.credentials.as_ref().ok_or(AuthError::NoAdminToken)?;
        let mut shown = request.headers().get_all(header::AUTHORIZATION);
        match (shown.next(), shown.next()) {
            (None, _) => self.authenticate_session(request),
            (Some(only), None) => match token_in(only.as_bytes()) {
                Some(token) => {
                    self.judge(credentials, request, token).map(|_| Admin { session: None })
                }
                None => Err(AuthError::Denied(Denied::Missing)),
            },
            // Of two, somebody in between may have checked the other one.
            (Some(_), Some(_)) => Err(AuthError::Denied(Denied::Missing)),
        }
    }

    fn authenticate_session(&self, request: &HttpRequest) -> Result<Admin, AuthError> {
        let session = self.session(request).ok_or(AuthError::Denied(Denied::Missing))?;
        if !self.credentials.as_ref().is_some_and(|it| it.sessions.can_tell(session)) {
            return Err(AuthError::NotYetKnown);
        }
        let admin = Admin { session: Some(session) };
        match request_source(request.headers()) {
            RequestSource::SameOrigin => Ok(admin),
            RequestSource::UserInitiated if request.method().is_safe() => Ok(admin),
            RequestSource::UserInitiated | RequestSource::CrossSite | RequestSource::Unknown => {
                Err(AuthError::NotOurPage)
            }
        }
    }

    /// Which of the tokens is shown.
    fn judge(
        &self,
        credentials: &Credentials,
        request: &HttpRequest,
        shown: &[u8],
    ) -> Result<usize, AuthError> {
        let client = match credentials.sessions.shown(request.headers()) {
            Some(session) => Client::Browser(session.id),
            None => Client::at(self.address(request)),
        };
        let judged = self.guard.judge(&credentials.token, client, shown, || self.shown_as(request));
        judged.inspect(|_| vouch_for(request)).map_err(|refusal| match refusal {
            TokenRefusal::Wrong => AuthError::Denied(Denied::Wrong),
            TokenRefusal::Wait(wait) => AuthError::TooMany(wait),
        })
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

impl FromRequest for Admin {
    type Error = AuthError;
    type Future = Ready<Result<Self, AuthError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let authenticator =
            request.app_data::<Data<Authenticator>>().expect("the table of routes has it");
        ready(authenticator.authenticate(request))
    }
}

impl FromRequest for TokenShown {
    type Error = AuthError;
    type Future = Ready<Result<Self, AuthError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let authenticator =
            request.app_data::<Data<Authenticator>>().expect("the table of routes has it");
        let is_shown = request.headers().contains_key(header::AUTHORIZATION);
        ready(match authenticator.is_configured() && !is_shown {
            true => Err(AuthError::Denied(Denied::Missing)),
            false => authenticator.authenticate(request).map(|_| Self),
        })
    }
}

impl ResponseError for AuthError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoAdminToken | Self::NotOurPage | Self::Denied(Denied::Wrong) => {
                StatusCode::FORBIDDEN
            }
            Self::Denied(Denied::Missing) => StatusCode::UNAUTHORIZED,
            Self::NotYetKnown => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooOften(_) | Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::Denied(Denied::Missing) => {
                answer.insert_header((header::WWW_AUTHENTICATE, CHALLENGE));
            }
            Self::TooOften(wait) | Self::TooMany(wait) => {
                answer.insert_header((header::RETRY_AFTER, whole_seconds(*wait)));
            }
            Self::NotYetKnown => {
                answer.insert_header((header::RETRY_AFTER, 1));
            }
            Self::NoAdminToken | Self::NotOurPage | Self::Denied(Denied::Wrong) => {}
        }
        answer.json(Envelope::failure(self.to_string()))
    }
}
