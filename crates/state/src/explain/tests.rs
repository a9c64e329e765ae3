//! All that was said about a call is found, whatever its id is.

use std::num::NonZeroU64;

use live_users_core::{Attendance, ConferenceEvent, Direction, EndReason, Evidence, Origin};
use live_users_journal::{Journal, Memory};

use super::*;
use crate::state::State;

/// A journal in memory with one piece of evidence in each record, and the state that they lead to.
fn journal_of(said: Vec<Evidence>) -> (Box<dyn Journal>, State) {
    let mut journal = Memory::with_epoch(1).open().unwrap();
    let mut state = State::default();
    for (evidence, at) in said.into_iter().zip(1_000..) {
        let record = Record { at: Millis(at), change: Change::Evidence(evidence) };
        journal.append(&[record.encode()]).unwrap();
        state.apply(&record);
    }
    (journal, state)
}

#[test]
fn a_call_is_found_whose_id_json_escapes_and_so_are_its_legs() {
    for text in ["CA1", r#"CA"1"#, r"CA\1", r#"\""#, r#"""#, r"\"] {
        let call = CallId::parse(text).unwrap();
        // An id that ends as the other does, and one that it begins with, are other calls.
        let others = [format!("x{text}"), format!("{text}x")];
        let other = |text: &String| {
            let call = CallId::parse(text).unwrap();
            Evidence::about(call, Source::Voice, Said::Dialing)
        };
        let leg = Evidence {
            parent: Some(call.clone()),
            direction: Some(Direction::Dial),
            ..Evidence::about(CallId::parse("leg").unwrap(), Source::StatusCallback, Said::Dialing)
        };
        let over = Said::Over(EndReason::Completed);
        let mut said = vec![Evidence::about(call.clone(), Source::Voice, Said::Dialing)];
        said.extend(others.iter().map(other));
        said.extend([leg, Evidence::about(call.clone(), Source::StatusCallback, over)]);
        let (journal, state) = journal_of(said);

        let call = state.tracker().call(&call).unwrap();
        let found = pieces(&mut *journal.reader().unwrap(), &call).unwrap();
        let outcomes: Vec<_> = found.list.iter().map(|piece| (piece.seq, piece.outcome)).collect();
        let ended = Outcome::Ended(EndReason::Completed);
        assert_eq!(outcomes, [(1, Outcome::Started), (4, Outcome::Leg), (5, ended)], "{text}");
        assert_eq!(found.list[1].leg.as_ref().map(ToString::to_string).as_deref(), Some("leg"));
        assert!(!found.incomplete);
    }
}

const OVER: Said = Said::Over(EndReason::Completed);

fn id(text: &str) -> CallId {
    CallId::parse(text).unwrap()
}

/// What Twilio says of a call, for one of its accounts.
fn of_account(digest: u64, call: &str, said: Said) -> Evidence {
    let (twilio_account, agent_account) = (NonZeroU64::new(digest), Some("acme".into()));
    let evidence = Evidence::about(id(call), Source::StatusCallback, said);
    Evidence { twilio_account, agent_account, ..evidence }
}

/// The same of a source whose account is that one.
fn of_source(digest: u64, call: &str, said: Said) -> Evidence {
    let origin = Some(Origin { source: "desk".into(), is_carrier: false });
    let agent_account = None;
    Evidence { origin, agent_account, source: Source::Event, ..of_account(digest, call, said) }
}

/// What is found of the call, and whether there may be more.
fn found_of(call: &str, said: Vec<Evidence>) -> (Vec<(u64, Outcome)>, bool) {
    let (journal, state) = journal_of(said);
    let call = state.tracker().call(&id(call)).unwrap();
    let found = pieces(&mut *journal.reader().unwrap(), &call).unwrap();
    (found.list.iter().map(|piece| (piece.seq, piece.outcome)).collect(), found.incomplete)
}

#[test]
fn what_was_refused_for_a_tie_to_another_call_is_shown_so_and_changes_nothing() {
    let joined =
        || Some(ConferenceEvent { conference: id("CF1"), what: Attendance::Joined, order: None });
    let said = vec![
        Evidence { conference: joined(), ..of_account(1, "CA1", Said::InProgress) },
        Evidence::about(id("CA2"), Source::Voice, Said::Nothing),
        // Nothing is known yet of the account of this call, but of who is in the conference.
        Evidence { conference: joined(), ..of_account(2, "CA2", OVER) },
        of_account(1, "CA2", Said::InProgress),
        of_account(2, "CA2", OVER),
    ];
    let (list, incomplete) = found_of("CA2", said);
    let expected = [
        (2, Outcome::Started),
        (3, Outcome::Refused),
        (4, Outcome::Confirmed),
        (5, Outcome::Refused),
    ];
    assert_eq!((list.as_slice(), incomplete), (&expected[..], false));
}

#[test]
fn a_source_that_was_heard_before_twilio_said_whose_call_it_is_was_not_refused_then() {
    let said = vec![
        of_source(2, "CA1", Said::InProgress),
        of_account(1, "CA1", Said::InProgress),
        of_source(2, "CA1", OVER),
    ];
    let expected = [(1, Outcome::Started), (2, Outcome::Confirmed), (3, Outcome::Refused)];
    assert_eq!(found_of("CA1", said), (expected.to_vec(), false));
}

#[test]
fn what_was_refused_takes_no_place_from_the_rest_and_only_the_last_of_it_is_listed() {
    let own = || of_account(1, "CA1", Said::InProgress);
    let refused = 2 * PIECES_MAX;
    let mut said = vec![own()];
    said.extend((0..refused).map(|_| of_source(2, "CA1", OVER)));
    said.extend((1..PIECES_MAX).map(|_| own()));
    let (list, incomplete) = found_of("CA1", said.clone());
    assert_eq!((list.len(), incomplete), (PIECES_MAX + REFUSED_MAX, false));
    let is_refused = |(_, outcome): &&(u64, Outcome)| *outcome == Outcome::Refused;
    let seqs: Vec<_> = list.iter().filter(is_refused).map(|(seq, _)| *seq).collect();
    let last = refused + 1;
    let expected = (last - REFUSED_MAX + 1..=last).map(|seq| seq.try_into().unwrap());
    assert_eq!(seqs, expected.collect::<Vec<u64>>());
    assert!(list.is_sorted_by_key(|(seq, _)| *seq));
    // One more of its own is beyond what is listed.
    said.push(own());
    let (list, incomplete) = found_of("CA1", said);
    assert_eq!((list.len(), incomplete), (PIECES_MAX + REFUSED_MAX, true));
}
