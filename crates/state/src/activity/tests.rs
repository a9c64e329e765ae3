//! The activity log and the sums: what they give, that they are bounded, and that a restart changes
//! neither.

use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, AnsweredBy, CallId, Country, Direction, EndReason, Endpoint, Evidence,
    Millis, Party, Place, Said, Source,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::record::{Change, Record};
use crate::snapshot;
use crate::state::State;

mod moves;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// A moment at which a minute, a quarter, an hour and a day begin.
const T: u64 = 20_000 * 24 * HOUR;
const COMPLETED: Said = Said::Over(EndReason::Completed);

fn id(call: &str) -> CallId {
    CallId::parse(call).unwrap()
}

fn agent(name: &str) -> Agent {
    Agent::Id(Arc::from(name))
}

fn voice(call: &str) -> Evidence {
    let place = Place { country: Country::parse("US"), ..Place::default() };
    let direction = Some(Direction::Inbound);
    Evidence {
        agent: agent("booking"),
        direction,
        place,
        ..Evidence::about(id(call), Source::Voice, Said::Dialing)
    }
}

fn end(call: &str, duration_s: Option<u32>) -> Evidence {
    Evidence { duration_s, ..Evidence::about(id(call), Source::StatusCallback, COMPLETED) }
}

fn over(call: &str, source: Source, reason: EndReason) -> Evidence {
    Evidence::about(id(call), source, Said::Over(reason))
}

fn receive(state: &mut State, at: u64, evidence: Evidence) {
    state.apply(&Record { at: Millis(at), change: Change::Evidence(evidence) });
}

/// The newest activity.
fn newest(state: &State) -> Activity {
    state.activity_log().after(None, 1).activities.remove(0).1
}

fn sums(state: &State, agent: Option<&Agent>, now: u64) -> [(u64, Option<u64>, u64); 2] {
    let talks = state.durations();
    let now = Millis(now);
    [talks.last_hour(agent, now), talks.last_day(agent, now)]
        .map(|talked| (talked.calls, talked.average_ms(), talked.longest_ms))
}

#[test]
fn a_call_is_listed_from_its_start_to_its_end() {
    let mut state = State::default();
    let direction = Some(Direction::Outbound);
    let dialed = Evidence { direction, ..voice("CA1") };
    let picked_up = Evidence { said: Said::InProgress, ..dialed.clone() };
    receive(&mut state, T, dialed);
    receive(&mut state, T + 5_000, picked_up.clone());
    receive(&mut state, T + 6_000, picked_up);
    receive(&mut state, T + 65_500, end("CA1", Some(61)));
    receive(&mut state, T + 66_000, end("CA1", Some(61)));
    let page = state.activity_log().after(None, 10);
    let listed = page
        .activities
        .iter()
        .map(|(number, activity)| (*number, activity.what, activity.at.0 - T, activity.lasted));
    let listed: Vec<_> = listed.collect();
    let expected = [
        (3, ActivityKind::Ended, 65_500, Some(CallDuration::Reported(61_000))),
        (2, ActivityKind::Answered, 5_000, None),
        (1, ActivityKind::Started, 0, None),
    ];
    assert_eq!(listed, expected);
    let ended = newest(&state);
    assert_eq!((ended.agent, ended.direction), (agent("booking"), direction));
    assert_eq!(ended.place.country, Country::parse("US"));
    assert_eq!((ended.reason, ended.cause), (Some(EndReason::Completed), None));
}

#[test]
fn without_the_providers_word_a_call_is_measured_from_live_to_end() {
    let mut state = State::default();
    receive(&mut state, T, voice("CA1"));
    receive(&mut state, T + 7_250, over("CA1", Source::Speech, EndReason::Goodbye));
    assert_eq!(newest(&state).lasted, Some(CallDuration::Measured(7_250)));
    assert_eq!(sums(&state, None, T + 7_250), [(1, Some(7_250), 7_250); 2]);
    // The status callback comes later, and knows better; once.
    receive(&mut state, T + 9_000, end("CA1", Some(9)));
    receive(&mut state, T + 9_000, end("CA1", Some(10)));
    assert_eq!(newest(&state).lasted, Some(CallDuration::Reported(9_000)));
    assert_eq!(sums(&state, Some(&agent("booking")), T + 9_000), [(1, Some(9_000), 9_000); 2]);
}

#[test]
fn a_call_that_nobody_was_on_has_no_duration_and_is_in_no_average() {
    let mut state = State::default();
    let direction = Some(Direction::Outbound);
    receive(&mut state, T, Evidence { direction, ..voice("CA1") });
    let no_answer = over("CA1", Source::StatusCallback, EndReason::NoAnswer);
    receive(&mut state, T + 30_000, Evidence { duration_s: Some(0), ..no_answer.clone() });
    receive(&mut state, T + 31_000, Evidence { duration_s: Some(0), ..no_answer });
    let ended = newest(&state);
    assert_eq!((ended.reason, ended.lasted), (Some(EndReason::NoAnswer), None));
    assert_eq!(sums(&state, None, T + 30_000), [(0, None, 0); 2]);
}

#[test]
fn a_call_of_which_only_the_end_was_reported_counts_if_its_duration_is() {
    let mut state = State::default();
    receive(&mut state, T, end("CA1", None));
    assert_eq!(newest(&state).lasted, None);
    assert_eq!(sums(&state, None, T), [(0, None, 0); 2]);
    receive(&mut state, T + 1, end("CA1", Some(20)));
    receive(&mut state, T + 2, end("CA2", Some(40)));
    assert_eq!(sums(&state, None, T + 2), [(2, Some(30_000), 40_000); 2]);
    assert_eq!(sums(&state, Some(&Agent::Unknown), T + 2), [(2, Some(30_000), 40_000); 2]);
}

#[test]
fn what_is_healed_says_of_what_and_a_ghost_is_in_no_average() {
    let mut state = State::default();
    for call in ["CA1", "CA2", "CA3"] {
        receive(&mut state, T, voice(call));
    }
    receive(&mut state, T + HOUR, over("CA1", Source::Operator, EndReason::Evicted));
    let evicted = newest(&state);
    assert_eq!(
        (evicted.what, evicted.lasted),
        (ActivityKind::Evicted, Some(CallDuration::Measured(HOUR)))
    );
    receive(&mut state, T + HOUR, over("CA2", Source::Clock, EndReason::TimedOut));
    let given_up = newest(&state);
    assert_eq!((given_up.what, given_up.cause), (ActivityKind::Corrected, Some(Cause::TimedOut)));
    let referee = Evidence { source: Source::Referee, ..end("CA3", Some(90)) };
    receive(&mut state, T + HOUR, referee);
    let found = newest(&state);
    assert_eq!((found.what, found.cause), (ActivityKind::Corrected, Some(Cause::MissedEnd)));
    assert_eq!(
        (found.reason, found.lasted),
        (Some(EndReason::Completed), Some(CallDuration::Reported(90_000)))
    );
    assert_eq!(sums(&state, None, T + HOUR), [(1, Some(90_000), 90_000); 2]);
    // In the end Twilio reports how long the one that was given up had been.
    receive(&mut state, T + HOUR + MINUTE, end("CA2", Some(30)));
    assert_eq!(sums(&state, None, T + HOUR + MINUTE), [(2, Some(60_000), 90_000); 2]);
    let started = over("CA4", Source::Referee, EndReason::Completed);
    receive(&mut state, T + HOUR, Evidence { said: Said::InProgress, ..started });
    assert_eq!(newest(&state).cause, Some(Cause::MissedStart));
}

#[test]
fn an_hour_and_a_day_after_its_end_a_call_is_in_no_sum() {
    let mut state = State::default();
    receive(&mut state, T, end("CA1", Some(10)));
    let counted = |now| sums(&state, None, now).map(|(calls, ..)| calls);
    assert_eq!(counted(T + HOUR - 1), [1, 1]);
    assert_eq!(counted(T + HOUR), [0, 1]);
    assert_eq!(counted(T + 24 * HOUR - 1), [0, 1]);
    assert_eq!(counted(T + 24 * HOUR), [0, 0]);
    assert_eq!(state.durations().agents(Millis(T)).count(), 1);
    assert_eq!(state.durations().agents(Millis(T + 24 * HOUR)).count(), 0);
}

#[test]
fn the_feed_goes_on_from_a_number_and_says_what_it_has_missed() {
    let mut state = State::default();
    let page = |state: &State, after, limit| {
        let ActivityPage { activities, newest, missed } = state.activity_log().after(after, limit);
        let numbers: Vec<_> = activities.into_iter().map(|(number, _)| number).collect();
        (numbers, newest, missed)
    };
    assert_eq!(page(&state, None, 5), (vec![], 0, false));
    assert_eq!(page(&state, Some(0), 5), (vec![], 0, false));
    for n in 1..=ACTIVITY_LOG_MAX + 2 {
        receive(&mut state, T, voice(&format!("CA{n}")));
    }
    assert_eq!(page(&state, None, 2), (vec![1002, 1001], 1002, false));
    assert_eq!(page(&state, Some(1000), 5), (vec![1002, 1001], 1002, false));
    assert_eq!(page(&state, Some(1002), 5), (vec![], 1002, false));
    assert_eq!(page(&state, Some(999), 2), (vec![1002, 1001], 1002, true));
    assert!(!page(&state, Some(2), 5000).2 && page(&state, Some(1), 5000).2);
    assert_eq!(page(&state, None, 5000).0.len(), ACTIVITY_LOG_MAX);
    // From a life of the journal that is not this one.
    assert_eq!(page(&state, Some(1003), 1), (vec![1002], 1002, true));
}

#[test]
fn callers_cannot_make_up_so_many_addresses_that_agents_have_no_room() {
    let mut state = State::default();
    for n in 0..1_200 {
        let agent = Agent::Address(Arc::from(format!("sip:{n}@example.com")));
        receive(&mut state, T, Evidence { agent, ..end(&format!("A{n}"), Some(1)) });
    }
    for n in 0..1_200 {
        let agent = agent(&format!("agent-{n}"));
        receive(&mut state, T, Evidence { agent, ..end(&format!("B{n}"), Some(1)) });
    }
    let (addresses, ids): (Vec<_>, Vec<_>) =
        state.durations().agents(Millis(T)).partition(|agent| matches!(agent, Agent::Address(_)));
    assert_eq!((addresses.len(), ids.len()), (500, 500));
    assert_eq!(sums(&state, None, T)[0].0, 2_400, "none is missing among all");
    // A day later there is room again.
    let later = T + 24 * HOUR;
    receive(&mut state, later, Evidence { agent: agent("late"), ..end("C", Some(1)) });
    assert_eq!(state.durations().agents(Millis(later)).collect::<Vec<_>>(), [&agent("late")]);
    assert_eq!(state.activities().talks.by_agent.len(), 1);
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let sources = select(vec![
        Source::Voice,
        Source::Speech,
        Source::StatusCallback,
        Source::Referee,
        Source::Clock,
        Source::Operator,
    ]);
    let said = select(vec![
        Said::Dialing,
        Said::InProgress,
        COMPLETED,
        Said::Over(EndReason::Goodbye),
        Said::Over(EndReason::NoAnswer),
        Said::Over(EndReason::TimedOut),
        Said::Over(EndReason::Evicted),
    ]);
    let directions = select(vec![
        None,
        Some(Direction::Inbound),
        Some(Direction::Outbound),
        Some(Direction::Dial),
    ]);
    let agents = select(vec![Agent::Unknown, agent("a"), Agent::Address(Arc::from("+1"))]);
    let evidence = (0..8u8, sources, said, directions, agents, prop::option::of(0..600u32));
    let evidence = evidence.prop_map(|(n, source, said, direction, agent, duration_s)| {
        let call = Evidence::about(id(&format!("CA{n}")), source, said);
        Evidence { direction, agent, duration_s, ..call }
    });
    let step = prop_oneof![4 => 0..2 * MINUTE, 1 => 0..6 * HOUR];
    let change = prop_oneof![
        20 => evidence.prop_map(Change::Evidence),
        1 => Just(Change::Forget { ended_before: Millis(T + HOUR) }),
    ];
    prop::collection::vec((step, change), 0..120).prop_map(|steps| {
        let mut at = T;
        let record = |(step, change)| {
            at += step;
            Record { at: Millis(at), change }
        };
        steps.into_iter().map(record).collect()
    })
}

proptest! {
    #[test]
    fn a_restart_in_the_middle_changes_neither_the_feed_nor_the_sums(
        records in records(),
        middle: prop::sample::Index,
    ) {
        let mut whole = State::default();
        let mut restarted = State::default();
        let middle = middle.index(records.len() + 1);
        for (n, record) in records.iter().enumerate() {
            if n == middle {
                restarted = snapshot::decode(snapshot::encode(&restarted)).unwrap();
            }
            whole.apply(record);
            // What is written is what is replayed.
            restarted.apply(&Record::decode(&record.encode()).unwrap());
        }
        prop_assert_eq!(restarted.activities(), whole.activities());
        prop_assert_eq!(snapshot::encode(&restarted), snapshot::encode(&whole));
    }

    #[test]
    fn the_sums_are_those_of_the_ends_that_the_log_has(records in records()) {
        let mut state = State::default();
        for record in &records {
            state.apply(record);
        }
        let now = state.tracker().now();
        let page = state.activity_log().after(None, ACTIVITY_LOG_MAX);
        let within = |activity: &Activity, bucket_ms: u64, buckets: u64| {
            now.0 / bucket_ms - activity.at.0 / bucket_ms < buckets
        };
        let durations = |bucket_ms, buckets, agent: Option<&Agent>| {
            let ends = page.activities.iter().map(|(_, activity)| activity);
            let ends = ends.filter(move |it| within(it, bucket_ms, buckets));
            let ends = ends.filter(move |it| agent.is_none_or(|agent| it.agent == *agent));
            let lasted = ends.filter_map(|it| it.lasted.filter(|ms| is_known(it.reason.unwrap(), *ms)));
            lasted.map(CallDuration::ms).collect::<Vec<_>>()
        };
        for of in [None, Some(Agent::Unknown), Some(agent("a"))] {
            let of = of.as_ref();
            let hour = (state.durations().last_hour(of, now), durations(MINUTE, 60, of));
            let day = (state.durations().last_day(of, now), durations(15 * MINUTE, 96, of));
            for (talked, durations) in [hour, day] {
                prop_assert_eq!(talked.calls, durations.len() as u64);
                prop_assert_eq!(talked.total_ms, durations.iter().sum::<u64>());
                prop_assert!(talked.longest_ms >= durations.into_iter().max().unwrap_or(0));
            }
        }
    }
}

#[test]
fn the_time_with_a_colleague_is_in_no_agents_average() {
    let leg = |said| Evidence {
        parent: Some(id("CA1")),
        direction: Some(Direction::Dial),
        endpoint: Some(Endpoint::Person),
        ..Evidence::about(id("CA2"), Source::StatusCallback, said)
    };
    let mut state = State::default();
    receive(&mut state, T, voice("CA1"));
    receive(&mut state, T + 200_000, leg(Said::InProgress));
    assert_eq!(
        (newest(&state).what, newest(&state).party),
        (ActivityKind::Moved, Some(Party::Person))
    );
    receive(&mut state, T + 800_000, leg(COMPLETED));
    receive(&mut state, T + 900_000, over("CA1", Source::Speech, EndReason::Goodbye));
    let hour = |state: &State| sums(state, Some(&agent("booking")), T + 900_000)[0];
    assert_eq!(hour(&state), (1, Some(300_000), 300_000));
    // The provider reports the length of the whole call.
    receive(&mut state, T + 901_000, end("CA1", Some(902)));
    assert_eq!(hour(&state), (1, Some(302_000), 302_000));
    assert_eq!(newest(&state).lasted, Some(CallDuration::Reported(302_000)));
}

#[test]
fn each_agent_has_its_own_part_of_a_call_that_moved() {
    let at = |name, said| Evidence {
        agent: agent(name),
        agent_from: AgentFrom::Url,
        said,
        ..voice("CA1")
    };
    let mut state = State::default();
    receive(&mut state, T, at("triage", Said::Dialing));
    receive(&mut state, T + 20_000, at("booking", Said::InProgress));
    receive(&mut state, T + 60_000, end("CA1", Some(62)));
    for (agent, ms) in
        [(Some(agent("triage")), 20_000), (Some(agent("booking")), 42_000), (None, 62_000)]
    {
        assert_eq!(sums(&state, agent.as_ref(), T + 60_000)[0], (1, Some(ms), ms));
    }
}

#[test]
fn a_call_that_goes_on_after_our_guess_is_one_conversation() {
    let mut state = State::default();
    receive(&mut state, T, voice("CA1"));
    receive(&mut state, T + 10_000, over("CA1", Source::Speech, EndReason::Goodbye));
    let again = Evidence { said: Said::InProgress, is_after_lost_answer: true, ..voice("CA1") };
    receive(&mut state, T + 10_500, again);
    assert_eq!(sums(&state, None, T + 10_500)[0].0, 0);
    assert_eq!(newest(&state).cause, Some(Cause::WrongEnd));
    receive(&mut state, T + 90_000, end("CA1", Some(90)));
    assert_eq!(sums(&state, None, T + 90_000)[0], (1, Some(90_000), 90_000));
}

#[test]
fn a_call_that_was_given_up_before_its_goodbye_came_to_light_is_taken_out_of_no_sum() {
    let mut state = State::default();
    receive(&mut state, T, voice("CA1"));
    receive(&mut state, T, end("CA2", Some(30)));
    receive(&mut state, T + 1_000, over("CA1", Source::Clock, EndReason::TimedOut));
    receive(&mut state, T + 1_000, over("CA1", Source::Speech, EndReason::Goodbye));
    let again = Evidence { said: Said::InProgress, is_after_lost_answer: true, ..voice("CA1") };
    receive(&mut state, T + 1_500, again);
    assert_eq!(newest(&state).cause, Some(Cause::WrongEnd));
    assert_eq!(sums(&state, None, T + 1_500), [(1, Some(30_000), 30_000); 2]);
}

#[test]
fn a_duration_goes_to_the_agent_with_whom_the_call_is_listed() {
    let mut state = State::default();
    let unknown = |source, said| Evidence::about(id("CA1"), source, said);
    receive(&mut state, T, unknown(Source::StatusCallback, Said::Dialing));
    receive(&mut state, T + 3_000, unknown(Source::Speech, Said::InProgress));
    receive(&mut state, T + 9_000, over("CA1", Source::Speech, EndReason::Goodbye));
    // Another call of the agent whose name comes late.
    receive(&mut state, T + 9_000, Evidence { agent: agent("booking"), ..end("CA2", Some(30)) });
    receive(&mut state, T + 9_001, voice("CA1"));
    receive(&mut state, T + 9_002, end("CA1", Some(10)));
    let of = |agent: &Agent| sums(&state, Some(agent), T + 9_002)[0];
    assert_eq!(newest(&state).agent, agent("booking"), "the newest end is CA2's");
    assert_eq!(of(&agent("booking")), (1, Some(30_000), 30_000));
    assert_eq!(of(&Agent::Unknown).0, 1);
}

#[test]
fn a_voicemail_is_no_conversation() {
    let mut state = State::default();
    let dialled = |said, answered_by| Evidence {
        direction: Some(Direction::Outbound),
        answered_by,
        said,
        source: Source::StatusCallback,
        ..voice("CA1")
    };
    receive(&mut state, T, dialled(Said::InProgress, Some(AnsweredBy::Machine)));
    receive(&mut state, T + 30_000, Evidence { duration_s: Some(30), ..dialled(COMPLETED, None) });
    assert_eq!((newest(&state).lasted, sums(&state, None, T + 30_000)[0].0), (None, 0));
    // Recognised after 4 s: so long it was taken for a person.
    let mut state = State::default();
    receive(&mut state, T, dialled(Said::InProgress, None));
    receive(&mut state, T + 4_000, dialled(Said::InProgress, Some(AnsweredBy::Machine)));
    receive(&mut state, T + 30_000, Evidence { duration_s: Some(30), ..dialled(COMPLETED, None) });
    assert_eq!(sums(&state, None, T + 30_000)[0].0, 0);
}
