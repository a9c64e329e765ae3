//! `GET /openapi.json`: every path, for programs that write clients. Tests hold it against the
//! table of routes and real answers.

use actix_web::HttpResponse;

/// The document, for everybody.
pub(crate) async fn openapi() -> HttpResponse {
    live_users_http_kit::openapi(include_str!("../openapi.json"))
}
