//! Who may read the total: everybody, unless `PUBLIC_TOTAL=false`, but nobody too often.

use std::future::{Ready, ready};
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, COOKIE};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use live_users_broadcast::Reader;
use live_users_http_kit::{ClientKey, ReadLimit};

use crate::admin::{Admin, AuthError, Authenticator};

/// The rules for reading the total.
pub(crate) struct TotalRules {
    pub(crate) is_public: bool,
    pub(crate) limit: ReadLimit,
}

/// The proof that a request may read the total. Admins may read as often as they like.
pub(crate) struct TotalReader {
    admin: Option<Admin>,
}

impl TotalReader {
    /// The reader of a stream.
    pub(crate) fn of_stream(self, authenticator: &Data<Authenticator>) -> Reader {
        match self.admin {
            Some(admin) => Authenticator::reader(authenticator, &admin),
            None => Reader::Public,
        }
    }
}

impl FromRequest for TotalReader {
    type Error = AuthError;
    type Future = Ready<Result<Self, AuthError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(check(request))
    }
}

fn check(request: &HttpRequest) -> Result<TotalReader, AuthError> {
    let rules = request.app_data::<Data<TotalRules>>().expect("the table of routes has it");
    let authenticator =
        request.app_data::<Data<Authenticator>>().expect("the table of routes has it");
    let shows = |header| request.headers().contains_key(header);
    let may_be_admin = shows(AUTHORIZATION) || shows(COOKIE);
    match (may_be_admin || !rules.is_public).then(|| authenticator.authenticate(request)) {
        Some(Ok(admin)) => return Ok(TotalReader { admin: Some(admin) }),
        Some(Err(refusal)) if !rules.is_public => return Err(refusal),
        // What everybody may read needs no right token.
        Some(Err(_)) | None => {}
    }
    if rules.limit.is_set() {
        let client = ClientKey::from(authenticator.address(request));
        rules.limit.take(client, Instant::now()).map_err(AuthError::TooOften)?;
    }
    Ok(TotalReader { admin: None })
}
