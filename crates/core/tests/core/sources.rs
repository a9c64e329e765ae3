//! Calls that other sources than Twilio tell of: one call under several names, its end, who told.

use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, CallId, Caller, Connection, Direction, EndReason, Endpoint, Evidence, Limits,
    Millis, Numbers, Origin, Party, Phase, Said, Source, Tracker,
};

const TWILIO: &str = "CAfa4e0000000000000000000000000001";

fn id(text: &str) -> CallId {
    CallId::parse(text).expect("an id")
}

/// What a platform says of a call.
fn vapi(said: Said) -> Evidence {
    let origin = Some(Origin { source: Arc::from("vapi"), is_carrier: false });
    Evidence { origin, ..Evidence::about(id("vapi/1"), Source::Event, said) }
}

fn joined(said: Said) -> Evidence {
    Evidence { also: vec![id(TWILIO)], ..vapi(said) }
}

fn twilio(said: Said) -> Evidence {
    Evidence::about(id(TWILIO), Source::StatusCallback, said)
}

fn of_caller(n: u64, evidence: Evidence) -> Evidence {
    Evidence { caller: NonZeroU64::new(n).map(Caller), ..evidence }
}

const OVER: Said = Said::Over(EndReason::Completed);
const LEFT: Said = Said::Over(EndReason::HandedOver);

fn played(log: &[Evidence]) -> Tracker {
    let mut tracker = Tracker::default();
    for (evidence, at) in log.iter().zip(1..) {
        tracker.apply(Millis(at * 1_000), evidence);
        assert_eq!(tracker.check(), Ok(()), "{evidence:?}");
    }
    tracker
}

#[test]
fn a_call_that_two_sources_tell_of_is_one_in_any_order() {
    let log = [vapi(Said::Dialing), twilio(Said::InProgress), joined(Said::InProgress)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let tracker = played(&order.map(|at| log[at].clone()));
        assert_eq!(tracker.numbers(), Numbers { users: 1, calls: 1 }, "{order:?}");
        assert_eq!(tracker.known(), 1);
        let call = tracker.call(&id("vapi/1")).unwrap();
        assert_eq!(Some(&call), tracker.call(&id(TWILIO)).as_ref());
        assert_eq!(call.id, id(TWILIO), "Twilio's id stands, since Twilio is asked by it");
        let told = call.details.told.unwrap();
        assert!(told.by_twilio && told.by_carrier);
        assert_eq!((told.sources, told.names), (vec![Arc::from("vapi")], vec![id("vapi/1")]));
    }
}

#[test]
fn either_source_ends_the_call_and_it_stays_over() {
    for end in [joined(OVER), vapi(OVER), twilio(OVER)] {
        let mut tracker = played(&[joined(Said::InProgress), twilio(Said::InProgress), end]);
        assert_eq!(tracker.numbers(), Numbers::default());
        for late in [vapi(Said::InProgress), twilio(Said::InProgress)] {
            tracker.apply(Millis(100_000), &late);
            assert_eq!(tracker.numbers(), Numbers::default());
        }
    }
    // The end was told of one name, before anybody said that it is a name of the other.
    let log = [vapi(Said::InProgress), twilio(Said::InProgress), twilio(OVER)];
    let mut tracker = played(&log);
    assert_eq!(tracker.numbers().calls, 1, "nobody has said that they are one");
    let applied = tracker.apply(Millis(9_000), &joined(Said::InProgress));
    assert_eq!(tracker.numbers(), Numbers::default());
    assert!(applied.deltas.iter().all(|delta| delta.after.live == Numbers::default()));
    assert_eq!(tracker.check(), Ok(()));
}

#[test]
fn the_better_word_of_both_counts_and_the_time_is_that_of_the_first() {
    let named = |agent: &str, it| Evidence {
        agent: Agent::Id(Arc::from(agent)),
        agent_from: AgentFrom::Url,
        ..it
    };
    let log = [
        of_caller(7, named("booking", vapi(Said::InProgress))),
        of_caller(7, twilio(Said::InProgress)),
        joined(Said::InProgress),
    ];
    let tracker = played(&log);
    let call = tracker.call(&id(TWILIO)).unwrap();
    assert_eq!((call.since, call.first), (Millis(1_000), Millis(1_000)));
    assert_eq!(call.agent, Agent::Id(Arc::from("booking")));
    assert_eq!(tracker.numbers(), Numbers { users: 1, calls: 1 });
}

#[test]
fn legs_and_conferences_come_along() {
    let leg = Evidence {
        parent: Some(id("vapi/1")),
        direction: Some(Direction::Dial),
        endpoint: Some(Endpoint::Person),
        ..Evidence::about(id("leg"), Source::StatusCallback, Said::InProgress)
    };
    let tracker = played(&[vapi(Said::InProgress), leg.clone(), joined(Said::InProgress)]);
    assert_eq!(tracker.call(&id(TWILIO)).unwrap().party, Some(Party::Person));
    assert_eq!(tracker.legs(&id(TWILIO)).len(), 1);
    let tracker = played(&[joined(Said::InProgress), leg]);
    assert_eq!(tracker.call(&id(TWILIO)).unwrap().party, Some(Party::Person));
}

#[test]
fn calls_that_twilio_tells_apart_are_never_one() {
    let other = "CAfa4e0000000000000000000000000002";
    let says = |call: &str, also: &str| {
        let origin = Some(Origin { source: Arc::from("own"), is_carrier: false });
        let also = vec![id(also)];
        Evidence { origin, also, ..Evidence::about(id(call), Source::Event, Said::InProgress) }
    };
    let two = Evidence::about(id(other), Source::StatusCallback, Said::InProgress);
    let mut tracker = played(&[twilio(Said::InProgress), two, says(TWILIO, other)]);
    assert_eq!(tracker.numbers().calls, 2);
    // A source that names one id for all its calls makes no more than a few of them one.
    for n in 0..50 {
        tracker.apply(Millis(9_000), &says(&format!("own/{n}"), "own/the-same"));
        assert_eq!(tracker.check(), Ok(()));
    }
    let call = tracker.call(&id("own/the-same")).unwrap();
    assert_eq!(call.details.told.unwrap().names.len(), 8);
    assert_eq!(tracker.numbers().calls, 2 + 1 + 42, "the others are calls of their own");
    // Those that are one stay so, and what ends one of the others ends no more.
    let over = Evidence { said: OVER, ..says("own/49", "own/the-same") };
    tracker.apply(Millis(9_001), &over);
    tracker.apply(Millis(9_001), &says("own/3", "own/the-same"));
    assert_eq!((tracker.numbers().calls, tracker.check()), (2 + 1 + 41, Ok(())));
}

#[test]
fn whoever_hands_over_ends_the_call_unless_a_carrier_tells_of_it() {
    let alone = played(&[vapi(Said::InProgress), vapi(LEFT)]);
    let phase = |tracker: &Tracker, call| tracker.call(&id(call)).unwrap().phase;
    assert_eq!(phase(&alone, "vapi/1"), Phase::Ended(EndReason::HandedOver));
    let carried = played(&[joined(Said::InProgress), twilio(Said::InProgress), vapi(LEFT)]);
    let call = carried.call(&id(TWILIO)).unwrap();
    assert_eq!((call.phase, call.party), (Phase::Live, Some(Party::Person)));
    assert_eq!(carried.numbers(), Numbers::default(), "nobody talks with an agent");
    // The carrier's word comes later: the caller is still there, with a person.
    let mut late = played(&[joined(Said::InProgress), vapi(LEFT), twilio(Said::InProgress)]);
    assert_eq!(late.call(&id(TWILIO)).unwrap().party, Some(Party::Person));
    late.apply(Millis(90_000), &twilio(OVER));
    assert_eq!(phase(&late, TWILIO), Phase::Ended(EndReason::Completed));
    // What the platform said before does not bring it back.
    let reordered = played(&[vapi(Said::InProgress), vapi(LEFT), vapi(Said::InProgress)]);
    assert_eq!(phase(&reordered, "vapi/1"), Phase::Ended(EndReason::HandedOver));
}

#[test]
fn what_was_made_in_the_session_of_a_call_that_came_in_is_its_leg_whichever_is_told_first() {
    let of = |call: &str, direction, said| Evidence {
        direction: Some(direction),
        session: Some(id("telnyx/s")),
        origin: Some(Origin { source: Arc::from("telnyx"), is_carrier: true }),
        ..Evidence::about(id(call), Source::Event, said)
    };
    let leg = of("telnyx/2", Direction::Outbound, Said::InProgress);
    let call = of("telnyx/1", Direction::Inbound, Said::InProgress);
    let tracker = played(&[leg.clone(), call.clone(), call.clone()]);
    let party = |call| tracker.call(&id(call)).expect("known").party;
    assert_eq!((party("telnyx/1"), party("telnyx/2")), (Some(Party::Person), None));
    assert_eq!(
        tracker.call(&id("telnyx/2")).expect("known").details.leg.expect("one").parent,
        Some(id("telnyx/1"))
    );
    // A leg to an agent is known for one when more is heard of it.
    let to_agent = Evidence { endpoint: Some(Endpoint::Agent), ..leg.clone() };
    let tracker = played(&[leg.clone(), call.clone(), to_agent]);
    assert_eq!(tracker.call(&id("telnyx/1")).expect("known").party, Some(Party::Agent));
    // Two that were made, and one in another session, are apart.
    let other = Evidence { session: Some(id("telnyx/t")), ..call };
    let made = of("telnyx/3", Direction::Outbound, Said::InProgress);
    let tracker = played(&[leg, made, other]);
    assert_eq!(tracker.numbers().calls, 3);
}

#[test]
fn legs_of_a_session_are_those_of_the_call_that_came_in_in_any_order() {
    let of = |call: &str, direction, said| Evidence {
        direction: Some(direction),
        session: Some(id("telnyx/s")),
        origin: Some(Origin { source: Arc::from("telnyx"), is_carrier: true }),
        ..Evidence::about(id(call), Source::Event, said)
    };
    let made = |call, said| of(call, Direction::Outbound, said);
    let call = of("telnyx/1", Direction::Inbound, Said::InProgress);
    let over = Said::Over(EndReason::Busy);
    // The second leg was taken for one of the first.
    let of_first = Evidence {
        parent: Some(id("telnyx/2")),
        direction: Some(Direction::Dial),
        endpoint: Some(Endpoint::Person),
        ..made("telnyx/3", Said::InProgress)
    };
    let first = made("telnyx/2", Said::InProgress);
    let log = [first.clone(), of_first, call.clone(), made("telnyx/2", over)];
    let tracker = played(&log);
    assert_eq!(tracker.call(&id("telnyx/1")).expect("known").party, Some(Party::Person));
    let legs: Vec<_> = tracker.legs(&id("telnyx/1")).into_iter().map(|leg| leg.id).collect();
    assert_eq!(legs, [id("telnyx/3"), id("telnyx/2")]);
    // To an agent, as its first webhook said.
    let to_agent = Evidence { endpoint: Some(Endpoint::Agent), ..first };
    let tracker = played(&[to_agent, call.clone()]);
    assert_eq!(tracker.call(&id("telnyx/1")).expect("known").party, Some(Party::Agent));
    // Told when the call is over, it has no caller.
    let ended = of("telnyx/1", Direction::Inbound, Said::Over(EndReason::Completed));
    let tracker = played(&[call, ended]);
    assert_eq!(tracker.first_in_session(&id("telnyx/s"), &id("telnyx/2")), Some(id("telnyx/1")));
}

#[test]
fn a_call_lives_as_long_as_its_most_patient_source_lets_it() {
    let limited = |quiet_s, longest_s, source: &str| Evidence {
        origin: Some(Origin { source: Arc::from(source), is_carrier: false }),
        limits: Limits { quiet_s, longest_s, silent_s: quiet_s },
        ..Evidence::about(id("own/1"), Source::Event, Said::InProgress)
    };
    let limits = |log: &[Evidence]| {
        let call = played(log).call(&id("own/1")).unwrap();
        let limits = call.details.told.unwrap().limits;
        (limits.quiet_s, limits.longest_s)
    };
    let (short, long) = (limited(Some(90), None, "a"), limited(Some(120), Some(600), "b"));
    assert_eq!(limits(std::slice::from_ref(&short)), (Some(90), None));
    assert_eq!(limits(&[short.clone(), short.clone()]), (Some(90), None));
    assert_eq!(limits(&[short.clone(), long.clone()]), (Some(120), None));
    assert_eq!(limits(&[long, short.clone()]), (Some(120), None));
    // Twilio tells the end itself.
    let twilio = Evidence::about(id("own/1"), Source::StatusCallback, Said::InProgress);
    assert_eq!(limits(&[short.clone(), twilio.clone()]), (None, None));
    assert_eq!(limits(&[twilio, short]), (None, None));
}

#[test]
fn the_numbers_by_source_and_account_are_those_of_their_calls() {
    let of = |source: &str, call: &str, account: Option<&str>| Evidence {
        origin: Some(Origin { source: Arc::from(source), is_carrier: true }),
        account: account.map(Arc::from),
        ..of_caller(5, Evidence::about(id(call), Source::Event, Said::InProgress))
    };
    let plain = played(&[twilio(Said::InProgress)]);
    assert!(plain.by_source().is_empty() && plain.by_account().is_empty());
    let tracker = played(&[
        joined(Said::InProgress),
        twilio(Said::InProgress),
        of("telnyx", "v3:1", Some("acme")),
        of("telnyx", "v3:2", Some("acme")),
    ]);
    let one = |calls| Numbers { users: 1, calls };
    let by_source = tracker.by_source();
    let names: Vec<_> = by_source.iter().map(|(name, it)| (name.as_deref(), *it)).collect();
    assert_eq!(names, [(None, one(1)), (Some("telnyx"), one(2)), (Some("vapi"), one(1))]);
    let by_account = tracker.by_account();
    let names: Vec<_> = by_account.iter().map(|(name, it)| (name.as_deref(), *it)).collect();
    assert_eq!(names, [(None, one(1)), (Some("acme"), one(2))]);
    assert_eq!(tracker.numbers(), Numbers { users: 2, calls: 3 });
}

#[test]
fn a_room_has_its_calls_until_they_are_over() {
    let in_room = |call: &str, said| Evidence {
        origin: Some(Origin { source: Arc::from("livekit"), is_carrier: false }),
        room: Some(id("livekit/room")),
        ..Evidence::about(id(call), Source::Event, said)
    };
    let up = Said::InProgress;
    let tracker =
        played(&[in_room("b", up), in_room("a", up), in_room("c", up), in_room("c", OVER)]);
    assert_eq!(tracker.in_room(&id("livekit/room")), [id("a"), id("b")]);
    assert!(tracker.in_room(&id("livekit/other")).is_empty());
}

/// The room that it was in first does not find it any more, also when its place has another call.
#[test]
fn a_call_that_changes_its_room_is_in_the_new_one_alone() {
    let in_room = |call: &str, room: &str, said| Evidence {
        room: Some(id(room)),
        session: Some(id(room)),
        ..Evidence { call: id(call), ..vapi(said) }
    };
    let up = Said::InProgress;
    let mut tracker = played(&[in_room("a", "room/1", up), in_room("a", "room/2", up)]);
    assert!(tracker.in_room(&id("room/1")).is_empty());
    assert_eq!(tracker.in_room(&id("room/2")), [id("a")]);
    tracker.apply(Millis(9_000), &in_room("a", "room/2", OVER));
    tracker.forget(Millis(1_000_000));
    tracker.apply(Millis(9_001), &in_room("b", "room/3", up));
    for room in ["room/1", "room/2"] {
        assert!(tracker.in_room(&id(room)).is_empty(), "{room}");
        assert_eq!(tracker.first_in_session(&id(room), &id("c")), None);
    }
    assert_eq!(tracker.first_in_session(&id("room/3"), &id("c")), Some(id("b")));
}

#[test]
fn a_forgotten_call_leaves_no_name() {
    let mut tracker = played(&[joined(Said::InProgress), joined(OVER)]);
    tracker.forget(Millis(1_000_000));
    assert_eq!((tracker.known(), tracker.check()), (0, Ok(())));
    assert!(tracker.call(&id("vapi/1")).is_none() && tracker.call(&id(TWILIO)).is_none());
}

#[test]
fn a_word_that_was_overtaken_moves_nobody() {
    let at = |second, connection| Evidence {
        connection: Some(connection),
        said_at: Some(Millis(second)),
        ..vapi(Said::InProgress)
    };
    let (agent, person) = (at(1, Connection::Agent), at(2, Connection::Person));
    let party = |log: &[Evidence]| played(log).call(&id("vapi/1")).unwrap().party;
    assert_eq!(party(&[agent.clone(), person.clone()]), Some(Party::Person));
    assert_eq!(party(&[person.clone(), agent.clone()]), Some(Party::Person));
    assert_eq!(party(&[agent, person, at(3, Connection::Agent)]), Some(Party::Agent));
}

#[test]
fn an_event_that_comes_again_moves_nobody_even_without_a_time() {
    let event = |n, connection| Evidence {
        connection: Some(connection),
        event_id: NonZeroU64::new(n),
        ..vapi(Said::InProgress)
    };
    let (agent, person) = (event(1, Connection::Agent), event(2, Connection::Person));
    let party = |tracker: &Tracker| tracker.call(&id("vapi/1")).unwrap().party;
    let mut tracker = played(&[agent.clone(), person]);
    // What is remembered of it survives a restart.
    tracker = Tracker::restore(tracker.now(), tracker.calls(), tracker.conferences());
    tracker.apply(Millis(9_000), &agent);
    assert_eq!(party(&tracker), Some(Party::Person));
    tracker.apply(Millis(9_001), &event(3, Connection::Agent));
    assert_eq!(party(&tracker), Some(Party::Agent));
    // So many are remembered, and no more.
    for n in 10..200 {
        tracker.apply(Millis(9_002), &event(n, Connection::Waiting));
    }
    let told = tracker.call(&id("vapi/1")).unwrap().details.told.unwrap();
    assert_eq!((told.words.len(), told.words.last()), (64, NonZeroU64::new(199).as_ref()));
}

#[test]
fn a_heartbeat_answers_no_call_that_rings_and_begins_one_that_is_unknown() {
    let outbound = |said| Evidence { direction: Some(Direction::Outbound), ..vapi(said) };
    let phase = |log: &[Evidence]| played(log).call(&id("vapi/1")).unwrap().phase;
    let heartbeat = || vapi(Said::StillUp);
    assert_eq!(phase(&[outbound(Said::Dialing), heartbeat()]), Phase::Dialing);
    assert_eq!(phase(&[outbound(Said::StillUp)]), Phase::Dialing);
    assert_eq!(phase(&[heartbeat()]), Phase::Live, "its start was lost");
    let answered = outbound(Said::InProgress);
    assert_eq!(phase(&[outbound(Said::Dialing), answered.clone(), heartbeat()]), Phase::Live);
    let given_up = || Evidence::about(id("vapi/1"), Source::Clock, Said::Over(EndReason::TimedOut));
    assert_eq!(phase(&[answered, given_up(), heartbeat()]), Phase::Live, "it was up after all");
    let rings = [outbound(Said::Dialing), given_up(), heartbeat()];
    assert_eq!(phase(&rings), Phase::Ended(EndReason::TimedOut), "nobody has answered");
}

#[test]
fn a_machine_that_an_application_tells_of_is_taken_back() {
    let with = |connection| Evidence { connection: Some(connection), ..vapi(Said::InProgress) };
    let party = |log: &[Evidence]| played(log).call(&id("vapi/1")).unwrap().party;
    let (machine, agent) = (with(Connection::Machine), with(Connection::Agent));
    assert_eq!(party(&[agent.clone(), machine.clone()]), Some(Party::Machine));
    assert_eq!(party(&[machine.clone(), agent]), Some(Party::Agent));
    assert_eq!(party(&[machine, with(Connection::Person)]), Some(Party::Person));
}

#[test]
fn who_waits_at_a_platform_waits() {
    let waiting = Evidence { connection: Some(Connection::Waiting), ..vapi(Said::InProgress) };
    let back = Evidence { connection: Some(Connection::Agent), ..vapi(Said::InProgress) };
    assert_eq!(played(std::slice::from_ref(&waiting)).numbers().users, 0);
    assert_eq!(played(&[waiting, back]).numbers().users, 1);
}

/// A platform that tells ends alone has had the conversation, whoever told of the call before.
#[test]
fn the_end_of_a_platforms_conversation_proves_that_it_was_no_colleagues() {
    let over = |is_carrier| Evidence {
        direction: Some(Direction::Outbound),
        endpoint: Some(Endpoint::Person),
        origin: Some(Origin { source: Arc::from("elevenlabs"), is_carrier }),
        ..Evidence::about(id(TWILIO), Source::Event, OVER)
    };
    let is_proven = |log: &[Evidence]| played(log).call(&id(TWILIO)).unwrap().details.is_proven;
    assert!(is_proven(&[over(false)]));
    assert!(!is_proven(&[over(true)]), "a carrier ends the calls of colleagues, too");
    let busy = Evidence { said: Said::Over(EndReason::Busy), ..over(false) };
    assert!(!is_proven(&[busy]));
}
