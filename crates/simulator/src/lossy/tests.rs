//! Whole small worlds.

use std::thread;

use super::{Failure, Kind, LiveUsers, Network, Report, Scenario, SeedDesign, run};

mod counts_legs;
mod parties;
mod replicas;

const MINUTE_MS: u64 = 60_000;

/// A few minutes with short calls.
fn small(kind: Kind, seed: u64) -> Scenario {
    let scenario = Scenario::standard(kind, seed, 4 * MINUTE_MS, 4);
    Scenario { talk_ms: 24_000, ..scenario }
}

fn played(scenario: &Scenario) -> Result<Report, Failure> {
    run(scenario, &mut LiveUsers::of(scenario), &mut |_, _| {})
}

#[test]
fn one_seed_gives_one_report_byte_for_byte() {
    let report = |seed| played(&small(Kind::Lossy, seed)).unwrap().to_json();
    assert_eq!(report(1), report(1));
    assert_ne!(report(1), report(2));
}

#[test]
fn who_is_told_everything_at_once_is_right_all_the_time() {
    let network = Network { travel_ms: 0..=0, ..Network::default() };
    let scenario = Scenario { network, ..small(Kind::Clean, 3) };
    let report = played(&scenario).unwrap();
    assert!(report.mean_live > 1.0, "{report}");
    assert_eq!((report.exact, report.exact_on_the_wire, report.max_error), (1.0, 1.0, 0));
    assert_eq!((report.healing.n, report.healing.never), (0, 0), "{report}");
}

#[test]
fn the_seed_design_leaks_even_when_every_webhook_arrives() {
    let scenario = Scenario { length_ms: 20 * MINUTE_MS, ..small(Kind::Clean, 4) };
    let seed_design = run(&scenario, &mut SeedDesign::default(), &mut |_, _| {}).unwrap();
    assert!(seed_design.left_over > 10 && seed_design.exact < 0.2, "{seed_design}");
    let live_users = played(&scenario).unwrap();
    assert_eq!(live_users.left_over, 0);
    assert_eq!(live_users.exact_on_the_wire, 1.0, "{live_users}");
}

/// Plays each of these worlds. Every invariant holds, and in the end no error is left.
fn play_all(scenarios: &[Scenario], played: impl Fn(&Scenario) -> Result<Report, Failure> + Sync) {
    let workers = 4;
    let play = |worker: usize| {
        for scenario in scenarios.iter().skip(worker).step_by(workers) {
            let report = played(scenario).unwrap_or_else(|failure| panic!("{failure}"));
            let is_healed = report.left_over == 0 && report.healing.never == 0;
            assert!(is_healed, "{}\n{report}", scenario.command());
        }
    };
    let play = &play;
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..workers).map(|worker| scope.spawn(move || play(worker))).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn three_hundred_small_worlds_keep_every_invariant_and_end_with_the_truth() {
    let kinds = [Kind::Lossy, Kind::Killed, Kind::Retried, Kind::Outage];
    let scenarios: Vec<_> =
        kinds.iter().cycle().zip(0..300).map(|(kind, n)| small(*kind, n)).collect();
    play_all(&scenarios, played);
}

#[test]
fn without_a_referee_what_is_lost_stays_wrong() {
    let scenario = Scenario { referee: false, length_ms: 20 * MINUTE_MS, ..small(Kind::Lossy, 5) };
    let report = played(&scenario).unwrap();
    assert!(report.left_over > 0 && report.healing.never > 0, "{report}");
    assert_eq!(report.rest_requests.total, 0);
}

#[test]
fn a_wrong_clock_of_the_sender_changes_nothing() {
    let scenario = small(Kind::Retried, 6);
    let wrong = Scenario { sender_clock_error_ms: -3_600_000, ..scenario.clone() };
    assert_eq!(played(&scenario), played(&wrong));
}

#[test]
fn both_systems_meet_the_same_world() {
    let scenario = small(Kind::Lossy, 7);
    let ours = played(&scenario).unwrap();
    let theirs = run(&scenario, &mut SeedDesign::default(), &mut |_, _| {}).unwrap();
    assert_eq!(ours.webhooks, theirs.webhooks);
    assert_eq!((ours.calls, ours.mean_live), (theirs.calls, theirs.mean_live));
}

#[test]
fn the_command_of_a_world_has_what_differs_from_the_standard() {
    let standard = Scenario::standard(Kind::Handovers, 7, 60 * MINUTE_MS, 50);
    let start = "live-users simulate --world handovers --seed 7 --hours 1 --live 50";
    assert_eq!(standard.command(), start);
    let lossy = Network { lost: 25, ..Network::default() };
    let lossy = Scenario { network: lossy, ..standard };
    assert_eq!(lossy.command(), format!("{start} --lost 2.5"));
}

#[test]
fn a_broken_invariant_is_told_with_the_command_that_repeats_it() {
    struct Broken(SeedDesign);
    impl super::System for Broken {
        fn name(&self) -> &'static str {
            "seed-design"
        }
        fn deliver(&mut self, now_ms: u64, webhook: &crate::Webhook) -> super::Delivery {
            self.0.deliver(now_ms, webhook)
        }
        fn tick(&mut self, _: u64, _: &mut crate::rest::CallsApi) {}
        fn wake_ms(&self) -> Option<u64> {
            None
        }
        fn shown(&self) -> Option<u64> {
            self.0.shown()
        }
        fn is_live(&self, _: &str) -> Option<bool> {
            None
        }
        fn kill(&mut self, _: u64) {}
        fn start(&mut self, _: u64) {}
        fn check(&mut self) -> Result<(), String> {
            match self.shown() {
                Some(2..) => Err("two is a crowd".to_owned()),
                _ => Ok(()),
            }
        }
    }
    let scenario = Scenario { referee: false, ..small(Kind::Lossy, 8) };
    let failure = run(&scenario, &mut Broken(SeedDesign::default()), &mut |_, _| {}).unwrap_err();
    assert!(failure.at_ms > 0);
    let expected = "two is a crowd";
    assert_eq!(failure.what, expected);
    assert_eq!(
        failure.command,
        "live-users simulate --world lossy --seed 8 --hours 0.06666666666666667 --live 4 \
         --talk-seconds 24 --no-referee --system seed-design"
    );
}
