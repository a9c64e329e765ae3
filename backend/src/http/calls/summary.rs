//! `GET /api/live-users/summary`: the number, how sure it is, how old, and how it is made up.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::json;
use crate::app::State;
use crate::http::error::ApiError;

pub(crate) async fn summary(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    state.auth.check(&request)?;
    Ok(json(&state.summarizer.summarize().await?))
}
