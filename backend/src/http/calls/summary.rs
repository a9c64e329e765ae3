//! `GET /api/live-users/summary`: the number, how sure it is, how old, and how it is made up.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::json;
use crate::http::authorized::Permitted;
use crate::http::error::ApiError;
use crate::parts::summary::Summarizer;

pub(crate) async fn summary(
    Permitted(access): Permitted,
    summarizer: Data<Summarizer>,
) -> Result<HttpResponse, ApiError> {
    let summary = summarizer.summarize(&access.scope).await.map_err(ApiError::Unavailable)?;
    Ok(json(&summary))
}
