//! Shared links, as admins make, list and revoke them. The backend has them.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{Error, HttpRequest, HttpResponse};
use live_users_http_kit::ParameterError;
use reqwest::Method;

use crate::admin::Admin;
use crate::admin_api::{json, question, read, told};
use crate::error::problem_of;
use crate::upstream::{AdminApi, AdminApiError, Question};

/// The longest body that is passed on, in bytes: that of the backend.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024;

/// The links that are in force.
pub(crate) async fn links(admin: Admin, admin_api: Data<AdminApi>) -> Result<HttpResponse, Error> {
    admin.check_unscoped()?;
    admin_api.check_links()?;
    read(&admin, &admin_api, &["links"], &[]).await
}

/// A new link, whose token is told this once.
pub(crate) async fn share_link(
    admin: Admin,
    admin_api: Data<AdminApi>,
    request: HttpRequest,
    body: Result<Bytes, Error>,
) -> Result<HttpResponse, Error> {
    admin.check_unscoped()?;
    admin_api.check_links()?;
    let body = body.map_err(|error| unread(&error))?;
    let asked = question(&admin, &["links"], &[]);
    let asked = Question { method: Method::POST, body: Some(body), ..asked };
    let answer = told(&admin, admin_api.ask(asked).await)?;
    log::info!("an admin has shared a link from {}", admin.address(&request));
    Ok(json(answer))
}

/// Why a body was not read, in the backend's words.
fn unread(error: &Error) -> AdminApiError {
    let (status, problem, expected) = match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            (StatusCode::PAYLOAD_TOO_LARGE, "too large", format!("at most {BODY_BYTES_MAX} bytes"))
        }
        _ => (StatusCode::BAD_REQUEST, "incomplete", "the whole body".to_owned()),
    };
    let mistake = ParameterError { name: "body".to_owned(), problem, expected };
    AdminApiError::Problem(status, problem_of(mistake))
}

/// A link that opens nothing any more.
pub(crate) async fn revoke_link(
    admin: Admin,
    admin_api: Data<AdminApi>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    admin.check_unscoped()?;
    admin_api.check_links()?;
    // So that no other path is meant, whatever it is.
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(AdminApiError::from(ParameterError::new("id", "16 hexadecimal digits")).into());
    }
    let segments = ["links", id.as_str(), "revoke"];
    let asked = Question { method: Method::POST, ..question(&admin, &segments, &[]) };
    let answer = told(&admin, admin_api.ask(asked).await)?;
    log::info!("an admin has revoked link {id} from {}", admin.address(&request));
    Ok(json(answer))
}
