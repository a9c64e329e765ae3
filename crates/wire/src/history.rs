//! How the number of live users has changed.
//!
//! Moments are RFC 3339 in UTC with milliseconds (`2026-11-23T09:30:00.000Z`).

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/live-users/history`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// Where the first point begins.
    pub from: String,
    /// The end of what was asked for, within the last point.
    pub to: String,
    /// How far the points are apart, in milliseconds; 0 where the steps were asked for. By the clock
    /// of a zone, the last point of a day is shorter where the step does not divide the day, and a
    /// day may have 23 or 25 hours.
    pub step_ms: u64,
    /// Where what is known begins; `None` while nothing is, and from an older backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The time zone that days begin in, if one was asked for: by its name (`America/New_York`), or
    /// by its distance from UTC (`-05:00`). All moments of the answer are by its clock then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    /// The id of the agent whose users these are; `None` for all.
    pub agent: Option<String>,
    /// The account whose users these are, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The points, the oldest first, without a gap.
    pub points: Vec<PointView>,
    /// Each change, the oldest first, if the steps were asked for instead of points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepView>>,
    /// The numbers at `asOf`; `None` while nothing is known, and from an older backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<StepView>,
    /// What to ask for as `after` to go on: `at` of the last point or step that does not change any
    /// more; `None` if there is none yet, and from an older backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The most users at once.
    pub peaks: PeaksView,
    /// The moment at which all of this held.
    pub as_of: String,
}

/// The live users over a stretch of time; all three are `None` where nothing is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointView {
    /// Where the stretch begins.
    pub at: String,
    /// The fewest at once.
    pub min: Option<u32>,
    /// The most at once.
    pub max: Option<u32>,
    /// How many on average, weighted by time, to four digits behind the point.
    pub mean: Option<f64>,
    /// Users of each party, and their sum.
    #[serde(flatten)]
    pub line: LinePointView,
}

/// The numbers from one moment on, until the next change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// When they came to be.
    pub at: String,
    /// The live users.
    pub live_users: u32,
    /// Those connected with an agent.
    pub with_agent: u32,
    /// Those connected with nobody yet, or for now.
    pub waiting: u32,
    /// Those handed over to a person.
    pub with_person: u32,
    /// Calls that a voicemail or a fax has answered.
    pub machine: u32,
    /// The sum of the four.
    pub on_the_line: u32,
}

/// The users of each party over a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LinePointView {
    /// Those connected with an agent.
    pub with_agent: RangeView,
    /// Those connected with nobody yet, or for now.
    pub waiting: RangeView,
    /// Those handed over to a person.
    pub with_person: RangeView,
    /// Calls that a voicemail or a fax has answered.
    pub machine: RangeView,
    /// The sum of the four.
    pub on_the_line: RangeView,
}

/// One number over a stretch of time; all three are `None` where nothing is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RangeView {
    /// The fewest at once.
    pub min: Option<u32>,
    /// The most at once.
    pub max: Option<u32>,
    /// How many on average, as [`PointView::mean`].
    pub mean: Option<f64>,
}

/// The most users at once within times that end at `asOf`; `None` while nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeaksView {
    /// Within the last 60 minutes.
    pub hour: Option<PeakView>,
    /// Within the last 24 hours.
    pub day: Option<PeakView>,
    /// Within the last 7 days.
    pub week: Option<PeakView>,
    /// Within the last 30 days.
    pub month: Option<PeakView>,
    /// Since there is a history.
    pub ever: Option<PeakView>,
}

/// The most users at once, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeakView {
    /// When there came to be so many.
    pub at: String,
    /// How many.
    pub live_users: u32,
}
