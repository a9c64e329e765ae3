//! The proof that a request has passed [`BearerAuth`], for handlers to ask for.

use std::future::{Ready, ready};

use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, dev};

use super::auth::{BearerAuth, Refusal};
use super::error::ApiError;

/// A handler that takes this answers authorized requests alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authorized(());

impl FromRequest for Authorized {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let auth = request.app_data::<Data<BearerAuth>>();
        // Nobody is let in by an application that was built without a check.
        let checked = auth.map_or(Err(Refusal::NoToken), |auth| auth.check(request));
        ready(checked.map(Self).map_err(ApiError::from))
    }
}
