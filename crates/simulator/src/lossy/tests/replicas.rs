//! Small worlds of several replicas.

use live_users_intake::ReconcilerRules;

use super::{MINUTE_MS, play_all, small};
use crate::lossy::{Failure, Kind, Loss, Network, Replicas, Report, Scenario, run};

fn small_of(replicas: u32, kind: Kind, seed: u64) -> Scenario {
    Scenario { replicas, ..small(kind, seed) }
}

/// Two minutes with very short calls, and a fault every few seconds.
fn tiny_of(replicas: u32, kind: Kind, seed: u64) -> Scenario {
    let scenario = Scenario::standard(kind, seed, 2 * MINUTE_MS, 3);
    Scenario {
        replicas,
        talk_ms: 8_000,
        settle_ms: MINUTE_MS,
        kill_every_ms: scenario.kill_every_ms.map(|_| 17_000),
        cut_every_ms: scenario.cut_every_ms.map(|_| 41_000),
        ..scenario
    }
}

fn system(scenario: &Scenario) -> Replicas {
    let rules = scenario.referee.then(ReconcilerRules::default);
    Replicas::new(scenario.seed, scenario.replicas, rules)
}

fn played(scenario: &Scenario) -> Result<Report, Failure> {
    run(scenario, &mut system(scenario), &mut |_, _| {})
}

#[test]
fn one_seed_gives_one_report_byte_for_byte() {
    let report = |seed| played(&small_of(3, Kind::Partitioned, seed)).unwrap().to_json();
    assert_eq!(report(1), report(1));
    assert_ne!(report(1), report(2));
}

#[test]
fn where_nothing_is_wrong_any_replica_is_right_on_the_wire_and_answers_always() {
    for replicas in [1, 2, 3, 5] {
        let report = played(&small_of(replicas, Kind::Clean, 3)).unwrap();
        assert!(report.mean_live > 1.0, "{report}");
        assert_eq!((report.exact_on_the_wire, report.down), (1.0, 0.0), "{report}");
        assert_eq!((report.healing.n, report.webhooks.lost), (0, 0), "{report}");
    }
}

#[test]
fn replicas_meet_the_same_world_as_one_and_ask_the_provider_no_more_often() {
    let one = super::played(&small(Kind::Lossy, 4)).unwrap();
    let three = played(&small_of(3, Kind::Lossy, 4)).unwrap();
    assert_eq!(one.webhooks, three.webhooks);
    assert_eq!((one.calls, one.mean_live), (three.calls, three.mean_live));
    let (one, three) = (one.rest_requests.total, three.rest_requests.total);
    assert!(three > one / 2 && three < one * 3 / 2, "{one} and {three}");
}

#[test]
fn while_one_is_down_the_others_take_the_webhooks_and_answer() {
    let length_ms = 8 * MINUTE_MS;
    let one = super::played(&Scenario { length_ms, ..small(Kind::Killed, 5) }).unwrap();
    let three = played(&Scenario { length_ms, ..small_of(3, Kind::Killed, 5) }).unwrap();
    assert_eq!((one.kills, three.kills), (7, 7));
    assert!(three.down < one.down && three.down > 0.0, "{one}\n{three}");
    assert!(three.webhooks.lost < one.webhooks.lost, "{one}\n{three}");
}

#[test]
fn who_leads_is_another_one_after_a_kill_of_the_leader() {
    let leaders = |kill_every_ms, seed| {
        let scenario = Scenario { kill_every_ms, ..tiny_of(3, Kind::Clean, seed) };
        let mut system = system(&scenario);
        run(&scenario, &mut system, &mut |_, _| {}).unwrap();
        system.leaders()
    };
    let changes: Vec<_> = (0..6).map(|seed| leaders(Some(17_000), seed) - 1).collect();
    assert!(changes.iter().sum::<u64>() > 2, "{changes:?}");
    assert_eq!(leaders(None, 1), 1);
}

#[test]
fn who_is_cut_off_says_so_instead_of_showing_an_old_number() {
    // Of two replicas, one is always cut off: for 30 s in each 30.
    let cut = |live, seed| {
        let cut_every_ms = Some(MINUTE_MS / 2);
        let scenario = Scenario { cut_every_ms, live, ..tiny_of(2, Kind::Clean, seed) };
        let report = played(&scenario).unwrap();
        assert_eq!((report.left_over, report.healing.never), (0, 0), "{report}");
        report
    };
    // Few webhooks: it notices late that it is cut off, and says so once its number is too old.
    let few: Vec<_> = (0..6).map(|seed| cut(1, seed)).collect();
    assert!(few.iter().any(|report| report.down > 0.0), "{few:?}");
    assert!(few.iter().all(|report| report.down < 0.1), "{few:?}");
    // Many webhooks: it refuses some until the load balancer notices. Nothing retries those.
    let many = cut(40, 6);
    assert!(many.webhooks.lost > 0 && many.webhooks.lost < many.webhooks.sent / 20, "{many}");
    assert!(many.down < 0.05 && many.mean_error_share < 0.05, "{many}");
}

#[test]
fn a_hundred_small_worlds_of_replicas_keep_every_invariant_and_end_with_the_truth() {
    let kinds =
        [Kind::Lossy, Kind::Killed, Kind::Partitioned, Kind::Retried, Kind::Outage, Kind::Clean];
    let worlds = kinds.iter().cycle().zip(0..102_u32);
    let worlds = worlds.map(|(kind, seed)| tiny_of(2 + seed % 3, *kind, seed.into()));
    play_all(&worlds.collect::<Vec<_>>(), played);
}

#[test]
fn everything_at_once_is_survived() {
    let all = |seed| Scenario {
        network: Network {
            lost: 50,
            loses: Loss::ForGood,
            repeated: 100,
            reordered: 200,
            ..Network::default()
        },
        cut_every_ms: Some(41_000),
        ..tiny_of(3, Kind::Killed, seed)
    };
    play_all(&(0..30).map(all).collect::<Vec<_>>(), played);
}
