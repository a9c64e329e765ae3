//! Checks the token of requests that read more than the total, or change something.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use live_users_http_kit::{
    BearerToken, Client, Denied, TokenGuard, TokenRefusal, TrustedProxies, token_in, vouch_for,
};

/// Lets in requests that show `API_TOKEN`, and no request if it is not set.
pub(crate) struct BearerAuth {
    token: Option<BearerToken>,
    guard: TokenGuard,
    trusted_proxies: TrustedProxies,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token is shown, or not the right one.
    Denied(Denied),
    /// Too many wrong tokens came from there. How long to wait.
    TooMany(Duration),
    /// `API_TOKEN` is not set, so no request can be let in.
    NoToken,
}

impl BearerAuth {
    pub(crate) fn new(token: Option<BearerToken>, trusted_proxies: TrustedProxies) -> Self {
        Self { token, guard: TokenGuard::new("API_TOKEN"), trusted_proxies }
    }

    /// Lets a request in. A token in the URL does not count: URLs are logged everywhere.
    ///
    /// # Errors
    /// If there is no token, in the request or at all, or a wrong one, or if too many were wrong.
    pub(crate) fn check(&self, request: &HttpRequest) -> Result<(), Refusal> {
        let token = self.token.as_ref().ok_or(Refusal::NoToken)?;
        let mut shown = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes());
        // Of two tokens, neither is the one that is meant.
        let only = shown.next().filter(|_| shown.next().is_none());
        let shown = only.and_then(token_in).ok_or(Refusal::Denied(Denied::Missing))?;
        let client = Client::at(self.trusted_proxies.client(request.head()));
        let from = || self.trusted_proxies.shown_client(request.head());
        let judged = self.guard.judge(token, client, shown, from);
        judged.map(|_| vouch_for(request)).map_err(|refusal| match refusal {
            TokenRefusal::Wrong => Refusal::Denied(Denied::Wrong),
            TokenRefusal::Wait(wait) => Refusal::TooMany(wait),
        })
    }

    /// How many tokens were wrong, and how many were not looked at after too many wrong ones.
    pub(crate) fn refused(&self) -> [u64; 2] {
        self.guard.refused()
    }
}
