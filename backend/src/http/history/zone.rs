//! The time zone that the days of a history begin in, and where its points begin.

use jiff::civil::Date;
use jiff::tz::{self, Offset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};
use live_users_core::{DAY_MS, Millis};

use crate::parts::clock::moment;

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    zone: TimeZone,
    /// What answers call it; `None` if nobody has asked for one, and the clock is UTC.
    name: Option<String>,
}

impl Default for Zone {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, name: None }
    }
}

impl Zone {
    /// The zone of this name in the database of IANA.
    pub(super) fn named(text: &str) -> Option<Self> {
        let zone = tz::db().get(text).ok()?;
        let name = zone.iana_name()?.to_owned();
        Some(Self { zone, name: Some(name) })
    }

    /// The same distance from UTC all the time.
    pub(super) fn at(offset: Offset) -> Self {
        let name =
            Timestamp::UNIX_EPOCH.to_zoned(offset.to_time_zone()).strftime("%:z").to_string();
        Self { zone: offset.to_time_zone(), name: Some(name) }
    }

    /// What answers call it, if somebody has asked for it.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What a picture calls it.
    pub(super) fn label(&self) -> String {
        match &self.name {
            None => "UTC".to_owned(),
            Some(name) if name.starts_with(['+', '-']) => format!("UTC{name}"),
            Some(name) => name.replace('_', " "),
        }
    }

    /// What a picture calls it where there is little room, such as EST.
    pub(super) fn short_label(&self, at: Millis) -> String {
        match &self.name {
            Some(name) if !name.starts_with(['+', '-']) => {
                self.zoned(at).strftime("%Z").to_string()
            }
            _ => self.label(),
        }
    }

    /// A moment by its clock, as text.
    pub(super) fn moment(&self, at: Millis) -> String {
        match self.name {
            None => moment(at),
            Some(_) => self.zoned(at).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        }
    }

    /// The moment of a date and a time of day by its clock.
    pub(super) fn timestamp(&self, local: jiff::civil::DateTime) -> Option<Timestamp> {
        self.zone.to_timestamp(local).ok()
    }

    pub(super) fn zoned(&self, Millis(at): Millis) -> Zoned {
        let at = i64::try_from(at).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        at.unwrap_or(Timestamp::MAX).to_zoned(self.zone.clone())
    }

    /// The moment at which a day begins.
    pub(super) fn midnight(&self, day: Date) -> Option<Millis> {
        let at = day.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond();
        // Where it is 1970 already, it is so in UTC in at most a day.
        Some(Millis(u64::try_from(at).unwrap_or_default()))
    }

    /// The moments from which the points of `step_ms` begin, from the one that has `from` in it to
    /// the one that has `to`, and where the last point ends. `None` if there are more than `most`
    /// points.
    ///
    /// Without a name, points lie on multiples of the step since 1970. By the clock of a zone, a
    /// point of whole days begins at midnight, and shorter ones go from each midnight on: a day of
    /// 23 hours has 23 points of an hour.
    pub(super) fn bounds(
        &self,
        (from, to): (Millis, Millis),
        step_ms: u64,
        most: u64,
    ) -> Option<Vec<Millis>> {
        if self.name.is_none() {
            let (first, last) = (from.0 / step_ms, to.0.div_ceil(step_ms));
            let all = || (first..=last).map(|n| Millis(n.saturating_mul(step_ms))).collect();
            return (last - first <= most).then(all);
        }
        let days = (step_ms / DAY_MS).max(1);
        let mut day = self.first_day(from, days)?;
        let mut bounds = Vec::new();
        loop {
            let next = day.checked_add(i64::try_from(days).ok()?.days()).ok()?;
            let (begin, end) = (self.midnight(day)?, self.midnight(next)?);
            // A zone that has moved across the date line has left out a day.
            let step = if step_ms < DAY_MS { step_ms } else { end.since(begin).max(1) };
            for at in (begin.0..end.0).step_by(usize::try_from(step).ok()?).map(Millis) {
                if at <= from {
                    bounds.clear();
                }
                bounds.push(at);
                if at >= to {
                    return Some(bounds);
                }
                if bounds.len() as u64 > most {
                    return None;
                }
            }
            day = next;
        }
    }

    /// The first day of the group of so many, counted since 1970, that a moment is in.
    fn first_day(&self, at: Millis, days: u64) -> Option<Date> {
        let day = self.zoned(at).date();
        let past = days_since_epoch(day) % i64::try_from(days).ok()?;
        day.checked_sub(past.days()).ok()
    }
}

/// How many days have passed from the first of January 1970 to this day.
pub(super) fn days_since_epoch(day: Date) -> i64 {
    let epoch = Date::constant(1970, 1, 1);
    epoch.until(day).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use live_users_core::HOUR_MS;

    use super::*;

    fn at(text: &str) -> Millis {
        let at = text.parse::<Timestamp>().unwrap().as_millisecond();
        Millis(u64::try_from(at).unwrap())
    }

    fn texts(zone: &str, from: &str, to: &str, step_ms: u64) -> Vec<String> {
        let zone = Zone::named(zone).unwrap();
        let bounds = zone.bounds((at(from), at(to)), step_ms, 2_000).unwrap();
        bounds.into_iter().map(|it| zone.moment(it)).collect()
    }

    #[test]
    fn days_begin_at_midnight_where_they_have_23_and_25_hours() {
        // The clock goes forward on the 8th of March, and back on the first of November.
        let spring =
            texts("America/New_York", "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z", DAY_MS);
        assert_eq!(
            spring,
            [
                "2026-03-07T00:00:00.000-05:00",
                "2026-03-08T00:00:00.000-05:00",
                "2026-03-09T00:00:00.000-04:00",
                "2026-03-10T00:00:00.000-04:00",
            ]
        );
        for (day, hours) in [("2026-03-08", 23), ("2026-03-09", 24), ("2026-11-01", 25)] {
            let zone = Zone::named("america/new_york").unwrap();
            let begin = zone.midnight(day.parse().unwrap()).unwrap();
            let end = zone.midnight(day.parse::<Date>().unwrap().tomorrow().unwrap()).unwrap();
            assert_eq!(end.since(begin), hours * HOUR_MS, "{day}");
            let hourly = zone.bounds((begin, end), HOUR_MS, 100).unwrap();
            assert_eq!(hourly.len() as u64, hours + 1, "{day}");
            // The last part of a day is cut short at midnight.
            let parts = zone.bounds((begin, end), 6 * HOUR_MS, 100).unwrap();
            assert_eq!(parts.len() as u64, hours.div_ceil(6) + 1, "{day}");
            assert_eq!((parts[0], parts[parts.len() - 1]), (begin, end), "{day}");
        }
    }

    #[test]
    fn a_day_that_has_no_midnight_begins_with_its_first_moment() {
        let days = texts("Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-24T12:00:00Z", DAY_MS);
        assert_eq!(days[1], "2026-04-24T01:00:00.000+03:00");
    }

    #[test]
    fn a_day_that_a_zone_has_left_out_is_no_point() {
        for (zone, before, left_out, after) in [
            ("Pacific/Apia", "2011-12-29", "2011-12-30", "2012-01-01"),
            ("Pacific/Kiritimati", "1994-12-30", "1994-12-31", "1995-01-02"),
            ("Pacific/Kwajalein", "1993-08-20", "1993-08-21", "1993-08-23"),
        ] {
            let times = [before, after].map(|day| format!("{day}T22:00:00Z"));
            let days = texts(zone, &times[0], &times[1], DAY_MS);
            assert!(days.iter().all(|day| !day.starts_with(left_out)), "{zone}: {days:?}");
            assert!(days.is_sorted() && days.len() >= 3, "{zone}: {days:?}");
            assert!(texts(zone, &times[0], &times[1], HOUR_MS).len() >= 72, "{zone}");
            texts(zone, &times[0], &times[1], 7 * DAY_MS);
        }
    }

    #[test]
    fn groups_of_days_are_the_same_whenever_one_asks() {
        let step = 7 * DAY_MS;
        let all = texts("Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-11-23T00:00:00Z", step);
        let last = texts("Asia/Kolkata", "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z", step);
        assert_eq!(last, all[all.len() - 2..]);
    }

    #[test]
    fn there_are_no_more_points_than_may_be() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let (from, to) = (at("2026-11-23T00:00:00+01:00"), at("2026-11-24T00:00:00+01:00"));
        for zone in [zone, Zone::default(), Zone::at(Offset::constant(1))] {
            assert_eq!(zone.bounds((from, to), HOUR_MS, 24).map(|it| it.len()), Some(25));
            assert_eq!(zone.bounds((from, to), HOUR_MS, 23), None);
        }
    }

    #[test]
    fn names_are_those_of_the_database() {
        let zone = Zone::named("america/new_york").unwrap();
        assert_eq!(zone.name(), Some("America/New_York"));
        for wrong in ["", "EST5EDT,M3.2.0,M11.1.0", "+05:00", "../etc/passwd", "Nowhere/At_All"] {
            assert_eq!(Zone::named(wrong), None, "{wrong}");
        }
        let (kolkata, at) = (Zone::at(Offset::from_seconds(19_800).unwrap()), Millis(0));
        assert_eq!((kolkata.name(), kolkata.label()), (Some("+05:30"), "UTC+05:30".to_owned()));
        assert_eq!(kolkata.moment(at), "1970-01-01T05:30:00.000+05:30");
        assert_eq!(zone.short_label(at), "EST");
        assert_eq!((Zone::default().moment(at), Zone::default().name()), (moment(at), None));
    }
}
