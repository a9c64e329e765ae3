//! Calls that are long over, of which only a fingerprint is left: as if they were still known whole.

use live_users_core::{
    Applied, Attendance, CallId, ConferenceEvent, Direction, EndReason, Endpoint, Evidence,
    HOUR_MS, Keeping, Millis, Origin, Outcome, Party, Phase, Remembered, RememberedCall, Said,
    Source, Tracker,
};
use proptest::prelude::*;

use crate::model::{COMPLETED, call, inbound, status};
use crate::properties::{evidence, many, numbers_of};

const WHOLE_MS: u64 = 60_000;

/// As few calls stay whole as can.
const FEW: Keeping = Keeping { whole_ms: WHOLE_MS, whole_calls: 0 };

/// All stay whole until they are forgotten.
const ALL: Keeping = Keeping { whole_ms: WHOLE_MS, whole_calls: usize::MAX };

fn keeping(keeping: Keeping) -> Tracker {
    Tracker::default().keeping(keeping)
}

/// A step of a log: what is said, how long after the one before, and which moment before it is
/// forgotten, if one is.
type Steps = Vec<(Evidence, u64, Option<u64>)>;

fn steps(evidence: impl Strategy<Value = Evidence> + 'static) -> impl Strategy<Value = Steps> {
    let gaps = prop_oneof![
        4 => 0..9u64,
        2 => 0..2 * WHOLE_MS,
        1 => 0..3 * HOUR_MS,
    ];
    let forgets = prop_oneof![9 => Just(None), 1 => (0..4 * HOUR_MS).prop_map(Some)];
    prop::collection::vec((evidence, gaps, forgets), 0..60)
}

/// Without several names of one call, and by nobody who speaks for an account of Twilio's: whose a call
/// was is not remembered. And late news of a call that is over say whether its agent calls users, so of
/// nobody is it known whom we called.
fn of_one_name() -> impl Strategy<Value = Evidence> {
    evidence().prop_map(|it| Evidence {
        also: Vec::new(),
        twilio_account: None,
        endpoint: it.endpoint.filter(|it| *it == Endpoint::Agent),
        ..it
    })
}

/// Each call has three names, of which any may be told alone, or with any of the others.
fn of_three_names() -> impl Strategy<Value = Evidence> {
    (of_one_name(), 0..3usize, 0..8u8).prop_map(|(it, own, also)| {
        let names = names_of(&it.call);
        let also = (0..3).filter(|at| also >> at & 1 == 1).map(|at| names[at].clone()).collect();
        // A call that is two for a while is no leg of itself, or of the other.
        Evidence { call: names[own].clone(), also, parent: None, direction: None, ..it }
    })
}

fn names_of(sid: &CallId) -> [CallId; 3] {
    let text = sid.to_string();
    let name = |source| CallId::parse(&format!("{source}/{}", &text[33..])).expect("an id");
    [sid.clone(), name("vapi"), name("telnyx")]
}

/// The calls of each hour in which any are left.
fn hours(remembered: &Remembered) -> Vec<(u64, Vec<RememberedCall>)> {
    let hours = remembered.hours().into_iter().map(|hour| (hour, remembered.calls_of(hour)));
    hours.filter(|(_, calls)| !calls.is_empty()).collect()
}

/// The same snapshot, read again.
fn restored(tracker: &Tracker) -> Tracker {
    let of = tracker.remembered();
    let hours = hours(of);
    let campaigns = of.campaigns().map(|(agent, end)| (agent.clone(), end));
    let remembered = Remembered::restore(of.condensed_before(), campaigns, hours);
    Tracker::restore(tracker.now(), tracker.calls(), tracker.conferences())
        .remembering(remembered)
        .counting(tracker.counted())
        .keeping(tracker.kept())
}

fn snapshot(tracker: &Tracker) -> String {
    let of = tracker.remembered();
    let hours = hours(of);
    let campaigns: Vec<_> = of.campaigns().collect();
    let whole = (tracker.now(), tracker.calls(), tracker.conferences());
    format!("{whole:?} {hours:?} {campaigns:?} {:?}", of.condensed_before())
}

/// Where several calls are touched, it is not said in which order.
fn in_order(it: &Applied) -> impl PartialEq + use<> {
    let sorted = |mut rows: Vec<String>| {
        rows.sort_unstable();
        rows
    };
    let deltas = sorted(it.deltas.iter().map(|it| format!("{it:?}")).collect());
    let accounts = sorted(it.accounts.iter().map(|it| format!("{it:?}")).collect());
    let moves = sorted(it.moves.iter().map(|it| format!("{it:?}")).collect());
    (it.outcome, it.before, it.talk.clone(), deltas, accounts, moves)
}

/// What is said of a call that is only remembered changes nothing, and does as little where the call is
/// known whole.
fn is_the_same(condensed: &Applied, whole: &Applied) -> bool {
    let is_over = condensed.before.is_none() && whole.before.is_some();
    let says_nothing = |it: &Applied| {
        let is_nothing = matches!(
            it.outcome,
            Outcome::Late | Outcome::Duplicate | Outcome::Leg | Outcome::Refused
        );
        is_nothing && it.deltas.is_empty() && it.accounts.is_empty() && it.moves.is_empty()
    };
    in_order(condensed) == in_order(whole)
        || is_over && says_nothing(condensed) && says_nothing(whole)
}

/// Applies a log to one tracker that keeps few calls whole and to one that keeps all, and compares.
fn compare(
    log: &Steps,
    whole_calls: usize,
    is_same: impl Fn(&Applied, &Applied) -> bool,
) -> Result<(), TestCaseError> {
    let (mut condensing, mut whole) = (keeping(Keeping { whole_calls, ..FEW }), keeping(ALL));
    let mut now = 0;
    for (evidence, gap, forget) in log {
        now += gap;
        let applied = [&mut condensing, &mut whole].map(|it| it.apply(Millis(now), evidence));
        prop_assert!(is_same(&applied[0], &applied[1]), "{applied:#?}");
        if let Some(age) = forget {
            for tracker in [&mut condensing, &mut whole] {
                tracker.forget(Millis(now.saturating_sub(*age)));
            }
        }
        prop_assert_eq!(condensing.check(), Ok(()));
        prop_assert_eq!(numbers_of(&condensing), numbers_of(&whole));
        for call in whole.calls() {
            let is_over = matches!(call.phase, Phase::Ended(_));
            let told = call.details.told.as_ref();
            let names = told.into_iter().flat_map(|told| &told.names);
            for name in names.chain([&call.id]) {
                prop_assert_eq!(condensing.has_ended(name), is_over, "{}", name);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn all_is_as_if_all_calls_were_known_whole(
        log in steps(of_one_name()),
        whole_calls in 0..4usize,
    ) {
        compare(&log, whole_calls, is_the_same)?;
    }

    /// How two become one that are one call is told by the numbers alone. The one that goes on is over
    /// from that moment on, so it is remembered for longer.
    #[test]
    fn numbers_are_as_if_all_calls_were_known_whole_where_calls_have_several_names(
        mut log in steps(of_three_names()),
        whole_calls in 0..4usize,
    ) {
        log.iter_mut().for_each(|(_, _, forget)| *forget = None);
        compare(&log, whole_calls, |_, _| true)?;
    }

    #[test]
    fn a_restored_one_goes_on_as_the_original_does(log in steps(evidence()), cut in 0..60usize) {
        let mut original = keeping(FEW);
        let mut copy = None;
        let mut now = 0;
        for (at, (evidence, gap, forget)) in log.iter().enumerate() {
            if at == cut {
                copy = Some(restored(&original));
            }
            now += gap;
            let applied = original.apply(Millis(now), evidence);
            let before = forget.map(|age| Millis(now.saturating_sub(age)));
            let forgotten = before.map(|before| original.forget(before));
            if let Some(copy) = &mut copy {
                prop_assert_eq!(copy.apply(Millis(now), evidence), applied);
                prop_assert_eq!(before.map(|before| copy.forget(before)), forgotten);
                prop_assert_eq!(copy.check(), Ok(()));
                prop_assert_eq!(snapshot(copy), snapshot(&original));
            }
            prop_assert_eq!(original.check(), Ok(()));
        }
    }

    #[test]
    fn one_that_begins_with_whole_calls_shows_the_same_numbers(
        log in steps(of_one_name()),
        cut in 0..60usize,
    ) {
        // A snapshot of a version that kept all calls whole.
        let (mut replayed, mut whole) = (keeping(FEW), keeping(ALL));
        let mut now = 0;
        for (at, (evidence, gap, forget)) in log.iter().enumerate() {
            if at == cut {
                whole = restored(&whole).keeping(FEW);
            }
            now += gap;
            for tracker in [&mut replayed, &mut whole] {
                tracker.apply(Millis(now), evidence);
                if let Some(age) = forget {
                    tracker.forget(Millis(now.saturating_sub(*age)));
                }
                prop_assert_eq!(tracker.check(), Ok(()));
            }
            prop_assert_eq!(numbers_of(&replayed), numbers_of(&whole));
        }
    }

    #[test]
    fn what_was_over_for_good_stays_over_whatever_is_said(log in many(), late in steps(evidence())) {
        let mut tracker = keeping(FEW);
        for (evidence, at) in log.iter().zip(1..) {
            tracker.apply(Millis(at), evidence);
        }
        let over: Vec<_> = tracker.calls().into_iter().filter(|it| it.details.is_firm).collect();
        let mut now = 10 * WHOLE_MS;
        for (evidence, gap, _) in late {
            now += gap;
            tracker.apply(Millis(now), &evidence);
            prop_assert!(over.iter().all(|call| tracker.has_ended(&call.id)));
            prop_assert_eq!(tracker.check(), Ok(()));
        }
    }
}

const HOUR_0: Millis = Millis(100 * HOUR_MS);

fn after(ms: u64) -> Millis {
    Millis(HOUR_0.0 + ms)
}

fn over(call: CallId) -> Evidence {
    Evidence { direction: None, ..Evidence::about(call, Source::StatusCallback, COMPLETED) }
}

fn text(id: &str) -> CallId {
    CallId::parse(id).expect("an id")
}

/// Has what is over condensed: a call that nobody else has to do with ends.
fn let_pass(tracker: &mut Tracker, at: Millis) {
    tracker.apply(at, &over(text("somebody-else")));
}

/// What ended at the beginning of an hour, and is only remembered.
fn remembering(said: impl IntoIterator<Item = Evidence>) -> Tracker {
    let mut tracker = keeping(FEW);
    said.into_iter().for_each(|it| drop(tracker.apply(HOUR_0, &it)));
    let_pass(&mut tracker, after(WHOLE_MS));
    tracker
}

#[test]
fn a_call_that_is_long_over_is_only_remembered_and_nothing_revives_it() {
    for id in [call(1), text("vapi/1")] {
        let mut tracker =
            remembering([Evidence { call: id.clone(), ..inbound(1) }, over(id.clone())]);
        assert_eq!((tracker.call(&id), tracker.has_ended(&id)), (None, true), "{id}");
        assert_eq!(tracker.remembered_end(&id), Some(HOUR_0));
        let known = tracker.known();
        let again =
            tracker.apply(after(2 * WHOLE_MS), &Evidence { call: id.clone(), ..inbound(1) });
        assert_eq!((again.outcome, again.before), (Outcome::Late, None));
        let end = tracker.apply(after(2 * WHOLE_MS), &over(id.clone()));
        assert_eq!(end.outcome, Outcome::Duplicate);
        assert_eq!((tracker.numbers().calls, tracker.known()), (0, known - 1), "{id}");
        // Another id of the other kind with the same bits is another call.
        assert!(!tracker.has_ended(&call(2)) && !tracker.has_ended(&text("vapi/2")));
    }
}

#[test]
fn a_call_stays_whole_for_its_time_and_while_few_are_over() {
    let mut tracker = keeping(Keeping { whole_ms: WHOLE_MS, whole_calls: 2 });
    for n in 1..=3 {
        tracker.apply(after(u64::from(n)), &over(call(n)));
    }
    let whole =
        |tracker: &Tracker| (1..=3).map(|n| tracker.call(&call(n)).is_some()).collect::<Vec<_>>();
    tracker.apply(after(WHOLE_MS), &inbound(9));
    assert_eq!(whole(&tracker), [true, true, true]);
    tracker.apply(after(WHOLE_MS + 1), &inbound(9));
    assert_eq!(whole(&tracker), [false, true, true]);
    tracker.apply(after(9 * WHOLE_MS), &inbound(9));
    assert_eq!(whole(&tracker), [false, true, true], "so few may stay");
}

/// Counted in calls and not in time: a service that was still for an hour does not stop at its next record.
#[test]
fn after_an_hour_of_silence_few_calls_are_condensed_with_each_record() {
    let mut tracker = keeping(FEW);
    let id = |n: u64| text(&format!("CA{n:032x}"));
    for n in 1..=500 {
        tracker.apply(after(n), &over(id(n)));
    }
    let whole = |tracker: &Tracker| (1..=500).filter(|n| tracker.call(&id(*n)).is_some()).count();
    let mut left = vec![whole(&tracker)];
    while left.last() != Some(&0) {
        tracker.apply(after(HOUR_MS), &inbound(255));
        left.push(whole(&tracker));
        let copy = restored(&tracker);
        assert_eq!((copy.check(), snapshot(&copy)), (Ok(()), snapshot(&tracker)));
    }
    let gone: Vec<_> = left.windows(2).map(|pair| pair[0] - pair[1]).collect();
    assert!(gone.iter().all(|gone| (1..=64).contains(gone)), "{gone:?}");
    assert!((1..=500).all(|n| tracker.has_ended(&id(n))));
}

#[test]
fn calls_are_forgotten_to_the_millisecond_and_are_due_by_the_hour() {
    let mut tracker = keeping(FEW);
    for n in 1..=3 {
        tracker.apply(after(u64::from(n)), &over(call(n)));
    }
    tracker.apply(after(WHOLE_MS + 3), &inbound(9));
    assert_eq!(tracker.oldest_end(), Some(after(HOUR_MS - 1)), "the last moment of its hour");
    assert_eq!(tracker.forget(after(2)), 0, "none that was whole");
    let ended: Vec<_> = (1..=3).map(|n| tracker.has_ended(&call(n))).collect();
    assert_eq!(ended, [false, true, true]);
    assert_eq!(tracker.apply(after(2 * WHOLE_MS), &inbound(1)).outcome, Outcome::Started);
    assert_eq!(tracker.apply(after(2 * WHOLE_MS), &inbound(2)).outcome, Outcome::Late);
    tracker.apply(after(2 * HOUR_MS), &inbound(1));
    tracker.forget(after(HOUR_MS));
    assert_eq!((tracker.remembered().hours(), tracker.oldest_end()), (vec![], None));
}

#[test]
fn a_leg_of_a_call_that_is_only_remembered_is_over() {
    let mut tracker = remembering([inbound(1), over(call(1))]);
    let leg = Evidence { parent: Some(call(1)), ..status(2, Said::InProgress, Direction::Dial) };
    assert_eq!(tracker.apply(after(2 * WHOLE_MS), &leg).outcome, Outcome::Leg);
    let leg = tracker.call(&call(2)).expect("it is known");
    assert_eq!((leg.phase, leg.details.is_firm), (Phase::Ended(EndReason::Completed), true));
}

#[test]
fn what_may_still_change_stays_whole() {
    let goodbye = Evidence { said: Said::Over(EndReason::Goodbye), ..inbound(1) };
    let leg_of_live =
        [inbound(2), Evidence { parent: Some(call(2)), ..status(1, COMPLETED, Direction::Dial) }];
    let session = Some(text("session"));
    let origin = Some(Origin { source: "telnyx".into(), is_carrier: true });
    let in_session =
        |it: Evidence| Evidence { session: session.clone(), origin: origin.clone(), ..it };
    let of_session = [in_session(inbound(1)), in_session(over(call(1)))];
    let names = (0..8).map(|n| text(&format!("name-{n}"))).collect();
    let with_names = [Evidence { also: names, ..inbound(1) }, over(call(1))];
    for said in
        [vec![inbound(1), goodbye], leg_of_live.into(), of_session.into(), with_names.into()]
    {
        let tracker = remembering(said.clone());
        let call = tracker.call(&call(1)).unwrap_or_else(|| panic!("{said:#?}"));
        assert!(matches!(call.phase, Phase::Ended(_)));
        let mut tracker = restored(&tracker);
        let_pass(&mut tracker, after(9 * WHOLE_MS));
        assert_eq!(tracker.call(&call.id), Some(call), "and after a restart");
    }
}

#[test]
fn a_guess_that_ended_a_call_long_ago_is_taken_back() {
    let timed_out = Evidence::about(call(1), Source::Clock, Said::Over(EndReason::TimedOut));
    let mut tracker = remembering([inbound(1), timed_out]);
    let asks = Evidence { said: Said::InProgress, ..inbound(1) };
    assert_eq!(tracker.apply(after(9 * WHOLE_MS), &asks).outcome, Outcome::Resumed);
}

#[test]
fn a_call_is_remembered_by_all_its_names() {
    let platforms = text("vapi/1");
    let told = Evidence { also: vec![platforms.clone()], ..inbound(1) };
    let mut tracker = remembering([told, over(call(1))]);
    let late = |call: &CallId| Evidence { call: call.clone(), ..inbound(1) };
    assert_eq!(tracker.apply(after(2 * WHOLE_MS), &late(&platforms)).outcome, Outcome::Late);
    // A name that is told later is its name from then on.
    let named = Evidence { also: vec![platforms], ..late(&text("telnyx/1")) };
    assert_eq!(tracker.apply(after(2 * WHOLE_MS), &named).outcome, Outcome::Late);
    assert_eq!(tracker.apply(after(3 * WHOLE_MS), &late(&text("telnyx/1"))).outcome, Outcome::Late);
    assert_eq!((tracker.numbers().calls, tracker.check()), (0, Ok(())));
}

#[test]
fn a_call_that_goes_on_under_another_name_is_over_when_somebody_says_that_both_are_one() {
    let mut tracker = remembering([inbound(1), over(call(1))]);
    let platforms = Evidence { call: text("vapi/1"), ..inbound(1) };
    tracker.apply(after(2 * WHOLE_MS), &platforms);
    assert_eq!(tracker.numbers().calls, 1);
    let is_one = Evidence { also: vec![call(1)], ..platforms };
    assert_eq!(tracker.apply(after(3 * WHOLE_MS), &is_one).outcome, Outcome::Late);
    assert_eq!((tracker.numbers().calls, tracker.has_ended(&text("vapi/1"))), (0, true));
}

#[test]
fn two_call_sids_are_never_one_call_though_one_is_only_remembered() {
    let shared = text("vapi/1");
    let told = Evidence { also: vec![shared.clone()], ..inbound(1) };
    let mut tracker = remembering([told, over(call(1))]);
    tracker.apply(after(2 * WHOLE_MS), &inbound(2));
    let said = Evidence { also: vec![shared, call(1)], ..inbound(2) };
    assert_eq!(tracker.apply(after(3 * WHOLE_MS), &said).outcome, Outcome::Confirmed);
    assert_eq!((tracker.numbers().calls, tracker.check()), (1, Ok(())));
}

#[test]
fn a_conference_takes_in_nobody_who_is_only_remembered() {
    let mut tracker = remembering([inbound(1), over(call(1))]);
    let joined = |n| {
        let conference = CallId::parse("CF1").expect("an id");
        let event = ConferenceEvent { conference, what: Attendance::Joined, order: None };
        Evidence { conference: Some(event), ..status(n, Said::Nothing, Direction::Inbound) }
    };
    tracker.apply(after(2 * WHOLE_MS), &inbound(2));
    assert_eq!(tracker.apply(after(2 * WHOLE_MS), &joined(1)).outcome, Outcome::Late);
    tracker.apply(after(2 * WHOLE_MS), &joined(2));
    let alone = tracker.call(&call(2)).and_then(|it| it.party);
    assert_eq!(alone, Some(Party::Waiting), "alone");
}

/// An agent that calls users is given the doubt for as long as such a call is remembered.
#[test]
fn an_agent_that_has_called_users_is_known_by_calls_that_are_only_remembered() {
    let made = |n, source, said| Evidence {
        source,
        endpoint: Some(Endpoint::Person),
        ..status(n, said, Direction::Outbound)
    };
    let log = [made(1, Source::Voice, Said::InProgress), over(call(1))];
    for is_forgotten in [false, true] {
        let mut tracker = restored(&remembering(log.clone()));
        tracker.apply(after(2 * HOUR_MS), &inbound(2));
        if is_forgotten {
            tracker.forget(after(1));
        }
        // The agent has a caller and no colleague.
        let listed = made(3, Source::Referee, Said::InProgress);
        tracker.apply(after(2 * HOUR_MS), &listed);
        let call = tracker.call(&call(3)).expect("it is known");
        assert_eq!(call.details.is_colleague, is_forgotten);
        assert_eq!(tracker.check(), Ok(()));
    }
}
