//! The rules of counting, one story each.

use crate::model::{COMPLETED, agent, call, caller, city, inbound, place, status};
use live_users_core::{
    Agent, AgentFrom, Ages, Direction, EndReason, Evidence, Millis, Numbers, Outcome, Phase, Said,
    Source, Tracker,
};

const T: Millis = Millis(1_000);

fn users_after(evidence: &[Evidence]) -> Vec<usize> {
    let mut tracker = Tracker::default();
    let each = evidence.iter().map(|evidence| {
        tracker.apply(T, evidence);
        tracker.check().expect("the invariants hold");
        tracker.numbers().users
    });
    each.collect()
}

#[test]
fn an_inbound_caller_is_live_from_the_first_voice_request_on() {
    let speech = Evidence { source: Source::Speech, said: Said::InProgress, ..inbound(1) };
    let completed = status(1, COMPLETED, Direction::Inbound);
    assert_eq!(users_after(&[inbound(1), speech, inbound(1), completed]), [1, 1, 1, 0]);
}

#[test]
fn an_outbound_call_is_live_from_in_progress_on() {
    let story = [Said::Dialing, Said::Dialing, Said::InProgress, COMPLETED];
    let story = story.map(|said| status(1, said, Direction::Outbound));
    assert_eq!(users_after(&story), [0, 0, 1, 0]);
    // The voice request of an outbound call is made when the person has picked up; should one come
    // that still says it is ringing, nobody is on the line.
    let early = Evidence { direction: Some(Direction::Outbound), ..inbound(1) };
    assert_eq!(users_after(&[early]), [0]);
}

#[test]
fn an_inbound_status_callback_that_says_ringing_counts_nobody() {
    assert_eq!(users_after(&[status(1, Said::Dialing, Direction::Inbound)]), [0]);
}

#[test]
fn a_call_may_first_be_seen_by_any_webhook() {
    let speech = Evidence { source: Source::Speech, said: Said::Nothing, ..inbound(1) };
    assert_eq!(users_after(&[speech]), [1]);
    let mut tracker = Tracker::default();
    let busy = status(1, Said::Over(EndReason::Busy), Direction::Outbound);
    assert_eq!(tracker.apply(T, &busy).outcome, Outcome::EndedUnseen(EndReason::Busy));
    assert_eq!(tracker.numbers(), Numbers::default());
}

#[test]
fn i2_a_late_webhook_does_not_revive_a_call() {
    let mut tracker = Tracker::default();
    let completed = status(1, COMPLETED, Direction::Inbound);
    assert_eq!(tracker.apply(T, &inbound(1)).outcome, Outcome::Started);
    assert_eq!(tracker.apply(T, &completed).outcome, Outcome::Ended(EndReason::Completed));
    assert_eq!(tracker.apply(T, &inbound(1)).outcome, Outcome::Late);
    assert_eq!(tracker.apply(T, &completed).outcome, Outcome::Duplicate);
    assert_eq!(tracker.numbers().users, 0);
}

#[test]
fn two_calls_of_one_person_are_one_user_and_two_calls() {
    let second = Evidence { caller: caller(1), ..inbound(2) };
    let end = |n| status(n, COMPLETED, Direction::Inbound);
    let end_of_second = Evidence { caller: caller(1), ..end(2) };
    assert_eq!(users_after(&[inbound(1), second, end(1), end_of_second]), [1, 1, 1, 0]);
}

#[test]
fn each_call_with_a_withheld_caller_is_a_user() {
    let withheld = |n| Evidence { caller: None, ..inbound(n) };
    assert_eq!(users_after(&[withheld(1), withheld(2), withheld(1)]), [1, 2, 2]);
}

#[test]
fn a_dial_leg_is_part_of_its_parents_conversation() {
    let leg = |said| Evidence {
        parent: Some(call(1)),
        caller: caller(9),
        ..status(2, said, Direction::Dial)
    };
    let story = [inbound(1), leg(Said::Dialing), leg(Said::InProgress), leg(COMPLETED)];
    assert_eq!(users_after(&story), [1, 1, 1, 1]);
    // Also when the leg does not name its parent.
    let orphan = status(2, Said::InProgress, Direction::Dial);
    assert_eq!(users_after(&[orphan]), [0]);
}

#[test]
fn news_of_a_leg_confirms_its_parent() {
    let mut tracker = Tracker::default();
    tracker.apply(T, &inbound(1));
    let leg = Evidence { parent: Some(call(1)), ..status(2, Said::Dialing, Direction::Dial) };
    assert_eq!(tracker.apply(Millis(9_000), &leg).outcome, Outcome::Leg);
    assert_eq!(tracker.call(&call(1)).unwrap().heard, Millis(9_000));
    let leg = tracker.call(&call(2)).unwrap().details.leg.unwrap();
    assert_eq!(leg.parent, Some(call(1)));
    assert_eq!(tracker.legs(&call(1)).len(), 1);
}

#[test]
fn a_person_who_talks_to_two_agents_is_a_user_of_both_and_one_in_all() {
    let mut tracker = Tracker::default();
    tracker.apply(T, &inbound(1));
    let other = Evidence { caller: caller(1), agent: agent("support"), ..inbound(2) };
    tracker.apply(T, &other);
    let one = Numbers { users: 1, calls: 1 };
    assert_eq!(tracker.by_agent(), [(agent("booking"), one), (agent("support"), one)]);
    assert_eq!(tracker.numbers(), Numbers { users: 1, calls: 2 });
    assert_eq!(tracker.by_country(), [(place("US", None).country, Numbers { users: 1, calls: 2 })]);
}

#[test]
fn a_better_attribution_moves_a_live_call() {
    let mut tracker = Tracker::default();
    let unknown = Evidence { agent: Agent::Address("+15005550006".into()), ..inbound(1) };
    tracker.apply(T, &Evidence { place: place("", None), ..unknown.clone() });
    assert_eq!(tracker.by_agent()[0].0, unknown.agent);
    tracker.apply(T, &inbound(1));
    let one = Numbers { users: 1, calls: 1 };
    assert_eq!(tracker.by_agent(), [(agent("booking"), one)]);
    assert_eq!(tracker.by_place(), [(place("US", Some("CA")), one)]);
    tracker.check().unwrap();
}

#[test]
fn a_city_is_known_of_each_call_and_nobody_is_counted_by_it() {
    let mut tracker = Tracker::default();
    let from = |n, place| Evidence { place, caller: caller(9), ..inbound(n) };
    tracker.apply(T, &from(1, city("OAKLAND")));
    tracker.apply(T, &from(2, city("SAN FRANCISCO")));
    tracker.apply(T, &from(2, place("US", Some("CA"))));
    let place_of = |n| tracker.call(&call(n)).unwrap().place;
    assert_eq!((place_of(1), place_of(2)), (city("OAKLAND"), city("SAN FRANCISCO")));
    let one = Numbers { users: 1, calls: 2 };
    assert_eq!(tracker.by_place(), [(place("US", Some("CA")), one)]);
    tracker.check().unwrap();
}

#[test]
fn live_calls_have_an_age_and_others_have_none() {
    let mut tracker = Tracker::default();
    let ages = |calls, total_ms, longest_ms| Ages { calls, total_ms, longest_ms };
    assert_eq!(tracker.ages(T), (ages(0, 0, 0), vec![]));
    tracker.apply(Millis(1_000), &inbound(1));
    tracker.apply(Millis(2_000), &inbound(2));
    tracker.apply(Millis(3_000), &Evidence { agent: agent("support"), ..inbound(3) });
    tracker.apply(Millis(4_000), &status(4, Said::Dialing, Direction::Outbound));
    tracker.apply(Millis(4_000), &inbound(5));
    tracker.apply(Millis(5_000), &status(5, COMPLETED, Direction::Inbound));
    let by_agent =
        [(agent("booking"), ages(2, 17_000, 9_000)), (agent("support"), ages(1, 7_000, 7_000))];
    assert_eq!(tracker.ages(Millis(10_000)), (ages(3, 24_000, 9_000), by_agent.to_vec()));
    assert_eq!(tracker.ages(Millis(0)).0, ages(3, 0, 0), "a clock that went back makes no age");
}

#[test]
fn an_agent_that_a_url_names_stands_whatever_numbers_say() {
    let by_url = Evidence {
        agent: agent("alpha"),
        agent_from: AgentFrom::Url,
        ..status(1, Said::InProgress, Direction::Outbound)
    };
    let by_number = status(1, Said::InProgress, Direction::Outbound);
    for story in [[&by_url, &by_number], [&by_number, &by_url]] {
        let mut tracker = Tracker::default();
        for evidence in story {
            tracker.apply(T, evidence);
            tracker.check().unwrap();
        }
        assert_eq!(tracker.by_agent(), [(agent("alpha"), Numbers { users: 1, calls: 1 })]);
    }
    // The same agent, known in both ways, is one.
    let same = Evidence { agent_from: AgentFrom::Url, ..by_number.clone() };
    let mut tracker = Tracker::default();
    for evidence in [&by_number, &same, &by_number] {
        tracker.apply(T, evidence);
        tracker.check().unwrap();
    }
    assert_eq!(tracker.by_agent().len(), 1);
}

#[test]
fn a_tombstone_is_forgotten_when_it_is_old_enough_and_not_before() {
    let mut tracker = Tracker::default();
    tracker.apply(Millis(10), &inbound(1));
    tracker.apply(Millis(20), &status(1, COMPLETED, Direction::Inbound));
    tracker.apply(Millis(30), &inbound(2));
    assert_eq!(tracker.forget(Millis(20)), 0);
    assert_eq!(tracker.forget(Millis(21)), 1);
    tracker.check().unwrap();
    assert_eq!(tracker.call(&call(1)), None);
    assert_eq!(tracker.forget(Millis(u64::MAX)), 0);
    assert_eq!(tracker.numbers().users, 1);
    // The slot is used again.
    tracker.apply(Millis(40), &inbound(3));
    tracker.check().unwrap();
    assert_eq!(tracker.known(), 2);
}

#[test]
fn a_sweep_finds_the_calls_that_are_over_due_a_few_at_a_time() {
    let mut tracker = Tracker::default();
    for n in 0..5 {
        tracker.apply(Millis(u64::from(n)), &inbound(n));
    }
    tracker.apply(Millis(9), &status(1, COMPLETED, Direction::Inbound));
    let mut cursor = 0;
    let mut found = Vec::new();
    for _ in 0..3 {
        found.push(tracker.sweep(&mut cursor, 2, |_, since, _, _| since < Millis(3)));
    }
    assert_eq!(found, [vec![call(0)], vec![call(2)], vec![]]);
    assert_eq!(cursor, 0, "the sweep begins again");
    let mut far = 1_000_000;
    assert_eq!(tracker.sweep(&mut far, usize::MAX, |_, since, _, _| since < Millis(1)), [call(0)]);
}

#[test]
fn time_does_not_go_backwards_even_if_the_clock_does() {
    let mut tracker = Tracker::default();
    tracker.apply(Millis(50), &inbound(1));
    tracker.apply(Millis(20), &status(1, COMPLETED, Direction::Inbound));
    tracker.apply(Millis(60), &status(2, COMPLETED, Direction::Inbound));
    tracker.check().unwrap();
    assert_eq!(tracker.call(&call(1)).unwrap().since, Millis(50));
}

#[test]
fn the_best_reason_for_an_end_is_kept() {
    let mut tracker = Tracker::default();
    let goodbye = Said::Over(EndReason::Goodbye);
    tracker.apply(T, &status(1, goodbye, Direction::Inbound));
    tracker.apply(T, &status(1, COMPLETED, Direction::Inbound));
    assert_eq!(tracker.call(&call(1)).unwrap().phase, Phase::Ended(EndReason::Goodbye));
}

#[test]
fn what_the_referee_says_counts_as_what_the_provider_reports() {
    let referee = |n, said| Evidence {
        source: Source::Referee,
        place: Default::default(),
        ..status(n, said, Direction::Inbound)
    };
    assert_eq!(users_after(&[referee(1, Said::Dialing)]), [0]);
    assert_eq!(users_after(&[referee(1, Said::InProgress), inbound(1)]), [1, 1]);
    assert_eq!(users_after(&[inbound(1), referee(1, COMPLETED), inbound(1)]), [1, 0, 0]);
}

#[test]
fn an_operators_word_stays_the_reason_whatever_is_reported_afterwards() {
    let mut tracker = Tracker::default();
    tracker.apply(T, &inbound(1));
    let evicted = Said::Over(EndReason::Evicted);
    let evict = Evidence { source: Source::Operator, said: evicted, ..inbound(1) };
    assert_eq!(tracker.apply(T, &evict).outcome, Outcome::Ended(EndReason::Evicted));
    tracker.apply(T, &status(1, COMPLETED, Direction::Inbound));
    assert_eq!(tracker.call(&call(1)).unwrap().phase, Phase::Ended(EndReason::Evicted));
}

#[test]
fn a_call_remembers_when_it_was_first_and_last_reported() {
    let mut tracker = Tracker::default();
    for (at, said) in [
        (10_001, Said::Dialing),
        (12_503, Said::InProgress),
        (60_010, COMPLETED),
        (61_000, Said::InProgress),
    ] {
        tracker.apply(Millis(at), &status(1, said, Direction::Outbound));
        let known = tracker.call(&call(1)).unwrap();
        assert_eq!(known.first, Millis(10_001), "it is the same in each phase: {at}");
        let restored = Tracker::restore(Millis(at), tracker.calls(), tracker.conferences());
        let is_open = restored.open_call(&call(1)).map(|open| open.call());
        assert_eq!(is_open, Some(known).filter(|call| !matches!(call.phase, Phase::Ended(_))));
        assert_eq!(restored.first_heard().collect::<Vec<_>>(), [(Millis(10_001), &call(1))]);
    }
    let known = tracker.call(&call(1)).unwrap();
    assert_eq!((known.since, known.heard), (Millis(60_010), Millis(61_000)));
    assert_eq!(tracker.open().count(), 0);
}
