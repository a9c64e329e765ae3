//! The streams: the total and the summary, sent to each reader at once.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use live_users_broadcast::{Reader, events, websocket};

use super::authorized::Authorized;
use super::error::ApiError;
use super::total_reader::TotalReader;
use crate::parts::streams::Streams;

/// `GET /api/live-users/stream`.
pub(crate) async fn total_events(
    reader: TotalReader,
    streams: Data<Streams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    events(&request, &streams.total, &streams.connections, reader.of_stream())
        .map_err(ApiError::NoStream)
}

/// `GET /api/live-users/ws`.
pub(crate) async fn total_socket(
    reader: TotalReader,
    streams: Data<Streams>,
    request: HttpRequest,
    received: Payload,
) -> Result<HttpResponse, ApiError> {
    if !streams.origins.admit(&request) {
        return Err(ApiError::Origin);
    }
    websocket(&request, received, &streams.total, &streams.connections, reader.of_stream())
        .map_err(ApiError::NoStream)
}

/// `GET /api/live-users/summary/stream`.
pub(crate) async fn summary_events(
    _: Authorized,
    streams: Data<Streams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    events(&request, &streams.summary, &streams.connections, Reader::Authorized(None))
        .map_err(ApiError::NoStream)
}

/// `GET /api/live-users/summary/ws`. No browser can show a token here, so the origin does
/// not matter.
pub(crate) async fn summary_socket(
    _: Authorized,
    streams: Data<Streams>,
    request: HttpRequest,
    received: Payload,
) -> Result<HttpResponse, ApiError> {
    websocket(&request, received, &streams.summary, &streams.connections, Reader::Authorized(None))
        .map_err(ApiError::NoStream)
}
