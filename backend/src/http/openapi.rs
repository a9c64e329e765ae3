//! `GET /openapi.json`: every path, for programs that generate clients. Tests compare it with the
//! table of routes and with real answers.

use actix_web::HttpResponse;

/// The document, for everybody.
pub(crate) async fn openapi() -> HttpResponse {
    live_users_http_kit::openapi(include_str!("../../openapi.json"))
}
