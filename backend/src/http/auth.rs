//! Checks the token of requests that read more than the total, or change something.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use live_users_http_kit::{BearerToken, Denied, vouch_for};

/// Lets in requests that show `API_TOKEN`, and no request if it is not set.
#[derive(Debug)]
pub(crate) struct BearerAuth(pub(crate) Option<BearerToken>);

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token is shown, or not the right one.
    Denied(Denied),
    /// `API_TOKEN` is not set, so no request can be let in.
    NoToken,
}

impl BearerAuth {
    /// Lets a request in. A token in the URL does not count: URLs are logged everywhere.
    ///
    /// # Errors
    /// If there is no token, in the request or at all, or a wrong one.
    pub(crate) fn check(&self, request: &HttpRequest) -> Result<(), Refusal> {
        let Self(Some(token)) = self else { return Err(Refusal::NoToken) };
        let mut shown = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes());
        // Of two tokens, neither is the one that is meant.
        let only = shown.next().filter(|_| shown.next().is_none());
        token.check(only).map(|_| vouch_for(request)).map_err(Refusal::Denied)
    }
}
