//! `GET /api/live-users`: the public total.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use live_users_broadcast::polled;
use live_users_replica::{Stale, StaleReason};

use crate::http::error::ApiError;
use crate::http::total_reader::{TotalReader, TotalRules};
use crate::parts::latest::{LatestCount, LatestReader};
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::{Queue, View};

/// Whether the number may be shown.
fn known(latest: &LatestCount) -> Result<(), ApiError> {
    match latest.stale {
        // It has just become fresh again.
        None | Some(Stale { reason: StaleReason::Behind, .. }) => Ok(()),
        Some(stale) => Err(NotRecorded::from(stale).into()),
    }
}

/// Answers `{"liveUsers":3}` from the latest count: no lock that a writer could hold for long, and
/// nothing to encode. It refuses once the writer has stopped, and while other replicas may have
/// changed the number long ago, what this one was told has waited for its journal too long, or only
/// the provider's answers tell of calls and there is none. To who reads some accounts only, the
/// writer answers between two batches.
pub(crate) async fn total(
    reader: TotalReader,
    queue: Data<Queue>,
    latest: Data<LatestReader>,
    rules: Data<TotalRules>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    if queue.has_stopped() {
        return Err(NotRecorded::Stopped.into());
    }
    queue.freshen().await?;
    let (scope, gives_agents) = (reader.scope(), rules.gives_agents);
    if scope.is_limited() {
        known(&latest.borrow())?;
        let count =
            queue.query(move |View { state, .. }| scope.count(state.tracker(), gives_agents));
        let count = count.await?;
        return Ok(polled(&request, serde_json::to_vec(&count).map_err(unavailable)?));
    }
    let latest = latest.borrow();
    known(&latest)?;
    let body = latest.body.clone();
    drop(latest);
    Ok(polled(&request, body))
}

fn unavailable(why: serde_json::Error) -> ApiError {
    ApiError::Unavailable(why.to_string())
}
