//! The proof that a request has passed [`BearerAuth`], for handlers to ask for.

use std::future::{Ready, ready};

use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, dev};
use live_users_intake::Role;

use super::auth::{BearerAuth, Refusal};
use super::error::ApiError;
use crate::parts::scope::Detail;
use crate::parts::tokens::Access;

/// A handler that takes this answers the holder of `API_TOKEN` alone: it is about everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authorized(());

/// A handler that takes this answers all who show a token, within what it opens.
#[derive(Clone, Debug)]
pub(crate) struct Permitted(pub(crate) Access);

impl Permitted {
    /// What it opens, if that is more than to read.
    ///
    /// # Errors
    /// If it may only read.
    pub(crate) fn into_operator(self) -> Result<Access, ApiError> {
        match self.0.role {
            Role::Operate => Ok(self.0),
            Role::Read => Err(Refusal::ReadOnly.into()),
        }
    }
}

/// A handler that takes this answers those whose token opens calls themselves, and not only numbers.
#[derive(Clone, Debug)]
pub(crate) struct PermittedCalls(pub(crate) Access);

impl FromRequest for Authorized {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let checked = auth(request).and_then(|auth| auth.check_whole(request));
        ready(checked.map(Self).map_err(ApiError::from))
    }
}

impl FromRequest for Permitted {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let checked = auth(request).and_then(|auth| auth.check(request));
        ready(checked.map(Self).map_err(ApiError::from))
    }
}

impl FromRequest for PermittedCalls {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let checked = auth(request).and_then(|auth| auth.check(request));
        let checked = checked.and_then(|access| match access.scope.detail() {
            Detail::Calls | Detail::Operations => Ok(Self(access)),
            Detail::Total | Detail::Numbers => Err(Refusal::OutOfScope),
        });
        ready(checked.map_err(ApiError::from))
    }
}

/// Nobody is let in by an application that was built without a check.
fn auth(request: &HttpRequest) -> Result<&Data<BearerAuth>, Refusal> {
    request.app_data::<Data<BearerAuth>>().ok_or(Refusal::NoToken)
}
