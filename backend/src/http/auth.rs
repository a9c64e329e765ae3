//! Who may read more than the total, and change something.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use live_users_http_kit::BearerToken;

use crate::http::error::ApiError;

/// Opens for who shows `API_TOKEN`; for nobody if it is not set.
#[derive(Debug)]
pub(crate) struct BearerAuth(pub(crate) Option<BearerToken>);

impl BearerAuth {
    /// Lets a request in. A token in the URL does not count: URLs are logged everywhere.
    ///
    /// # Errors
    /// 401 without a token, 403 with a wrong one or if there is none that opens.
    pub(crate) fn check(&self, request: &HttpRequest) -> Result<(), ApiError> {
        let Self(Some(token)) = self else { return Err(ApiError::NoToken) };
        let mut shown = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes());
        // Of two nobody knows which is meant.
        let only = shown.next().filter(|_| shown.next().is_none());
        token.check(only).map_err(ApiError::Denied)
    }
}
