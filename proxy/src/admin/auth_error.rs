//! Why a request is no admin's, and how that is answered.

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use live_users_http_kit::{CHALLENGE, Denied, whole_seconds};
use live_users_wire::Envelope;

use crate::upstream::LookupError;

/// Why a request is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// There is no token that could be shown.
    #[error("ADMIN_TOKEN is not set in the proxy: nobody may read more than the total")]
    NoAdminToken,
    /// It was not shown.
    #[error(transparent)]
    Denied(Denied),
    /// It was not shown, and the total is only for those who show one.
    #[error("the number is not public here (PUBLIC_TOTAL=false): expected `Bearer` and a token")]
    TotalNeedsToken,
    /// What was opened by a link was revoked, or its time is over.
    #[error("this link was revoked or has ended: ask whoever gave it to you for another one")]
    LinkEnded,
    /// An admin's browser sends it, but not for a page of ours.
    #[error(
        "a session is for the pages of this proxy, and this request is of none; expected \
         Sec-Fetch-Site: same-origin, or this proxy's own Origin"
    )]
    NotOurPage,
    /// The backend has not told yet which sessions have ended. Why, if it was asked in vain.
    #[error("{}", why_not_yet(*.0))]
    NotYetKnown(Option<LookupError>),
    /// What is for everybody was asked for, and there is nothing.
    #[error("the total is not public here (PUBLIC_TOTAL)")]
    NotPublic,
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
    /// It is not the admin's, and nobody can tell whether it is that of an account.
    #[error("this is not ADMIN_TOKEN, and whose token it is cannot be told: {0}")]
    Lookup(LookupError),
    /// It is the token of an account, which may not do that.
    #[error("this token may not do that: expected {0}")]
    Role(&'static str),
}

impl ResponseError for AuthError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoAdminToken
            | Self::NotPublic
            | Self::NotOurPage
            | Self::Denied(Denied::Wrong)
            | Self::Role(_)
            | Self::Lookup(LookupError::Scope(_)) => StatusCode::FORBIDDEN,
            Self::Lookup(LookupError::Upstream(upstream_error)) => upstream_error.status_code(),
            Self::Lookup(LookupError::Throttled | LookupError::Busy) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Lookup(LookupError::Refused) => StatusCode::BAD_GATEWAY,
            Self::Denied(Denied::Missing) | Self::TotalNeedsToken | Self::LinkEnded => {
                StatusCode::UNAUTHORIZED
            }
            Self::NotYetKnown(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooOften(_) | Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::Denied(Denied::Missing) | Self::TotalNeedsToken | Self::LinkEnded => {
                answer.insert_header((header::WWW_AUTHENTICATE, CHALLENGE));
            }
            Self::TooOften(wait) | Self::TooMany(wait) => {
                answer.insert_header((header::RETRY_AFTER, whole_seconds(*wait)));
            }
            Self::NotYetKnown(_) | Self::Lookup(LookupError::Throttled | LookupError::Busy) => {
                answer.insert_header((header::RETRY_AFTER, 1));
            }
            Self::NoAdminToken
            | Self::NotPublic
            | Self::NotOurPage
            | Self::Denied(Denied::Wrong)
            | Self::Role(_)
            | Self::Lookup(
                LookupError::Upstream(_) | LookupError::Refused | LookupError::Scope(_),
            ) => {}
        }
        answer.json(Envelope::failure(self.to_string()))
    }
}

/// What is said of a session of which nobody knows whether it has ended.
fn why_not_yet(why: Option<LookupError>) -> String {
    let not_asked = || {
        "the backend has not told yet which sessions have ended: ask again in a second".to_owned()
    };
    why.map_or_else(not_asked, |error| error.to_string())
}
