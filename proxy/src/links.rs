//! Shared links, as admins make, list and revoke them. The backend has them.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{Error, HttpRequest, HttpResponse};
use live_users_http_kit::ParameterError;
use reqwest::Method;

use crate::admin::Admin;
use crate::admin_api::{json, question, read, told};
use crate::upstream::{AdminApi, AdminApiError, Question};

/// The longest body that is passed on, in bytes: that of the backend.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// The links that are in force.
pub(crate) async fn links(admin: Admin, admin_api: Data<AdminApi>) -> Result<HttpResponse, Error> {
    admin.check_unscoped()?;
    read(&admin, &admin_api, &["links"], &[]).await
}

/// A new link, whose token is told this once.
pub(crate) async fn share_link(
    admin: Admin,
    admin_api: Data<AdminApi>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    admin.check_unscoped()?;
    if body.len() > BODY_BYTES_MAX {
        let expected = format!("at most {BODY_BYTES_MAX} bytes");
        return Err(AdminApiError::from(ParameterError::new("body", expected)).into());
    }
    let asked = question(&admin, &["links"], &[]);
    let asked = Question { method: Method::POST, body: Some(body.to_vec()), ..asked };
    let answer = told(&admin, admin_api.ask(asked).await)?;
    log::info!("an admin has shared a link from {}", admin.address(&request));
    Ok(json(answer))
}

/// A link that opens nothing any more.
pub(crate) async fn revoke_link(
    admin: Admin,
    admin_api: Data<AdminApi>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    admin.check_unscoped()?;
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
