//! A query for the history is read without a panic, and its points are within their bounds. The first
//! line is the present, in milliseconds since 1970.

#![no_main]

use live_users_backend::plan_history;
use live_users_fuzz::line_of;

/// The last moment that has a text, in milliseconds since 1970.
const YEAR_9999: u64 = 253_402_207_200_999;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut query = bytes;
    let now = line_of(&mut query).parse().map_or(1_795_426_217_000, |now: u64| now.min(YEAR_9999));
    plan_history(&String::from_utf8_lossy(query), now);
});
