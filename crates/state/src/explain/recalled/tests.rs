//! What the journal tells of a call that is only remembered, beside what is told of one that is known whole.

use live_users_core::{Direction, EndReason, Evidence, Keeping, Source};
use live_users_journal::{Journal, Memory};

use super::*;
use crate::explain::pieces;
use crate::record::{Change, Record};
use crate::state::{Settings, State};

const OVER: Said = Said::Over(EndReason::Completed);
const BEGAN: Millis = Millis(500_000 * HOUR_MS);

fn id(text: &str) -> CallId {
    CallId::parse(text).unwrap()
}

fn said(text: &str, source: Source, said: Said) -> Evidence {
    let direction = Some(Direction::Inbound);
    Evidence { direction, ..Evidence::about(id(text), source, said) }
}

/// Applies records at these moments to a state that keeps all calls whole and to one that keeps none.
fn apply(records: &[(u64, Evidence)]) -> (Box<dyn Journal>, State, State) {
    let mut journal = Memory::with_epoch(1).open().unwrap();
    let keeping = |whole_calls| Settings {
        keeping: Keeping { whole_ms: 1, whole_calls },
        ..Settings::default()
    };
    let [mut few, mut whole] = [0, usize::MAX].map(|it| State::default().with(keeping(it)));
    for (after_ms, evidence) in records {
        let change = Change::Evidence(evidence.clone());
        let record = Record { at: Millis(BEGAN.0 + after_ms), change };
        journal.append(&[record.encode()]).unwrap();
        few.apply(&record);
        whole.apply(&record);
    }
    (journal, few, whole)
}

#[test]
fn a_call_that_is_only_remembered_is_explained_as_if_it_were_known_whole() {
    let sid = "CA00000000000000000000000000000002";
    let leg = Evidence {
        parent: Some(id(sid)),
        direction: Some(Direction::Dial),
        ..said("CA3", Source::StatusCallback, Said::Dialing)
    };
    let named = Evidence { also: vec![id(sid)], ..said("vapi/2", Source::Event, Said::InProgress) };
    // So long that it is looked for several times; and what Twilio heard first is found by another name.
    let (journal, few, whole) = apply(&[
        (0, said("vapi/2", Source::Event, Said::Dialing)),
        (5, said(sid, Source::Voice, Said::InProgress)),
        (9, named),
        (2 * HOUR_MS, said("somebody-else", Source::Voice, Said::Dialing)),
        (3 * HOUR_MS, leg),
        (4 * HOUR_MS, said(sid, Source::StatusCallback, OVER)),
        (4 * HOUR_MS + MINUTE_MS, said("somebody-else", Source::Speech, Said::InProgress)),
    ]);
    let end = few.tracker().remembered_end(&id(sid)).expect("it is remembered");
    assert_eq!((end, few.tracker().call(&id(sid))), (Millis(BEGAN.0 + 4 * HOUR_MS), None));
    let mut reader = journal.reader().unwrap();
    let call = whole.tracker().call(&id(sid)).unwrap();
    for name in [sid, "vapi/2"] {
        let found = recalled(&mut *reader, &id(name), end).unwrap().expect("the journal has it");
        assert_eq!(found.call, call, "{name}");
        assert_eq!(found.pieces, pieces(&mut *reader, &call).unwrap(), "{name}");
        assert_eq!(found.tracker.legs(&id(sid)), whole.tracker().legs(&id(sid)));
    }
    assert!(recalled(&mut *reader, &id("CA9"), end).unwrap().is_none());
}
