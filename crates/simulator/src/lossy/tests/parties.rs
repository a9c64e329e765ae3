//! Worlds in which calls change their party or their agent.

use std::collections::BTreeSet;

use live_users_intake::ReconcilerRules;
use proptest::prelude::*;

use super::{MINUTE_MS, play_all, small};
use crate::lossy::calls::{AGENTS, Calls};
use crate::lossy::{
    CountsLegs, Failure, Kind, LiveUsers, Network, Replicas, Report, Scenario, run,
};
use crate::truth::Party;
use crate::world::{Call, Webhook};

const KINDS: [Kind; 4] = [Kind::Handovers, Kind::Campaign, Kind::Agents, Kind::Clock];

fn played(scenario: &Scenario) -> Result<Report, Failure> {
    run(scenario, &mut LiveUsers::of(scenario), &mut |_, _| {})
}

/// The first calls of a world.
fn calls(kind: Kind, seed: u64, n: usize) -> Vec<Call> {
    let mut calls = Calls::new(&small(kind, seed));
    (0..n).map(|_| calls.make().1).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_call_is_with_somebody_from_its_beginning_to_its_end(seed: u64) {
        for kind in KINDS {
            for call in calls(kind, seed, 30) {
                let first = call.truth.first().expect("every call is up for some time");
                prop_assert_eq!(first.from_ms, call.webhooks[0].at_ms);
                prop_assert!(call.truth.iter().all(|stretch| stretch.from_ms < stretch.to_ms));
                for pair in call.truth.windows(2) {
                    prop_assert_eq!(pair[0].to_ms, pair[1].from_ms);
                    prop_assert_ne!(pair[0].standing(), pair[1].standing());
                }
                let known = |agent: &str| AGENTS.iter().any(|line| line.id == agent);
                prop_assert!(call.truth.iter().all(|stretch| known(&stretch.agent)));
            }
        }
    }

    #[test]
    fn every_call_and_every_leg_ends_by_a_status_after_all_else_that_is_said_of_it(seed: u64) {
        for kind in KINDS {
            for call in calls(kind, seed, 30) {
                prop_assert!(call.webhooks.is_sorted_by_key(|webhook| webhook.at_ms));
                let sids: BTreeSet<_> = call.webhooks.iter().map(|w| w.field("CallSid")).collect();
                for sid in sids {
                    let own = |w: &&Webhook| w.field("CallSid") == sid;
                    let with_status = |w: &&Webhook| own(w) && !w.field("CallStatus").is_empty();
                    let last = call.webhooks.iter().rfind(with_status).expect("a status");
                    let over = ["completed", "busy", "no-answer"];
                    prop_assert!(over.contains(&last.field("CallStatus")), "{last:?}");
                }
                let end_ms = call.end_ms().expect("it ends");
                let last = call.webhooks.iter().rfind(|w| w.field("CallSid") == call.sid);
                prop_assert!(last.is_some_and(|last| last.at_ms >= end_ms));
            }
        }
    }

    #[test]
    fn a_seed_makes_one_world(seed: u64) {
        for kind in KINDS {
            prop_assert_eq!(calls(kind, seed, 8), calls(kind, seed, 8));
            prop_assert_ne!(calls(kind, seed, 8), calls(kind, seed.wrapping_add(1), 8));
        }
    }
}

/// Whether some call passes through these parties one after the other.
fn passes(calls: &[Call], parties: &[Party]) -> bool {
    let course = |call: &Call| call.truth.iter().map(|it| it.party).collect::<Vec<_>>();
    calls.iter().any(|call| course(call).windows(parties.len()).any(|part| part == parties))
}

fn sends(calls: &[Call], is: impl Fn(&Webhook) -> bool) -> bool {
    calls.iter().flat_map(|call| &call.webhooks).any(is)
}

#[test]
fn callers_are_handed_over_in_every_way_and_come_back() {
    use Party::{Agent, Person, Waiting};
    let calls = calls(Kind::Handovers, 1, 1_000);
    for parties in [
        &[Agent, Waiting, Person, Agent][..],
        &[Agent, Waiting, Agent],
        &[Agent, Person],
        &[Person, Waiting, Person],
        &[Person, Waiting, Agent],
    ] {
        assert!(passes(&calls, parties), "{parties:?}");
    }
    let has = |name: &'static str, value: &'static str| {
        assert!(sends(&calls, |w| w.field(name).contains(value)), "{name} {value}");
    };
    has("DialCallStatus", "completed");
    has("DialCallStatus", "no-answer");
    has("StatusCallbackEvent", "participant-join");
    has("StatusCallbackEvent", "participant-leave");
    has("StatusCallbackEvent", "participant-hold");
    has("QueueResult", "bridged");
    has("QueueResult", "leave");
    has("QueueResult", "hangup");
    has("DequeingCallSid", "CA");
    has("QueuePosition", "1");
    has("To", "sip.api.openai.com");
    has("ErrorUrl", "/speech-result");
    let own = AGENTS.map(|line| line.number);
    let from_own =
        |w: &Webhook| own.contains(&w.field("From")) && w.field("Direction") == "inbound";
    assert!(sends(&calls, from_own), "an agent calls another one");
    let colleague = |w: &Webhook| {
        w.field("Direction") == "outbound-api"
            && own.contains(&w.field("From"))
            && w.field("ParentCallSid").is_empty()
    };
    assert!(sends(&calls, colleague));
}

#[test]
fn a_campaign_meets_machines_that_are_detected_at_once_or_late() {
    let calls = calls(Kind::Campaign, 1, 500);
    assert!(passes(&calls, &[Party::Waiting, Party::Agent, Party::Machine]));
    assert!(calls.iter().any(|call| call.truth.iter().all(|it| it.party == Party::Waiting)));
    for by in ["machine_start", "machine_end_beep", "fax", "human", "unknown"] {
        assert!(sends(&calls, |w| w.field("AnsweredBy") == by), "{by}");
    }
    let late = |w: &Webhook| w.field("CallStatus").is_empty() && !w.field("AnsweredBy").is_empty();
    let names = |w: &Webhook| w.fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let expected = ["CallSid", "AccountSid", "AnsweredBy", "MachineDetectionDuration"];
    let late: Vec<_> = calls.iter().flat_map(|it| &it.webhooks).filter(|w| late(w)).collect();
    assert!(!late.is_empty() && late.iter().all(|w| names(w) == expected));
    // Nothing but the campaign's own calls has the number from which it calls.
    let inbound = |w: &Webhook| w.field("Direction") == "inbound";
    assert!(sends(&calls, inbound));
    assert!(!sends(&calls, |w| inbound(w) && w.field("To") == AGENTS[0].number));
}

#[test]
fn calls_move_between_agents_in_every_direction_and_back() {
    let calls = calls(Kind::Agents, 1, 400);
    let pairs: BTreeSet<_> = calls
        .iter()
        .flat_map(|call| call.truth.windows(2))
        .map(|pair| (pair[0].agent.to_string(), pair[1].agent.to_string()))
        .collect();
    assert_eq!(pairs.len(), 6, "{pairs:?}");
    let several = |call: &Call| call.truth.len() > 3 && call.truth[0].agent == call.truth[2].agent;
    assert!(calls.iter().any(several));
    // The callback at the end still has the agent of the number.
    let last = |call: &Call| call.webhooks.last().and_then(|last| last.agent.clone());
    assert!(calls.iter().any(|call| {
        last(call).is_some_and(|agent| *agent != *call.truth.last().unwrap().agent)
    }));
    assert!(calls.iter().any(|call| last(call).is_none()));
}

#[test]
fn callers_are_spelt_withheld_and_shared() {
    for kind in KINDS {
        let calls = calls(kind, 2, 2_000);
        let from = |start: &str| sends(&calls, |w| w.field("From").starts_with(start));
        for start in ["+1", "1", "001", "sip:+1", "tel:+1", "266696687", "+7378742833", "2562533"] {
            assert!(from(start), "{kind:?}: {start}");
        }
        assert!(calls.iter().any(|call| call.person.is_none()));
    }
}

/// A world with talks of a minute, so that an hour has many.
fn world(kind: Kind, seed: u64) -> Scenario {
    let scenario = Scenario::standard(kind, seed, 20 * MINUTE_MS, 12);
    Scenario { talk_ms: MINUTE_MS, ..scenario }
}

/// The worst share of time in which any number is right on the wire, in all and of any agent.
fn worst_on_the_wire(report: &Report) -> f64 {
    let numbers = report.agents.values().chain([&report.numbers]).flat_map(|it| it.values());
    numbers.map(|number| number.exact_on_the_wire).fold(1.0, f64::min)
}

#[test]
fn where_every_webhook_arrives_all_numbers_are_right_in_all_and_of_each_agent() {
    for kind in [Kind::Clean, Kind::Campaign, Kind::Agents] {
        let report = played(&world(kind, 1)).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(report.numbers.len(), 5);
        assert_eq!(report.agents.len(), AGENTS.len());
        assert!(worst_on_the_wire(&report) > 0.998, "{report}");
        assert_eq!((report.healing.n, report.healing.never), (0, 0), "{report}");
        let parties = report.healing_of_parties.unwrap();
        assert_eq!((parties.n, parties.never), (0, 0), "{report}");
    }
}

#[test]
fn the_rule_of_before_is_wrong_where_callers_are_handed_over_and_machines_answer() {
    for kind in [Kind::Handovers, Kind::Campaign, Kind::Agents] {
        let scenario = world(kind, 2);
        let before = run(&scenario, &mut CountsLegs::of(&scenario), &mut |_, _| {}).unwrap();
        let now = played(&scenario).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(before.numbers.keys().copied().collect::<Vec<_>>(), ["withAgent"]);
        let (before, now) = (before.by_agent.unwrap(), now.by_agent.unwrap());
        assert!(before.exact_on_the_wire < 0.8, "{before:?}");
        assert!(now.exact_on_the_wire > 0.9, "{now:?}");
    }
}

/// A network that loses for good, repeats and delays.
fn lossy(lost: u32) -> Network {
    Network { lost, repeated: 100, reordered: 200, ..Network::default() }
}

#[test]
fn small_worlds_keep_every_invariant_and_end_with_the_truth() {
    let worlds = (0..120_u32).map(|n| {
        let kind = KINDS[n as usize % 3];
        Scenario { network: lossy(n % 4 * 25), ..small(kind, n.into()) }
    });
    play_all(&worlds.collect::<Vec<_>>(), played);
}

#[test]
fn a_clock_that_jumps_ends_no_call() {
    let worlds: Vec<_> = (0..20).map(|seed| small(Kind::Clock, seed)).collect();
    play_all(&worlds, |scenario| {
        let report = played(scenario)?;
        // One goodbye in 100 has an answer that is lost: for half a second nobody can know that.
        assert!(report.exact_on_the_wire > 0.99 && report.healing.n == 0, "{report}");
        Ok(report)
    });
}

#[test]
fn small_worlds_of_replicas_keep_every_invariant_and_end_with_the_truth() {
    let worlds = (0..18_u32).map(|n| {
        let kind = KINDS[n as usize % 3];
        let network = lossy(n % 3 * 25);
        Scenario { network, replicas: 2 + n % 2, length_ms: 2 * MINUTE_MS, ..small(kind, n.into()) }
    });
    play_all(&worlds.collect::<Vec<_>>(), |scenario| {
        let rules = scenario.referee.then(ReconcilerRules::default);
        let mut system = Replicas::new(scenario.seed, scenario.replicas, rules);
        run(scenario, &mut system, &mut |_, _| {})
    });
}
