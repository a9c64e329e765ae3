//! `GET /api/live-users`: the public total.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use live_users_broadcast::polled;
use live_users_replica::{Stale, StaleReason};

use crate::http::error::ApiError;
use crate::http::total_reader::TotalReader;
use crate::parts::latest::LatestReader;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::Queue;

/// Answers `{"liveUsers":3}` from the latest count: no lock that a writer could hold for long, and
/// nothing to encode. It refuses once the writer has stopped, and while other replicas may have
/// changed the number long ago, what this one was told has waited for its journal too long, or only
/// the provider's answers tell of calls and there is none.
pub(crate) async fn total(
    _: TotalReader,
    queue: Data<Queue>,
    latest: Data<LatestReader>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    if queue.has_stopped() {
        return Err(NotRecorded::Stopped.into());
    }
    queue.freshen().await?;
    let latest = latest.borrow();
    match latest.stale {
        // It has just become fresh again.
        None | Some(Stale { reason: StaleReason::Behind, .. }) => {}
        Some(stale) => return Err(NotRecorded::from(stale).into()),
    }
    let body = latest.body.clone();
    drop(latest);
    Ok(polled(&request, body))
}
