//! The history, for an admin: as figures, and as a picture.

use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use live_users_http_kit::{self as http_kit, Format, Query};

use crate::admin::Admin;
use crate::admin_api::{question, read, rows, told};
use crate::upstream::{AdminApi, AdminApiError};

/// What of a query is passed on.
/// The number over time, and its peaks.
pub(crate) async fn figures(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    match Format::of(&request).map_err(AdminApiError::from)? {
        Format::Json => {
            let query = Query::new(request.query_string()).decoded();
            read(&admin, &admin_api, &["history"], &query).await
        }
        format => rows(admin, &admin_api, ("history", format), &request).await,
    }
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
