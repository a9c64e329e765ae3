//! The requests of admins for more than the total, which are passed on to the backend.

use actix_web::web::{Data, Path};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use live_users_http_kit::{ParameterError, Query};
use live_users_wire::CALL_SID_BYTES_MAX;
use reqwest::Method;

use crate::admin::Admin;
use crate::upstream::{AdminApi, AdminApiError};

/// What of a query is passed on for the list of calls, and for the feed.
const CALLS_KEYS: &[&str] = &["limit", "after", "agent", "suspect"];
const ACTIVITY_KEYS: &[&str] = &["limit", "after"];

/// The count with all that is behind it.
pub(crate) async fn summary(
    _: Admin,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, AdminApiError> {
    admin_api.ask(Method::GET, &["summary"], &[]).await.map(json)
}

/// How far the backend is connected with Twilio.
pub(crate) async fn setup(
    _: Admin,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, AdminApiError> {
    admin_api.ask(Method::GET, &["setup"], &[]).await.map(json)
}

/// The calls that are live.
pub(crate) async fn calls(
    _: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, AdminApiError> {
    let query = Query::new(request.query_string()).only(CALLS_KEYS);
    admin_api.ask(Method::GET, &["calls"], &query).await.map(json)
}

/// What has happened to calls.
pub(crate) async fn activity(
    _: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, AdminApiError> {
    let query = Query::new(request.query_string()).only(ACTIVITY_KEYS);
    admin_api.ask(Method::GET, &["activity"], &query).await.map(json)
}

/// Why one call counts, or does not.
pub(crate) async fn call(
    _: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, AdminApiError> {
    admin_api.ask(Method::GET, &["calls", &call_sid(&request).await?], &[]).await.map(json)
}

/// The operator's word that a call is over.
pub(crate) async fn evict(
    _: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, AdminApiError> {
    admin_api
        .ask(Method::POST, &["calls", &call_sid(&request).await?, "evict"], &[])
        .await
        .map(json)
}

pub(crate) fn json(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body)
}

/// The `CallSid` in the path, decoded once. The backend has the same rule; here it keeps a path
/// from leading to another one there.
async fn call_sid(request: &HttpRequest) -> Result<String, AdminApiError> {
    let text = Path::<String>::extract(request).await.map(Path::into_inner).unwrap_or_default();
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    // A slash in it, however encoded, is a path to some of what may stand in between. Such a path
    // must lead nowhere else.
    let climbs = text.split(['/', '\\']).any(|segment| matches!(segment, "" | "." | ".."));
    if is_visible && !climbs && text.len() <= CALL_SID_BYTES_MAX {
        Ok(text)
    } else {
        let expected = format!(
            "1 to {CALL_SID_BYTES_MAX} visible ASCII characters, and between slashes and \
             backslashes neither nothing nor . or .."
        );
        Err(ParameterError::new("CallSid", expected).into())
    }
}
