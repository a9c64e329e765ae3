//! Round values and moments on the axes of a picture. A picture does not know its readers' time
//! zone, so its clock is UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use live_users_core::{DAY_MS, Millis};

use super::query::STEPS_MS;

const DAYS: [i64; 5] = [1, 2, 5, 7, 14];
const MONTHS: [i8; 4] = [1, 2, 3, 6];

/// The values of an axis for whole numbers, from 0 to at least `max`. They are 1, 2 or 5 times a
/// power of ten apart, and at most `most` of them are above 0.
pub(super) fn values(max: u32, most: u64) -> Vec<u64> {
    let max = u64::from(max.max(1));
    let powers = (0..).map(|power| 10_u64.pow(power));
    let mut steps = powers.flat_map(|power| [power, 2 * power, 5 * power]);
    let step = steps.find(|step| max.div_ceil(*step) <= most.max(1)).unwrap_or(max);
    (0..=max.div_ceil(step)).map(|n| n * step).collect()
}

/// At most `most` round moments within an interval, each with its label.
pub(super) fn moments(from: Millis, to: Millis, most: u64) -> Vec<(Millis, String)> {
    let span_ms = to.since(from);
    let least = span_ms / most.max(1);
    // Over several days, an hour without its day is ambiguous.
    let steps = STEPS_MS.into_iter().take_while(|step| *step < DAY_MS);
    let step = steps.filter(|_| span_ms <= 2 * DAY_MS).find(|step| *step >= least);
    if let Some(step) = step {
        let first = from.0.div_ceil(step) * step;
        let all = (first..=to.0).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        return all.map(|at| (Millis(at), clock_or_day(at))).collect();
    }
    let days = DAYS.into_iter().find(|days| days.unsigned_abs() * DAY_MS >= least);
    let format = match (days, span_ms) {
        (Some(_), ..=691_200_000) => "%a %-d",
        _ => "%-d %b",
    };
    let (mut day, last) = (zoned(from).date(), zoned(to).date());
    let mut ticks = Vec::new();
    while day <= last {
        let is_tick = match days {
            Some(days) => days_since_epoch(day).is_multiple_of(days.unsigned_abs()),
            None => day.day() == 1 && is_month_tick(day, least),
        };
        let at = day.to_zoned(TimeZone::UTC).map(|it| it.timestamp().as_millisecond());
        let at = at.ok().and_then(|at| u64::try_from(at).ok()).map(Millis);
        if let Some(at) = at.filter(|at| is_tick && *at >= from && *at <= to) {
            let text = match days {
                Some(_) => day.strftime(format).to_string(),
                None if day.month() == 1 => day.strftime("%Y").to_string(),
                None => day.strftime("%b").to_string(),
            };
            ticks.push((at, text));
        }
        match day.checked_add(1.day()) {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    ticks
}

/// An interval in words.
pub(super) fn range(from: Millis, to: Millis) -> String {
    let (from, to) = (zoned(from), zoned(to));
    let (day, clock, both) = ("%-d %B %Y", "%H:%M", "%-d %B %Y, %H:%M");
    if from.date() == to.date() {
        return format!(
            "{}, {} – {} UTC",
            from.strftime(day),
            from.strftime(clock),
            to.strftime(clock)
        );
    }
    format!("{} – {} UTC", from.strftime(both), to.strftime(both))
}

fn clock_or_day(at: u64) -> String {
    let format = if at.is_multiple_of(DAY_MS) { "%a %-d" } else { "%H:%M" };
    zoned(Millis(at)).strftime(format).to_string()
}

/// Whether the first of this month has a mark if marks are at least `least_ms` apart.
fn is_month_tick(day: Date, least_ms: u64) -> bool {
    let months = MONTHS.into_iter().find(|it| it.unsigned_abs() as u64 * 30 * DAY_MS >= least_ms);
    (day.month() - 1) % months.unwrap_or(12) == 0
}

fn days_since_epoch(day: Date) -> u64 {
    let at = day.to_zoned(TimeZone::UTC).map(|it| it.timestamp().as_millisecond());
    at.ok().and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default() / DAY_MS
}

fn zoned(Millis(at): Millis) -> Zoned {
    let at = i64::try_from(at).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.unwrap_or(Timestamp::MAX).to_zoned(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    /// 2026-11-23, 09:30:00 in UTC.
    const NOW: u64 = 1_795_426_200_000;

    #[test]
    fn values_are_round_and_reach_the_most() {
        for (max, most, expected) in [
            (0, 4, vec![0, 1]),
            (3, 4, vec![0, 1, 2, 3]),
            (7, 4, vec![0, 2, 4, 6, 8]),
            (51, 5, vec![0, 20, 40, 60]),
            (u32::MAX, 3, vec![0, 2_000_000_000, 4_000_000_000, 6_000_000_000]),
        ] {
            assert_eq!(values(max, most), expected, "{max}");
        }
    }

    #[test]
    fn moments_are_round_and_few() {
        for (span_ms, most, expected) in [
            (HOUR_MS, 6, vec!["08:30", "08:40", "08:50", "09:00", "09:10", "09:20", "09:30"]),
            (DAY_MS, 6, vec!["12:00", "16:00", "20:00", "Mon 23", "04:00", "08:00"]),
            (
                7 * DAY_MS,
                7,
                vec!["Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22", "Mon 23"],
            ),
            (30 * DAY_MS, 6, vec!["29 Oct", "3 Nov", "8 Nov", "13 Nov", "18 Nov", "23 Nov"]),
            (365 * DAY_MS, 6, vec!["2026", "Apr", "Jul", "Oct"]),
            (
                3650 * DAY_MS,
                5,
                vec![
                    "2017", "2018", "2019", "2020", "2021", "2022", "2023", "2024", "2025", "2026",
                ],
            ),
        ] {
            let ticks = moments(Millis(NOW - span_ms), Millis(NOW), most);
            let texts: Vec<_> = ticks.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, expected, "{} days", span_ms / DAY_MS);
        }
    }

    #[test]
    fn a_range_is_text() {
        let text = range(Millis(NOW - HOUR_MS), Millis(NOW));
        assert_eq!(text, "23 November 2026, 08:30 – 09:30 UTC");
        let text = range(Millis(NOW - DAY_MS), Millis(NOW));
        assert_eq!(text, "22 November 2026, 09:30 – 23 November 2026, 09:30 UTC");
    }
}
