//! The invariants I1 to I7, held by random and by all short sequences of evidence.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{COMPLETED, Model, agent, call, caller, city, inbound, place, status};
use live_users_core::{
    Agent, AgentFrom, Call, Direction, EndReason, Evidence, Millis, Phase, Place, Said, Source,
    Tracker,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn reasons() -> impl Strategy<Value = EndReason> {
    use EndReason::{Busy, Canceled, Completed, Evicted, Failed, Goodbye, NoAnswer, TimedOut};
    select(vec![Busy, Canceled, Completed, Evicted, Failed, Goodbye, NoAnswer, TimedOut])
}

fn agents() -> impl Strategy<Value = Agent> {
    let named = vec![
        Agent::Unknown,
        Agent::Address(Arc::from("+15005550006")),
        Agent::Address(Arc::from("")),
        agent("booking"),
        agent("support"),
    ];
    select(named)
}

fn places() -> impl Strategy<Value = Place> {
    select(vec![
        Place::default(),
        place("US", None),
        place("US", Some("CA")),
        city("OAKLAND"),
        city("SAN FRANCISCO"),
        place("US", Some("NY")),
        place("GB", None),
        place("", Some("CA")),
    ])
}

/// Anything that can come in, about a handful of calls and people so that they meet.
fn evidence() -> impl Strategy<Value = Evidence> {
    let sources = select(vec![
        Source::Voice,
        Source::Speech,
        Source::StatusCallback,
        Source::Clock,
        Source::Referee,
        Source::Operator,
    ]);
    let said = prop_oneof![
        Just(Said::Nothing),
        Just(Said::Dialing),
        Just(Said::InProgress),
        reasons().prop_map(Said::Over)
    ];
    let directions = prop_oneof![
        6 => select(vec![None, Some(Direction::Inbound), Some(Direction::Outbound)]),
        1 => Just(Some(Direction::Dial)),
    ];
    let parents = prop_oneof![8 => Just(None), 1 => (0..6u8).prop_map(|n| Some(call(n)))];
    let calls = (0..6u8).prop_map(call);
    let callers = (0..4u64).prop_map(caller);
    let froms = select(vec![AgentFrom::Address, AgentFrom::Url]);
    let agents = (agents(), froms);
    (calls, parents, sources, said, directions, agents, callers, places()).prop_map(
        |(call, parent, source, said, direction, (agent, agent_from), caller, place)| Evidence {
            call,
            parent,
            source,
            said,
            direction,
            agent,
            agent_from,
            caller,
            place,
            duration_s: None,
        },
    )
}

fn many() -> impl Strategy<Value = Vec<Evidence>> {
    prop::collection::vec(evidence(), 0..60)
}

fn tracker_of<'a>(log: impl IntoIterator<Item = &'a Evidence>) -> Tracker {
    let mut tracker = Tracker::default();
    for (evidence, at) in log.into_iter().zip(1..) {
        tracker.apply(Millis(at), evidence);
    }
    tracker
}

/// What must not depend on the order: everything but the times.
fn timeless(tracker: &Tracker) -> Vec<Call> {
    let zero = Millis(0);
    let calls = tracker.calls().into_iter();
    calls.map(|c| Call { first: zero, since: zero, heard: zero, ..c }).collect()
}

fn numbers_of(tracker: &Tracker) -> impl PartialEq + std::fmt::Debug + use<> {
    (tracker.numbers(), tracker.by_agent(), tracker.by_place(), tracker.by_country())
}

proptest! {
    #[test]
    fn i1_i5_every_number_is_the_size_of_its_set(log in many()) {
        let mut tracker = Tracker::default();
        let mut model = Model::default();
        for (evidence, at) in log.iter().zip(1..) {
            tracker.apply(Millis(at), evidence);
            model.receive(evidence);
            prop_assert_eq!(tracker.check(), Ok(()));
            prop_assert_eq!(tracker.numbers(), model.numbers());
            let (all, ages) = tracker.ages(Millis(at));
            prop_assert_eq!(all.calls, tracker.numbers().calls as u64);
            for ((agent, numbers), (of, age)) in tracker.by_agent().into_iter().zip(ages) {
                prop_assert_eq!(numbers.users, model.users_of(&agent));
                prop_assert_eq!((of, age.calls), (agent, numbers.calls as u64));
            }
        }
    }

    #[test]
    fn the_deltas_are_the_difference_between_the_numbers_of_agents(log in many()) {
        let mut tracker = Tracker::default();
        let mut known = BTreeMap::new();
        for (evidence, at) in log.iter().zip(1..) {
            let phase = tracker.call(&evidence.call).map(|call| (call.phase, call.since));
            let applied = tracker.apply(Millis(at), evidence);
            prop_assert_eq!(applied.before.map(|before| (before.phase, before.since)), phase);
            prop_assert_eq!(applied.deltas.is_empty(), applied.deltas.iter().count() == 0);
            for delta in applied.deltas.iter() {
                let before = known.insert(delta.agent.clone(), delta.after);
                prop_assert_eq!(before.unwrap_or_default(), delta.before);
            }
            let live = known.iter().filter(|(_, numbers)| numbers.calls > 0);
            let live: Vec<_> = live.map(|(agent, numbers)| (agent.clone(), *numbers)).collect();
            prop_assert_eq!(live, tracker.by_agent());
        }
    }

    #[test]
    fn i2_ended_never_becomes_live_again(log in many()) {
        let mut tracker = Tracker::default();
        let mut model = Model::default();
        for (evidence, at) in log.iter().zip(1..) {
            tracker.apply(Millis(at), evidence);
            model.receive(evidence);
            for call in tracker.calls() {
                let over = matches!(call.phase, Phase::Ended(_));
                prop_assert_eq!(over, model.ended(&call.id));
            }
        }
    }

    #[test]
    fn i3_the_same_evidence_twice_is_the_same_as_once(
        log in many(),
        repeats in prop::collection::vec((any::<Index>(), any::<Index>()), 0..20),
    ) {
        prop_assume!(!log.is_empty());
        let mut repeated = log.clone();
        for (what, place) in repeats {
            let from = what.index(log.len());
            // A repeat comes at any later point.
            let first = repeated.iter().position(|e| *e == log[from]).unwrap();
            let to = first + 1 + place.index(repeated.len() - first);
            repeated.insert(to, log[from].clone());
        }
        let (once, twice) = (tracker_of(&log), tracker_of(&repeated));
        prop_assert_eq!(timeless(&once), timeless(&twice));
        prop_assert_eq!(numbers_of(&once), numbers_of(&twice));
    }

    #[test]
    fn i4_the_state_does_not_depend_on_the_order(
        (log, shuffled) in many().prop_flat_map(|log| (Just(log.clone()), Just(log).prop_shuffle()))
    ) {
        let (a, b) = (tracker_of(&log), tracker_of(&shuffled));
        prop_assert_eq!(timeless(&a), timeless(&b));
        prop_assert_eq!(numbers_of(&a), numbers_of(&b));
    }

    #[test]
    fn i6_nothing_panics_with_forgetting_and_wild_clocks(
        log in prop::collection::vec((evidence(), any::<u64>(), any::<u64>(), any::<bool>()), 0..60)
    ) {
        let mut tracker = Tracker::default();
        let mut cursor = 0;
        for (evidence, at, before, forget) in &log {
            tracker.apply(Millis(*at), evidence);
            if *forget {
                tracker.forget(Millis(*before));
            }
            tracker.sweep(&mut cursor, 3, |_, since, _| since < Millis(*before));
            prop_assert_eq!(tracker.check(), Ok(()));
        }
    }

    #[test]
    fn i7_a_restored_snapshot_goes_on_as_the_original_does(
        before in many(),
        after in many(),
        forget in 0..40u64,
    ) {
        let mut original = tracker_of(&before);
        let mut restored = Tracker::restore(original.now(), original.calls());
        prop_assert_eq!(restored.check(), Ok(()));
        for (evidence, at) in after.iter().zip(30..) {
            prop_assert_eq!(
                restored.apply(Millis(at), evidence),
                original.apply(Millis(at), evidence)
            );
        }
        prop_assert_eq!(restored.forget(Millis(forget)), original.forget(Millis(forget)));
        prop_assert_eq!(restored.check(), Ok(()));
        prop_assert_eq!(restored.calls(), original.calls());
        prop_assert_eq!(numbers_of(&restored), numbers_of(&original));
    }

    #[test]
    fn i7_the_same_log_gives_the_same_snapshot(log in many()) {
        let (a, b) = (tracker_of(&log), tracker_of(&log));
        prop_assert_eq!(format!("{:?}", a.calls()), format!("{:?}", b.calls()));
    }
}

/// All sequences of up to five webhooks from a small alphabet: two calls of one person and one
/// withheld, in both directions, with an end that is said and one that is timed out.
#[test]
fn all_short_sequences_agree_with_the_naive_model() {
    let same_person = |n| Evidence { caller: caller(1), ..inbound(n) };
    let alphabet = [
        inbound(1),
        Evidence { source: Source::Speech, said: Said::InProgress, ..inbound(1) },
        Evidence { said: Said::Over(EndReason::Goodbye), source: Source::Speech, ..inbound(1) },
        status(1, COMPLETED, Direction::Inbound),
        Evidence { agent: agent("support"), ..same_person(2) },
        Evidence { caller: caller(1), ..status(2, COMPLETED, Direction::Inbound) },
        status(3, Said::Dialing, Direction::Outbound),
        status(3, Said::InProgress, Direction::Outbound),
        Evidence { source: Source::Clock, ..status(3, COMPLETED, Direction::Outbound) },
        Evidence { caller: None, ..inbound(4) },
        Evidence { parent: Some(call(1)), ..status(5, Said::InProgress, Direction::Dial) },
    ];
    let mut sequences = 0u32;
    walk(&alphabet, 5, &Tracker::default(), &Model::default(), &mut sequences);
    assert_eq!(sequences, 11 + 11u32.pow(2) + 11u32.pow(3) + 11u32.pow(4) + 11u32.pow(5));
}

fn walk(alphabet: &[Evidence], depth: u32, tracker: &Tracker, model: &Model, sequences: &mut u32) {
    for evidence in alphabet {
        let (mut tracker, mut model) = (tracker.clone(), model.clone());
        tracker.apply(Millis(1), evidence);
        model.receive(evidence);
        *sequences += 1;
        assert_eq!(tracker.numbers(), model.numbers(), "after {evidence:?} in {:?}", model.live());
        assert_eq!(tracker.check(), Ok(()));
        if depth > 1 {
            walk(alphabet, depth - 1, &tracker, &model, sequences);
        }
    }
}
