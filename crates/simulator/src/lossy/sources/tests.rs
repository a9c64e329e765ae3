//! Whole small worlds of sources.

use super::*;
use crate::lossy::report::NumberReport;
use crate::lossy::scenario::{Kind, Network, Scenario};

const MINUTE_MS: u64 = 60_000;

fn small(kind: Kind, seed: u64) -> Scenario {
    let scenario = Scenario::standard(kind, seed, 10 * MINUTE_MS, 6);
    Scenario { talk_ms: 60_000, ..scenario }
}

fn played(name: &str, scenario: &Scenario) -> SourceReport {
    let world = SourceWorld::named(name).unwrap();
    let report = run_source(world, scenario, None, &mut |_, _| {});
    report.unwrap_or_else(|failure| panic!("{name}: {failure}"))
}

fn number(report: &SourceReport) -> NumberReport {
    *report.number().unwrap()
}

#[test]
fn one_seed_gives_one_report() {
    for name in ["telnyx", "vapi+twilio"] {
        let of = |seed| played(name, &small(Kind::Lossy, seed));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}

#[test]
fn a_source_that_tells_all_is_exact_when_everything_arrives() {
    for world in SOURCE_WORLDS.iter().filter(|world| world.tells_all) {
        for seed in 1..=3 {
            let report = played(world.name, &small(Kind::Clean, seed));
            let number = number(&report);
            assert!(number.mean_live > 3.0, "{report}");
            assert_eq!((number.exact_on_the_wire, number.left_over), (1.0, 0), "{report}");
            let network = Network { travel_ms: 0..=0, ..Network::default() };
            let at_once = Scenario { network, ..small(Kind::Clean, seed) };
            let report = played(world.name, &at_once);
            assert_eq!(report.number().unwrap().exact, 1.0, "{report}");
        }
    }
}

/// What each world has held in all of six seeds, with a margin: of the clean world and of the lossy
/// one, the least share of time in which the number was right on the wire, and the largest mean
/// error as a share of it.
const FLOORS: &[(&str, [[f64; 2]; 2])] = &[
    ("elevenlabs+twilio", [[0.35, 0.22], [0.33, 0.23]]),
    ("events", [[0.70, 0.07], [0.70, 0.07]]),
    ("jambonz", [[1.0, 0.01], [0.35, 0.25]]),
    ("livekit", [[0.02, 0.45], [0.02, 0.45]]),
    ("openai+events", [[1.0, 0.01], [0.99, 0.02]]),
    ("plivo", [[0.92, 0.03], [0.91, 0.04]]),
    ("retell", [[0.95, 0.02], [0.94, 0.03]]),
    ("signalwire", [[1.0, 0.01], [0.98, 0.02]]),
    ("telnyx", [[1.0, 0.01], [0.98, 0.02]]),
    ("telnyx-texml", [[1.0, 0.01], [0.98, 0.02]]),
    ("vapi", [[0.95, 0.02], [0.42, 0.18]]),
    ("vapi+twilio", [[1.0, 0.01], [0.88, 0.03]]),
    ("vonage", [[0.99, 0.01], [0.98, 0.02]]),
];

#[test]
fn each_source_is_as_right_as_it_was() {
    for (name, [clean, lossy]) in FLOORS {
        for (kind, [floor, error_max]) in [(Kind::Clean, clean), (Kind::Lossy, lossy)] {
            for seed in 1..=2 {
                let report = played(name, &small(kind, seed));
                let number = number(&report);
                assert!(number.exact_on_the_wire >= *floor, "{name}: {report}");
                assert!(number.mean_error_share <= *error_max, "{name}: {report}");
            }
        }
    }
}

#[test]
fn calls_of_which_two_tell_are_counted_once() {
    let report = played("vapi+twilio", &small(Kind::Clean, 4));
    let number = number(&report);
    assert_eq!((number.exact_on_the_wire, number.left_over), (1.0, 0), "{report}");
    // Who adds up what both say has most of the callers twice.
    assert!(report.plus_and_minus.mean_error_share > 0.5, "{report}");
    // What Vapi loses for good, Twilio tells; and what Twilio loses, its list.
    let lossy = played("vapi+twilio", &small(Kind::Lossy, 4));
    assert_eq!(lossy.number().unwrap().left_over, 0, "{lossy}");
}

#[test]
fn who_tells_of_starts_alone_or_of_ends_alone_needs_another() {
    let starts = played("openai", &small(Kind::Clean, 5));
    assert!(number(&starts).left_over > 10, "{starts}");
    let ends = played("elevenlabs", &small(Kind::Clean, 5));
    assert_eq!((number(&ends).mean_error_share, number(&ends).left_over), (1.0, 0), "{ends}");
    let both = played("openai+events", &small(Kind::Clean, 5));
    assert_eq!(number(&both).left_over, 0, "{both}");
}

#[test]
fn a_limit_on_the_length_of_calls_ends_those_of_which_nobody_tells_the_end() {
    let world = SourceWorld::named("openai").unwrap();
    let scenario = small(Kind::Clean, 6);
    let report = run_source(world, &scenario, Some(2), &mut |_, _| {}).unwrap();
    assert_eq!(number(&report).left_over, 0, "{report}");
}

#[test]
fn every_invariant_holds_through_kills_and_an_outage() {
    for world in SOURCE_WORLDS {
        for kind in [Kind::Killed, Kind::Outage] {
            let report = played(world.name, &small(kind, 7));
            assert!(report.events > 500, "{report}");
        }
    }
}
