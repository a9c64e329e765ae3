//! With whom a caller is connected, one story each.

use crate::model::{COMPLETED, agent, call, caller, inbound, status};
use live_users_core::{
    AgentFrom, AnsweredBy, Attendance, CallId, ConferenceEvent, Connection, Counting, Direction,
    EndReason, Endpoint, Evidence, Millis, Outcome, Party, Phase, RETRY_MS_MAX, Said, Source, Talk,
    Tracker,
};

/// The users of each party: with an agent, waiting, with a person, a machine.
fn parties(tracker: &Tracker) -> [usize; 4] {
    tracker.check().expect("the invariants hold");
    tracker.breakdown().parties.map(|numbers| numbers.users)
}

/// The same after each piece of evidence, a second apart.
fn story(evidence: &[Evidence]) -> Vec<[usize; 4]> {
    let mut tracker = Tracker::default();
    let each = evidence.iter().zip(1..).map(|(evidence, second)| {
        tracker.apply(Millis(second * 1_000), evidence);
        parties(&tracker)
    });
    each.collect()
}

const AGENT: [usize; 4] = [1, 0, 0, 0];
const WAITING: [usize; 4] = [0, 1, 0, 0];
const PERSON: [usize; 4] = [0, 0, 1, 0];
const MACHINE: [usize; 4] = [0, 0, 0, 1];
const NOBODY: [usize; 4] = [0, 0, 0, 0];

fn leg(n: u8, said: Said, endpoint: Endpoint) -> Evidence {
    Evidence {
        parent: Some(call(1)),
        endpoint: Some(endpoint),
        caller: None,
        ..status(n, said, Direction::Dial)
    }
}

fn to_person(said: Said) -> Evidence {
    leg(2, said, Endpoint::Person)
}

fn end(n: u8) -> Evidence {
    status(n, COMPLETED, Direction::Inbound)
}

fn speech(n: u8) -> Evidence {
    Evidence { source: Source::Speech, said: Said::InProgress, ..inbound(n) }
}

fn attends(n: u8, what: Attendance, order: u32) -> Evidence {
    let conference = CallId::parse("CF1").expect("an id");
    let event = ConferenceEvent { conference, what, order: Some(order) };
    let said = Evidence::about(call(n), Source::StatusCallback, Said::Nothing);
    Evidence { conference: Some(event), ..said }
}

#[test]
fn a_caller_who_is_handed_over_by_dial_waits_is_with_a_person_and_comes_back() {
    let told = [
        inbound(1),
        to_person(Said::Dialing),
        to_person(Said::InProgress),
        to_person(COMPLETED),
        end(1),
    ];
    assert_eq!(story(&told), [AGENT, WAITING, PERSON, AGENT, NOBODY]);
    // A colleague who does not answer.
    let busy = to_person(Said::Over(EndReason::Busy));
    assert_eq!(story(&[inbound(1), to_person(Said::Dialing), busy]), [AGENT, WAITING, AGENT]);
    // Two are rung, one answers.
    let other = |said| leg(3, said, Endpoint::Person);
    let told = [
        inbound(1),
        to_person(Said::Dialing),
        other(Said::Dialing),
        to_person(Said::InProgress),
        other(Said::Over(EndReason::Canceled)),
        to_person(COMPLETED),
    ];
    assert_eq!(story(&told), [AGENT, WAITING, WAITING, PERSON, PERSON, AGENT]);
}

#[test]
fn a_leg_counts_for_its_call_in_whatever_order_they_come() {
    let (person, over) = (to_person(Said::InProgress), to_person(COMPLETED));
    assert_eq!(story(&[person.clone(), inbound(1)]), [NOBODY, PERSON]);
    assert_eq!(story(&[over.clone(), person.clone(), inbound(1)]), [NOBODY, NOBODY, AGENT]);
    assert_eq!(story(&[inbound(1), end(1), person.clone()]), [AGENT, NOBODY, NOBODY]);
    // What ends the call ends its legs.
    let mut tracker = Tracker::default();
    for evidence in [inbound(1), person, end(1)] {
        tracker.apply(Millis(1), &evidence);
    }
    assert_eq!(tracker.open().count(), 0);
    let old = Evidence { endpoint: None, ..to_person(Said::InProgress) };
    assert_eq!(story(&[inbound(1), old]), [AGENT, AGENT], "an old record says not who it is");
}

#[test]
fn a_leg_to_an_ai_endpoint_is_the_agent() {
    let ai = |said| leg(2, said, Endpoint::Agent);
    let told = [
        inbound(1),
        ai(Said::Dialing),
        ai(Said::InProgress),
        ai(COMPLETED),
        leg(3, Said::InProgress, Endpoint::Person),
    ];
    assert_eq!(story(&told), [AGENT, AGENT, AGENT, AGENT, PERSON]);
}

#[test]
fn a_leg_to_another_agent_moves_the_caller_there_and_back() {
    let mut tracker = Tracker::default();
    let there = Evidence { agent: agent("support"), ..leg(2, Said::InProgress, Endpoint::Agent) };
    let live_at = |tracker: &Tracker| {
        tracker.check().unwrap();
        let live = tracker.by_agent().into_iter();
        live.map(|(agent, numbers)| (agent, numbers.users)).collect::<Vec<_>>()
    };
    tracker.apply(Millis(0), &inbound(1));
    let applied = tracker.apply(Millis(10_000), &there);
    assert_eq!(applied.deltas.iter().count(), 2);
    assert_eq!(live_at(&tracker), [(agent("support"), 1)]);
    assert_eq!(tracker.call(&call(1)).unwrap().acting_agent(), &agent("support"));
    tracker.apply(Millis(15_000), &Evidence { said: COMPLETED, ..there });
    assert_eq!(live_at(&tracker), [(agent("booking"), 1)]);
    let talk = tracker.apply(Millis(18_000), &end(1)).talk.unwrap();
    let agents = [(agent("booking"), 13_000), (agent("support"), 5_000)];
    assert_eq!(talk, Talk { agents: agents.into_iter().collect(), other_ms: 0 });
}

#[test]
fn the_last_agent_that_a_voice_request_names_has_the_call_whatever_its_name() {
    let named = |name, said| Evidence {
        agent: agent(name),
        agent_from: AgentFrom::Url,
        said,
        ..inbound(1)
    };
    for (first, then) in [("triage", "booking"), ("booking", "triage")] {
        let mut tracker = Tracker::default();
        tracker.apply(Millis(0), &named(first, Said::Dialing));
        tracker.apply(Millis(5_000), &named(then, Said::InProgress));
        let users = |tracker: &Tracker| tracker.by_agent().remove(0);
        assert_eq!(users(&tracker).0, agent(then));
        // The first request again, and a callback with the number's own agent, take it nowhere.
        tracker.apply(Millis(6_000), &named(first, Said::Dialing));
        let callback = Evidence {
            source: Source::StatusCallback,
            said: Said::InProgress,
            ..named(first, Said::Dialing)
        };
        tracker.apply(Millis(6_500), &callback);
        assert_eq!(users(&tracker).0, agent(then));
        let talk = tracker.apply(Millis(9_000), &Evidence { said: COMPLETED, ..callback }).talk;
        let agents = [(agent(first), 5_000), (agent(then), 4_000)];
        assert_eq!(talk.unwrap().agents.into_vec(), agents);
    }
}

#[test]
fn a_machine_is_no_person_also_when_it_is_recognised_late() {
    let dialled =
        |said, answered_by| Evidence { answered_by, ..status(1, said, Direction::Outbound) };
    let detected = |answered_by| Evidence {
        answered_by: Some(answered_by),
        ..Evidence::about(call(1), Source::StatusCallback, Said::Nothing)
    };
    let told = [
        dialled(Said::Dialing, None),
        dialled(Said::InProgress, None),
        detected(AnsweredBy::Machine),
        dialled(Said::InProgress, Some(AnsweredBy::Human)),
        dialled(COMPLETED, None),
    ];
    assert_eq!(story(&told), [WAITING, AGENT, MACHINE, MACHINE, NOBODY]);
    let human = [dialled(Said::InProgress, None), detected(AnsweredBy::Human)];
    assert_eq!(story(&human), [AGENT, AGENT]);
    assert_eq!(story(&[detected(AnsweredBy::Fax)]), [MACHINE]);
    assert_eq!(story(&[dialled(COMPLETED, None), detected(AnsweredBy::Human)]), [NOBODY, NOBODY]);
}

#[test]
fn who_waits_in_a_queue_waits_until_a_request_says_otherwise() {
    let waits = Evidence { connection: Some(Connection::Waiting), ..speech(1) };
    let back = Evidence { connection: Some(Connection::Agent), ..speech(1) };
    let late = Evidence { connection: Some(Connection::Agent), ..inbound(1) };
    let told = [inbound(1), waits.clone(), late, back.clone(), waits.clone(), end(1)];
    assert_eq!(story(&told), [AGENT, WAITING, WAITING, AGENT, WAITING, NOBODY]);
    // Somebody takes the caller out of the queue, and the action comes when they have talked.
    let taken = Evidence { connection: Some(Connection::Person), ..speech(1) };
    assert_eq!(story(&[inbound(1), waits, taken, back]), [AGENT, WAITING, PERSON, AGENT]);
}

#[test]
fn in_a_conference_the_others_decide() {
    use Attendance::{Held, Joined, Left, Over, Resumed};
    let told = [inbound(1), attends(1, Joined, 1), attends(9, Joined, 2), attends(9, Left, 3)];
    assert_eq!(story(&told), [AGENT, WAITING, PERSON, WAITING]);
    let told = [inbound(1), attends(9, Joined, 1), attends(1, Joined, 2), attends(1, Left, 3)];
    assert_eq!(story(&told), [AGENT, AGENT, PERSON, AGENT]);
    let told = [inbound(1), attends(9, Joined, 1), attends(1, Joined, 2), attends(9, Over, 3)];
    assert_eq!(story(&told)[3], AGENT, "the conference is over and the call goes on");
    let told = [
        inbound(1),
        attends(1, Joined, 1),
        attends(9, Joined, 2),
        attends(1, Held, 3),
        attends(1, Resumed, 4),
    ];
    assert_eq!(story(&told)[2..], [PERSON, WAITING, PERSON]);
    // An event that was overtaken is no news.
    let told = [inbound(1), attends(9, Left, 3), attends(9, Joined, 2), attends(1, Joined, 4)];
    assert_eq!(story(&told)[3], WAITING);
    // An AI endpoint in it is the agent, and beside a colleague the colleague counts.
    let ai = leg(2, Said::InProgress, Endpoint::Agent);
    let told = [
        inbound(1),
        attends(1, Joined, 1),
        Evidence { parent: None, ..ai },
        attends(2, Joined, 2),
        attends(9, Joined, 3),
        attends(9, Left, 4),
    ];
    assert_eq!(story(&told), [AGENT, WAITING, WAITING, AGENT, PERSON, AGENT]);
    // Two callers are not each other's colleagues.
    let told = [inbound(1), inbound(2), attends(1, Joined, 1), attends(2, Joined, 2)];
    assert_eq!(story(&told)[3], [0, 2, 0, 0]);
}

#[test]
fn a_colleague_who_is_called_without_a_trace_of_the_caller_is_no_user() {
    let dialled = |n, said| Evidence {
        caller: caller(70),
        endpoint: Some(Endpoint::Person),
        ..status(n, said, Direction::Outbound)
    };
    let old = Evidence { endpoint: None, ..dialled(2, Said::InProgress) };
    assert_eq!(story(&[inbound(1), old])[1], [2, 0, 0, 0], "an old record is not guessed about");
    let told = [
        inbound(1),
        dialled(2, Said::Dialing),
        dialled(2, Said::InProgress),
        dialled(2, COMPLETED),
    ];
    assert_eq!(story(&told), [AGENT, [1, 1, 0, 0], AGENT, AGENT]);
    // One colleague for one caller; a call that asks what to say talks with an agent.
    let second = dialled(3, Said::InProgress);
    let told =
        [inbound(1), dialled(2, Said::InProgress), Evidence { caller: caller(71), ..second }];
    assert_eq!(story(&told)[2], [2, 0, 0, 0]);
    let asks =
        Evidence { source: Source::Voice, said: Said::InProgress, ..dialled(2, Said::InProgress) };
    let told = [inbound(1), dialled(2, Said::InProgress), asks];
    assert_eq!(story(&told), [AGENT, AGENT, [2, 0, 0, 0]]);
    // Of an agent that calls users, what only the provider's list tells is one of them.
    let user = Evidence { caller: caller(72), ..dialled(4, Said::InProgress) };
    let proven = Evidence { source: Source::Voice, ..user };
    let listed = Evidence { source: Source::Referee, ..dialled(2, Said::InProgress) };
    assert_eq!(story(&[inbound(1), listed.clone()])[1], AGENT);
    let over = Evidence { said: COMPLETED, ..proven.clone() };
    assert_eq!(story(&[proven, over, inbound(1), listed])[3], [2, 0, 0, 0]);
    // In a campaign nobody has called us.
    let campaign = [1, 2, 3]
        .map(|n| Evidence { caller: caller(u64::from(n)), ..dialled(n, Said::InProgress) });
    assert_eq!(story(&campaign), [AGENT, [2, 0, 0, 0], [3, 0, 0, 0]]);
    // For a caller who waits, a colleague is being called.
    let told = [inbound(1), attends(1, Attendance::Joined, 1), dialled(2, Said::Dialing)];
    assert_eq!(story(&told)[2], WAITING);
    // In one conference with the caller it is a colleague.
    let told = [
        dialled(2, Said::InProgress),
        inbound(1),
        attends(1, Attendance::Joined, 1),
        attends(2, Attendance::Joined, 2),
    ];
    assert_eq!(story(&told)[2..], [[1, 1, 0, 0], PERSON]);
}

#[test]
fn our_own_guess_yields_to_what_can_only_have_been_said_after_it() {
    let goodbye = Evidence { said: Said::Over(EndReason::Goodbye), ..speech(1) };
    let fallback = Evidence { source: Source::Voice, is_after_lost_answer: true, ..speech(1) };
    let listed = Evidence { source: Source::Referee, ..speech(1) };
    let at = |tracker: &mut Tracker, ms, evidence: &Evidence| {
        let outcome = tracker.apply(Millis(ms), evidence).outcome;
        tracker.check().unwrap();
        (outcome, tracker.numbers().users)
    };
    let after_goodbye = || {
        let mut tracker = Tracker::default();
        at(&mut tracker, 1_000, &inbound(1));
        assert_eq!(at(&mut tracker, 60_000, &goodbye), (Outcome::Ended(EndReason::Goodbye), 0));
        tracker
    };
    assert_eq!(at(&mut after_goodbye(), 60_100, &fallback), (Outcome::Resumed, 1));
    assert_eq!(at(&mut after_goodbye(), 70_000, &listed), (Outcome::Resumed, 1));
    let later = 60_000 + RETRY_MS_MAX;
    assert_eq!(at(&mut after_goodbye(), later, &speech(1)), (Outcome::Late, 0));
    assert_eq!(at(&mut after_goodbye(), later + 1, &speech(1)), (Outcome::Resumed, 1));
    let callback = status(1, Said::InProgress, Direction::Inbound);
    assert_eq!(at(&mut after_goodbye(), later + 1, &callback), (Outcome::Late, 0));
    // It goes on since it began, and what was reckoned at the wrong end is given back.
    let mut tracker = after_goodbye();
    let talk = tracker.apply(Millis(60_500), &fallback).talk.unwrap();
    assert_eq!(talk.with_agents_ms(), 59_000);
    assert_eq!(tracker.call(&call(1)).unwrap().since, Millis(1_000));
    assert_eq!(tracker.apply(Millis(90_000), &end(1)).talk.unwrap().with_agents_ms(), 89_000);
    // The provider's word stands, also when it came after the guess.
    for evidence in [&fallback, &speech(1), &listed] {
        assert_eq!(at(&mut tracker, 500_000, evidence), (Outcome::Late, 0));
    }
    let mut tracker = after_goodbye();
    at(&mut tracker, 61_000, &end(1));
    assert_eq!(at(&mut tracker, 500_000, &fallback), (Outcome::Late, 0));
    // A tombstone whose end was taken back is not forgotten with its old end.
    let mut tracker = after_goodbye();
    at(&mut tracker, 60_100, &fallback);
    assert_eq!(tracker.forget(Millis(100_000)), 0);
    at(&mut tracker, 200_000, &end(1));
    assert_eq!((tracker.forget(Millis(100_000)), tracker.forget(Millis(300_000))), (0, 1));
    tracker.check().unwrap();
}

#[test]
fn what_the_clock_gave_up_is_taken_back_too() {
    let mut tracker = Tracker::default();
    let dialled = |said| status(1, said, Direction::Outbound);
    tracker.apply(Millis(1_000), &dialled(Said::Dialing));
    tracker.apply(Millis(9_000), &dialled(Said::InProgress));
    let over = Said::Over(EndReason::TimedOut);
    tracker.apply(Millis(50_000), &Evidence::about(call(1), Source::Clock, over));
    let listed = Evidence::about(call(1), Source::Referee, Said::InProgress);
    assert_eq!(tracker.apply(Millis(60_000), &listed).outcome, Outcome::Resumed);
    let known = tracker.call(&call(1)).unwrap();
    assert_eq!(
        (known.phase, known.since, known.stretch_since()),
        (Phase::Live, Millis(9_000), Millis(9_000))
    );
    assert!(known.first <= Millis(1_000));
    tracker.check().unwrap();
}

#[test]
fn the_time_with_a_person_is_no_time_with_the_agent() {
    let mut tracker = Tracker::default();
    tracker.apply(Millis(0), &inbound(1));
    tracker.apply(Millis(200_000), &to_person(Said::Dialing));
    tracker.apply(Millis(210_000), &to_person(Said::InProgress));
    assert_eq!(tracker.ages(Millis(300_000)).0.calls, 0);
    let applied = tracker.apply(Millis(810_000), &to_person(COMPLETED));
    let moved = &applied.moves[0];
    assert_eq!((moved.from, moved.to), (Some(Party::Person), Some(Party::Agent)));
    assert_eq!(tracker.ages(Millis(850_000)).0.total_ms, 240_000);
    let stretches = tracker.call(&call(1)).unwrap().details.stretches;
    let parties: Vec<_> = stretches.iter().map(|it| (it.party, it.until.since(it.since))).collect();
    let expected = [(Party::Agent, 200_000), (Party::Waiting, 10_000), (Party::Person, 600_000)];
    assert_eq!(parties, expected);
    let talk = tracker.apply(Millis(900_000), &end(1)).talk.unwrap();
    assert_eq!((talk.with_agents_ms(), talk.other_ms), (290_000, 610_000));
    assert_eq!(tracker.call(&call(1)).unwrap().details.stretches.len(), 4);
}

#[test]
fn handed_over_callers_count_where_they_are_to() {
    let counting = Counting { handed_over: true, by_call: false };
    let mut tracker = Tracker::default().counting(counting);
    for evidence in [inbound(1), to_person(Said::InProgress), inbound(3)] {
        tracker.apply(Millis(1), &evidence);
    }
    assert_eq!((tracker.numbers().users, parties(&tracker)), (2, [1, 0, 1, 0]));
    assert_eq!(tracker.breakdown().on_the_line().users, 2);
    assert_eq!(tracker.by_country()[0].1.users, 2);
    let tracker = tracker.counting(Counting::default());
    assert_eq!((tracker.numbers().users, parties(&tracker)), (1, [1, 0, 1, 0]));
}

#[test]
fn counted_by_call_two_calls_of_one_person_are_two() {
    let mut tracker = Tracker::default();
    for n in [1, 2] {
        tracker.apply(Millis(1), &Evidence { caller: caller(7), ..inbound(n) });
    }
    assert_eq!(tracker.numbers().users, 1);
    let by_call = Counting { handed_over: false, by_call: true };
    assert_eq!(tracker.counting(by_call).numbers().users, 2);
}

#[test]
fn a_webhook_that_says_nothing_begins_no_call() {
    let nothing = Evidence::about(call(1), Source::StatusCallback, Said::Nothing);
    assert_eq!(story(&[nothing.clone(), inbound(1), nothing]), [NOBODY, AGENT, AGENT]);
    let streams = Evidence {
        connection: Some(Connection::Agent),
        ..Evidence::about(call(1), Source::StatusCallback, Said::Nothing)
    };
    assert_eq!(story(&[streams]), [AGENT], "a media stream is of a call that is up");
    assert_eq!(story(&[attends(1, Attendance::Joined, 1)]), [NOBODY]);
}

#[test]
fn nobody_joins_a_conference_that_is_over_and_who_asks_what_to_say_has_left_it() {
    use Attendance::{Joined, Over};
    let told = [inbound(1), attends(1, Joined, 1), attends(9, Over, 3), attends(1, Joined, 2)];
    assert_eq!(story(&told)[1..], [WAITING, AGENT, AGENT]);
    let asks = Evidence { connection: Some(Connection::Agent), ..speech(1) };
    let mut tracker = Tracker::default();
    for (ms, evidence, expected) in [
        (1_000, inbound(1), AGENT),
        (5_000, attends(1, Joined, 1), WAITING),
        (6_000, attends(9, Joined, 2), PERSON),
        (24_000, asks.clone(), PERSON),
        (26_000, asks, AGENT),
    ] {
        tracker.apply(Millis(ms), &evidence);
        assert_eq!(parties(&tracker), expected, "at {ms}");
    }
}
