//! `GET /api/live-users`: the public total.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::web::Data;

use crate::app::State;

/// Answers `{"liveUsers":3}` from the cell: no lock that a writer could hold, nothing to encode.
pub(crate) async fn total(state: Data<State>) -> HttpResponse {
    let body = state.cell.borrow().body.clone();
    HttpResponse::Ok()
        .insert_header(ContentType::json())
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body)
}
