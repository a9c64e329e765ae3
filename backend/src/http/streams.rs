//! The streams: the total and the summary, sent to each reader at once.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use live_users_broadcast::{events, websocket};

use super::auth::BearerAuth;
use super::authorized::Permitted;
use super::error::ApiError;
use super::total_reader::{TotalReader, reader_of};
use crate::parts::selection::Selection;
use crate::parts::streams::Streams;

/// `GET /api/live-users/stream`.
pub(crate) async fn total_events(
    reader: TotalReader,
    auth: Data<BearerAuth>,
    streams: Data<Streams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (selection, reader, connections) =
        (reader.selection(), reader.of_stream(&auth), &streams.connections);
    let opened = match selection.is_everything() {
        true => events(&request, &streams.total, connections, reader),
        false => events(&request, &streams.of(&selection).total, connections, reader),
    };
    streams.total_came.notify_one();
    opened.map_err(ApiError::NoStream)
}

/// `GET /api/live-users/ws`.
pub(crate) async fn total_socket(
    reader: TotalReader,
    auth: Data<BearerAuth>,
    streams: Data<Streams>,
    request: HttpRequest,
    received: Payload,
) -> Result<HttpResponse, ApiError> {
    if !streams.origins.admit(&request) {
        return Err(ApiError::Origin);
    }
    let (selection, reader, connections) =
        (reader.selection(), reader.of_stream(&auth), &streams.connections);
    let opened = match selection.is_everything() {
        true => websocket(&request, received, &streams.total, connections, reader),
        false => websocket(&request, received, &streams.of(&selection).total, connections, reader),
    };
    streams.total_came.notify_one();
    opened.map_err(ApiError::NoStream)
}

/// `GET /api/live-users/summary/stream`.
pub(crate) async fn summary_events(
    Permitted(access): Permitted,
    auth: Data<BearerAuth>,
    streams: Data<Streams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let scope = access.scope.clone();
    let (reader, connections) = (reader_of(access, &auth), &streams.connections);
    let opened = match scope.is_operators() {
        true => events(&request, &streams.summary, connections, reader),
        false => events(&request, &streams.of(&Selection::of(scope)).summary, connections, reader),
    };
    streams.summary_came.notify_one();
    opened.map_err(ApiError::NoStream)
}

/// `GET /api/live-users/summary/ws`. No browser can show a token here, so the origin does
/// not matter.
pub(crate) async fn summary_socket(
    Permitted(access): Permitted,
    auth: Data<BearerAuth>,
    streams: Data<Streams>,
    request: HttpRequest,
    received: Payload,
) -> Result<HttpResponse, ApiError> {
    let scope = access.scope.clone();
    let (reader, connections) = (reader_of(access, &auth), &streams.connections);
    let opened = match scope.is_operators() {
        true => websocket(&request, received, &streams.summary, connections, reader),
        false => websocket(
            &request,
            received,
            &streams.of(&Selection::of(scope)).summary,
            connections,
            reader,
        ),
    };
    streams.summary_came.notify_one();
    opened.map_err(ApiError::NoStream)
}
