//! Events are kept for hooks from the moment at which one is known, until all of them have them.

use live_users_core::{Said, Source};

use super::*;
use crate::record::{Change, Record};
use crate::snapshot;
use crate::state::State;

fn say(state: &mut State, at: u64, call: &str, said: Said) {
    let call = CallId::parse(call).unwrap();
    let source = Source::StatusCallback;
    let evidence = Evidence { agent: Agent::Id("a".into()), ..Evidence::about(call, source, said) };
    state.apply(&Record { at: Millis(at), change: Change::Evidence(evidence) });
}

fn tell(state: &mut State, hook: &str, news: Option<u64>) {
    let cursor = Some(Cursor { news, ..Cursor::default() });
    let change = Change::Told(Told { hook: hook.into(), cursor });
    state.apply(&Record { at: Millis(1), change });
}

fn waiting(state: &State, after: u64) -> Vec<(u64, String, NewsKind, u64)> {
    let news = state.outbox().after(after);
    news.map(|(n, it)| (n, it.call.to_string(), it.what, it.live_users)).collect()
}

#[test]
fn what_happens_to_calls_is_kept_until_each_hook_that_takes_it_was_told() {
    let mut state = State::default();
    say(&mut state, 1_000, "CA1", Said::InProgress);
    tell(&mut state, "number", None);
    say(&mut state, 2_000, "CA2", Said::InProgress);
    assert_eq!((waiting(&state, 0), state.outbox().count()), (vec![], 0), "nobody takes it");
    tell(&mut state, "crm", Some(u64::MAX));
    say(&mut state, 3_000, "CA3", Said::InProgress);
    say(&mut state, 4_000, "CA3", Said::InProgress);
    say(&mut state, 5_000, "CA1", Said::Over(EndReason::Completed));
    let ended = NewsKind::Ended(EndReason::Completed);
    let (one, two) = ((1, "CA3".to_owned(), NewsKind::Started, 3), (2, "CA1".to_owned(), ended, 2));
    assert_eq!(waiting(&state, 0), [one, two.clone()]);
    assert_eq!(state.outbox().after(1).next().unwrap().1.lasted_ms, Some(4_000));
    assert_eq!(waiting(&state, 1), std::slice::from_ref(&two));
    assert_eq!((waiting(&state, 2), waiting(&state, u64::MAX)), (vec![], vec![]));
    tell(&mut state, "late", Some(2));
    tell(&mut state, "crm", Some(1));
    assert_eq!(waiting(&state, 0), std::slice::from_ref(&two), "what all have is gone");
    tell(&mut state, "crm", Some(0));
    assert_eq!(state.outbox().cursor("crm").unwrap().news, Some(1), "it never goes back");
    // A restart goes on there.
    let bytes = snapshot::encode(&state);
    let mut restored = snapshot::decode(bytes.clone()).unwrap();
    assert_eq!(restored.outbox(), state.outbox());
    for state in [&mut state, &mut restored] {
        say(state, 6_000, "CA2", Said::Over(EndReason::Goodbye));
        say(state, 6_500, "CA4", Said::Dialing);
    }
    assert_eq!(snapshot::encode(&restored), snapshot::encode(&state));
    assert_eq!(state.outbox().after(0).count(), 3);
    let gone = Change::Told(Told { hook: "crm".into(), cursor: None });
    state.apply(&Record { at: Millis(7_000), change: gone });
    assert_eq!(waiting(&state, 0).iter().map(|it| it.0).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_guess_that_is_taken_back_is_told_and_a_leg_is_not() {
    let mut state = State::default();
    tell(&mut state, "crm", Some(0));
    say(&mut state, 1_000, "CA1", Said::InProgress);
    let guess = Evidence::about(
        CallId::parse("CA1").unwrap(),
        Source::Clock,
        Said::Over(EndReason::TimedOut),
    );
    state.apply(&Record { at: Millis(2_000), change: Change::Evidence(guess) });
    let evidence = Evidence {
        is_after_lost_answer: true,
        ..Evidence::about(CallId::parse("CA1").unwrap(), Source::Voice, Said::InProgress)
    };
    state.apply(&Record { at: Millis(63_000), change: Change::Evidence(evidence) });
    let leg = Evidence {
        parent: Some(CallId::parse("CA1").unwrap()),
        ..Evidence::about(CallId::parse("CA2").unwrap(), Source::StatusCallback, Said::InProgress)
    };
    state.apply(&Record { at: Millis(64_000), change: Change::Evidence(leg) });
    let kinds: Vec<_> = waiting(&state, 0).into_iter().map(|it| it.2).collect();
    let ended = NewsKind::Ended(EndReason::TimedOut);
    assert_eq!(kinds, [NewsKind::Started, ended, NewsKind::Resumed]);
}

#[test]
fn of_a_hook_that_cannot_be_reached_the_oldest_events_are_lost() {
    let mut state = State::default();
    tell(&mut state, "crm", Some(0));
    let n = OUTBOX_MAX as u64 + 5;
    for call in 0..n {
        say(&mut state, 1_000, &format!("CA{call}"), Said::InProgress);
    }
    assert_eq!(state.outbox().count(), n);
    let first = state.outbox().after(0).next().unwrap().0;
    assert_eq!((first, state.outbox().after(0).count()), (6, OUTBOX_MAX));
    tell(&mut state, "crm", Some(n));
    assert_eq!(state.outbox().after(0).count(), 0);
    for hook in 0..=HOOKS_MAX {
        tell(&mut state, &format!("hook-{hook}"), None);
    }
    assert_eq!(state.outbox().hooks().count(), HOOKS_MAX);
}

#[test]
fn the_end_of_a_call_names_the_id_under_which_its_start_was_told() {
    let mut state = State::default();
    tell(&mut state, "crm", Some(0));
    let sid = "CA5a1e7c00000000000000000000000001";
    let says = |said, also: &[&str]| Evidence {
        origin: Some(live_users_core::Origin { source: "vapi".into(), is_carrier: false }),
        also: also.iter().map(|id| CallId::parse(id).unwrap()).collect(),
        ..Evidence::about(CallId::parse("vapi/1").unwrap(), Source::Event, said)
    };
    let over = Said::Over(EndReason::Completed);
    for (at, evidence) in [
        (1_000, says(Said::InProgress, &[])),
        (2_000, says(Said::InProgress, &[sid])),
        (3_000, says(over, &[])),
    ] {
        state.apply(&Record { at: Millis(at), change: Change::Evidence(evidence) });
    }
    let restored = snapshot::decode(snapshot::encode(&state)).unwrap();
    for state in [&state, &restored] {
        let told = state.outbox().after(0).map(|(_, news)| {
            let also: Vec<_> = news.also.iter().map(ToString::to_string).collect();
            (news.call.to_string(), also)
        });
        let expected = [("vapi/1".to_owned(), vec![]), (sid.to_owned(), vec!["vapi/1".to_owned()])];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}
