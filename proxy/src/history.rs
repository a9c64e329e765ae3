//! The history, for an admin: as figures, and as a picture.

use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use live_users_http_kit::{self as http_kit, Query};

use crate::admin::Admin;
use crate::admin_api::{question, read_or_rows, told};
use crate::upstream::AdminApi;

/// The number over time, and its peaks.
pub(crate) async fn figures(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    read_or_rows(admin, &admin_api, "history", &request).await
}

/// A picture of it.
pub(crate) async fn picture(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    let query = Query::new(request.query_string()).decoded();
    let svg = admin_api.ask_picture(question(&admin, &["history.svg"], &query)).await;
    let svg = told(&admin, svg)?;
    Ok(http_kit::picture(svg))
}
