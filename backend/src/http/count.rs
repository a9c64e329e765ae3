//! `GET /api/live-users`: the public total.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use live_users_broadcast::polled;

use crate::app::State;
use crate::http::error::ApiError;
use crate::parts::queue::NotRecorded;

/// Answers `{"liveUsers":3}` from the cell: no lock that a writer could hold for long, nothing to
/// encode. A number that nobody keeps any more is not given out, nor one that other replicas may
/// have changed long ago.
pub(crate) async fn total(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    if state.queue.has_stopped() {
        return Err(NotRecorded::Stopped.into());
    }
    state.queue.freshen().await?;
    let body = state.latest.borrow().body.clone();
    Ok(polled(&request, body))
}
