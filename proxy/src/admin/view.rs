//! Sessions of shared links.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use actix_web::HttpRequest;
use actix_web::web::Data;
use cookie::Cookie;
use live_users_http_kit::Denied;

use super::auth_error::AuthError;
use super::shown::{Freshness, Judged, ShownBy};
use super::{Admin, Authenticator, Credentials};
use crate::scope::Scope;

/// What a browser shows of a link.
pub(crate) enum Shown {
    /// Its session, which may be read by.
    Session {
        reader: Box<Admin>,
        /// Its cookie, made anew.
        cookie: Cookie<'static>,
        /// Whether the link has ended by the clock of this machine: the backend decides.
        is_past: bool,
    },
    /// Nothing.
    Nothing,
}

impl Authenticator {
    /// Begins a session of the link whose token is shown. The scope of it, and its cookie.
    ///
    /// # Errors
    /// If it is that of no link, nobody can tell, or the system has no random numbers.
    pub(crate) async fn open_link(
        &self,
        request: &HttpRequest,
        shown: &[u8],
    ) -> Result<io::Result<(Arc<Scope>, Cookie<'static>)>, AuthError> {
        let credentials = self.credentials.as_ref().ok_or(AuthError::NoAdminToken)?;
        match self.judge(credentials, request, shown, Freshness::Now).await? {
            Judged::Account(scope) if scope.link.is_some() => {
                log::info!("link {} is opened from {}", scope.id, self.address(request));
                let cookie = credentials.sessions.begin_of_link(scope.clone(), SystemTime::now());
                Ok(cookie.map(|cookie| (scope, cookie)))
            }
            Judged::Admin(_) | Judged::Account(_) => Err(AuthError::Denied(Denied::Wrong)),
        }
    }

    /// What a browser shows of the link whose page it asks for.
    pub(crate) fn shown_of_link(authenticator: &Data<Self>, request: &HttpRequest) -> Shown {
        let now = SystemTime::now();
        let Some(Credentials { sessions, .. }) = &authenticator.credentials else {
            return Shown::Nothing;
        };
        match Self::shown(sessions, request) {
            None => Shown::Nothing,
            Some(claims) => {
                let cookie = sessions.cookie_of_link(&claims, now);
                let is_past = sessions.is_over(claims.session, now);
                let by = ShownBy::Session(claims);
                let reader = Box::new(Admin { authenticator: authenticator.clone(), by });
                Shown::Session { reader, cookie, is_past }
            }
        }
    }
}
