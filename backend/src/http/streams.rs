//! The streams: the total and the summary, sent at once to whoever listens.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use live_users_broadcast::{events, websocket};

use crate::app::State;
use crate::http::error::ApiError;

/// `GET /api/live-users/stream`.
pub(crate) async fn total_events(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let streams = &state.streams;
    events(&request, &streams.total, &streams.places).map_err(ApiError::NoStream)
}

/// `GET /api/live-users/ws`.
pub(crate) async fn total_socket(
    state: Data<State>,
    request: HttpRequest,
    heard: Payload,
) -> Result<HttpResponse, ApiError> {
    let streams = &state.streams;
    if !streams.origins.admit(&request) {
        return Err(ApiError::Origin);
    }
    websocket(&request, heard, &streams.total, &streams.places).map_err(ApiError::NoStream)
}

/// `GET /api/live-users/summary/stream`.
pub(crate) async fn summary_events(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    state.auth.check(&request)?;
    let streams = &state.streams;
    events(&request, &streams.summary, &streams.places).map_err(ApiError::NoStream)
}

/// `GET /api/live-users/summary/ws`. No browser can show a token here, so there is no page to keep
/// out.
pub(crate) async fn summary_socket(
    state: Data<State>,
    request: HttpRequest,
    heard: Payload,
) -> Result<HttpResponse, ApiError> {
    state.auth.check(&request)?;
    let streams = &state.streams;
    websocket(&request, heard, &streams.summary, &streams.places).map_err(ApiError::NoStream)
}
