//! `POST /api/live-users/agents/reload`: the agents file has changed.

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use live_users_wire as wire;
use log::info;

use super::audit;
use super::authorized::Authorized;
use super::error::ApiError;
use crate::parts::agents::AgentRegistry;
use crate::parts::shards::Shards;

/// Reads the agents file again, as SIGHUP does.
pub(crate) async fn reload(
    _: Authorized,
    registry: Data<AgentRegistry>,
    shards: Data<Shards>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let registry = registry.into_inner();
    let digested = registry.clone();
    let reloaded = registry.reload_for(shards.queues().to_vec()).await;
    let agents = reloaded.map_err(ApiError::BadAgents)?;
    let registry = digested;
    let digest = web::block(move || registry.digest()).await.unwrap_or_default();
    let from = audit::from(&request);
    info!(
        "audit: the agents file is read again for the holder of API_TOKEN{from}, {agents} agents \
         are configured"
    );
    Ok(HttpResponse::Ok().json(wire::AgentsReloaded { agents, sha256: digest }))
}
