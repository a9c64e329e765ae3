//! Calls as rows: those that are live.

pub(crate) mod stretches;

use actix_web::HttpResponse;
use actix_web::web::Data;
use futures_util::stream;
use live_users_core::{CallId, Millis};
use live_users_http_kit::Format;
use live_users_wire::CallView;
use serde::Serialize;
use serde_json::Value;

use super::page::PageQuery;
use super::view::Presenter;
use crate::http::error::ApiError;
use crate::http::rows::{self, CHUNK, Table};
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

fn row(row: &impl Serialize) -> Value {
    serde_json::to_value(row).expect("views have names for fields")
}
