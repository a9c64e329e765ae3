//! How the number of live users has changed, as figures and as a picture.

mod picture;
mod query;
mod scale;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use live_users_core::{Agent, Millis};
use live_users_http_kit::{self as http_kit, Reader};
use live_users_state::history::{Excerpt, Peak, Point, Retention};
use live_users_wire::{HistoryView, PeakView, PeaksView, PointView};

use self::picture::Picture;
use self::query::{POINTS_FITTING, Plan, Query};
use crate::app::State;
use crate::calls::view::moment;
use crate::config::within;
use crate::error::ApiError;
use crate::health::reason;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// `GET /api/live-users/history`: the number over time, and its peaks.
pub(crate) async fn read(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    state.gate.admit(&request)?;
    let query = Query::parse(request.query_string())?;
    let found = find(&state, query, POINTS_FITTING).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(found.view()))
}

/// `GET /api/live-users/history.svg`: a picture of it, for any document.
pub(crate) async fn draw(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    state.gate.admit(&request)?;
    let picture = Picture::parse(request.query_string())?;
    let query = Query::parse(request.query_string())?;
    let found = find(&state, query, picture.points()).await?;
    let agents = state.roster.now();
    let id = found.plan.agent.as_deref();
    let name = id.map(|id| agents.by_id(id).map_or(id, |agent| &agent.name));
    Ok(http_kit::picture(picture.draw(&found, name)))
}

/// How long the history is kept. A coarser one is kept at least as long as a finer one: it is what
/// is left of that.
pub(crate) fn read_retention(reader: &mut Reader<'_>) -> Retention {
    let minutes = within(reader, "HISTORY_MINUTES_KEEP_HOURS", 48, 1..=336, "hours");
    let quarters = within(reader, "HISTORY_QUARTERS_KEEP_DAYS", 30, 1..=366, "days");
    let hours = within(reader, "HISTORY_HOURS_KEEP_DAYS", 730, 30..=3660, "days");
    if minutes > quarters * 24 {
        reader.mistake(format!(
            "HISTORY_MINUTES_KEEP_HOURS is {minutes}: expected at most the {quarters} days of \
             HISTORY_QUARTERS_KEEP_DAYS"
        ));
    }
    if quarters > hours {
        reader.mistake(format!(
            "HISTORY_QUARTERS_KEEP_DAYS is {quarters}: expected at most the {hours} of \
             HISTORY_HOURS_KEEP_DAYS"
        ));
    }
    Retention {
        minutes_ms: minutes * HOUR_MS,
        quarters_ms: quarters * DAY_MS,
        hours_ms: hours * DAY_MS,
    }
}

/// What was asked for and what is known of it.
#[derive(Debug)]
struct Found {
    plan: Plan,
    now: Millis,
    points: Vec<Point>,
    /// `None` if nothing is known at all.
    excerpt: Option<Excerpt>,
}

/// With at most so many points if no step is asked for.
async fn find(state: &State, query: Query, fitting: u64) -> Result<Found, ApiError> {
    let agents = state.roster.now();
    let is_configured = query.agent.as_deref().is_none_or(|id| agents.by_id(id).is_some());
    let clock = state.clock.clone();
    let look = state.queue.look(move |writer| {
        let (tracker, history) = (writer.state().tracker(), writer.state().history());
        let now = clock.now().max(tracker.now());
        let plan = query.plan(now, history.retention(), fitting)?;
        let users = |id: &str| {
            let of_agents = tracker.by_agent().into_iter();
            let mut of = of_agents.filter(|(it, _)| matches!(it, Agent::Id(it) if **it == *id));
            of.next().map_or(0, |(_, numbers)| numbers.users)
        };
        let agent = plan.agent.as_deref().map(|id| match history.has(id) {
            true => (id, 0),
            false => (id, users(id)),
        });
        if agent.is_some_and(|(id, users)| !is_configured && !history.has(id) && users == 0) {
            return Err(ApiError::NoAgent);
        }
        let excerpt = history.excerpt(agent, plan.grain, (plan.from, plan.end()), now);
        Ok((plan, now, excerpt))
    });
    let (plan, now, excerpt) = look.await.map_err(|why| ApiError::Unavailable(reason(why)))??;
    let unknown = || vec![Point::default(); plan.count];
    let told = excerpt.as_ref().map(|it| it.points(plan.from, plan.step_ms, plan.count));
    Ok(Found { points: told.unwrap_or_else(unknown), plan, now, excerpt })
}

impl Found {
    fn view(&self) -> HistoryView {
        let Plan { from, to, step_ms, agent, .. } = &self.plan;
        let peaks = self.excerpt.as_ref().map(Excerpt::peaks);
        let peak = |Peak { at, users }| Some(PeakView { at: moment(at), live_users: users });
        HistoryView {
            from: moment(*from),
            to: moment(*to),
            step_ms: *step_ms,
            agent: agent.clone(),
            points: self.timed_points().map(|(at, point)| view(at, point)).collect(),
            peaks: peaks.map_or_else(PeaksView::default, |peaks| PeaksView {
                hour: peak(peaks.hour),
                day: peak(peaks.day),
                week: peak(peaks.week),
                month: peak(peaks.month),
                ever: peak(peaks.ever),
            }),
            as_of: moment(self.now),
        }
    }

    fn timed_points(&self) -> impl Iterator<Item = (Millis, &Point)> {
        let moments = (self.plan.from.0..).step_by(usize::try_from(self.plan.step_ms).unwrap_or(1));
        moments.map(Millis).zip(&self.points)
    }
}

fn view(at: Millis, point: &Point) -> PointView {
    let mean = point.mean();
    let known = |value| mean.map(|_| value);
    PointView {
        at: moment(at),
        min: known(point.min),
        max: known(point.max),
        mean: mean.map(|mean| (mean * 1e4).round() / 1e4),
    }
}
