//! The summary, the calls behind the number, why each is counted, and an operator's eviction.
//!
//! The writer answers each of these queries between two batches, so an answer is of one moment.

pub(crate) mod activity;
pub(crate) mod export;
mod filter;
mod page;
pub(crate) mod summary;
pub(crate) mod view;
mod why;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use live_users_core::{Call, CallId, Millis, Outcome};
use live_users_http_kit::Format;
use live_users_state::explain::{Pieces, Recalled};
use live_users_wire::{self as wire, CallView, Explanation};
use log::info;

use self::page::PageQuery;
use self::view::Presenter;
use super::answer::{AnsweredQueue, json};
use super::audit;
use super::auth::BearerAuth;
use super::authorized::{Permitted, PermittedCalls};
use super::error::ApiError;
use crate::parts::agents::AgentRegistry;
use crate::parts::clock::moment;
use crate::parts::counting_rules::CountingRules;
use crate::parts::journal_reader::JournalReader;
use crate::parts::queue::{Evicted, Queue, View};
use crate::parts::replica_status::StatusReader;
use crate::parts::scope::Scope;
use crate::parts::sentences;

/// A `CallSid` that the proxy passes on is one that can be read here.
const _: () = assert!(wire::CALL_SID_BYTES_MAX == CallId::BYTES_MAX);

/// `GET /api/live-users/calls`: the calls that are up and were answered, the longest first; on request
/// also those that were not answered yet.
pub(crate) async fn list(
    PermittedCalls(access): PermittedCalls,
    auth: Data<BearerAuth>,
    AnsweredQueue(queue): AnsweredQueue,
    agents: Data<AgentRegistry>,
    rules: Data<CountingRules>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let format = Format::of(&request)?;
    let agents = agents.now();
    let query = PageQuery::parse(request.query_string())?.with_names(&agents);
    let (rules, scope) = (**rules, access.scope.clone());
    let asked = query.clone();
    let found = queue.query(move |View { state, now, at }| {
        asked.named().check((&agents, &scope), state)?;
        let presenter = Presenter { now, rules };
        let page = (format == Format::Json).then(|| asked.calls(state, &scope, &presenter));
        // As in a summary: the number of the last record would tell how much is said of other calls.
        let place = (at.epoch, if scope.is_limited() { now.0 } else { at.seq });
        Ok::<_, ApiError>((page.map(|page| (page, place)), presenter))
    });
    let (Some((page, place)), presenter) = found.await?? else {
        let source = export::Source { queue, scope: access.scope.clone(), rules };
        return export::calls(source, query, format, auth.lasting(access)).await;
    };
    Ok(json(&page.view(&presenter, place)))
}

/// `GET /api/live-users/calls/{CallSid}`: why a call is counted, or is not.
pub(crate) async fn explain(
    PermittedCalls(access): PermittedCalls,
    queue: Data<Queue>,
    rules: Data<CountingRules>,
    status: Data<StatusReader>,
    journal: Data<JournalReader>,
    call_sid: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = call_id(&call_sid)?;
    let (Known { call, owner, legs, presenter }, mut pieces) = match remembered(&queue, &id).await?
    {
        Some((end, now)) => {
            let recalled = journal.recall(&id, end).await?.ok_or(ApiError::NoCall)?;
            Known::of_recalled(recalled, &access.scope, Presenter { now, rules: **rules })?
        }
        None => {
            let known = known(&queue, **rules, &access.scope, &id).await?;
            let pieces = journal.evidence_about(&known.call).await?;
            (known, pieces)
        }
    };
    if access.scope.is_limited() {
        // Who has spoken for another account is no business of this one.
        pieces.list.retain(|piece| piece.outcome != Outcome::Refused);
        // Their numbers in the journal tell how much is said of the calls of others.
        pieces.list.iter_mut().zip(1..).for_each(|(piece, n)| piece.seq = n);
    }
    let status = status.get().reconciler;
    let reason = why::reason(&call, &legs, &pieces, &presenter);
    Ok(json(&Explanation {
        because: sentences::of_reason(&reason),
        reason: Some(reason),
        next: why::next(&call, &presenter, status.as_ref()),
        legs: legs.iter().map(view::leg).collect(),
        evidence: pieces.list.iter().map(view::evidence).collect(),
        incomplete: pieces.incomplete,
        as_of: moment(presenter.now),
        call: CallView { account: owner, ..presenter.call(&call) },
    }))
}

/// `POST /api/live-users/calls/{CallSid}/evict`: an operator takes a call out of the count. The
/// call itself goes on, if it does: this is about the number.
pub(crate) async fn evict(
    permitted: Permitted,
    queue: Data<Queue>,
    rules: Data<CountingRules>,
    request: HttpRequest,
    call_sid: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let access = permitted.into_operator()?;
    let id = call_id(&call_sid)?;
    if access.scope.is_limited() {
        known(&queue, **rules, &access.scope, &id).await?;
    }
    let (call, presenter) = end_by_operator(&queue, **rules, &id).await?;
    let from = audit::from(&request);
    info!("audit: {} is evicted from the count by {}{from}", call.id, access.holder());
    Ok(json(&wire::Evicted { call: presenter.call(&call) }))
}

/// Ends a call that is not over, and returns it as it is then.
async fn end_by_operator(
    queue: &Queue,
    rules: CountingRules,
    id: &CallId,
) -> Result<(Call, Presenter), ApiError> {
    match queue.evict(id.clone()).await? {
        Evicted::Unknown => Err(ApiError::NoCall),
        Evicted::OverAlready => Err(ApiError::OverAlready),
        Evicted::Done { call, now } => Ok((*call, Presenter { now, rules })),
    }
}

/// A call that is known, at one moment.
struct Known {
    call: Call,
    /// The account that it belongs to; that of a leg is its call's.
    owner: Option<String>,
    legs: Vec<Call>,
    presenter: Presenter,
}

impl Known {
    /// What the journal tells of a call of which nothing else is left, if that is in scope.
    fn of_recalled(
        recalled: Recalled,
        scope: &Scope,
        presenter: Presenter,
    ) -> Result<(Self, Pieces), ApiError> {
        let Recalled { tracker, call, pieces } = recalled;
        if !scope.has_call(&tracker, &call.id) {
            return Err(ApiError::NoCall);
        }
        let owner = tracker.owner(&call.id).map(ToString::to_string);
        let legs = tracker.legs(&call.id);
        Ok((Self { call, owner, legs, presenter }, pieces))
    }
}

/// When a call ended of which only a fingerprint is left, and the present.
async fn remembered(queue: &Queue, id: &CallId) -> Result<Option<(Millis, Millis)>, ApiError> {
    let id = id.clone();
    let found = queue
        .query(move |View { state, now, .. }| Some((state.tracker().remembered_end(&id)?, now)));
    Ok(found.await?)
}

/// A call that is known and in scope.
async fn known(
    queue: &Queue,
    rules: CountingRules,
    scope: &Scope,
    id: &CallId,
) -> Result<Known, ApiError> {
    let (id, scope) = (id.clone(), scope.clone());
    let found = queue.query(move |View { state, now, .. }| {
        let tracker = state.tracker();
        let call = tracker.call(&id).filter(|call| scope.has_call(tracker, &call.id))?;
        let owner = tracker.owner(&id).map(ToString::to_string);
        Some(Known { call, owner, legs: tracker.legs(&id), presenter: Presenter { now, rules } })
    });
    found.await?.ok_or(ApiError::NoCall)
}

fn call_id(text: &str) -> Result<CallId, ApiError> {
    CallId::parse(text).map_err(|_| ApiError::NoCall)
}
