//! Checks the token of requests that read more than the total, or change something.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use live_users_http_kit::{
    Client, Denied, TokenGuard, TokenRefusal, TrustedProxies, token_in, vouch_for,
};

use crate::parts::not_recorded::NotRecorded;
use crate::parts::shared_links::LinkReader;
use crate::parts::tokens::{Access, Of, TokenRegistry};

/// The header by which who shows `API_TOKEN` asks for what a token of the agents file opens, or a link.
pub(crate) const ACCESS: &str = "Live-Users-Access";

/// Lets in requests that show `API_TOKEN`, a token of the agents file or that of a link, and no
/// request if there is neither of the first two.
pub(crate) struct BearerAuth {
    tokens: Arc<TokenRegistry>,
    links: LinkReader,
    guard: TokenGuard,
    /// The reading of the file whose tokens were compared last.
    compared: AtomicU64,
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
    /// A token of the agents file is shown where only `API_TOKEN` lets in.
    NeedsApiToken,
    /// A token that may only read is shown to change something.
    ReadOnly,
    /// `Live-Users-Access` is beside another token than `API_TOKEN`.
    AccessWithoutApiToken,
    /// What stands in `Live-Users-Access` is not in force, or not any more.
    AccessEnded,
    /// The token of a link is shown for what it does not show.
    OutOfScope,
    /// It may be that of a link, and it is not known which links are in force.
    Unknown(NotRecorded),
}

impl BearerAuth {
    pub(crate) fn new(
        tokens: Arc<TokenRegistry>,
        links: LinkReader,
        trusted_proxies: TrustedProxies,
    ) -> Self {
        Self {
            tokens,
            links,
            guard: TokenGuard::new("API_TOKEN"),
            compared: AtomicU64::new(0),
            trusted_proxies,
        }
    }

    /// Lets a request in, and says what it may do. A token in the URL does not count: URLs are logged
    /// everywhere.
    ///
    /// # Errors
    /// If there is no token, in the request or at all, or a wrong one, or if too many were wrong; or
    /// if what it asks for by `Live-Users-Access` is not in force.
    pub(crate) fn check(&self, request: &HttpRequest) -> Result<Access, Refusal> {
        let reading = self.tokens.readings();
        if self.compared.swap(reading, Ordering::AcqRel) != reading {
            self.guard.forget_wrong();
        }
        let tokens = self.tokens.now();
        let known = tokens.known().ok_or(Refusal::NoToken)?;
        let mut shown = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes());
        // Of two tokens, neither is the one that is meant.
        let only = shown.next().filter(|_| shown.next().is_none());
        let shown = only.and_then(token_in).ok_or(Refusal::Denied(Denied::Missing))?;
        // Nobody guesses such a token, so no guess is counted; and it does not wait for those who do.
        match self.links.opened_by(shown) {
            Ok(Some(access)) => {
                vouch_for(request);
                return match request.headers().contains_key(ACCESS) {
                    true => Err(Refusal::AccessWithoutApiToken),
                    false => Ok(access),
                };
            }
            Err(why) if known.which(shown).is_none() => return Err(Refusal::Unknown(why)),
            Ok(None) | Err(_) => {}
        }
        let client = Client::at(self.trusted_proxies.client(request.head()));
        let from = || self.trusted_proxies.shown_client(request.head());
        let judged = self.guard.judge(known, client, shown, from);
        let place = judged.map_err(|refusal| match refusal {
            TokenRefusal::Wrong => Refusal::Denied(Denied::Wrong),
            TokenRefusal::Wait(wait) => Refusal::TooMany(wait),
        })?;
        vouch_for(request);
        let access = tokens.access(place);
        let mut asked = request.headers().get_all(ACCESS);
        match (asked.next(), asked.next()) {
            (None, _) => Ok(access),
            (Some(_), _) if !access.is_whole() => Err(Refusal::AccessWithoutApiToken),
            (Some(_), Some(_)) => Err(Refusal::AccessEnded),
            (Some(value), None) => {
                let value = value.to_str().map_err(|_| Refusal::AccessEnded)?;
                let found = match tokens.by_value(value) {
                    Some(access) => Some(access),
                    None => self.links.by_value(value).map_err(Refusal::Unknown)?,
                };
                found.ok_or(Refusal::AccessEnded)
            }
        }
    }

    /// Lets a request in that shows `API_TOKEN`, for itself.
    ///
    /// # Errors
    /// As [`BearerAuth::check`], and if it shows, or stands for, a token of the agents file.
    pub(crate) fn check_whole(&self, request: &HttpRequest) -> Result<(), Refusal> {
        match self.check(request)?.is_whole() {
            true => Ok(()),
            false => Err(Refusal::NeedsApiToken),
        }
    }

    /// What a token opens that somebody has shown elsewhere; `None` if it is not in force. Only for who
    /// has shown `API_TOKEN`: no guess is counted, and all tokens are compared each time.
    ///
    /// # Errors
    /// Why it is not known whether it is that of a link.
    pub(crate) fn opened_by(&self, token: &[u8]) -> Result<Option<Access>, NotRecorded> {
        let tokens = self.tokens.now();
        let Some(known) = tokens.known() else { return Ok(None) };
        match known.which(token) {
            Some(place) => Ok(Some(tokens.access(place))),
            None => self.links.opened_by(token),
        }
    }

    /// Whether a request that shows a token, or asks for what one opens, may be taken for one that
    /// does not: where the file has no tokens, what everybody may read needs no right one.
    pub(crate) fn may_be_anybodys(&self, request: &HttpRequest, refusal: Refusal) -> bool {
        let is_of_file = self.tokens.now().is_any_of_file();
        let is_wrong =
            matches!(refusal, Refusal::Denied(Denied::Wrong) | Refusal::TooMany(_)) && is_of_file;
        !request.headers().contains_key(ACCESS) && !is_wrong
    }

    /// Says whether a stream may go on that was opened with this access.
    pub(crate) fn lasting(&self, access: Access) -> impl Fn() -> bool + use<> {
        let (tokens, links) = (self.tokens.clone(), self.links.clone());
        move || match &access.of {
            Of::Link(id, _) => links.is_in_force(*id),
            Of::Api | Of::File(_) => tokens.is_in_force(&access),
        }
    }

    /// The links.
    pub(crate) fn links(&self) -> &LinkReader {
        &self.links
    }

    /// How many tokens were wrong, and how many were not looked at after too many wrong ones.
    pub(crate) fn refused(&self) -> [u64; 2] {
        self.guard.refused()
    }
}
