//! Who may read more than the total, and change something.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use live_users_service::BearerToken;

use crate::error::ApiError;

/// Opens for who shows `API_TOKEN`; for nobody if it is not set.
#[derive(Debug)]
pub(crate) struct Gate(pub(crate) Option<BearerToken>);

impl Gate {
    /// Lets a request in. A token in the URL does not count: URLs are logged everywhere.
    ///
    /// # Errors
    /// 401 without a token, 403 with a wrong one or if there is none that opens.
    pub(crate) fn admit(&self, request: &HttpRequest) -> Result<(), ApiError> {
        let Self(Some(token)) = self else { return Err(ApiError::NoToken) };
        let shown = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
        token.check(shown).map_err(ApiError::Denied)
    }
}
