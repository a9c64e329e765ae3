//! The streams: the total and the summary, sent to each reader at once.

use std::sync::Arc;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use live_users_broadcast::{events, websocket};
use live_users_http_kit::Query;
use live_users_wire::parameters::CHANGES;

use super::auth::BearerAuth;
use super::authorized::Permitted;
use super::error::ApiError;
use super::total_reader::{TotalReader, reader_of};
use crate::parts::selection::Selection;
use crate::parts::streams::{ScopedStreams, Streams};
use crate::parts::tokens::Access;

/// `GET /api/live-users/stream`.
pub(crate) async fn total_events(
    reader: TotalReader,
    auth: Data<BearerAuth>,
    streams: Data<Streams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (selection, reader) = (reader.selection(), reader.of_stream(&auth));
    let part = (!selection.is_everything()).then(|| streams.of(&selection));
    let frames = part.as_ref().map_or(&streams.total, |part| &part.total);
    let opened = events(&request, frames, &streams.connections, reader);
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
    let (selection, reader) = (reader.selection(), reader.of_stream(&auth));
    let part = (!selection.is_everything()).then(|| streams.of(&selection));
    let frames = part.as_ref().map_or(&streams.total, |part| &part.total);
    let opened = websocket(&request, received, frames, &streams.connections, reader);
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
    let as_changes = as_changes(&request)?;
    let part = part_of(&streams, &access);
    let frames = part.as_ref().map_or(&streams.summary, |part| &part.summary).of(as_changes);
    let reader = reader_of(access, &auth);
    let opened = events(&request, frames, &streams.connections, reader);
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
    let as_changes = as_changes(&request)?;
    let part = part_of(&streams, &access);
    let frames = part.as_ref().map_or(&streams.summary, |part| &part.summary).of(as_changes);
    let reader = reader_of(access, &auth);
    let opened = websocket(&request, received, frames, &streams.connections, reader);
    streams.summary_came.notify_one();
    opened.map_err(ApiError::NoStream)
}

/// The frames of what an access shows, if that is not everything.
fn part_of(streams: &Streams, access: &Access) -> Option<Arc<ScopedStreams>> {
    let is_part = !access.scope.is_operators();
    is_part.then(|| streams.of(&Selection::of(access.scope.clone())))
}

/// Whether a snapshot and changes are asked for, in place of summaries.
fn as_changes(request: &HttpRequest) -> Result<bool, ApiError> {
    let query = Query::new(request.query_string());
    let asked = query.parsed(CHANGES, "true or false", |text| text.parse().ok());
    asked.map(Option::unwrap_or_default).map_err(ApiError::BadParameter)
}
