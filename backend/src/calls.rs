//! The honest number, the calls behind it, why each is counted, and an operator's word.
//!
//! All of this is read off the writer between two batches, so it is of one moment.

pub(crate) mod activity;
mod page;
pub(crate) mod summary;
pub(crate) mod view;
mod why;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use live_users_core::{Call, CallId, EndReason, Evidence, Phase, Said, Source};
use live_users_intake::Status;
use live_users_state::explain::pieces;
use live_users_wire::{Evicted, Explanation};
use log::{error, info};
use serde::Serialize;

use self::page::PageQuery;
use self::view::Viewer;
use crate::app::State;
use crate::error::ApiError;
use crate::health::reason;
use crate::queue::NotRecorded;

/// `GET /api/live-users/calls`: the calls now live, the longest first.
pub(crate) async fn list(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    state.gate.admit(&request)?;
    let query = PageQuery::parse(request.query_string())?;
    let (clock, suspect_after_ms) = (state.clock.clone(), state.suspect_after_ms);
    let look = state.queue.look(move |writer| {
        let now = clock.now().max(writer.state().tracker().now());
        let viewer = Viewer { now, suspect_after_ms };
        (query.calls(writer.state(), &viewer), viewer)
    });
    let (page, viewer) = look.await.map_err(unavailable)?;
    Ok(json(&viewer.page(page)))
}

/// `GET /api/live-users/calls/{CallSid}`: why a call is counted, or is not.
pub(crate) async fn explain(
    state: Data<State>,
    request: HttpRequest,
    call_sid: Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.gate.admit(&request)?;
    let (call, viewer) = known(&state, &call_sid).await?;
    let (reader, of) = (state.journal_reader.clone(), call.clone());
    // Reading the journal blocks.
    let found = move || pieces(&mut **reader.lock(), &of);
    let pieces = tokio::task::spawn_blocking(found).await;
    let pieces =
        pieces.map_err(|_| ApiError::Unavailable("the journal's reader has panicked".into()))?;
    let pieces = pieces.map_err(|why| {
        error!("the journal cannot be read to explain {}: {why}", call.id);
        ApiError::Unavailable("the journal cannot be read; the log says why".into())
    })?;
    let standing = reconciler_status(&state);
    Ok(json(&Explanation {
        because: why::because(&call, &pieces, &viewer),
        next: why::next(&call, &viewer, standing.as_ref(), state.max_call_ms),
        evidence: pieces.list.iter().map(view::evidence).collect(),
        incomplete: pieces.incomplete,
        as_of: view::moment(viewer.now),
        call: viewer.call(&call),
    }))
}

/// `POST /api/live-users/calls/{CallSid}/evict`: an operator takes a call out of the count. The
/// call itself goes on, if it does: this is about the number.
pub(crate) async fn evict(
    state: Data<State>,
    request: HttpRequest,
    call_sid: Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.gate.admit(&request)?;
    let (call, _) = known(&state, &call_sid).await?;
    if matches!(call.phase, Phase::Ended(_)) {
        return Err(ApiError::OverAlready);
    }
    let said = Said::Over(EndReason::Evicted);
    let evidence = Evidence::about(call.id.clone(), Source::Operator, said);
    state.queue.record(evidence).await.map_err(unavailable)?;
    let from = request.peer_addr().map_or_else(String::new, |peer| format!(" at {}", peer.ip()));
    info!("audit: {} is evicted from the count by the holder of API_TOKEN{from}", call.id);
    let (call, viewer) = known(&state, &call_sid).await?;
    Ok(json(&Evicted { call: viewer.call(&call) }))
}

/// A call that is known, at this moment.
async fn known(state: &State, call_sid: &str) -> Result<(Call, Viewer), ApiError> {
    let id = CallId::parse(call_sid).map_err(|_| ApiError::NoCall)?;
    let (clock, suspect_after_ms) = (state.clock.clone(), state.suspect_after_ms);
    let look = state.queue.look(move |writer| {
        let tracker = writer.state().tracker();
        let now = clock.now().max(tracker.now());
        (tracker.call(&id), Viewer { now, suspect_after_ms })
    });
    let (call, viewer) = look.await.map_err(unavailable)?;
    Ok((call.ok_or(ApiError::NoCall)?, viewer))
}

fn reconciler_status(state: &State) -> Option<Status> {
    let now = state.clock.now();
    state.referee.as_ref().map(|referee| referee.lock().status(now))
}

fn unavailable(why: NotRecorded) -> ApiError {
    ApiError::Unavailable(reason(why))
}

fn json(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body)
}
