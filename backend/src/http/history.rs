//! The number of live users over time, as figures and as a picture.

mod found;
mod picture;
mod query;
mod scale;
mod zone;

#[cfg(feature = "testing")]
pub use self::query::plan_history;
pub(super) use self::query::span_ms;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use live_users_http_kit::{self as http_kit, Format, ParameterError};
use live_users_wire::HistoryView;
use serde_json::Value;

use self::found::find;
use self::picture::Picture;
use self::query::{POINTS_FITTING, Query};
use super::answer::json;
use super::authorized::Permitted;
use super::error::ApiError;
use super::rows::{self, Table};
use crate::parts::agents::AgentRegistry;
use crate::parts::queue::Queue;

const POINTS: Table = Table {
    name: "history",
    columns: &[
        "at",
        "min",
        "max",
        "mean",
        "withAgent.min",
        "withAgent.max",
        "withAgent.mean",
        "waiting.min",
        "waiting.max",
        "waiting.mean",
        "withPerson.min",
        "withPerson.max",
        "withPerson.mean",
        "machine.min",
        "machine.max",
        "machine.mean",
        "onTheLine.min",
        "onTheLine.max",
        "onTheLine.mean",
    ],
};

const STEPS: Table = Table {
    name: "history",
    columns: &["at", "liveUsers", "withAgent", "waiting", "withPerson", "machine", "onTheLine"],
};

/// `GET /api/live-users/history`: the number over time, and its peaks.
pub(crate) async fn read(
    Permitted(access): Permitted,
    queue: Data<Queue>,
    agents: Data<AgentRegistry>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = Query::parse(request.query_string())?;
    let whose = (&*agents.now(), access.scope);
    let format = Format::of(&request)?;
    let found = find(&queue, whose, query, POINTS_FITTING).await?;
    let mut view = found.view();
    // A row is told once to who goes on behind it, so it has to be as it stays.
    if format != Format::Json || found.plan.after.is_some() {
        found.keep_settled(&mut view);
    }
    if let Some(after) = found.plan.after {
        found.keep_later(&mut view, after);
    }
    if format != Format::Json {
        let (table, rows) = rows_of(view);
        return rows::answer(format, table, stream::once(async { Ok(rows) })).await;
    }
    Ok(json(&view))
}

/// The steps or the points as rows.
fn rows_of(view: HistoryView) -> (Table, Vec<Value>) {
    let (table, rows) = match &view.steps {
        Some(steps) => (STEPS, serde_json::to_value(steps)),
        None => (POINTS, serde_json::to_value(&view.points)),
    };
    match rows.expect("views have names for fields") {
        Value::Array(rows) => (table, rows),
        row => (table, vec![row]),
    }
}

/// `GET /api/live-users/history.svg`: a picture of it, for any document.
pub(crate) async fn draw(
    Permitted(access): Permitted,
    queue: Data<Queue>,
    agents: Data<AgentRegistry>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let picture = Picture::parse(request.query_string())?;
    let query = Query::parse(request.query_string())?;
    if query.is_exact() {
        return Err(ParameterError::new("step", "a time: a picture has points").into());
    }
    let agents = agents.now();
    let whose = (&*agents, access.scope);
    let found = find(&queue, whose, query, picture.points()).await?;
    let id = found.plan.agent.as_deref();
    let name = id.map(|id| agents.by_id(id).map_or(id, |agent| &agent.name));
    let name = name.or(found.plan.account.as_deref());
    Ok(http_kit::picture(picture.draw(&found, name)))
}
