//! The invariants I1 to I7, held by random and by all short sequences of evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::model::{COMPLETED, Model, agent, call, caller, city, inbound, place, status};
use live_users_core::{
    Admission, Agent, AgentFrom, AnsweredBy, Attendance, Bound, CallId, Claim, ConferenceEvent,
    Connection, Counting, Direction, EndReason, Endpoint, Evidence, Instead, Limits, Millis,
    Origin, Phase, Place, RETRY_MS_MAX, Said, Source, Tracker,
};
use proptest::prelude::*;
use proptest::sample::select;

fn reasons() -> impl Strategy<Value = EndReason> {
    use EndReason::{
        Busy, Canceled, Completed, Evicted, Failed, Goodbye, HandedOver, NoAnswer, TimedOut,
        Unlisted,
    };
    let all = [
        Busy, Canceled, Completed, Evicted, Failed, Goodbye, HandedOver, NoAnswer, TimedOut,
        Unlisted,
    ];
    select(all.to_vec())
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

/// Of a handful of calls and people, so that they meet: what a model that knows no order agrees on.
fn plain() -> impl Strategy<Value = Evidence> {
    evidence().prop_map(|it| Evidence {
        // An agent that is named by a number is the greatest of all; a call that we make is held
        // for a colleague's only where its agent is configured; a guess may be taken back.
        agent: match it.agent {
            Agent::Id(id) => Agent::Address(id),
            other => other,
        },
        agent_from: AgentFrom::Address,
        said: match it.said {
            Said::Over(reason) if reason.is_guess() => COMPLETED,
            said => phase_by_itself(said),
        },
        // A leg ends with its call.
        parent: None,
        answered_by: None,
        endpoint: None,
        connection: None,
        conference: None,
        also: Vec::new(),
        // A call is of the account that is told first.
        twilio_account: None,
        // A leg that was told first is one from then on.
        session: None,
        // Who comes first has the place.
        admission: None,
        ..it
    })
}

fn attendances() -> impl Strategy<Value = ConferenceEvent> {
    use Attendance::{Held, Joined, Left, Over, Resumed};
    let what = select(vec![Joined, Joined, Joined, Held, Resumed, Left, Over]);
    let conferences = (0..2u8).prop_map(|n| CallId::parse(&format!("CF{n}")).expect("an id"));
    (conferences, what, prop::option::of(0..9u32))
        .prop_map(|(conference, what, order)| ConferenceEvent { conference, what, order })
}

fn connections() -> impl Strategy<Value = Option<Connection>> {
    select(vec![
        None,
        None,
        Some(Connection::Agent),
        Some(Connection::Waiting),
        Some(Connection::Person),
        Some(Connection::Machine),
    ])
}

/// Anything that can come in, about a handful of calls and people so that they meet.
pub(crate) fn evidence() -> impl Strategy<Value = Evidence> {
    let sources = select(vec![
        Source::Voice,
        Source::Speech,
        Source::StatusCallback,
        Source::Clock,
        Source::Referee,
        Source::Operator,
        Source::Event,
    ]);
    let said = prop_oneof![
        Just(Said::Nothing),
        Just(Said::Dialing),
        Just(Said::InProgress),
        Just(Said::StillUp),
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
    let who = (calls, parents, sources, said, directions, agents, callers, places());
    let machines = select(vec![None, None, None, Some(AnsweredBy::Human), Some(AnsweredBy::Fax)]);
    let ends = select(vec![None, Some(Endpoint::Person), Some(Endpoint::Agent)]);
    let words = connections();
    let rooms = prop_oneof![3 => Just(None), 1 => attendances().prop_map(Some)];
    let owners = select(vec![None, None, Some(Arc::from("b")), Some(Arc::from("c"))]);
    let lost = (any::<bool>(), admissions(), owners);
    (who, machines, ends, words, rooms, lost, told()).prop_map(
        |(who, answered_by, endpoint, connection, conference, lost, told)| {
            let (lost, admission, agent_account) = lost;
            let (call, parent, source, said, direction, named, caller, place) = who;
            let (agent, agent_from) = named;
            let duration_s = None;
            Evidence {
                call,
                parent,
                source,
                said,
                direction,
                agent,
                agent_from,
                caller,
                place,
                duration_s,
                answered_by,
                endpoint,
                connection,
                conference,
                is_after_lost_answer: lost,
                origin: told.origin,
                account: told.account,
                twilio_account: told.twilio_account,
                agent_account,
                also: told.also,
                room: told.room,
                session: told.session,
                limits: told.limits,
                said_at: told.said_at,
                event_id: told.event_id,
                admission,
            }
        },
    )
}

/// Few places, or no limit.
fn admissions() -> impl Strategy<Value = Option<Admission>> {
    let instead = select(vec![Instead::Refuse, Instead::Queue, Instead::Elsewhere]);
    let bound =
        || (0..3u32, instead.clone()).prop_map(|(places, instead)| Bound { places, instead });
    let bounds = (prop::option::of(bound()), prop::option::of(bound()));
    let some = bounds.prop_map(|(agent, all)| Some(Admission { agent, all }));
    prop_oneof![2 => Just(None), 1 => some]
}

/// What only sources say.
fn told() -> impl Strategy<Value = Evidence> {
    let blank = || Evidence::about(call(0), Source::Event, Said::Nothing);
    let ids = prop_oneof![(0..6u8).prop_map(call), (0..3u8).prop_map(sid)];
    let limits = (prop::option::of(1..9u32), prop::option::of(1..9u32));
    let origins = (select(vec!["vapi", "telnyx", "own"]), any::<bool>());
    let accounts = select(vec![None, None, Some(Arc::from("a")), Some(Arc::from("b"))]);
    let also = prop::collection::vec(ids, 0..3);
    let said_at = prop::option::of((0..9u64).prop_map(Millis));
    let event_id = prop::option::of((1..9u64).prop_map(|id| NonZeroU64::new(id).expect("from 1")));
    let twilio_accounts = (0..3u64).prop_map(NonZeroU64::new);
    let said = (said_at, event_id, twilio_accounts);
    let sourced = (origins, accounts, also, limits, any::<bool>(), said).prop_map(
        move |((source, is_carrier), account, also, (quiet_s, longest_s), in_room, said)| {
            let (said_at, event_id, twilio_account) = said;
            Evidence {
                origin: Some(Origin { source: Arc::from(source), is_carrier }),
                account,
                twilio_account,
                also,
                limits: Limits { quiet_s, longest_s, silent_s: quiet_s },
                room: in_room.then(|| call(9)),
                session: in_room.then(|| call(8)),
                said_at,
                event_id,
                ..blank()
            }
        },
    );
    let forms = (0..3u64).prop_map(move |digest| {
        let twilio_account = NonZeroU64::new(digest);
        Evidence { twilio_account, ..blank() }
    });
    prop_oneof![3 => forms, 1 => sourced]
}

/// What says the same of a call whatever is known of it: a heartbeat does not.
fn phase_by_itself(said: Said) -> Said {
    if said == Said::StillUp { Said::InProgress } else { said }
}

/// An id as Twilio gives them.
fn sid(n: u8) -> CallId {
    CallId::parse(&format!("CA{n:032x}")).expect("an id")
}

pub(crate) fn many() -> impl Strategy<Value = Vec<Evidence>> {
    prop::collection::vec(evidence(), 0..60)
}

pub(crate) fn plainly() -> impl Strategy<Value = Vec<Evidence>> {
    // Evidence that begins no call is not remembered, so what it alone said may be missing.
    let remembered = plain().prop_filter("it says nothing", |e| e.claim() != Claim::Nothing);
    prop::collection::vec(remembered, 0..60)
}

pub(crate) fn tracker_of<'a>(log: impl IntoIterator<Item = &'a Evidence>) -> Tracker {
    let mut tracker = Tracker::default();
    for (evidence, at) in log.into_iter().zip(1..) {
        tracker.apply(Millis(at), evidence);
    }
    tracker
}

/// What does not depend on the order: of each call its phase, unless our guess has ended it, its
/// caller, place and direction, and whether it is a leg or a machine.
fn timeless(tracker: &Tracker, guessed: &BTreeSet<CallId>) -> impl PartialEq + Debug + use<> {
    let calls = tracker.calls().into_iter();
    let timeless = calls.map(|c| {
        let phase = (!guessed.contains(&c.id)).then_some(c.phase);
        let is_leg = c.details.leg.is_some();
        (c.id, phase, c.direction, c.caller, c.place, is_leg, c.details.answered_by)
    });
    timeless.collect::<Vec<_>>()
}

/// The calls that a guess was made about.
fn guessed(log: &[Evidence]) -> BTreeSet<CallId> {
    let is_guess = |e: &&Evidence| matches!(e.said, Said::Over(reason) if reason.is_guess());
    log.iter().filter(is_guess).map(|e| e.call.clone()).collect()
}

fn goes_on(tracker: &Tracker) -> impl PartialEq + Debug + use<> {
    (tracker.calls(), tracker.conferences())
}

pub(crate) fn numbers_of(tracker: &Tracker) -> impl PartialEq + Debug + use<> {
    let by_agent = (tracker.breakdown_by_agent(), tracker.breakdown_by_account());
    (tracker.breakdown(), by_agent, tracker.by_place(), tracker.by_country())
}

proptest! {
    #[test]
    fn i1_i5_the_numbers_are_those_of_a_naive_model(log in plainly()) {
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
    fn i1_i5_i8_every_number_is_the_size_of_its_set(
        log in many(),
        handed_over: bool,
        by_call: bool,
    ) {
        let counting = Counting { handed_over, by_call };
        let mut tracker = Tracker::default().counting(counting);
        for (evidence, at) in log.iter().zip(1..) {
            tracker.apply(Millis(at), evidence);
            prop_assert_eq!(tracker.check(), Ok(()));
        }
        // The same calls counted otherwise are as if they had always been.
        let otherwise = Counting { handed_over: !handed_over, by_call };
        let tracker = tracker.counting(otherwise);
        prop_assert_eq!(tracker.check(), Ok(()));
    }

    #[test]
    fn a_repeated_request_long_after_changes_no_call_that_is_over_for_good(
        log in many(),
        late in evidence().prop_map(|it| Evidence { also: Vec::new(), ..it }),
    ) {
        let mut tracker = tracker_of(&log);
        let over: Vec<_> = tracker.calls().into_iter().filter(|c| c.details.is_firm).collect();
        tracker.apply(Millis(RETRY_MS_MAX * 2), &late);
        for call in over {
            let now = tracker.call(&call.id).unwrap();
            prop_assert!(matches!(now.phase, Phase::Ended(_)));
            prop_assert_eq!((now.party, now.since), (None, call.since));
        }
    }

    #[test]
    fn the_deltas_are_the_difference_between_the_numbers_of_agents_and_accounts(log in many()) {
        let mut tracker = Tracker::default();
        let (mut known, mut accounts) = (BTreeMap::new(), BTreeMap::new());
        for (evidence, at) in log.iter().zip(1..) {
            let phase = tracker.call(&evidence.call).map(|call| (call.phase, call.since));
            let applied = tracker.apply(Millis(at), evidence);
            if evidence.also.is_empty() {
                let before = applied.before.map(|before| (before.phase, before.since));
                prop_assert_eq!(before, phase);
            }
            prop_assert_eq!(applied.deltas.is_empty(), applied.deltas.iter().count() == 0);
            for delta in applied.deltas.iter() {
                let before = known.insert(delta.agent.clone(), delta.after);
                prop_assert_eq!(before.unwrap_or_default(), delta.before);
            }
            let up = known.iter().filter(|(_, numbers)| numbers.on_the_line().calls > 0);
            let up: Vec<_> = up.map(|(agent, numbers)| (agent.clone(), *numbers)).collect();
            prop_assert_eq!(up, tracker.breakdown_by_agent());
            for (agent, numbers) in &known {
                prop_assert_eq!(tracker.breakdown_of_agent(agent), *numbers);
            }
            for delta in &applied.accounts {
                let before = accounts.insert(delta.account.clone(), delta.after);
                prop_assert_eq!(before.unwrap_or_default(), delta.before);
            }
            let up = accounts.iter().filter(|(_, numbers)| numbers.on_the_line().calls > 0);
            let up: Vec<_> = up.map(|(account, numbers)| (account.clone(), *numbers)).collect();
            prop_assert_eq!(up, tracker.breakdown_by_account());
        }
    }

    #[test]
    fn i2_ended_never_becomes_live_again(log in plainly()) {
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
    fn i3_the_same_evidence_twice_is_the_same_as_once(log in many()) {
        let (mut once, mut twice) = (Tracker::default(), Tracker::default());
        for (evidence, at) in log.iter().zip(1..) {
            once.apply(Millis(at), evidence);
            twice.apply(Millis(at), evidence);
            twice.apply(Millis(at), evidence);
            prop_assert_eq!(numbers_of(&once), numbers_of(&twice));
        }
        prop_assert_eq!(goes_on(&once), goes_on(&twice));
    }

    #[test]
    fn i4_the_state_does_not_depend_on_the_order(
        (log, shuffled) in many().prop_flat_map(|log| (Just(log.clone()), Just(log).prop_shuffle()))
    ) {
        // Who attends a conference, whose leg ends with its call, what was made in a session, who has
        // the last place, and which account a call is of, is by the order.
        let apart = |log: Vec<Evidence>| -> Vec<_> {
            let apart = log.into_iter();
            let apart = apart.map(|it| Evidence {
                conference: None,
                parent: None,
                also: Vec::new(),
                admission: None,
                twilio_account: None,
                session: None,
                said: phase_by_itself(it.said),
                ..it
            });
            // Evidence that begins no call is not remembered, so what it alone said may be missing.
            apart.filter(|e| e.claim() != Claim::Nothing).collect()
        };
        let (log, shuffled) = (apart(log), apart(shuffled));
        let guessed = guessed(&log);
        let (a, b) = (tracker_of(&log), tracker_of(&shuffled));
        prop_assert_eq!(timeless(&a, &guessed), timeless(&b, &guessed));
    }

    #[test]
    fn a_heartbeat_changes_no_phase_of_a_call_that_is_up(log in many(), said in evidence()) {
        let mut tracker = tracker_of(&log);
        let before = tracker.calls();
        // Nothing but that it is still up.
        let heartbeat = |call| Evidence {
            origin: said.origin.clone(),
            direction: said.direction.filter(|it| *it != Direction::Dial),
            ..Evidence::about(call, Source::Event, Said::StillUp)
        };
        for call in before.into_iter().filter(|call| !matches!(call.phase, Phase::Ended(_))) {
            tracker.apply(Millis(70), &heartbeat(call.id.clone()));
            prop_assert_eq!(tracker.call(&call.id).map(|it| it.phase), Some(call.phase));
            prop_assert_eq!(tracker.check(), Ok(()));
        }
    }

    #[test]
    fn i4_the_plain_numbers_do_not_depend_on_the_order(
        (log, shuffled) in
            plainly().prop_flat_map(|log| (Just(log.clone()), Just(log).prop_shuffle()))
    ) {
        let (a, b) = (tracker_of(&log), tracker_of(&shuffled));
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
            tracker.sweep(&mut cursor, 3, |_, since, _, _| since < Millis(*before));
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
        let mut restored =
            Tracker::restore(original.now(), original.calls(), original.conferences());
        prop_assert_eq!(restored.check(), Ok(()));
        for (evidence, at) in after.iter().zip(30..) {
            prop_assert_eq!(
                restored.apply(Millis(at), evidence),
                original.apply(Millis(at), evidence)
            );
        }
        prop_assert_eq!(restored.forget(Millis(forget)), original.forget(Millis(forget)));
        prop_assert_eq!(restored.check(), Ok(()));
        prop_assert_eq!(goes_on(&restored), goes_on(&original));
        prop_assert_eq!(numbers_of(&restored), numbers_of(&original));
    }

    #[test]
    fn i7_the_same_log_gives_the_same_snapshot(log in many()) {
        let (a, b) = (tracker_of(&log), tracker_of(&log));
        prop_assert_eq!(format!("{:?}", goes_on(&a)), format!("{:?}", goes_on(&b)));
    }
}

/// All sequences of up to five webhooks from a small alphabet: two calls of one person and one
/// withheld, in both directions, with an end that is said and one that is timed out.
#[test]
fn all_short_sequences_agree_with_the_naive_model() {
    let same_person = |n| Evidence { caller: caller(1), ..inbound(n) };
    // Of an agent that nobody configured, so that it is never held for a colleague's.
    let dialled = |said| Evidence { agent: Agent::Unknown, ..status(3, said, Direction::Outbound) };
    let alphabet = [
        inbound(1),
        Evidence { source: Source::Speech, said: Said::InProgress, ..inbound(1) },
        Evidence { said: Said::Over(EndReason::Goodbye), source: Source::Speech, ..inbound(1) },
        status(1, COMPLETED, Direction::Inbound),
        Evidence { agent: agent("support"), ..same_person(2) },
        Evidence { caller: caller(1), ..status(2, COMPLETED, Direction::Inbound) },
        dialled(Said::Dialing),
        dialled(Said::InProgress),
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
