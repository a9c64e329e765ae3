//! The requests of admins for more than the total, which are passed on to the backend.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{Data, Path};
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse};
use live_users_http_kit::{FORMAT, Format, ParameterError, Query};
use live_users_wire::{CALL_SID_BYTES_MAX, LinkAccess, Role, Success};
use reqwest::Method;
use serde::Serialize;

use crate::admin::Admin;
use crate::upstream::{AdminApi, AdminApiError, Question};

/// The longest id of an alert, in bytes: the backend has the same rule.
const ALERT_ID_BYTES_MAX: usize = 64;

/// What an admin may see and do.
#[derive(Serialize)]
pub(crate) struct AccessView<'a> {
    /// The id of the token of an account; `null` of an admin without a scope.
    id: Option<&'a str>,
    role: Role,
    /// Whose calls; `null` for all.
    accounts: Option<&'a [String]>,
    /// The link that is read by.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a LinkAccess>,
}

/// What the admin may see and do.
pub(crate) async fn access(admin: Admin) -> HttpResponse {
    HttpResponse::Ok().json(Success::new(access_view(&admin)))
}

pub(crate) fn access_view(admin: &Admin) -> AccessView<'_> {
    match admin.scope() {
        None => AccessView { id: None, role: Role::Operate, accounts: None, link: None },
        Some(it) => {
            let (accounts, link) = (it.accounts.as_deref(), it.link.as_ref());
            AccessView { id: Some(&it.id), role: it.role, accounts, link }
        }
    }
}

/// The count with all that is behind it.
pub(crate) async fn summary(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    let query = query_of(&request);
    ask(&admin, &admin_api, &["summary"], &query, AdminApi::summary).await
}

/// How far the backend is connected with Twilio.
pub(crate) async fn setup(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    admin.check_unscoped()?;
    read(&admin, &admin_api, &["setup"], &query_of(&request)).await
}

/// The calls that are live.
pub(crate) async fn calls(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    match Format::of(&request).map_err(AdminApiError::from)? {
        Format::Json => {
            let query = query_of(&request);
            ask(&admin, &admin_api, &["calls"], &query, AdminApi::calls).await
        }
        format => rows(admin, &admin_api, ("calls", format), &request).await,
    }
}

/// The stretches of the calls that are known.
pub(crate) async fn stretches(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    let format = Format::of_rows(&request).map_err(AdminApiError::from)?;
    rows(admin, &admin_api, ("stretches", format), &request).await
}

/// What has happened to calls.
pub(crate) async fn activity(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    let query = query_of(&request);
    ask(&admin, &admin_api, &["activity"], &query, AdminApi::activity).await
}

/// Which alerts fire, and what has happened to them lately.
pub(crate) async fn alerts(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    read(&admin, &admin_api, &["alerts"], &query_of(&request)).await
}

/// Has the hooks of an alert told that it is tested.
pub(crate) async fn test_alert(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    admin.check_unscoped()?;
    let segments = &["alerts", &alert_id(&request).await?, "test"];
    let query = query_of(&request);
    let question = Question { method: Method::POST, ..question(&admin, segments, &query) };
    told(&admin, admin_api.ask(question).await).map(json)
}

/// Why one call counts, or does not.
pub(crate) async fn call(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    let (call, query) = (call_sid(&request).await?, query_of(&request));
    let segments = ["calls", &*call];
    let explained = admin_api.ask_of_call(&call, question(&admin, &segments, &query)).await;
    told(&admin, explained).map(json)
}

/// The operator's word that a call is over.
pub(crate) async fn evict(
    admin: Admin,
    request: HttpRequest,
    admin_api: Data<AdminApi>,
) -> Result<HttpResponse, Error> {
    admin.check_operates()?;
    let (call, query) = (call_sid(&request).await?, query_of(&request));
    let segments = &["calls", &*call, "evict"];
    let question = Question { method: Method::POST, ..question(&admin, segments, &query) };
    told(&admin, admin_api.ask_of_call(&call, question).await).map(json)
}

/// Asks for an object, as far as this admin may see it.
pub(crate) async fn read(
    admin: &Admin,
    admin_api: &AdminApi,
    segments: &[&str],
    query: &[(String, String)],
) -> Result<HttpResponse, Error> {
    ask(admin, admin_api, segments, query, AdminApi::ask).await
}

/// Asks in this way, of one shard or of all.
async fn ask(
    admin: &Admin,
    admin_api: &AdminApi,
    segments: &[&str],
    query: &[(String, String)],
    way: impl AsyncFnOnce(&AdminApi, Question<'_>) -> Result<String, AdminApiError>,
) -> Result<HttpResponse, Error> {
    told(admin, way(admin_api, question(admin, segments, query)).await).map(json)
}

/// Asks for what is an object in JSON, and rows in any other form.
pub(crate) async fn read_or_rows(
    admin: Admin,
    admin_api: &AdminApi,
    name: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, Error> {
    match Format::of(request).map_err(AdminApiError::from)? {
        Format::Json => read(&admin, admin_api, &[name], &query_of(request)).await,
        format => rows(admin, admin_api, (name, format), request).await,
    }
}

/// Asks for rows, as far as this admin may see them, in this form.
async fn rows(
    admin: Admin,
    admin_api: &AdminApi,
    (name, format): (&str, Format),
    request: &HttpRequest,
) -> Result<HttpResponse, Error> {
    let mut query = query_of(request);
    query.retain(|(name, _)| name != FORMAT);
    query.push((FORMAT.to_owned(), format.name().to_owned()));
    let asked = admin_api.ask_rows(question(&admin, &[name], &query), format).await;
    let rows = told(&admin, asked)?;
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((CONTENT_DISPOSITION, format.disposition(name)))
        .streaming(rows.bytes(admin.lasting())))
}

/// The query of a request, decoded.
pub(crate) fn query_of(request: &HttpRequest) -> Vec<(String, String)> {
    Query::new(request.query_string()).decoded()
}

/// What this admin asks.
pub(crate) fn question<'a>(
    admin: &'a Admin,
    segments: &'a [&'a str],
    query: &'a [(String, String)],
) -> Question<'a> {
    let scope = admin.scope().map(AsRef::as_ref);
    Question { method: Method::GET, segments, query, scope, body: None }
}

/// What the backend has said, which may be that the access of this admin has ended.
pub(crate) fn told<T>(admin: &Admin, answer: Result<T, AdminApiError>) -> Result<T, Error> {
    answer.map_err(|error| match error {
        AdminApiError::AccessEnded => admin.access_ended().into(),
        other => other.into(),
    })
}

pub(crate) fn json(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body)
}

/// The id of an alert in the path, which leads to no other path there.
async fn alert_id(request: &HttpRequest) -> Result<String, AdminApiError> {
    let id = Path::<String>::extract(request).await.map(Path::into_inner).unwrap_or_default();
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
    if (1..=ALERT_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_plain) {
        return Ok(id);
    }
    let expected = format!("1 to {ALERT_ID_BYTES_MAX} letters, digits, '-' or '_'");
    Err(ParameterError::new("id", expected).into())
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
