//! The number of live users over time, as figures and as a picture.

mod found;
mod picture;
mod query;
mod scale;
mod zone;

#[cfg(feature = "testing")]
pub use self::query::plan_history;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use live_users_http_kit::ParameterError;

use self::found::{Wanted, find};
use self::picture::Picture;
use self::query::{POINTS_FITTING, Query};
use super::authorized::Permitted;
use super::error::ApiError;
use crate::parts::agents::AgentRegistry;
use crate::parts::queue::Queue;

/// A browser may open the picture as a page: it needs its own style, and nothing else.
const PICTURE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/// `GET /api/live-users/history`: the number over time, and its peaks.
pub(crate) async fn read(
    Permitted(access): Permitted,
    queue: Data<Queue>,
    agents: Data<AgentRegistry>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::parse(request.query_string())?;
    let whose = (&*agents.now(), access.scope);
    let found = find(&queue, whose, query, POINTS_FITTING, Wanted::AllLines).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(found.view()))
}

/// `GET /api/live-users/history.svg`: a picture of it, for any document.
pub(crate) async fn draw(
    Permitted(access): Permitted,
    queue: Data<Queue>,
    agents: Data<AgentRegistry>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let picture = Picture::parse(request.query_string())?;
    let query = Query::parse(request.query_string())?;
    if query.is_exact() {
        return Err(ParameterError::new("step", "a time: a picture has points").into());
    }
    let agents = agents.now();
    let whose = (&*agents, access.scope);
    let found = find(&queue, whose, query, picture.points(), Wanted::Live).await?;
    let id = found.plan.agent.as_deref();
    let name = id.map(|id| agents.by_id(id).map_or(id, |agent| &agent.name));
    let name = name.or(found.plan.account.as_deref());
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, PICTURE_POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(picture.draw(&found, name)))
}
