//! The history, for an admin: as figures, and as a picture.

use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use reqwest::Method;

use crate::admin::Admin;
use crate::details::{json, known_query};
use crate::upstream::{Details, NoDetails, SVG};

/// What of a query is passed on.
const FIGURES_KEYS: [&str; 4] = ["from", "to", "step", "agent"];
const PICTURE_KEYS: [&str; 7] = ["from", "to", "step", "agent", "theme", "width", "height"];

/// Somebody may open the picture as a page: it needs its own style, and nothing else.
const PICTURE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/// The number over time, and its peaks.
pub(crate) async fn figures(
    _: Admin,
    request: HttpRequest,
    details: Data<Details>,
) -> Result<HttpResponse, NoDetails> {
    let query = known_query(&request, &FIGURES_KEYS)?;
    details.ask(Method::GET, &["history"], &query).await.map(json)
}

/// A picture of it.
pub(crate) async fn picture(
    _: Admin,
    request: HttpRequest,
    details: Data<Details>,
) -> Result<HttpResponse, NoDetails> {
    let query = known_query(&request, &PICTURE_KEYS)?;
    let svg = details.ask_picture(&["history.svg"], &query).await?;
    Ok(HttpResponse::Ok()
        .content_type(SVG)
        .insert_header((CONTENT_SECURITY_POLICY, PICTURE_POLICY))
        .body(svg))
}
