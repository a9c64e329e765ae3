//! A journal that version 0.1.0 wrote, at commit f4e501d: five inbound calls, one of which has ended
//! and one of which an operator has evicted, an outbound call with a quote in its id, and a leg.

use std::fs;
use std::path::Path;

use live_users_core::{CallId, EndReason, Numbers, Outcome, Phase, Source};
use live_users_journal::{Journal, open};
use live_users_state::{explain, replay, snapshot};
use tempfile::TempDir;

/// A copy of it, since opening a journal writes to its directory.
fn journal() -> (TempDir, Box<dyn Journal>) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-0.1.0");
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("journal.sqlite3");
    fs::copy(fixture.join("journal.sqlite3"), to).expect("a copy");
    let journal = open(&format!("file:{}", folder.path().display())).expect("it opens");
    (folder, journal)
}

fn id(call: &str) -> CallId {
    CallId::parse(call).expect("an id")
}

#[test]
fn a_journal_of_version_0_1_0_leads_to_the_same_state() {
    let (_folder, journal) = journal();
    let replayed = replay(&*journal).expect("it tells a state");
    let calls = replayed.state.tracker();
    assert_eq!((replayed.at.seq, replayed.covered), (10, 0));
    assert_eq!(calls.numbers(), Numbers { users: 4, calls: 4 });
    let phase = |n: u32| calls.call(&id(&format!("CA{n:032}"))).map(|call| call.phase);
    assert_eq!(phase(1), Some(Phase::Live));
    assert_eq!(phase(2), Some(Phase::Ended(EndReason::Completed)));
    assert_eq!(phase(3), Some(Phase::Ended(EndReason::Evicted)));
    let summary = replayed.state.durations().last_hour(None, calls.now());
    assert_eq!((summary.calls, summary.longest_ms), (1, 61_000));
    // What it writes itself it reads again.
    let bytes = snapshot::encode(&replayed.state);
    assert_eq!(snapshot::encode(&snapshot::decode(bytes.clone()).expect("a state")), bytes);
}

#[test]
fn its_calls_are_explained_also_one_whose_id_json_escapes() {
    let (_folder, journal) = journal();
    let state = replay(&*journal).expect("it tells a state").state;
    let mut reader = journal.reader().expect("a reader");
    let mut about = |call: &str| {
        let call = state.tracker().call(&id(call)).expect("it is known");
        let pieces = explain::pieces(&mut *reader, &call).expect("it can be read");
        assert!(!pieces.incomplete);
        pieces.list.iter().map(|piece| (piece.seq, piece.source, piece.outcome)).collect::<Vec<_>>()
    };
    assert_eq!(about("CA\"1"), [(8, Source::StatusCallback, Outcome::Started)]);
    let of_first = about("CA00000000000000000000000000000001");
    assert_eq!(of_first.len(), 3, "the start, what was said, and the leg: {of_first:?}");
}
