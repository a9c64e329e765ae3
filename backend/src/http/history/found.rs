//! The part of the history that a request asks for.

use live_users_core::{Agent, Millis};
use live_users_intake::agents::Agents;
use live_users_state::history::{HistorySlice, Line, Peak, Point};
use live_users_wire::{HistoryView, PeakView, PeaksView, PointView};

use super::query::{Plan, Query};
use crate::http::error::ApiError;
use crate::parts::clock::moment;
use crate::parts::queue::{Queue, View};

/// The points of a plan, and the excerpt of the history that they are made from.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) plan: Plan,
    pub(super) now: Millis,
    pub(super) points: Vec<Point>,
    /// `None` if there is no history at all.
    pub(super) excerpt: Option<HistorySlice>,
}

/// Finds what a query asks for. `fitting` limits the points if the query has no step.
pub(super) async fn find(
    queue: &Queue,
    agents: &Agents,
    query: Query,
    fitting: u64,
) -> Result<Found, ApiError> {
    let is_configured = query.agent.as_deref().is_none_or(|id| agents.by_id(id).is_some());
    let found = queue.query(move |View { state, now, .. }| {
        let (tracker, history) = (state.tracker(), state.history());
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
        let excerpt = history.slice(agent, Line::Live, plan.grain, (plan.from, plan.end()), now);
        Ok((plan, now, excerpt))
    });
    let (plan, now, excerpt) = found.await??;
    let unknown = || vec![Point::default(); plan.count];
    let known = excerpt.as_ref().map(|it| it.points(plan.from, plan.step_ms, plan.count));
    Ok(Found { points: known.unwrap_or_else(unknown), plan, now, excerpt })
}

impl Found {
    pub(super) fn view(&self) -> HistoryView {
        let Plan { from, to, step_ms, agent, .. } = &self.plan;
        let peaks = self.excerpt.as_ref().map(HistorySlice::peaks);
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

    pub(super) fn timed_points(&self) -> impl Iterator<Item = (Millis, &Point)> {
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
