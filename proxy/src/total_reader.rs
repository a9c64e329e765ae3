//! Who may read the total: everybody, unless `PUBLIC_TOTAL=false`, but nobody too often.

use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, COOKIE};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use live_users_broadcast::Reader;
use live_users_http_kit::{ClientKey, ReadLimit};

use crate::admin::{Admin, AuthError, Authenticator, Checked, ViewOf};
use crate::channels::Channels;
use crate::scope::Scope;

/// The rules for reading the total.
pub(crate) struct TotalRules {
    pub(crate) is_public: bool,
    pub(crate) limit: ReadLimit,
}

/// The proof that a request may read the total. Admins may read as often as they like.
pub(crate) struct TotalReader {
    admin: Option<Admin>,
    is_public: bool,
}

impl TotalReader {
    /// Of what the total is: of all calls where everybody may read it, and else of those that the
    /// reader sees.
    pub(crate) fn scope(&self) -> Option<&Arc<Scope>> {
        let scope = self.admin.as_ref()?.scope()?;
        // Who reads by a link reads what it shows.
        Some(scope).filter(|scope| !self.is_public || scope.link.is_some())
    }

    /// The admin that reads.
    pub(crate) fn admin(&self) -> Option<&Admin> {
        self.admin.as_ref()
    }

    /// The reader of a stream of these channels.
    pub(crate) fn of_stream(self, channels: &Arc<Channels>) -> Reader {
        match self.admin {
            Some(admin) => admin.reader(channels),
            None => Reader::Public,
        }
    }
}

impl FromRequest for TotalReader {
    type Error = AuthError;
    type Future = Checked<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { check(&request).await })
    }
}

async fn check(request: &HttpRequest) -> Result<TotalReader, AuthError> {
    let rules = request.app_data::<Data<TotalRules>>().expect("the table of routes has it");
    let authenticator =
        request.app_data::<Data<Authenticator>>().expect("the table of routes has it");
    let shows = |header| request.headers().contains_key(header);
    let is_public = rules.is_public;
    let is_of_link = request.extensions().contains::<ViewOf>();
    if shows(AUTHORIZATION) || shows(COOKIE) || !is_public || is_of_link {
        match Authenticator::authenticate(authenticator, request).await {
            Ok(admin) => return Ok(TotalReader { admin: Some(admin), is_public }),
            Err(refusal) if !is_public || is_of_link => return Err(refusal),
            // What everybody may read needs no right token.
            Err(_) => {}
        }
    }
    if rules.limit.is_set() {
        let client = ClientKey::from(authenticator.address(request));
        rules.limit.take(client, Instant::now()).map_err(AuthError::TooOften)?;
    }
    Ok(TotalReader { admin: None, is_public })
}
