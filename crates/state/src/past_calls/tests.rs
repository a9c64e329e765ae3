//! The calls that the journal tells of, beside those of a state that keeps all calls whole.

use std::collections::BTreeSet;

use live_users_core::{Direction, EndReason, Evidence, Keeping, Said, Source};
use live_users_journal::{Journal, Memory};
use proptest::prelude::*;

use super::*;
use crate::state::{Settings, State};

const BEGAN: u64 = 500_000 * HOUR_MS;
const OVER: Said = Said::Over(EndReason::Completed);

fn id(n: usize) -> CallId {
    // Long and short ones, whose order as text is another one than that of their bytes.
    let text = if n.is_multiple_of(2) { format!("CA{n:032x}") } else { format!("B{n}") };
    CallId::parse(&text).unwrap()
}

fn said(n: usize, source: Source, said: Said) -> Evidence {
    Evidence { direction: Some(Direction::Inbound), ..Evidence::about(id(n), source, said) }
}

/// What was recorded, so many milliseconds after the beginning, and a state that keeps all of it.
fn recorded(mut evidence: Vec<(u64, Evidence)>) -> (Box<dyn Journal>, State) {
    evidence.sort_by_key(|(at, _)| *at);
    let mut journal = Memory::with_epoch(1).open().unwrap();
    let keeping = Keeping { whole_calls: usize::MAX, ..Keeping::default() };
    let mut state = State::default().with(Settings { keeping, ..Settings::default() });
    for (after_ms, evidence) in evidence {
        let record = Record { at: Millis(BEGAN + after_ms), change: Change::Evidence(evidence) };
        journal.append(&[record.encode()]).unwrap();
        state.apply(&record);
    }
    (journal, state)
}

/// A call that is up from then on, for so long.
fn call(n: usize, from_ms: u64, ms: u64) -> [(u64, Evidence); 3] {
    [
        (from_ms, said(n, Source::Voice, Said::Dialing)),
        (from_ms + 1_000, said(n, Source::StatusCallback, Said::InProgress)),
        (from_ms + 1_000 + ms, said(n, Source::StatusCallback, OVER)),
    ]
}

/// The past calls since this moment, by a reader that holds back so many.
fn past(journal: &dyn Journal, from_ms: u64, held_max: usize) -> (Vec<Call>, usize) {
    let from = Millis(BEGAN + from_ms);
    let mut reader = journal.reader().unwrap();
    let wanted: Wanted = Box::new(move |first, _| first >= from);
    let show: Show<Call> = Box::new(|_, call| Some(call.clone()));
    let last = journal.position().seq;
    let mut past = PastCalls::begin(&mut *reader, (from, last), wanted, show).unwrap();
    past.held_max = held_max;
    // Few, so that much is shown before the end.
    past.page.records_max = 7;
    let (mut shown, mut most_held) = (Vec::new(), 0);
    while let Some(more) = past.read_on(&mut *reader).unwrap() {
        shown.extend(more);
        most_held = most_held.max(past.held.len());
    }
    (shown, most_held)
}

fn expected(state: &State, from_ms: u64) -> Vec<Call> {
    let calls = state.tracker().calls().into_iter();
    let mut calls: Vec<_> = calls
        .filter(|call| call.first.0 >= BEGAN + from_ms && matches!(call.phase, Phase::Ended(_)))
        .collect();
    calls.sort_by_key(|call| (call.first, call.id.to_string()));
    calls
}

#[test]
fn a_long_call_holds_back_few_of_those_behind_it() {
    let long = call(0, 0, 20 * HOUR_MS);
    let short = (1..2_000).flat_map(|n| call(n, n as u64 * 20_000, 60_000));
    let up = [(5 * HOUR_MS, said(5_000, Source::Voice, Said::InProgress))];
    let (journal, state) = recorded(long.into_iter().chain(short).chain(up).collect());
    let (shown, _) = past(&*journal, 0, usize::MAX);
    assert_eq!(shown, expected(&state, 0));
    assert_eq!(shown.len(), 2_000, "and not the one that is up");
    let (shown, most_held) = past(&*journal, 0, 10);
    assert_eq!(shown, expected(&state, 0));
    assert!(most_held <= 10, "{most_held}");
}

#[test]
fn a_call_that_began_before_is_no_call_of_then() {
    let first = call(0, 0, 10 * HOUR_MS);
    let (journal, state) = recorded(first.into_iter().chain(call(1, 5 * HOUR_MS, 9)).collect());
    let (shown, _) = past(&*journal, HOUR_MS, usize::MAX);
    assert_eq!(shown, expected(&state, HOUR_MS));
    assert_eq!(shown.len(), 1);
}

#[test]
fn what_the_journal_does_not_keep_any_more_is_told() {
    let (mut journal, _) = recorded(call(0, 0, 9).into_iter().chain(call(1, 5_000, 9)).collect());
    let reaches = |journal: &dyn Journal, ms: u64| {
        reaches_back_to(&mut *journal.reader().unwrap(), Millis(BEGAN + ms)).unwrap()
    };
    assert!(reaches(&*journal, 0));
    let at = journal.position();
    journal.snapshots().unwrap().save(at, b"all").unwrap();
    journal.trim(4).unwrap();
    assert_eq!(journal.first_seq(), 4);
    assert!(!reaches(&*journal, 0) && !reaches(&*journal, 4_999) && reaches(&*journal, 5_000));
}

proptest! {
    #[test]
    fn each_past_call_is_shown_once_in_order_and_whole(
        calls in prop::collection::vec((0..40u64, 0..90u64), 1..60),
        from in 0..40u64,
        held_max in 0..20usize,
    ) {
        // Many begin in the same moment.
        let minute = |n: u64| n * 20 * MINUTE_MS;
        let evidence = calls.iter().enumerate();
        let evidence = evidence.flat_map(|(n, (from, long))| call(n, minute(*from), minute(*long)));
        let (journal, state) = recorded(evidence.collect());
        let (shown, most_held) = past(&*journal, minute(from), held_max);
        let ids: BTreeSet<_> = shown.iter().map(|call| call.id.clone()).collect();
        prop_assert_eq!(ids.len(), shown.len());
        prop_assert!(most_held <= held_max);
        prop_assert_eq!(shown, expected(&state, minute(from)));
    }
}
