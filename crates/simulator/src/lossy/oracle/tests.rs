//! Scores that are computed by hand.

use super::gauge::Score;
use super::*;
use crate::truth::Party;

fn with(party: Party, agent: &str) -> Standing {
    (party, Arc::from(agent))
}

fn oracle() -> Oracle {
    Oracle::new(["a", "b"])
}

/// One person from 1 s to 11 s, another from 6 s to 8 s.
///
/// ```text
/// time     0  1     1.5   3     6     6.5   8     10    10.1  11    13    20
/// truth    0  1     1     1     2     2     1     1     1     0     0     0
/// shown    0  0     1     1     1     2     2     2     1     1     0     0
/// ```
#[test]
fn scores_are_those_computed_by_hand() {
    let (one, other) = (Arc::from("one"), Arc::from("other"));
    let agent = with(Party::Agent, "a");
    let mut oracle = oracle();
    oracle.show_one(0, Some(0));
    oracle.turn(1_000, &one, None, Some(&agent));
    oracle.show_one(1_500, Some(1));
    oracle.turn(6_000, &other, None, Some(&agent));
    oracle.show_one(6_500, Some(2));
    oracle.turn(8_000, &other, Some(&agent), None);
    oracle.show_one(10_100, Some(1));
    oracle.turn(11_000, &one, Some(&agent), None);
    oracle.show_one(13_000, Some(0));
    oracle.end_measuring(20_000);
    let expected = Score {
        total_ms: 20_000,
        // Wrong from 1 to 1.5, 6 to 6.5, 8 to 10.1 and 11 to 13.
        exact_ms: 20_000 - 500 - 500 - 2_100 - 2_000,
        // The other one left at 8, so 2 is wrong after 10.
        on_the_wire_ms: 20_000 - 100,
        down_ms: 0,
        error_user_ms: 500 + 500 + 2_100 + 2_000,
        live_user_ms: 10_000 + 2_000,
        live_user_ms_while_up: 12_000,
        error_max: 1,
        live_max: 2,
    };
    assert_eq!(oracle.number().score, expected);
}

#[test]
fn each_number_of_each_agent_is_scored_by_itself() {
    let one = Arc::from("one");
    let (a, waits, b) =
        (with(Party::Agent, "a"), with(Party::Waiting, "a"), with(Party::Agent, "b"));
    let mut oracle = oracle();
    let five = |numbers: [u64; 5]| numbers.map(Some);
    let shown = |all, agents: &[(&str, [u64; 5])]| Shown {
        all: five(all),
        agents: agents.iter().map(|(id, numbers)| (Arc::from(*id), five(*numbers))).collect(),
        known: [true; 5],
    };
    // With a, then waiting for 5 s, then with b; the system believes in a until the end.
    oracle.show(0, Some(&shown([1, 0, 0, 0, 1], &[("a", [1, 0, 0, 0, 1])])));
    oracle.turn(0, &one, None, Some(&a));
    oracle.turn(10_000, &one, Some(&a), Some(&waits));
    oracle.turn(15_000, &one, Some(&waits), Some(&b));
    oracle.advance(20_000);
    let exact = |gauges: &Gauges| gauges.each_ref().map(|gauge| gauge.score.exact_ms / 1_000);
    assert_eq!(exact(oracle.all()), [15, 15, 20, 20, 20]);
    let agents: Vec<_> = oracle.agents().map(|(id, gauges)| (id, exact(gauges))).collect();
    assert_eq!(agents, [("a", [10, 15, 20, 20, 15]), ("b", [15, 20, 20, 20, 15])]);
    // For 2 s after each change the old numbers are right on the wire.
    let wire = oracle.all().each_ref().map(|gauge| gauge.score.on_the_wire_ms / 1_000);
    assert_eq!(wire, [17, 17, 20, 20, 20]);
}

#[test]
fn a_number_that_was_never_shown_is_not_known() {
    let mut oracle = oracle();
    oracle.show(0, Some(&Shown::with_agent(1, [(Arc::from("b"), 1)])));
    oracle.show(1, None);
    assert_eq!(oracle.all().each_ref().map(Gauge::is_known), [true, false, false, false, false]);
    assert!(oracle.agents().all(|(_, gauges)| gauges[0].is_known() && !gauges[1].is_known()));
}

#[test]
fn nothing_is_right_while_nothing_is_shown() {
    let mut oracle = oracle();
    oracle.show_one(0, Some(0));
    oracle.show_one(3_000, None);
    oracle.show_one(4_000, Some(0));
    oracle.end_measuring(10_000);
    let Score { exact_ms, on_the_wire_ms, down_ms, .. } = oracle.number().score;
    assert_eq!((exact_ms, on_the_wire_ms, down_ms), (9_000, 9_000, 1_000));
}

#[test]
fn healing_is_what_took_longer_than_the_allowance() {
    let mut oracle = oracle();
    oracle.live.believe(0, "quick", true);
    oracle.live.believe(0, "slow", true);
    oracle.live.believe(0, "never", true);
    oracle.live.believe(2_000, "quick", false);
    oracle.live.believe(2_001, "slow", false);
    oracle.live.believe(2_500, "slow", false);
    oracle.advance(5_000);
    assert_eq!(oracle.live.healed_ms, [2_001]);
    assert_eq!(oracle.never_healed(&oracle.live), 1);
    assert_eq!(oracle.never_healed(&oracle.standings), 0);
}

#[test]
fn a_system_that_does_not_know_calls_heals_when_its_number_is_right() {
    let mut oracle = oracle();
    oracle.show_one(0, Some(0));
    oracle.turn(1_000, &Arc::from("one"), None, Some(&with(Party::Agent, "a")));
    oracle.show_one(2_000, None);
    oracle.show_one(3_500, Some(1));
    oracle.advance(4_000);
    assert_eq!(oracle.number().healed_ms, [2_500]);
    assert_eq!(oracle.number_never_healed(), 0);
}
