//! What is asked for becomes points, or an error that says what can be asked for.

use super::*;

/// 2026-11-23, 09:30:17 in UTC.
const NOW: Millis = Millis(1_795_426_217_000);

fn plan(query: &str) -> Result<Plan, ParameterError> {
    Query::parse(query)?.plan(NOW, Retention::default(), POINTS_FITTING)
}

#[test]
fn what_is_asked_for_becomes_points_on_round_moments() {
    for (query, grain, from, step, count) in [
        ("from=-1h&step=1m", Grain::Minute, "2026-11-23T08:30:00.000Z", "1m", 61),
        ("from=-24h&step=15m", Grain::Quarter, "2026-11-22T09:30:00.000Z", "15m", 97),
        ("from=-7d&step=1h", Grain::Hour, "2026-11-16T09:00:00.000Z", "1h", 169),
        ("from=-30d&step=1h", Grain::Hour, "2026-10-24T09:00:00.000Z", "1h", 721),
        ("", Grain::Minute, "2026-11-22T09:30:00.000Z", "5m", 289),
        ("from=-7d", Grain::Quarter, "2026-11-16T09:30:00.000Z", "30m", 337),
        ("from=-72h&to=-71h", Grain::Quarter, "2026-11-20T09:30:00.000Z", "15m", 5),
        ("from=-52w", Grain::Hour, "2025-11-24T00:00:00.000Z", "1d", 365),
        ("from=-9000d", Grain::Hour, "2002-03-14T00:00:00.000Z", "28d", 323),
        ("from=-2h&step=7m", Grain::Minute, "2026-11-23T07:29:00.000Z", "7m", 18),
        ("from=-3d&step=45m", Grain::Quarter, "2026-11-20T09:00:00.000Z", "45m", 97),
        (
            "from=2026-11-23T09:00:00Z&to=2026-11-23T09:10:00Z&step=5m",
            Grain::Minute,
            "2026-11-23T09:00:00.000Z",
            "5m",
            2,
        ),
        (
            "from=2026-11-23T10:00:00+01:00&to=2099-01-01T00:00:00Z&step=1h",
            Grain::Hour,
            "2026-11-23T10:00:00.000+01:00",
            "1h",
            1,
        ),
    ] {
        let plan = plan(query).unwrap();
        let from_text = plan.zone.moment(plan.from);
        let planned = (plan.grain, &*from_text, &*name(plan.step_ms), plan.count());
        assert_eq!(planned, (grain, from, step, count), "{query}");
        assert!(plan.from < plan.to && plan.to <= plan.end() && plan.to <= NOW);
    }
}

#[test]
fn points_begin_by_the_clock_that_is_asked_for() {
    for (query, grain, from, step, count) in [
        (
            "from=2026-11-20T00:00:00-05:00&to=2026-11-21T00:00:00-05:00&step=1d",
            Grain::Hour,
            "2026-11-20T00:00:00.000-05:00",
            "1d",
            1,
        ),
        (
            "from=2026-10-31&to=2026-11-03&step=1d&tz=America/New_York",
            Grain::Hour,
            "2026-10-31T00:00:00.000-04:00",
            "1d",
            3,
        ),
        (
            "from=2026-11-01T00:00&to=2026-11-02T00:00&step=1h&tz=America/New_York",
            Grain::Hour,
            "2026-11-01T00:00:00.000-04:00",
            "1h",
            25,
        ),
        (
            "from=-7d&step=1d&tz=Asia/Kolkata",
            Grain::Quarter,
            "2026-11-16T00:00:00.000+05:30",
            "1d",
            8,
        ),
        (
            "from=-1h&step=1m&tz=Asia/Kathmandu",
            Grain::Minute,
            "2026-11-23T14:15:00.000+05:45",
            "1m",
            61,
        ),
        (
            "from=-7d&step=6h&tz=Europe/Berlin",
            Grain::Hour,
            "2026-11-16T06:00:00.000+01:00",
            "6h",
            29,
        ),
        ("from=-1h&step=1h&tz=utc", Grain::Hour, "2026-11-23T08:00:00.000+00:00", "1h", 2),
    ] {
        let plan = plan(query).unwrap();
        let from_text = plan.zone.moment(plan.from);
        let planned = (plan.grain, &*from_text, &*name(plan.step_ms), plan.count());
        assert_eq!(planned, (grain, from, step, count), "{query}");
        assert!(plan.from < plan.to && plan.to <= plan.end() && plan.to <= NOW);
    }
}

#[test]
fn each_change_of_the_last_minutes_needs_no_points() {
    let plan = plan("from=-15m&to=-1m&step=exact&agent=booking").unwrap();
    assert_eq!((plan.step_ms, plan.count(), plan.end()), (0, 0, plan.to));
    assert_eq!(
        (&*plan.zone.moment(plan.from), &*plan.zone.moment(plan.to)),
        ("2026-11-23T09:15:17.000Z", "2026-11-23T09:29:17.000Z")
    );
    for query in ["step=exact", "step=exact&from=", "to=-1m&step=exact"] {
        assert_eq!(self::plan(query).unwrap().from, plan.from, "all that is kept: {query}");
    }
}

#[test]
fn what_cannot_be_asked_for_is_named_with_what_can() {
    for (query, field, expected) in [
        ("from=yesterday", "from", "RFC 3339"),
        ("from=-24", "from", "RFC 3339"),
        ("from=1960-01-01T00:00:00Z", "from", "RFC 3339"),
        ("from=-1h&to=2026-11-23T09:30:00", "to", "RFC 3339"),
        ("from=-99999999999999999999h", "from", "RFC 3339"),
        ("from=-1h&to=-1h", "from", "before `to`"),
        ("from=2026-12-23T09:30:00Z", "from", "before now"),
        ("step=1s", "step", "1m, 15m, 1h"),
        ("from=-24h&step=exact", "step", "a multiple of 1m for a `from` as early"),
        ("from=-17m&step=exact", "step", "each change is told of the last 15 minutes"),
        ("step=0m", "step", "1m, 15m, 1h"),
        ("step=-1h", "step", "1m, 15m, 1h"),
        ("step=367d", "step", "1m, 15m, 1h"),
        ("from=-49h&to=-48h&step=1m", "step", "a multiple of 15m for a `from` as early"),
        ("from=-31d&to=-30d&step=45m", "step", "a multiple of 1h for a `from` as early"),
        ("from=-3d&step=5m", "step", "1m is kept back to 2026-11-21T09:30:17.000Z, 15m to"),
        ("from=-40h&step=1m", "step", "at least 2m for so long a time, or none"),
        ("from=-365d&step=1h", "step", "at least 6h"),
        ("tz=Mars/Olympus", "tz", "such as UTC"),
        ("tz=%2B05:30", "tz", "such as UTC"),
        ("tz=Europe/Berlin&from=2026-11-23T09:30[Asia/Tokyo]", "from", "RFC 3339"),
        ("tz=Europe/Berlin&step=36h&from=-30d", "step", "whole days"),
        ("tz=Asia/Kolkata&step=1d&from=-31d", "tz", "whole hours from UTC"),
        ("from=2026-10-01T00:00:00+05:30&step=1d", "from", "15m to 2026-10-24T15:00:17.000+05:30"),
        ("agent=a%20b", "agent", "1 to 64 letters"),
        ("account=a%20b", "account", "1 to 64 letters"),
    ] {
        let wrong = plan(query).unwrap_err();
        assert_eq!(wrong.name, field, "{query}");
        assert!(wrong.expected.contains(expected), "{query}: {}", wrong.expected);
    }
}
