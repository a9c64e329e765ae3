//! The stretches of calls as rows: of all calls that are known, and of those that are long over as far as
//! the journal tells of them.

mod past;
mod query;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use live_users_http_kit::Format;
use live_users_wire::StretchView;
use serde::Serialize;
use serde_json::Value;

use self::past::{CallSpans, Calls, PastRange};
use self::query::StretchQuery;
use super::{Source, row};
use crate::http::answer::AnsweredQueue;
use crate::http::auth::BearerAuth;
use crate::http::authorized::PermittedCalls;
use crate::http::calls::view::{Presenter, Span};
use crate::http::error::ApiError;
use crate::http::named::Named;
use crate::http::rows::{self, Table};
use crate::parts::agents::AgentRegistry;
use crate::parts::counting_rules::CountingRules;
use crate::parts::journal_reader::JournalReader;
use crate::parts::queue::View;
use crate::parts::scope::Scope;

const STRETCHES: Table = Table {
    name: "stretches",
    columns: &[
        "callSid",
        "phase",
        "with",
        "agent",
        "address",
        "from",
        "to",
        "durationMs",
        "direction",
        "caller",
        "country",
        "region",
        "city",
        "account",
        "cursor",
    ],
};

/// The phase of a call that has moved to where the reader does not see it.
const MOVED: &str = "moved";

/// A row of the stretches.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StretchRow<'a> {
    call_sid: &'a str,
    phase: &'a str,
    #[serde(flatten)]
    stretch: &'a StretchView,
    duration_ms: Option<u64>,
    direction: Option<&'a str>,
    caller: Option<&'a str>,
    #[serde(flatten)]
    place: &'a live_users_wire::PlaceView,
    account: Option<&'a str>,
    cursor: &'a str,
}

/// `GET /api/live-users/stretches`: the stretches of the calls that are known, live or over, and of those
/// that the journal tells of, in the order in which the calls were first heard of.
pub(crate) async fn stretches(
    PermittedCalls(access): PermittedCalls,
    auth: Data<BearerAuth>,
    AnsweredQueue(queue): AnsweredQueue,
    journal: Data<JournalReader>,
    agents: Data<AgentRegistry>,
    rules: Data<CountingRules>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let format = Format::of_rows(&request)?;
    let query = StretchQuery::parse(request.query_string())?;
    let (agents, wanted, whole) = (agents.now(), query.clone(), access.scope.clone());
    let found = queue.query(move |View { state, now, at }| {
        let account = wanted.account.as_deref();
        let named = Named { agent: wanted.agent.as_deref(), account, source: None };
        named.check((&agents, &whole), state)?;
        let tracker = state.tracker();
        let range = PastRange::of(wanted.after.as_ref(), tracker, (now, at.seq));
        // All of them, if the journal is to tell of the others.
        let known = tracker.first_heard().filter(|(at, id)| range.is_some() || wanted.has(*at, id));
        let known: Vec<_> = known.map(|(at, id)| (at, id.clone())).collect();
        Ok::<_, ApiError>((known, range, now))
    });
    let (known, range, now) = found.await??;
    let scope = access.scope.narrowed(query.account.as_deref());
    // Who reads one agent's calls is not told with whom the callers were before.
    let agent = scope.agent().map(ToString::to_string).or_else(|| query.agent.clone());
    let query = StretchQuery { agent, ..query };
    let source = Source { queue, scope, rules: **rules };
    let presenter = Presenter { now, rules: source.rules };
    let calls = Calls::begin((source, journal), &query, known, (range, presenter)).await?;
    let chunks = stream::try_unfold((calls, query), async |(mut calls, query)| {
        while let Some(chunk) = calls.next_chunk().await? {
            let scope = calls.scope();
            let rows: Vec<_> = chunk.iter().flat_map(|call| of_call(&query, scope, call)).collect();
            if !rows.is_empty() {
                return Ok::<_, ApiError>(Some((rows, (calls, query))));
            }
        }
        Ok(None)
    });
    rows::answer(format, STRETCHES, rows::while_authorized(chunks, auth.lasting(access))).await
}

/// The rows of one call that the query asks for. Each has its number in its cursor.
fn of_call(query: &StretchQuery, scope: &Scope, of: &CallSpans) -> Vec<Value> {
    let CallSpans { first, call, spans, is_here } = of;
    let (agent, skipped) = (query.agent.as_deref(), query.skipped(*first, &call.call_sid));
    let is_in = |it: &Span| scope.agent().is_some() || scope.has(it.account.as_deref());
    let is_its = |it: &StretchView| agent.is_none() || it.agent.agent.as_deref() == agent;
    let numbered = (1..).zip(spans).skip(skipped);
    let numbered = numbered.filter(|(_, span)| is_in(span) && is_its(&span.view));
    let rows = numbered.map(|(n, Span { view, lasted_ms, account }): (usize, _)| {
        let cursor = format!("{}~{n}.{}", first.0, call.call_sid);
        row(&StretchRow {
            call_sid: &call.call_sid,
            // What becomes of it elsewhere is told to nobody who does not see it there.
            phase: if *is_here { &call.phase } else { MOVED },
            stretch: view,
            duration_ms: *lasted_ms,
            direction: call.direction.as_deref(),
            caller: call.caller.as_deref(),
            place: &call.place,
            account: account.as_deref(),
            cursor: &cursor,
        })
    });
    rows.collect()
}
