//! All that was said about a call is found, whatever its id is.

use live_users_core::{Direction, EndReason, Evidence};
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
