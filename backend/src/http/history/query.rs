//! Parses which time a request asks for, in which steps.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use live_users_core::{DAY_MS, HOUR_MS, MINUTE_MS, Millis};
use live_users_http_kit::ParameterError;
use live_users_state::history::{Grain, Retention, STEPS_KEPT_MS};

use super::zone::Zone;
use crate::http::named::id;

/// Points of one answer.
const POINTS_MAX: u64 = 2_000;
/// The most points of an answer if the query has no step: they are enough for any screen.
pub(super) const POINTS_FITTING: u64 = 400;
const STEP_MS_MAX: u64 = 366 * DAY_MS;
/// Where each change is told from, if the query does not say. A little more is kept.
const STEPS_TOLD_MS: u64 = 15 * MINUTE_MS;

/// The steps that people count in, in milliseconds.
pub(super) const STEPS_MS: [u64; 18] = [
    MINUTE_MS,
    2 * MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    4 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    2 * DAY_MS,
    7 * DAY_MS,
    14 * DAY_MS,
    28 * DAY_MS,
    STEP_MS_MAX,
];

const WHEN: &str = "RFC 3339 (2026-11-23T09:30:00Z), now, or so long ago as -30m, -24h, -7d or -4w; \
    with tz also a local time (2026-11-23T09:30) or a day (2026-11-23)";

const TZ: &str = "the name of a time zone as IANA has it, such as UTC or America/New_York";

/// The fields of the query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    from: When,
    to: When,
    step: Option<Step>,
    zone: Zone,
    pub(super) agent: Option<String>,
    pub(super) account: Option<String>,
    /// The moment of the last row that the reader has.
    after: Option<Millis>,
}

/// How far the points are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// There are none: each change is told.
    Exact,
    /// In milliseconds.
    Ms(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    At(Millis),
    /// Milliseconds ago.
    Ago(u64),
}

/// The points of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) grain: Grain,
    /// Where each point begins, and where the last one ends. If there are no points, the end alone.
    pub(super) bounds: Vec<Millis>,
    /// Where the first point begins.
    pub(super) from: Millis,
    /// The end of the time that the query asks for, within the last point.
    pub(super) to: Millis,
    /// 0 if each change is to be told, and no points.
    pub(super) step_ms: u64,
    pub(super) zone: Zone,
    pub(super) agent: Option<String>,
    pub(super) account: Option<String>,
    /// Only what begins later is asked for.
    pub(super) after: Option<Millis>,
}

impl Query {
    pub(super) fn parse(query: &str) -> Result<Self, ParameterError> {
        let query = live_users_http_kit::Query::new(query);
        let step = "1m, 15m, 1h or a multiple of one of them, such as 5m, 6h or 1d, up to 366d, or \
                    exact for each change of the last 15 minutes";
        let wanted = |text: &str| match text {
            "exact" => Some(Step::Exact),
            text => span_ms(text).filter(|ms| (MINUTE_MS..=STEP_MS_MAX).contains(ms)).map(Step::Ms),
        };
        let tz = query.parsed("tz", TZ, Zone::named)?;
        let when = |text: &str| when(text, tz.as_ref());
        let from = query.parsed("from", WHEN, when)?;
        // Who says `from` by a clock means the days of that clock.
        let offset = from.and_then(|(_, offset)| offset).map(Zone::at);
        let step = query.parsed("step", step, wanted)?;
        let default = When::Ago(if step == Some(Step::Exact) { STEPS_TOLD_MS } else { DAY_MS });
        Ok(Self {
            from: from.map_or(default, |(from, _)| from),
            to: query.parsed("to", WHEN, when)?.map_or(When::Ago(0), |(to, _)| to),
            zone: tz.clone().or(offset).unwrap_or_default(),
            step,
            agent: id(&query, "agent")?,
            account: id(&query, "account")?,
            after: query.parsed("after", "the `at` of a point or of a step", |text| {
                match self::when(text, None)? {
                    (When::At(at), _) => Some(at),
                    (When::Ago(_), _) => None,
                }
            })?,
        })
    }

    /// Whether each change is to be told, and no points.
    pub(super) fn is_exact(&self) -> bool {
        self.step == Some(Step::Exact)
    }

    /// Resolves the query at this moment. `fitting` limits the points if the query has no step.
    /// The answer never reaches into the future.
    pub(super) fn plan(
        self,
        now: Millis,
        retention: Retention,
        fitting: u64,
    ) -> Result<Plan, ParameterError> {
        let at = |when| match when {
            When::At(at) => at,
            When::Ago(ms) => now.minus(ms),
        };
        let (from, to) = (at(self.from), at(self.to).min(now));
        let from = self.begin(from, to)?;
        if from >= to {
            return Err(ParameterError::new("from", "a moment before `to` and before now"));
        }
        let step = match self.step {
            Some(Step::Exact) => return self.exact(from, to, now),
            Some(Step::Ms(ms)) => Some(ms),
            None => None,
        };
        let bounds = |step_ms, most| self.zone.bounds((from, to), step_ms, most);
        // Hours have no such limit: those that are no longer kept are unknown points.
        let is_kept = |grain| grain == Grain::Hour || now.minus(retention.of(grain)).0 <= from.0;
        let step_ms = step.unwrap_or_else(|| {
            let mut steps = STEPS_MS.into_iter();
            let fits = |ms: &u64| {
                let bounds = bounds(*ms, fitting);
                bounds.is_some_and(|it| grain_of(*ms, &it).is_some_and(is_kept))
            };
            steps.find(fits).unwrap_or(STEP_MS_MAX)
        });
        if self.zone.name().is_some() && step_ms > DAY_MS && !step_ms.is_multiple_of(DAY_MS) {
            let expected = "at most 1d, or whole days, where days are those of a time zone";
            return Err(ParameterError::new("step", expected));
        }
        let kept_back = || {
            let back = |ms| self.zone.moment(now.minus(ms));
            let (minutes, quarters) = (back(retention.minutes_ms), back(retention.quarters_ms));
            format!("1m is kept back to {minutes}, 15m to {quarters}")
        };
        if !grain_of(step_ms, &[]).is_some_and(is_kept) {
            let least = Grain::ALL.into_iter().find(|grain| is_kept(*grain));
            let least = name(least.unwrap_or(Grain::Hour).width_ms());
            let expected = format!("a multiple of {least} for a `from` as early as this");
            return Err(ParameterError::new("step", format!("{expected}: {}", kept_back())));
        }
        let Some(bounds) = bounds(step_ms, POINTS_MAX) else {
            let least = STEPS_MS.into_iter().find(|ms| bounds(*ms, POINTS_MAX).is_some());
            let least = name(least.unwrap_or(STEP_MS_MAX));
            let expected = format!("at least {least} for so long a time, or none");
            return Err(ParameterError::new(
                "step",
                format!("{expected}: at most {POINTS_MAX} points are told"),
            ));
        };
        let Some(grain) = grain_of(step_ms, &bounds).filter(|grain| is_kept(*grain)) else {
            // So early, only whole hours of UTC are kept, and the days of this zone begin within.
            let is_named = self.zone.name().is_some_and(|name| !name.starts_with(['+', '-']));
            let expected = "a clock that is whole hours from UTC for a `from` as early as this";
            let parameter = if is_named { "tz" } else { "from" };
            return Err(ParameterError::new(parameter, format!("{expected}: {}", kept_back())));
        };
        let from = bounds[0];
        let Self { zone, agent, account, after, .. } = self;
        Ok(Plan { grain, bounds, from, to, step_ms, zone, agent, account, after })
    }

    /// Where rows begin: behind the one that the reader has, wherever the query would begin without it.
    /// Without a step that stays the same, the time has to stay the same, too: it decides on the step.
    fn begin(&self, from: Millis, to: Millis) -> Result<Millis, ParameterError> {
        let wrong = |expected| Err(ParameterError::new("after", expected));
        match self.after {
            Some(after) if after >= to => wrong("a moment before `to` and before now"),
            Some(after) if self.step.is_some() => Ok(after),
            Some(after) if after < from => {
                wrong("a moment not before `from`, or a `step` beside it")
            }
            _ => Ok(from),
        }
    }

    fn exact(self, from: Millis, to: Millis, now: Millis) -> Result<Plan, ParameterError> {
        // How far back one can go on depends on when there were changes.
        if self.after.is_none() && from < now.minus(STEPS_KEPT_MS) {
            let expected = "a multiple of 1m for a `from` as early as this: each change is told of \
                            the last 15 minutes";
            return Err(ParameterError::new("step", expected));
        }
        let Self { zone, agent, account, after, .. } = self;
        let (grain, bounds, step_ms) = (Grain::Minute, vec![to], 0);
        Ok(Plan { grain, bounds, from, to, step_ms, zone, agent, account, after })
    }
}

/// The coarsest buckets of which points between these moments can be made.
fn grain_of(step_ms: u64, bounds: &[Millis]) -> Option<Grain> {
    let fits = |grain: &Grain| {
        let is_multiple = |ms: u64| ms.is_multiple_of(grain.width_ms());
        is_multiple(step_ms) && bounds.iter().all(|at| is_multiple(at.0))
    };
    Grain::ALL.into_iter().rev().find(fits)
}

impl Plan {
    /// Where the last point ends.
    pub(super) fn end(&self) -> Millis {
        self.bounds.last().copied().unwrap_or(self.to)
    }

    /// How many points there are.
    pub(super) fn count(&self) -> usize {
        self.bounds.len() - 1
    }
}

/// Reads a query for the history at this moment, in milliseconds since the Unix epoch: for fuzz
/// targets.
///
/// # Panics
/// If the points are out of their bounds.
#[cfg(feature = "testing")]
pub fn plan_history(query: &str, now_ms: u64) {
    let now = Millis(now_ms);
    let plan = |query: Query| query.plan(now, Retention::default(), POINTS_FITTING);
    if let Ok(plan) = Query::parse(query).and_then(plan) {
        assert!(plan.from < plan.to && plan.to <= now && plan.to <= plan.end());
        let is_exact = plan.step_ms == 0 && plan.count() == 0;
        assert!(is_exact || (1..=POINTS_MAX).contains(&(plan.count() as u64)));
        let width_ms = plan.grain.width_ms();
        assert!(is_exact || plan.bounds.iter().all(|at| at.0.is_multiple_of(width_ms)));
        assert!(plan.bounds.is_sorted_by(|one, other| one < other));
    }
}

/// A moment, and how far the clock that names it is from UTC, if it says so and is.
fn when(text: &str, zone: Option<&Zone>) -> Option<(When, Option<Offset>)> {
    if text == "now" {
        return Some((When::Ago(0), None));
    }
    if let Some(ago) = text.strip_prefix('-') {
        return span_ms(ago).map(|ms| (When::Ago(ms), None));
    }
    // The plus of an offset is a space in a query, which people who type a URL seldom know.
    let (at, offset) = at(text, zone).or_else(|| at(&text.replace(' ', "+"), zone))?;
    let at = u64::try_from(at.as_millisecond()).ok().map(Millis)?;
    Some((When::At(at), offset.filter(|offset| !offset.is_zero())))
}

fn at(text: &str, zone: Option<&Zone>) -> Option<(Timestamp, Option<Offset>)> {
    let pieces = Pieces::parse(text).ok()?;
    if let Some(offset) = pieces.to_numeric_offset() {
        return Some((text.parse().ok()?, Some(offset)));
    }
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let time = pieces.time().unwrap_or(Time::midnight());
    Some((zone?.timestamp(DateTime::from_parts(pieces.date(), time))?, None))
}

/// A whole number of minutes, hours, days or weeks, in milliseconds.
pub(crate) fn span_ms(text: &str) -> Option<u64> {
    let unit_ms = match text.chars().next_back()? {
        'm' => MINUTE_MS,
        'h' => HOUR_MS,
        'd' => DAY_MS,
        'w' => 7 * DAY_MS,
        _ => return None,
    };
    let number = &text[..text.len() - 1];
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| number.parse::<u64>().ok())?.and_then(|n| n.checked_mul(unit_ms))
}

/// A step as a query writes it.
fn name(step_ms: u64) -> String {
    match step_ms {
        ms if ms.is_multiple_of(DAY_MS) => format!("{}d", ms / DAY_MS),
        ms if ms.is_multiple_of(HOUR_MS) => format!("{}h", ms / HOUR_MS),
        ms => format!("{}m", ms / MINUTE_MS),
    }
}

#[cfg(test)]
mod tests;
