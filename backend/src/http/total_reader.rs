//! Who may read the total: everybody, unless `PUBLIC_TOTAL=false`, but nobody too often.

use std::future::{Ready, ready};
use std::time::Instant;

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, dev};
use live_users_broadcast::Reader;
use live_users_http_kit::{ClientKey, ReadLimit, TrustedProxies};

use super::auth::BearerAuth;
use super::error::ApiError;

/// The rules for reading the total.
pub(crate) struct TotalRules {
    pub(crate) is_public: bool,
    pub(crate) limit: ReadLimit,
    pub(crate) trusted_proxies: TrustedProxies,
}

/// The proof that a request may read the total. Who shows `API_TOKEN` may read as often as he likes.
pub(crate) struct TotalReader {
    is_authorized: bool,
}

impl TotalReader {
    /// The reader of a stream.
    pub(crate) fn of_stream(self) -> Reader {
        if self.is_authorized { Reader::Authorized(None) } else { Reader::Public }
    }
}

impl FromRequest for TotalReader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(check(request))
    }
}

fn check(request: &HttpRequest) -> Result<TotalReader, ApiError> {
    let rules = request.app_data::<Data<TotalRules>>().expect("the application has it");
    let auth = request.app_data::<Data<BearerAuth>>().expect("the application has it");
    let shows_token = request.headers().contains_key(AUTHORIZATION);
    match (shows_token || !rules.is_public).then(|| auth.check(request)) {
        Some(Ok(())) => return Ok(TotalReader { is_authorized: true }),
        Some(Err(refusal)) if !rules.is_public => return Err(refusal.into()),
        // What everybody may read needs no right token.
        Some(Err(_)) | None => {}
    }
    if rules.limit.is_set() {
        let client = ClientKey::from(rules.trusted_proxies.client(request.head()));
        rules.limit.take(client, Instant::now()).map_err(ApiError::TooOften)?;
    }
    Ok(TotalReader { is_authorized: false })
}
