//! `GET /openapi.json`: every path, for programs that generate clients. Tests compare it with the
//! table of routes and with real answers.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;

const DOCUMENT: &str = include_str!("../../openapi.json");

/// The document, for everybody.
pub(crate) async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .content_type("application/json")
        .body(DOCUMENT)
}
