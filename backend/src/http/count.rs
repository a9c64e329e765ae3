//! `GET /api/live-users`: the public total.

use actix_web::http::header::{HeaderValue, VARY};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use live_users_broadcast::polled;
use live_users_http_kit::asks_for;
use live_users_replica::{Stale, StaleReason};
use live_users_wire::{Count, WITH_DOUBT};
use log::debug;

use crate::http::error::ApiError;
use crate::http::total_reader::{TotalReader, TotalRules};
use crate::parts::clock::moment;
use crate::parts::latest::{LatestCount, LatestReader};
use crate::parts::not_recorded::{NOT_KNOWN, NotRecorded};
use crate::parts::queue::{Queue, View};

/// Whether the number may be shown.
pub(crate) fn is_known(latest: &LatestCount) -> bool {
    known(latest).is_ok()
}

/// Why the number may not be shown, if so.
fn known(latest: &LatestCount) -> Result<(), ApiError> {
    match latest.stale {
        // It has just become fresh again.
        None | Some(Stale { reason: StaleReason::Behind, .. }) => Ok(()),
        Some(stale) => Err(not_known(stale.into())),
    }
}

/// Everybody may read the total, so why it is not known stays here.
fn not_known(why: NotRecorded) -> ApiError {
    debug!("no total for who asks: {why}");
    ApiError::Unavailable(NOT_KNOWN.to_owned())
}

/// Answers `{"liveUsers":3}` from the latest count: no lock that a writer could hold for long, and
/// nothing to encode. It refuses once the writer has stopped, and while other replicas may have
/// changed the number long ago, what this one was told has waited for its journal too long, or only
/// the provider's answers tell of calls and there is none. To who reads some accounts only, the
/// writer answers between two batches.
pub(crate) async fn total(
    reader: TotalReader,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (queue, latest, rules) = parts(&request);
    if queue.has_stopped() {
        return Err(not_known(NotRecorded::Stopped));
    }
    queue.freshen().await.map_err(not_known)?;
    let tells_doubt = rules.doubt.is_public || asks_for(&request, WITH_DOUBT);
    let selection = reader.selection();
    if selection.is_everything() {
        let latest = latest.borrow();
        known(&latest)?;
        let body = match tells_doubt {
            false => latest.body.clone(),
            true => json(&latest.count(rules.doubt.told(rules.suspect.now(), latest.live_users)))?,
        };
        drop(latest);
        return Ok(answer(&request, body));
    }
    known(&latest.borrow())?;
    let (gives_agents, known) = (rules.gives_agents, (rules.doubt, rules.suspect.clone()));
    let counted = queue.query(move |View { state, now, .. }| {
        let doubt = tells_doubt.then_some((known.0, &*known.1));
        (selection.count(state.tracker(), now, (gives_agents, doubt)), now)
    });
    let (count, now) = counted.await.map_err(not_known)?;
    let count = match tells_doubt {
        true => Count { as_of: Some(moment(now)), ..count },
        false => count.plain(),
    };
    Ok(answer(&request, json(&count)?))
}

/// What the handler takes of the application, without a count of who holds it: all workers would
/// write to the same counts for each request.
fn parts(request: &HttpRequest) -> (&Queue, &LatestReader, &TotalRules) {
    const MADE: &str = "the application has it";
    (
        request.app_data::<Data<Queue>>().expect(MADE),
        request.app_data::<Data<LatestReader>>().expect(MADE),
        request.app_data::<Data<TotalRules>>().expect(MADE),
    )
}

/// The same path has another answer for who asks for more.
pub(super) fn answer(request: &HttpRequest, body: Bytes) -> HttpResponse {
    let mut answer = polled(request, body);
    answer.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
    answer
}

pub(super) fn json(count: &Count) -> Result<Bytes, ApiError> {
    let json = serde_json::to_vec(count);
    json.map(Bytes::from).map_err(|why| ApiError::Unavailable(why.to_string()))
}
