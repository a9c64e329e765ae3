//! The parameters of queries that both servers take. They refuse all others.

/// Of the activity.
pub const ACTIVITY: &[&str] = &["limit", "after", "account"];

/// Of the list of calls.
pub const CALLS: &[&str] = &[
    "limit",
    "after",
    "agent",
    "account",
    "source",
    "suspect",
    "party",
    "dialing",
    "country",
    "search",
    "searchCountries",
    "format",
];

/// Of the stretches of calls.
pub const STRETCHES: &[&str] = &["agent", "account", "after", "format"];

/// Of the history.
pub const HISTORY: &[&str] = &["from", "to", "step", "tz", "agent", "account", "after", "format"];

/// Of the picture of the history.
pub const PICTURE: &[&str] =
    &["from", "to", "step", "tz", "agent", "account", "theme", "width", "height"];

/// Of the streams of the summary.
pub const SUMMARY_STREAM: &[&str] = &[CHANGES];

/// The parameter by which a snapshot and changes are asked for: `true` or `false`.
pub const CHANGES: &str = "changes";
