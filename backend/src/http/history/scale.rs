//! Round values and moments on the axes of a picture. A picture does not know its readers' time
//! zone, so its clock is UTC unless it was asked for with another one.

use jiff::civil::Date;
use live_users_core::{DAY_MS, HOUR_MS, Millis};

use super::query::STEPS_MS;
use super::zone::{Zone, days_since_epoch};

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

/// At most `most` round moments by the clock of a zone within an interval, each with its label.
pub(super) fn moments(
    (from, to): (Millis, Millis),
    zone: &Zone,
    most: u64,
) -> Vec<(Millis, String)> {
    let span_ms = to.since(from);
    let least = span_ms / most.max(1);
    // Over several days, an hour without its day is ambiguous.
    let steps = STEPS_MS.into_iter().take_while(|step| *step < DAY_MS);
    let step = steps.filter(|_| span_ms <= 2 * DAY_MS).find(|step| *step >= least);
    let days = DAYS.into_iter().find(|days| days.unsigned_abs() * DAY_MS >= least);
    let format = match (days, span_ms) {
        (Some(_), ..=691_200_000) => "%a %-d",
        _ => "%-d %b",
    };
    let (mut day, last) = (zone.zoned(from).date(), zone.zoned(to).date());
    let mut ticks = Vec::new();
    while day <= last {
        let Ok(next) = day.tomorrow() else { break };
        let Some((begin, end)) = zone.midnight(day).zip(zone.midnight(next)) else { break };
        let is_tick = match (step, days) {
            (Some(_), _) => true,
            (None, Some(days)) => days_since_epoch(day).rem_euclid(days) == 0,
            (None, None) => day.day() == 1 && is_month_tick(day, least),
        };
        if is_tick {
            let text = match (step, days) {
                (Some(_), _) => day.strftime("%a %-d"),
                (None, Some(_)) => day.strftime(format),
                (None, None) if day.month() == 1 => day.strftime("%Y"),
                (None, None) => day.strftime("%b"),
            };
            ticks.push((begin, text.to_string()));
        }
        if let Some(step) = step {
            ticks.extend(within(zone, day, (begin, end), step));
        }
        day = next;
    }
    ticks.retain(|(at, _)| (from..=to).contains(at));
    ticks
}

/// The round moments of a day behind its midnight. Hours go by the clock, which may jump in between;
/// parts of an hour go on from midnight, so that no hour is without them that is there twice.
fn within(
    zone: &Zone,
    day: Date,
    (begin, end): (Millis, Millis),
    step: u64,
) -> Vec<(Millis, String)> {
    let each = || (1..).map(|n| n * step);
    let moments: Vec<_> = if step <= HOUR_MS {
        each().map(|ms| Millis(begin.0 + ms)).take_while(|at| *at < end).collect()
    } else {
        let hours = each().take_while(|ms| *ms < DAY_MS).map(|ms| ms / HOUR_MS);
        let at = |hour: u64| zone.timestamp(day.at(i8::try_from(hour).ok()?, 0, 0, 0));
        let at = hours.filter_map(at).filter_map(|at| u64::try_from(at.as_millisecond()).ok());
        at.map(Millis).collect()
    };
    let label = |at| zone.zoned(at).strftime("%H:%M").to_string();
    moments.into_iter().map(|at| (at, label(at))).collect()
}

/// An interval in words.
pub(super) fn range((from, to): (Millis, Millis), zone: &Zone) -> String {
    let (name, from, to) = (zone.label(), zone.zoned(from), zone.zoned(to));
    let (day, clock, both) = ("%-d %B %Y", "%H:%M", "%-d %B %Y, %H:%M");
    if from.date() == to.date() {
        return format!(
            "{}, {} – {} {name}",
            from.strftime(day),
            from.strftime(clock),
            to.strftime(clock)
        );
    }
    format!("{} – {} {name}", from.strftime(both), to.strftime(both))
}

/// Whether the first of this month has a mark if marks are at least `least_ms` apart.
fn is_month_tick(day: Date, least_ms: u64) -> bool {
    let months = MONTHS.into_iter().find(|it| it.unsigned_abs() as u64 * 30 * DAY_MS >= least_ms);
    (day.month() - 1) % months.unwrap_or(12) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let ticks = moments((Millis(NOW - span_ms), Millis(NOW)), &Zone::default(), most);
            let texts: Vec<_> = ticks.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, expected, "{} days", span_ms / DAY_MS);
        }
    }

    #[test]
    fn moments_are_round_by_the_clock_of_a_zone() {
        let ticks = |zone: &str, from: &str, hours: u64| {
            let from = from.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            let from = u64::try_from(from).unwrap();
            let times = (Millis(from), Millis(from + hours * HOUR_MS));
            let ticks = moments(times, &Zone::named(zone).unwrap(), 6);
            ticks.into_iter().map(|(at, text)| (at.since(Millis(from)) / 60_000, text)).collect()
        };
        let texts = |ticks: Vec<(u64, String)>| -> Vec<String> {
            ticks.into_iter().map(|(_, text)| text).collect()
        };
        let day = ["12:00", "16:00", "20:00", "Mon 23", "04:00", "08:00"];
        let found: Vec<(u64, String)> = ticks("Asia/Kolkata", "2026-11-22T04:00:00Z", 24);
        assert!(found.iter().all(|(at, _)| at % 60 == 30), "half past by UTC: {found:?}");
        assert_eq!(texts(found), day);
        // The clock goes back at 2 and shows 1 again: the day has 25 hours.
        let found = ticks("America/New_York", "2026-11-01T04:00:00Z", 25);
        let on_the_clock = ["Sun 1", "06:00", "12:00", "18:00", "Mon 2"];
        assert_eq!(texts(found), on_the_clock);
        let found = ticks("America/New_York", "2026-11-01T05:00:00Z", 2);
        assert_eq!(texts(found), ["01:00", "01:30", "01:00", "01:30", "02:00"]);
    }

    #[test]
    fn a_range_is_text() {
        let text = range((Millis(NOW - HOUR_MS), Millis(NOW)), &Zone::default());
        assert_eq!(text, "23 November 2026, 08:30 – 09:30 UTC");
        let text = range((Millis(NOW - DAY_MS), Millis(NOW)), &Zone::default());
        assert_eq!(text, "22 November 2026, 09:30 – 23 November 2026, 09:30 UTC");
        let zone = Zone::named("America/New_York").unwrap();
        let text = range((Millis(NOW - HOUR_MS), Millis(NOW)), &zone);
        assert_eq!(text, "23 November 2026, 03:30 – 04:30 America/New York");
    }
}
