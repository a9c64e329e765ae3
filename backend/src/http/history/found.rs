//! The part of the history that a request asks for.

use live_users_core::{Agent, Millis};
use live_users_http_kit::ParameterError;
use live_users_intake::agents::Agents;
use live_users_replica::FRESH_MS;
use live_users_state::history::{
    History, HistorySlice, Line, Peak, Peaks, Point, STEP_MS_MIN, STEPS_KEPT_MS, Step, Subject,
    sum_of_steps,
};
use live_users_wire::{
    HistoryView, LinePointView, PeakView, PeaksView, PointView, RangeView, StepView,
};

use super::query::{Plan, Query};
use super::zone::Zone;
use crate::http::auth::Refusal;
use crate::http::error::ApiError;
use crate::http::named::{unknown_account, unknown_agent};
use crate::parts::queue::{Queue, View};
use crate::parts::scope::{Detail, Scope};

/// The points of a plan, and the excerpt of the history that they are made from.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) plan: Plan,
    pub(super) now: Millis,
    /// Those of the live users.
    pub(super) points: Vec<Point>,
    /// Those of the numbers of [`Line::REST`], if they are known.
    pub(super) lines: Vec<Vec<Point>>,
    /// Each change, if that was asked for.
    pub(super) steps: Vec<Step>,
    /// The numbers now; `None` while nothing is known.
    pub(super) present: Option<Step>,
    /// `None` if there is no history at all.
    pub(super) excerpt: Option<Excerpt>,
}

/// The time of one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Millis,
    pub(super) until: Millis,
}

/// A picture of a history that has just begun is so many points wide.
const POINTS_DRAWN_MIN: u64 = 10;

/// The history of one number: that of one subject, or of several accounts together.
#[derive(Clone, Debug)]
pub(super) struct Excerpt(pub(super) Vec<HistorySlice>);

impl Excerpt {
    /// The points. Of several accounts they are sums: the fewest and the most of each need not have
    /// been at one moment, so those together lie between these.
    pub(super) fn points(&self, plan: &Plan) -> Vec<Point> {
        let mut points = vec![None::<Point>; plan.count()];
        for slice in &self.0 {
            let of_one = slice.points_between(&plan.bounds);
            for (sum, point) in points.iter_mut().zip(of_one) {
                *sum = Some(sum.map_or(point, |sum| sum.plus(point)));
            }
        }
        points.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Where what is known begins.
    pub(super) fn since(&self) -> Option<Millis> {
        self.0.iter().map(HistorySlice::known_from).max()
    }

    /// The most users at once; of several accounts the sum, at the moment of the greatest.
    fn peaks(&self, zone: &Zone) -> PeaksView {
        let all: Vec<_> = self.0.iter().map(HistorySlice::peaks).collect();
        let of = |which: fn(&Peaks) -> Peak| {
            let peaks = all.iter().map(which);
            let users = peaks.clone().map(|peak| peak.users).fold(0, u32::saturating_add);
            let at = peaks.max_by_key(|peak| (peak.users, peak.at)).map(|peak| peak.at);
            at.map(|at| PeakView { at: zone.moment(at), live_users: users })
        };
        PeaksView {
            hour: of(|it| it.hour),
            day: of(|it| it.day),
            week: of(|it| it.week),
            month: of(|it| it.month),
            ever: of(|it| it.ever),
        }
    }
}

/// Finds what a query asks for, of the calls in scope. `fitting` limits the points if the query has
/// no step.
pub(super) async fn find(
    queue: &Queue,
    (agents, scope): (&Agents, Scope),
    query: Query,
    fitting: u64,
) -> Result<Found, ApiError> {
    let asks_for_a_part = query.agent.is_some() || query.account.is_some();
    if asks_for_a_part && scope.detail() == Detail::Total {
        return Err(Refusal::OutOfScope.into());
    }
    let whole = scope;
    let scope = whole.narrowed(query.account.as_deref());
    let configured = query.agent.as_deref().map(|id| agents.by_id(id));
    let is_configured = configured.is_none_or(|it| it.is_some());
    // An agent's history is of all its calls, so it is shown to who reads the agent's account.
    let is_of_account = configured.flatten().is_some_and(|it| scope.has_agent(it));
    // Of an agent that is not configured any more, too, where all that is read is its calls.
    let is_read = query.agent.is_some() && query.agent.as_deref() == scope.agent().map(|it| &**it);
    let no_account = unknown_account(agents, &whole);
    let no_agent = unknown_agent(agents, &scope);
    if scope.is_limited() && query.agent.is_some() && !is_of_account && !is_read {
        return Err(ApiError::from(no_agent));
    }
    let is_account =
        query.account.as_deref().is_none_or(|it| agents.has_account(it) && whole.has(Some(it)));
    let found = queue.query(move |View { state, now, .. }| {
        let (tracker, history) = (state.tracker(), state.history());
        let plan = query.plan(now, history.retention(), fitting)?;
        let agent = plan.agent.as_deref().or(scope.agent().map(|it| &**it));
        let of_agent = |id: &str| tracker.breakdown_of_agent(&Agent::Id(id.into()));
        let agent = agent.map(|id| (id, of_agent(id).on_the_line().users));
        if agent.is_some_and(|(id, users)| !is_configured && !history.has(id) && users == 0) {
            return Err(ApiError::from(no_agent));
        }
        let of_account = |id| tracker.breakdown_of_accounts([id]).on_the_line().users;
        let subjects: Vec<_> = match (agent, scope.accounts()) {
            (Some((id, users)), _) => vec![Subject::Agent(id, users)],
            (None, None) => vec![Subject::All],
            (None, Some(accounts)) => {
                accounts.iter().map(|id| Subject::Account(id, of_account(id))).collect()
            }
        };
        let is_known = subjects.iter().any(
            |it| matches!(it, Subject::Account(id, users) if *users > 0 || history.has_account(id)),
        );
        if plan.account.is_some() && !is_account && !is_known {
            return Err(ApiError::from(no_account));
        }
        let times = (plan.from, plan.end());
        let excerpt = |line| -> Option<Excerpt> {
            let slices = subjects.iter().map(|it| history.slice(*it, line, plan.grain, times, now));
            slices.collect::<Option<Vec<_>>>().map(Excerpt)
        };
        let lines = Line::REST.into_iter().filter_map(excerpt).collect();
        let excerpt = excerpt(Line::Live);
        check_kept(&plan, history, &subjects, now)?;
        let steps = |from| -> Option<Vec<Vec<Step>>> {
            subjects.iter().map(|it| history.steps(*it, from)).collect()
        };
        let exact = (plan.step_ms == 0).then(|| steps(plan.from)).flatten();
        let steps = [exact, steps(Millis(u64::MAX))].map(Option::unwrap_or_default);
        Ok((plan, now, excerpt, lines, steps))
    });
    let (plan, now, excerpt, lines, steps): (_, _, _, Vec<Excerpt>, [_; 2]) = found.await??;
    let [mut steps, present] = steps.map(|steps| sum_of_steps(&steps));
    steps.retain(|step| step.at < plan.to);
    let present = present.first().map(|step| Step { at: now, ..*step });
    let lines = lines.iter().map(|it| it.points(&plan)).collect();
    let unknown = || vec![Point::default(); plan.count()];
    let points = excerpt.as_ref().map_or_else(unknown, |it| it.points(&plan));
    Ok(Found { points, plan, now, lines, steps, present, excerpt })
}

/// Checks that no step is missing behind the one that the reader has, however long ago that was.
fn check_kept(
    plan: &Plan,
    history: &History,
    subjects: &[Subject<'_>],
    now: Millis,
) -> Result<(), ParameterError> {
    let old = now.minus(STEPS_KEPT_MS);
    let old = plan.after.filter(|after| plan.step_ms == 0 && *after < old);
    let kept = || subjects.iter().filter_map(|it| history.steps_since(*it)).max();
    if old.is_some_and(|after| kept().is_some_and(|kept| after < kept)) {
        let expected = "the `at` of a step behind which all are kept, or none to begin anew: each \
                        change is told of the last 15 minutes";
        return Err(ParameterError::new("after", expected));
    }
    Ok(())
}

impl Found {
    pub(super) fn view(&self) -> HistoryView {
        let Plan { from, to, step_ms, zone, agent, account, .. } = &self.plan;
        HistoryView {
            from: zone.moment(*from),
            to: zone.moment(*to),
            step_ms: *step_ms,
            since: self.since().map(|since| zone.moment(since)),
            tz: zone.name().map(str::to_owned),
            agent: agent.clone(),
            account: account.clone(),
            points: self
                .timed_points()
                .enumerate()
                .map(|(n, (span, point))| view(zone.moment(span.from), point, self.line(n)))
                .collect(),
            steps: (*step_ms == 0).then(|| self.steps.iter().map(|it| step(it, zone)).collect()),
            present: self.present.as_ref().map(|it| step(it, zone)),
            cursor: self.cursor().map(|at| zone.moment(at)),
            peaks: self.excerpt.as_ref().map(|it| it.peaks(zone)).unwrap_or_default(),
            as_of: zone.moment(self.now),
        }
    }

    /// How many of the points and of the steps do not change any more. What another backend has
    /// recorded may be known here so much later.
    fn settled(&self) -> (usize, usize) {
        let known = self.now.minus(FRESH_MS);
        let points = self.plan.bounds.iter().skip(1).take_while(|end| **end <= known).count();
        let steps = self.steps.iter().take_while(|it| it.at <= known.minus(STEP_MS_MIN)).count();
        (points, steps)
    }

    /// Leaves out the points and the steps that may change yet.
    pub(super) fn keep_settled(&self, view: &mut HistoryView) {
        let (points, steps) = self.settled();
        view.points.truncate(points);
        if let Some(list) = &mut view.steps {
            list.truncate(steps);
        }
    }

    /// Behind what a reader goes on who has these points or steps.
    fn cursor(&self) -> Option<Millis> {
        let last = match (self.plan.step_ms, self.settled()) {
            (0, (_, steps)) => steps.checked_sub(1).map(|last| self.steps[last].at),
            (_, (points, _)) => points.checked_sub(1).map(|last| self.plan.bounds[last]),
        };
        last.max(self.plan.after)
    }

    /// Leaves the points and the steps that begin later.
    pub(super) fn keep_later(&self, view: &mut HistoryView, after: Millis) {
        let points = self.plan.bounds.iter().take_while(|at| **at <= after).count();
        view.points.drain(..points.min(view.points.len()));
        if let Some(list) = &mut view.steps {
            let steps = self.steps.iter().take_while(|step| step.at <= after).count();
            list.drain(..steps.min(list.len()));
        }
    }

    /// The numbers now, if the time that was asked for ends now.
    pub(super) fn present_at_end(&self) -> Option<&Step> {
        self.present.as_ref().filter(|_| self.plan.to == self.now)
    }

    /// Where a picture begins: not with a long time of which nothing is known.
    pub(super) fn begin(&self) -> Millis {
        let Plan { from, to, step_ms, .. } = self.plan;
        let since = self.since().filter(|since| *since < to).unwrap_or(from);
        from.max(since.min(to.minus(POINTS_DRAWN_MIN * step_ms)))
    }

    /// Where what is known begins, of the points or of the steps.
    fn since(&self) -> Option<Millis> {
        match self.plan.step_ms {
            // The first step has what stood at `from`, unless they begin later.
            0 => self.steps.first().map(|step| step.at),
            _ => self.excerpt.as_ref().and_then(Excerpt::since),
        }
    }

    /// The points of a number beside the live users, if they are known.
    pub(super) fn points_of(&self, line: Line) -> Option<&[Point]> {
        let place = Line::REST.iter().position(|it| *it == line)?;
        self.lines.get(place).map(Vec::as_slice)
    }

    /// The numbers beside the live users at one of the points.
    fn line(&self, n: usize) -> LinePointView {
        let of = |line| {
            let point = self.points_of(line).and_then(|points| points.get(n));
            point.map(range).unwrap_or_default()
        };
        LinePointView {
            with_agent: of(Line::WithAgent),
            waiting: of(Line::Waiting),
            with_person: of(Line::WithPerson),
            machine: of(Line::Machine),
            on_the_line: of(Line::OnTheLine),
        }
    }

    pub(super) fn timed_points(&self) -> impl Iterator<Item = (Span, &Point)> {
        let spans = self.plan.bounds.windows(2).map(|it| Span { from: it[0], until: it[1] });
        spans.zip(&self.points)
    }
}

fn view(at: String, point: &Point, line: LinePointView) -> PointView {
    let RangeView { min, max, mean } = range(point);
    PointView { at, min, max, mean, line }
}

fn step(step: &Step, zone: &Zone) -> StepView {
    StepView {
        at: zone.moment(step.at),
        live_users: step.of_line(Line::Live),
        with_agent: step.of_line(Line::WithAgent),
        waiting: step.of_line(Line::Waiting),
        with_person: step.of_line(Line::WithPerson),
        machine: step.of_line(Line::Machine),
        on_the_line: step.of_line(Line::OnTheLine),
    }
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
