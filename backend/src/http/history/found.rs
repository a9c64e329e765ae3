//! The part of the history that a request asks for.

use live_users_core::{Agent, Millis};
use live_users_intake::agents::Agents;
use live_users_state::history::{HistorySlice, Line, Peak, Point};
use live_users_wire::{HistoryView, LinePointView, PeakView, PeaksView, PointView, RangeView};

use super::query::{Plan, Query};
use crate::http::error::ApiError;
use crate::parts::clock::moment;
use crate::parts::queue::{Queue, View};

/// The points of a plan, and the excerpt of the history that they are made from.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) plan: Plan,
    pub(super) now: Millis,
    /// Those of the live users.
    pub(super) points: Vec<Point>,
    /// Those of the numbers of [`LINES`], if they were asked for and are known.
    pub(super) lines: Vec<Vec<Point>>,
    /// `None` if there is no history at all.
    pub(super) excerpt: Option<HistorySlice>,
}

/// The numbers beside the live users, in the order of [`Found::lines`].
const LINES: [Line; 5] =
    [Line::WithAgent, Line::Waiting, Line::WithPerson, Line::Machine, Line::OnTheLine];

/// Which numbers to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The live users.
    Live,
    /// The users of each party too.
    AllLines,
}

/// Finds what a query asks for. `fitting` limits the points if the query has no step.
pub(super) async fn find(
    queue: &Queue,
    agents: &Agents,
    query: Query,
    fitting: u64,
    wanted: Wanted,
) -> Result<Found, ApiError> {
    let is_configured = query.agent.as_deref().is_none_or(|id| agents.by_id(id).is_some());
    let found = queue.query(move |View { state, now, .. }| {
        let (tracker, history) = (state.tracker(), state.history());
        let plan = query.plan(now, history.retention(), fitting)?;
        let users = |id: &str| {
            let of_agents = tracker.breakdown_by_agent().into_iter();
            let mut of = of_agents.filter(|(it, _)| matches!(it, Agent::Id(it) if **it == *id));
            of.next().map_or(0, |(_, breakdown)| breakdown.on_the_line().users)
        };
        let agent = plan.agent.as_deref().map(|id| match history.has(id) {
            true => (id, 0),
            false => (id, users(id)),
        });
        if agent.is_some_and(|(id, users)| !is_configured && !history.has(id) && users == 0) {
            return Err(ApiError::NoAgent);
        }
        let slice = |line| history.slice(agent, line, plan.grain, (plan.from, plan.end()), now);
        let lines = match wanted {
            Wanted::Live => Vec::new(),
            Wanted::AllLines => LINES.into_iter().filter_map(slice).collect(),
        };
        let excerpt = slice(Line::Live);
        Ok((plan, now, excerpt, lines))
    });
    let (plan, now, excerpt, lines): (_, _, _, Vec<HistorySlice>) = found.await??;
    let lines = lines.iter().map(|it| it.points(plan.from, plan.step_ms, plan.count)).collect();
    let unknown = || vec![Point::default(); plan.count];
    let known = excerpt.as_ref().map(|it| it.points(plan.from, plan.step_ms, plan.count));
    Ok(Found { points: known.unwrap_or_else(unknown), plan, now, lines, excerpt })
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
            points: self
                .timed_points()
                .enumerate()
                .map(|(n, (at, point))| view(at, point, self.line(n)))
                .collect(),
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

    /// The numbers beside the live users at one of the points.
    fn line(&self, n: usize) -> LinePointView {
        let range = |line: usize| {
            let point = self.lines.get(line).and_then(|points| points.get(n));
            point.map(range).unwrap_or_default()
        };
        let [with_agent, waiting, with_person, machine, on_the_line] = [0, 1, 2, 3, 4].map(range);
        LinePointView { with_agent, waiting, with_person, machine, on_the_line }
    }

    pub(super) fn timed_points(&self) -> impl Iterator<Item = (Millis, &Point)> {
        let moments = (self.plan.from.0..).step_by(usize::try_from(self.plan.step_ms).unwrap_or(1));
        moments.map(Millis).zip(&self.points)
    }
}

fn view(at: Millis, point: &Point, line: LinePointView) -> PointView {
    let RangeView { min, max, mean } = range(point);
    PointView { at: moment(at), min, max, mean, line }
}

fn range(point: &Point) -> RangeView {
    let mean = point.mean();
    let known = |value| mean.map(|_| value);
    RangeView {
        min: known(point.min),
        max: known(point.max),
        mean: mean.map(|mean| (mean * 1e4).round() / 1e4),
    }
}
