//! The rule up to commit f4e501d gives what that commit's build gave.
//!
//! The figures are those of `simulate --world WORLD --hours 0.5 --live 20 --seed 1 --json` of that
//! build, whose oracle did not know parties.

use super::MINUTE_MS;
use crate::lossy::{CountsLegs, Kind, Report, Scenario, run};

fn played(kind: Kind) -> Report {
    let scenario = Scenario::standard(kind, 1, 30 * MINUTE_MS, 20);
    let scenario = Scenario { up_is_live: true, ..scenario };
    run(&scenario, &mut CountsLegs::of(&scenario), &mut |_, _| {}).unwrap()
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[test]
fn where_nothing_is_lost_it_shows_what_the_build_showed() {
    let report = played(Kind::Clean);
    assert_eq!((report.calls, report.webhooks.sent, report.max_live), (126, 5_338, 26));
    assert!(is_near(report.mean_live, 16.02371388888889), "{report}");
    assert!(is_near(report.exact, 0.9920672222222222), "{report}");
    assert!(is_near(report.exact_on_the_wire, 1.0), "{report}");
    assert!(is_near(report.mean_error, 0.007948888888888889), "{report}");
    assert_eq!((report.max_error, report.left_over, report.healing.n), (2, 0, 0));
}

#[test]
fn where_webhooks_are_lost_its_errors_heal_as_those_of_the_build() {
    let report = played(Kind::Lossy);
    assert_eq!((report.webhooks.delivered, report.webhooks.lost), (5_604, 256));
    assert!(is_near(report.mean_live, 16.02371388888889), "{report}");
    // When a call is asked for depends on the requests before it, which come in a slightly other
    // order.
    assert!((report.exact_on_the_wire - 0.9807155555555556).abs() < 0.005, "{report}");
    assert!((report.mean_error_share - 0.003121796739797283).abs() < 0.001, "{report}");
    assert_eq!((report.healing.n, report.healing.never, report.left_over), (6, 0, 0));
    assert!(report.healing.max_ms.abs_diff(24_158) < 3_000, "{report}");
}
