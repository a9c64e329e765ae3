//! Finds out whose token a request shows, and makes those wait who guess.

use actix_web::HttpRequest;
use live_users_http_kit::{Client, Denied, TokenRefusal, vouch_for};

use super::auth_error::AuthError;
use super::shown::{Freshness, Judged};
use super::{Authenticator, Credentials};
use crate::upstream::LookupError;

impl Authenticator {
    /// Whose token is shown.
    ///
    /// # Errors
    /// If it is nobody's, the client has to wait after others, or nobody can tell.
    pub(super) async fn judge(
        &self,
        credentials: &Credentials,
        request: &HttpRequest,
        shown: &[u8],
        freshness: Freshness,
    ) -> Result<Judged, AuthError> {
        let client = match Self::shown(&credentials.sessions, request) {
            Some(claims) => Client::Browser(claims.client()),
            None => Client::at(self.address(request)),
        };
        let from = || self.shown_as(request);
        let compared = self.guard.compare(&credentials.token, client, shown, from);
        if let Some(which) = compared.map_err(refused)? {
            vouch_for(request);
            return Ok(Judged::Admin(which));
        }
        let kept = match freshness {
            Freshness::Now => None,
            Freshness::Lately => self.lookup.kept(shown),
        };
        let found = match kept {
            Some(scope) => Ok(Some(scope)),
            // That we are busy is no guess of the client: its token is not looked at.
            None => match self.lookup.turn(shown).await.map_err(AuthError::Lookup)? {
                None => Ok(None),
                Some(lookup) => {
                    // Others of the same client may have been found wrong while this one waited.
                    self.guard.check_wait(client, shown, from).map_err(refused)?;
                    lookup.scope().await
                }
            },
        };
        match found {
            Ok(Some(scope)) => {
                self.guard.accept(client, shown);
                vouch_for(request);
                Ok(Judged::Account(scope))
            }
            Ok(None) => Err(refused(self.guard.refuse(client, shown, from))),
            Err(error) => {
                if !matches!(error, LookupError::Scope(_)) {
                    self.guard.leave(client, shown);
                }
                Err(AuthError::Lookup(error))
            }
        }
    }
}

fn refused(refusal: TokenRefusal) -> AuthError {
    match refusal {
        TokenRefusal::Wrong => AuthError::Denied(Denied::Wrong),
        TokenRefusal::Wait(wait) => AuthError::TooMany(wait),
    }
}
