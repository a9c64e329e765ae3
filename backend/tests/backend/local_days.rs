//! The history by the clock of a time zone: days begin at its midnight.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use serde_json::Value;

use crate::history::{an_hour, ask, journal, problem, read};
use crate::honest::WITH_TOKEN;
use crate::{AGENTS, agents_file, start};

const ATLANTA: &str = "America/New_York";

/// The midnight before last in a zone.
fn midnight(zone: &str) -> Zoned {
    let day = Timestamp::now().in_tz(zone).expect("a zone").date();
    let day = day.checked_sub(2.days()).expect("a day");
    day.to_zoned(TimeZone::get(zone).expect("a zone")).expect("a midnight")
}

fn ms(at: &Zoned) -> u64 {
    u64::try_from(at.timestamp().as_millisecond()).expect("a moment")
}

/// The points in which there was somebody: when they begin, and the most.
fn busy(told: &Value) -> Vec<(&str, u64)> {
    let points = told["points"].as_array().expect("points").iter();
    let busy = points.filter(|it| it["max"].as_u64().is_some_and(|max| max > 0));
    busy.map(|it| (it["at"].as_str().expect("text"), it["max"].as_u64().expect("n"))).collect()
}

#[test]
fn an_evening_is_in_the_day_that_it_has_where_it_was() {
    let midnight = midnight(ATLANTA);
    let evening = midnight.date().at(20, 0, 0, 0).in_tz(ATLANTA).expect("an evening");
    let (_folder, url) = journal(&an_hour(ms(&evening)));
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url)]);
    let local = |at: &Zoned| at.strftime("%Y-%m-%dT%H:%M:%S.000%:z").to_string();
    let next = midnight.date().tomorrow().expect("a day").in_tz(ATLANTA).expect("a midnight");
    let (day, next_day) = (midnight.date().to_string(), next.date().to_string());

    let told = read(&server, &format!("from={day}&to={next_day}&step=1d&tz={ATLANTA}"));
    assert_eq!(told["tz"], ATLANTA);
    assert_eq!((&told["from"], &told["to"]), (&local(&midnight).into(), &local(&next).into()));
    assert_eq!(told["points"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(busy(&told), [(&*local(&midnight), 2)]);
    let peak = local(&(&evening + SignedDuration::from_mins(15)));
    assert_eq!(told["peaks"]["week"]["at"], peak, "each moment is by that clock");

    let told = read(&server, &format!("from={day}T00:00&to={next_day}T00:00&step=1h&tz={ATLANTA}"));
    assert_eq!(busy(&told), [(&*local(&evening), 2)]);

    // A time with an offset names a clock, too.
    let with_offset = format!("from={}&to={}", local(&midnight), local(&next)).replace('+', "%2B");
    let told = read(&server, &format!("{with_offset}&step=1d"));
    assert_eq!(busy(&told), [(&*local(&midnight), 2)]);
    assert_eq!(told["points"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(told["tz"], midnight.strftime("%:z").to_string());

    // By UTC it was in the night of the next day, as ever.
    let told = read(&server, "from=-4d&step=1d");
    let utc = evening.timestamp().strftime("%Y-%m-%dT00:00:00.000Z").to_string();
    assert_eq!((busy(&told), &told["tz"]), (vec![(&*utc, 2)], &Value::Null));
}

#[test]
fn days_between_the_hours_of_utc_are_made_of_quarters_while_these_are_kept() {
    let midnight = midnight("Asia/Kolkata");
    let (_folder, url) = journal(&an_hour(ms(&midnight)));
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url)]);
    let told = read(&server, "from=-5d&step=1d&tz=Asia/Kolkata");
    assert_eq!(busy(&told).len(), 1, "{told}");
    assert!(busy(&told)[0].0.ends_with("T00:00:00.000+05:30"), "{told}");
    let (status, field, expected) = problem(&server, "history?from=-40d&step=1d&tz=Asia/Kolkata");
    assert_eq!((status, &*field), (400, "tz"));
    assert!(expected.contains("whole hours from UTC"), "{expected}");
    let (status, field, _) = problem(&server, "history.svg?tz=Mars/Olympus");
    assert_eq!((status, &*field), (400, "tz"));
}

#[test]
fn the_ticks_of_a_picture_are_by_the_clock_that_it_was_asked_for_with() {
    let midnight = midnight("Asia/Kolkata");
    let (_folder, url) = journal(&an_hour(ms(&midnight)));
    let (_agents, file) = agents_file(AGENTS);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)]);
    let (day, next) = (midnight.date(), midnight.date().tomorrow().expect("a day"));
    let svg = ask(&server, &format!("history.svg?from={day}&to={next}&tz=Asia/Kolkata")).body;
    let range = midnight.strftime("%-d %B %Y, 00:00 – ").to_string();
    for text in [&*range, "Asia/Kolkata", "time in Asia/Kolkata", ">12:00<", ">peak 2<"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    assert!(!svg.contains("UTC"), "{svg}");
    let narrow = format!("history.svg?from={day}&to={next}&tz=Asia/Kolkata&width=320");
    assert!(ask(&server, &narrow).body.contains(">IST<"));
}
