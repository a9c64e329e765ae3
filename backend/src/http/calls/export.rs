//! Calls and stretches as rows: the calls that are live, and the stretches of all calls that are known.

use std::cmp::Ordering;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use live_users_core::{CallId, Millis};
use live_users_http_kit::{Format, ParameterError, Query};
use live_users_wire::{CallView, StretchView};
use serde::Serialize;
use serde_json::Value;

use super::page::{PageQuery, SortKey, order};
use super::view::{Presenter, Span, is_users};
use crate::http::auth::BearerAuth;
use crate::http::authorized::PermittedCalls;
use crate::http::error::ApiError;
use crate::http::named::{Named, id};
use crate::http::rows::{self, CHUNK, Table};
use crate::parts::agents::AgentRegistry;
use crate::parts::counting_rules::CountingRules;
use crate::parts::queue::{Queue, View};
use crate::parts::scope::Scope;

const CALLS: Table = Table {
    name: "calls",
    columns: &[
        "callSid",
        "phase",
        "counted",
        "suspect",
        "direction",
        "party",
        "answeredBy",
        "agent",
        "address",
        "caller",
        "country",
        "region",
        "city",
        "firstHeardAt",
        "since",
        "heardAt",
        "liveMs",
        "waitingMs",
        "sources",
        "account",
        "also",
        "cursor",
    ],
};

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

/// What makes rows, chunk by chunk.
pub(super) struct Source {
    pub(super) queue: Data<Queue>,
    pub(super) scope: Scope,
    pub(super) rules: CountingRules,
}

/// A row of the calls.
#[derive(Serialize)]
struct CallRow {
    #[serde(flatten)]
    call: CallView,
    cursor: String,
}

/// The calls that are live, from the place and as many as the query says, as long as their reader may
/// read them.
pub(super) async fn calls(
    source: Source,
    query: PageQuery,
    format: Format,
    may_read: impl Fn() -> bool + 'static,
) -> Result<HttpResponse, ApiError> {
    let left = query.limit_named().unwrap_or(usize::MAX);
    let (asked, scope, rules) = (query.clone(), source.scope.clone(), source.rules);
    let found = source.queue.query(move |View { state, now, .. }| {
        asked.places(state, &scope, &Presenter { now, rules })
    });
    let places = sorted(found.await?).into_iter();
    let start = (source, query, places, left);
    let chunks = stream::try_unfold(start, async |(source, query, mut places, left)| {
        let chunk: Vec<_> = places.by_ref().take(CHUNK.min(left)).collect();
        if chunk.is_empty() {
            return Ok::<_, ApiError>(None);
        }
        let (asked, scope, rules) = (query.clone(), source.scope.clone(), source.rules);
        let found = source.queue.query(move |View { state, now, .. }| {
            // Some have ended or moved since their places were looked up.
            asked.rows((state, &scope), &Presenter { now, rules }, &chunk)
        });
        let found = found.await?;
        let left = left - found.len();
        let rows = found.into_iter().map(|(call, cursor)| row(&CallRow { call, cursor }));
        Ok(Some((rows.collect(), (source, query, places, left))))
    });
    rows::answer(format, CALLS, rows::while_authorized(chunks, may_read)).await
}

/// In the order of pages. It takes its time, so not on the writer's thread.
fn sorted(mut places: Vec<(Millis, CallId)>) -> Vec<(Millis, CallId)> {
    places.sort_by_cached_key(|(at, id)| (*at, id.to_string()));
    places
}

/// The fields of the query for stretches.
#[derive(Clone)]
struct StretchQuery {
    agent: Option<String>,
    account: Option<String>,
    after: Option<After>,
}

/// The row behind which rows begin.
#[derive(Clone)]
struct After {
    /// The place of its call.
    call: SortKey,
    /// Which row of its call it is; `None` for the last, also of those that are added.
    row: Option<usize>,
}

impl After {
    fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        let (at, row) = match at.split_once('~') {
            Some((at, row)) => (at, Some(row.parse().ok()?)),
            None => (at, None),
        };
        Some(Self { call: (Millis(at.parse().ok()?), id.to_owned()), row })
    }
}

impl StretchQuery {
    fn parse(query: &str) -> Result<Self, ParameterError> {
        let query = Query::new(query);
        let after = query.parsed("after", "the `cursor` of a row", After::parse)?;
        Ok(Self { agent: id(&query, "agent")?, account: id(&query, "account")?, after })
    }

    /// Whether a call that was first heard of then may have rows behind the one where they begin.
    fn has(&self, at: Millis, id: &CallId) -> bool {
        let Some(After { call, row }) = &self.after else { return true };
        match order(at, id, call) {
            Ordering::Less => false,
            Ordering::Equal => row.is_some(),
            Ordering::Greater => true,
        }
    }

    /// How many rows of this call are left out.
    fn skipped(&self, at: Millis, id: &str) -> usize {
        let after = self.after.as_ref().filter(|it| it.call.0 == at && it.call.1 == id);
        after.and_then(|it| it.row).unwrap_or_default()
    }
}

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

/// `GET /api/live-users/stretches`: the stretches of the calls that are known, live or over, in the
/// order in which the calls were first heard of.
pub(crate) async fn stretches(
    PermittedCalls(access): PermittedCalls,
    auth: Data<BearerAuth>,
    queue: Data<Queue>,
    agents: Data<AgentRegistry>,
    rules: Data<CountingRules>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    if let Some(why) = queue.unanswered() {
        return Err(why.into());
    }
    let format = Format::of_rows(&request)?;
    let query = StretchQuery::parse(request.query_string())?;
    let (agents, wanted, whole) = (agents.now(), query.clone(), access.scope.clone());
    let found = queue.query(move |View { state, .. }| {
        let account = wanted.account.as_deref();
        let named = Named { agent: wanted.agent.as_deref(), account, source: None };
        named.check((&agents, &whole), state)?;
        let known = state.tracker().first_heard().filter(|(at, id)| wanted.has(*at, id));
        Ok::<_, ApiError>(known.map(|(at, id)| (at, id.clone())).collect::<Vec<_>>())
    });
    let ids = sorted(found.await??);
    let scope = access.scope.narrowed(query.account.as_deref());
    // Who reads one agent's calls is not told with whom the callers were before.
    let agent = scope.agent().map(ToString::to_string).or_else(|| query.agent.clone());
    let query = StretchQuery { agent, ..query };
    let source = Source { queue, scope, rules: **rules };
    let start = (source, query, ids.into_iter());
    let chunks = stream::try_unfold(start, async |(source, query, mut ids)| {
        let chunk: Vec<_> = ids.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return Ok::<_, ApiError>(None);
        }
        let (scope, rules) = (source.scope.clone(), source.rules);
        let calls = source.queue.query(move |View { state, now, .. }| {
            let (tracker, presenter) = (state.tracker(), Presenter { now, rules });
            let known = chunk.iter().filter(|(_, id)| scope.has_of_call(tracker, id));
            let calls = known.filter_map(|(at, id)| Some((at, tracker.call(id)?)));
            let calls = calls.filter(|(_, call)| is_users(call)).map(|(at, call)| CallSpans {
                first: *at,
                is_here: scope.has_call(tracker, &call.id),
                spans: presenter.spans(&call),
                call: presenter.outline(&call),
            });
            calls.collect()
        });
        let calls: Vec<CallSpans> = calls.await?;
        let rows = calls.iter().flat_map(|call| of_call(&query, &source.scope, call));
        Ok(Some((rows.collect(), (source, query, ids))))
    });
    rows::answer(format, STRETCHES, rows::while_authorized(chunks, auth.lasting(access))).await
}

/// What the rows of one call are made of.
struct CallSpans {
    first: Millis,
    /// Without its stretches.
    call: CallView,
    spans: Vec<Span>,
    /// Whether the call is in scope as it is now.
    is_here: bool,
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

fn row(row: &impl Serialize) -> Value {
    serde_json::to_value(row).expect("views have names for fields")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_begin_behind_a_cursor_by_the_moment_and_then_by_the_text_of_the_id() {
        let sid = format!("CA{}", "7".repeat(32));
        let query = StretchQuery::parse(&format!("after=20.{sid}")).unwrap();
        let has = |at: u64, id: &str| query.has(Millis(at), &CallId::parse(id).unwrap());
        let one = StretchQuery::parse(&format!("after=20~3.{sid}")).unwrap();
        for (at, id, is_behind) in [
            (19, "z", false),
            (20, sid.as_str(), false),
            // By the order of ids, other texts would stand behind all of Twilio's.
            (20, "A", false),
            (20, "b", true),
            (20, &format!("CA{}", "8".repeat(32)), true),
            (21, "A", true),
        ] {
            assert_eq!(has(at, id), is_behind, "{at} {id}");
            let is_its = (at, id) == (20, &*sid);
            let has = one.has(Millis(at), &CallId::parse(id).unwrap());
            assert_eq!(
                (has, one.skipped(Millis(at), id)),
                (is_behind || is_its, if is_its { 3 } else { 0 })
            );
        }
        assert_eq!(query.skipped(Millis(20), &sid), 0);
        for wrong in ["20", "~1.CA1", "20~.CA1", "20~-1.CA1", "x.CA1"] {
            assert!(StretchQuery::parse(&format!("after={wrong}")).is_err(), "{wrong}");
        }
        assert!(StretchQuery::parse("").unwrap().has(Millis(0), &CallId::parse("A").unwrap()));
    }
}
