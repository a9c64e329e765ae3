//! `GET /api/live-users/alerts`: how alerts stand; `POST .../{id}/test`: whether hooks are told.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use live_users_intake::hooks::{HookEvent, HookTable};
use live_users_state::AlertStep;
use live_users_wire::AlertTested;
use log::info;

use super::answer::json;
use super::audit;
use super::authorized::{Authorized, PermittedCalls};
use super::error::ApiError;
use crate::parts::agents::AgentRegistry;
use crate::parts::alert_values::AlertValues;
use crate::parts::alert_views::alerts_view;
use crate::parts::alerting::change;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::{Queue, View};

/// How the alerts stand, and what has happened to them lately.
pub(crate) async fn list(
    PermittedCalls(access): PermittedCalls,
    queue: Data<Queue>,
    registry: Data<AgentRegistry>,
) -> Result<HttpResponse, ApiError> {
    let agents = registry.now();
    let view = queue.query(move |View { state, .. }| {
        alerts_view(&agents, state.alerts(), &access.scope).unwrap_or_default()
    });
    Ok(json(&view.await?))
}

/// Has the hooks of an alert told that this is a test.
pub(crate) async fn test(
    _: Authorized,
    queue: Data<Queue>,
    (registry, values): (Data<AgentRegistry>, Data<AlertValues>),
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let agents = registry.now();
    let table = agents.alerts().iter().find(|it| it.id == *id).ok_or(ApiError::NoAlert)?;
    if let Err(why @ NotRecorded::Trouble(_)) = queue.state() {
        // Nobody looks at alerts then, so there is no value to wait for.
        return Err(why.into());
    }
    let tested = change(table, AlertStep::Test, true, values.of_table(table).await);
    let is_told = |hook: &&HookTable| {
        hook.takes(HookEvent::Alert) && tested.is_for(&hook.id, hook.agent.as_deref())
    };
    let hooks = agents.hooks().iter().filter(is_told).map(|hook| hook.id.clone()).collect();
    queue.record_alerts(vec![tested.clone()]).await?;
    let from = audit::from(&request);
    info!("audit: alert {} is tested by the holder of API_TOKEN{from}", table.id);
    Ok(HttpResponse::Ok().json(AlertTested { alert: table.id.clone(), hooks }))
}
