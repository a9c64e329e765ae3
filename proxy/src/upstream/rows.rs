//! Rows of the backend, which are passed on while they come.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use live_users_http_kit::Format;
use reqwest::Response;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::backend_client::{Failure, failure};
use crate::error::UpstreamError;

/// An answer of many rows whose rest is still to come.
pub(crate) struct Rows {
    response: Response,
    /// It is one of the exports under way until it ends.
    _place: OwnedSemaphorePermit,
    /// How long the backend may be silent.
    silence: Duration,
}

impl Rows {
    pub(super) fn new(response: Response, place: OwnedSemaphorePermit, silence: Duration) -> Self {
        Self { response, _place: place, silence }
    }

    /// The bytes, as long as whoever asked for them may read. After a failure they break off, so that a
    /// part of them does not look whole.
    pub(crate) fn bytes(
        self,
        may_read: impl Fn() -> bool,
    ) -> impl Stream<Item = Result<Bytes, UpstreamError>> {
        stream::unfold(Some((self, may_read)), async |rows| {
            let (mut rows, may_read) = rows?;
            let next = timeout(rows.silence, rows.response.chunk()).await;
            match next {
                _ if !may_read() => Some((Err(UpstreamError::AccessEnded), None)),
                Ok(Ok(Some(bytes))) => Some((Ok(bytes), Some((rows, may_read)))),
                Ok(Ok(None)) => None,
                Ok(Err(_)) => Some((Err(UpstreamError::Broken), None)),
                Err(_) => Some((Err(UpstreamError::Slow), None)),
            }
        })
    }
}

/// The answer, if it has this form.
pub(super) fn checked(response: Response, format: Format) -> Result<Response, Failure> {
    let kind = response.headers().get(header::CONTENT_TYPE.as_str());
    match kind.is_some_and(|kind| kind.as_bytes() == format.content_type().as_bytes()) {
        true => Ok(response),
        false => Err(failure(UpstreamError::NotRows, "another content type".to_owned())),
    }
}
