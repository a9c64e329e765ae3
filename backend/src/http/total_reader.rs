//! Who may read the total: everybody, unless `PUBLIC_TOTAL=false`, but nobody too often.

use std::future::{Ready, ready};
use std::time::Instant;

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, dev};
use live_users_broadcast::{Authorization, Reader};
use live_users_http_kit::{ClientKey, ReadLimit, TrustedProxies};

use super::auth::{ACCESS, BearerAuth};
use super::error::ApiError;
use crate::parts::scope::Scope;
use crate::parts::tokens::Access;

/// The rules for reading the total.
pub(crate) struct TotalRules {
    pub(crate) is_public: bool,
    /// Whether it has the numbers of the agents.
    pub(crate) gives_agents: bool,
    pub(crate) limit: ReadLimit,
    pub(crate) trusted_proxies: TrustedProxies,
}

/// The proof that a request may read the total. Who shows a token may read as often as he likes, what
/// that opens.
pub(crate) struct TotalReader(Option<Access>);

impl TotalReader {
    /// Whose calls are in it.
    pub(crate) fn scope(&self) -> Scope {
        self.0.as_ref().map(|access| access.scope.clone()).unwrap_or_default()
    }

    /// The reader of a stream.
    pub(crate) fn of_stream(self, auth: &BearerAuth) -> Reader {
        self.0.map_or(Reader::Public, |access| reader_of(access, auth))
    }
}

/// The reader of a stream that a token opens. It ends with the token, but for `API_TOKEN`, which does
/// not change while the process runs.
pub(crate) fn reader_of(access: Access, auth: &BearerAuth) -> Reader {
    let may_end = !access.is_whole();
    let lasting = may_end.then(|| -> Authorization { Box::new(auth.lasting(access)) });
    Reader::Authorized(lasting)
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
    let headers = request.headers();
    let shows_token = headers.contains_key(AUTHORIZATION) || headers.contains_key(ACCESS);
    match (shows_token || !rules.is_public).then(|| auth.check(request)) {
        Some(Ok(access)) => return Ok(TotalReader(Some(access))),
        Some(Err(refusal)) if !rules.is_public || !auth.may_be_anybodys(request, refusal) => {
            return Err(refusal.into());
        }
        // What everybody may read needs no right token.
        Some(Err(_)) | None => {}
    }
    if rules.limit.is_set() {
        let client = ClientKey::from(rules.trusted_proxies.client(request.head()));
        rules.limit.take(client, Instant::now()).map_err(ApiError::TooOften)?;
    }
    Ok(TotalReader(None))
}
