//! `GET /api/live-users/summary`: the number, how sure it is, how old, and how it is made up.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::json;
use crate::http::authorized::Authorized;
use crate::http::error::ApiError;
use crate::parts::summary::Summarizer;

pub(crate) async fn summary(
    _: Authorized,
    summarizer: Data<Summarizer>,
) -> Result<HttpResponse, ApiError> {
    let summary = summarizer.summarize().await.map_err(ApiError::Unavailable)?;
    Ok(json(&summary))
}
