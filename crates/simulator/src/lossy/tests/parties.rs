//! Worlds in which calls change their party or their agent.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{MINUTE_MS, small};
use crate::lossy::calls::{AGENTS, Calls};
use crate::lossy::{CountsLegs, Failure, Kind, LiveUsers, Network, Report, Scenario, run};
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
    let calls = calls(Kind::Handovers, 1, 500);
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

#[test]
fn print_reports() {
    for kind in KINDS {
        let scenario = Scenario { length_ms: 10 * MINUTE_MS, live: 8, ..small(kind, 1) };
        println!("{}", played(&scenario).map_or_else(|f| f.to_string(), |r| r.to_string()));
        let old = run(&scenario, &mut CountsLegs::of(&scenario), &mut |_, _| {});
        println!("{}", old.map_or_else(|f| f.to_string(), |r| r.to_string()));
    }
    let _ = Network::default();
}
