//! `GET /api/live-users`: the public total.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::web::Data;

use crate::app::State;
use crate::error::ApiError;
use crate::health::reason;
use crate::queue::NotRecorded;

/// Answers `{"liveUsers":3}` from the cell: no lock that a writer could hold for long, nothing to
/// encode. A number that nobody keeps any more is not given out.
pub(crate) async fn total(state: Data<State>) -> Result<HttpResponse, ApiError> {
    if state.queue.has_stopped() {
        return Err(ApiError::Unavailable(reason(NotRecorded::Stopped)));
    }
    let body = state.cell.borrow().body.clone();
    let answer = HttpResponse::Ok()
        .insert_header(ContentType::json())
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body);
    Ok(answer)
}
