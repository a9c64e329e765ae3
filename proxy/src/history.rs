//! The history, for an admin: as figures, and as a picture.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use live_users_http_kit::{self as http_kit, Query};
use reqwest::Method;

use crate::admin::Admin;
use crate::admin_api::json;
use crate::upstream::{AdminApi, AdminApiError};

/// What of a query is passed on.
const FIGURES_KEYS: [&str; 4] = ["from", "to", "step", "agent"];
const PICTURE_KEYS: [&str; 7] = ["from", "to", "step", "agent", "theme", "width", "height"];

/// The number over time, and its peaks.
pub(crate) async fn figures(
    _: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, AdminApiError> {
    let query = Query::new(request.query_string()).only(&FIGURES_KEYS);
    admin_api.ask(Method::GET, &["history"], &query).await.map(json)
}

/// A picture of it.
pub(crate) async fn picture(
    _: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, AdminApiError> {
    let query = Query::new(request.query_string()).only(&PICTURE_KEYS);
    let svg = admin_api.ask_picture(&["history.svg"], &query).await?;
    Ok(http_kit::picture(svg))
}
