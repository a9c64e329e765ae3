//! A journal is copied into another engine with its whole state, or not at all.

use live_users_core::{CallId, Direction, EndReason, Evidence, Millis, Said, Source};
use live_users_journal::{
    Journal, JournalError, Memory, PageLimit, Part, Position, Reader, Record, SavedParts,
    Snapshots, open,
};
use live_users_state::record::Change;
use live_users_state::{
    Copied, CopyError, LEADER_LEASE, Purpose, RecoveryError, Side, State, explain, replay, snapshot,
};
use tempfile::TempDir;

use crate::harness::Driver;

const HOUR: u64 = 3_600_000;
/// The clock of the target engine: long after the records were written.
const LATER: u64 = 1_000 * HOUR;

/// The place and the engine of a journal.
enum Place {
    File(TempDir),
    Own(Memory),
    Shared(Memory),
}

impl Place {
    /// One of each, all without a record.
    fn all(now_ms: u64) -> [Self; 3] {
        let [own, shared] = [Memory::new().expect("a log"), Memory::new().expect("a log")];
        shared.set_time(now_ms);
        [Self::File(tempfile::tempdir().expect("a folder")), Self::Own(own), Self::Shared(shared)]
    }

    fn open(&self) -> Box<dyn Journal> {
        match self {
            Self::File(folder) => open(&format!("file:{}", folder.path().display())),
            Self::Own(memory) => memory.open(),
            Self::Shared(memory) => memory.open_shared().map(|(journal, _)| journal),
        }
        .expect("a log")
    }
}

fn said(call: usize, said: Said) -> Evidence {
    let call = CallId::parse(&format!("call-{call}")).expect("an id");
    let source = match said {
        Said::Dialing => Source::Voice,
        _ => Source::StatusCallback,
    };
    Evidence { direction: Some(Direction::Inbound), ..Evidence::about(call, source, said) }
}

/// Writes the lives of some calls, some of them ended, and returns their state.
fn fill(journal: Box<dyn Journal>) -> State {
    let mut driver = Driver::on(journal);
    for call in 0..40 {
        let at = Millis(HOUR + call as u64 * 1_000);
        driver.record(at, vec![said(call, Said::Dialing)]).expect("recorded");
        if call % 3 == 0 {
            let over = said(call, Said::Over(EndReason::Completed));
            driver.record(Millis(at.0 + 500), vec![over]).expect("recorded");
        }
    }
    driver.sweep(Millis(3 * HOUR));
    driver.state().clone()
}

fn copy(from: &mut dyn Journal, to: &mut dyn Journal) -> Result<Copied, CopyError> {
    live_users_state::copy(from, to, Purpose::Move)
}

fn state(journal: &dyn Journal) -> Vec<Part> {
    snapshot::encode(&replay(journal).expect("a state").state)
}

#[test]
fn every_engine_takes_the_state_of_every_other_byte_for_byte_and_continues_from_it() {
    for source in Place::all(HOUR) {
        let original = snapshot::encode(&fill(source.open()));
        for target in Place::all(LATER) {
            let (mut from, mut to) = (source.open(), target.open());
            assert_eq!(state(&*from), original);
            let copied = copy(&mut *from, &mut *to).unwrap();
            assert_eq!((copied.from, copied.to.seq), (from.position(), 1));
            assert_eq!(copied.numbers.calls, 26);
            drop((from, to));

            let journal = target.open();
            assert_eq!(state(&*journal), original, "another process reads the same");
            let replayed = replay(&*journal).unwrap();
            assert_eq!(replayed.at, copied.to);
            let mut driver = Driver::on(journal);
            // A call that had ended stays ended, and a live one ends.
            let said = vec![said(0, Said::Dialing), said(1, Said::Over(EndReason::Completed))];
            driver.record(Millis(LATER), said).unwrap();
            assert_eq!(driver.state().tracker().numbers().calls, 25);
            drop(driver);
            let after = replay(&*target.open()).unwrap();
            assert_eq!((after.at.seq, after.state.tracker().numbers().calls), (3, 25));
        }
    }
}

#[test]
fn a_copy_there_and_back_loses_nothing() {
    let [file, _, shared] = Place::all(LATER);
    let original = snapshot::encode(&fill(file.open()));
    copy(&mut *file.open(), &mut *shared.open()).unwrap();
    let [back, ..] = Place::all(LATER);
    copy(&mut *shared.open(), &mut *back.open()).unwrap();
    assert_eq!(state(&*back.open()), original);
}

#[test]
fn an_explanation_reports_that_evidence_from_before_the_copy_is_missing() {
    let [file, _, shared] = Place::all(LATER);
    fill(file.open());
    copy(&mut *file.open(), &mut *shared.open()).unwrap();
    let journal = shared.open();
    let original = replay(&*journal).unwrap().state;
    let call = original.tracker().call(&CallId::parse("call-1").unwrap()).expect("it is known");
    let pieces = explain::pieces(&mut *journal.reader().unwrap(), &call).unwrap();
    assert!(pieces.list.is_empty() && pieces.incomplete);
}

#[test]
fn a_target_that_is_not_empty_and_a_source_that_is_are_refused() {
    for target in Place::all(LATER) {
        let [source, other, _] = Place::all(HOUR);
        let nothing = copy(&mut *source.open(), &mut *target.open()).unwrap_err();
        assert!(matches!(nothing, CopyError::Nothing), "{nothing}");
        fill(source.open());
        copy(&mut *source.open(), &mut *target.open()).unwrap();
        let before = state(&*target.open());
        fill(other.open());
        let twice = copy(&mut *other.open(), &mut *target.open()).unwrap_err();
        assert!(matches!(twice, CopyError::NotEmpty(Position { seq: 1, .. })), "{twice}");
        assert_eq!(state(&*target.open()), before);
    }
    // A snapshot alone makes a target non-empty too.
    let ([source, ..], [_, target, _]) = (Place::all(HOUR), Place::all(HOUR));
    fill(source.open());
    let mut journal = target.open();
    let at = journal.position();
    journal.snapshots().unwrap().save_parts(at, &mut snapshot::parts(&State::default())).unwrap();
    let refused = copy(&mut *source.open(), &mut *journal).unwrap_err();
    assert!(matches!(refused, CopyError::NotEmpty(Position { seq: 0, .. })), "{refused}");
}

#[test]
fn a_journal_with_a_leader_is_neither_source_nor_target_of_a_copy() {
    let ([source, ..], [_, _, target]) = (Place::all(HOUR), Place::all(LATER));
    fill(source.open());
    let other = target.open();
    let mut lease = other.lease(LEADER_LEASE).unwrap();
    assert!(lease.hold().unwrap());
    let refused = copy(&mut *source.open(), &mut *target.open()).unwrap_err();
    assert!(matches!(refused, CopyError::InUse(Side::Target)), "{refused}");
    lease.release();
    copy(&mut *source.open(), &mut *target.open()).unwrap();
    // The copy releases the lease at its end.
    assert!(lease.hold().unwrap());
    let [back, ..] = Place::all(LATER);
    let refused = copy(&mut *target.open(), &mut *back.open()).unwrap_err();
    assert!(matches!(refused, CopyError::InUse(Side::Source)), "{refused}");
    assert_eq!(back.open().position().seq, 0);
}

/// A journal with a fault.
struct Meddled {
    journal: Box<dyn Journal>,
    /// Appends to the same log when the copy asks for its end.
    other: Option<Box<dyn Journal>>,
    /// Whether its snapshot is gone.
    has_lost: bool,
}

struct Lost;

impl Snapshots for Lost {
    fn save_parts(
        &mut self,
        _: Position,
        _: &mut dyn Iterator<Item = Part>,
    ) -> Result<SavedParts, JournalError> {
        Ok(SavedParts::default())
    }

    fn load_parts(&mut self) -> Result<Option<(Position, Vec<Part>)>, JournalError> {
        Ok(None)
    }
}

impl Journal for Meddled {
    fn position(&self) -> Position {
        self.journal.position()
    }

    fn append(&mut self, batch: &[Vec<u8>]) -> Result<Position, JournalError> {
        self.journal.append(batch)
    }

    fn first_seq(&self) -> u64 {
        self.journal.first_seq()
    }

    fn read(&mut self, from: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        self.journal.read(from, limit)
    }

    fn trim(&mut self, before: u64) -> Result<u64, JournalError> {
        self.journal.trim(before)
    }

    fn snapshots(&self) -> Result<Box<dyn Snapshots>, JournalError> {
        if self.has_lost { Ok(Box::new(Lost)) } else { self.journal.snapshots() }
    }

    fn reader(&self) -> Result<Box<dyn Reader>, JournalError> {
        self.journal.reader()
    }

    fn recover(&mut self) -> Result<(), JournalError> {
        self.journal.recover()
    }

    fn refresh(&mut self) -> Result<Position, JournalError> {
        let known = self.journal.refresh();
        if let Some(other) = &mut self.other {
            other.append(&[b"{}".to_vec()])?;
        }
        known
    }
}

#[test]
fn a_source_that_grows_during_a_move_is_not_copied() {
    let ([_, _, source], [target, ..]) = (Place::all(HOUR), Place::all(LATER));
    fill(source.open());
    let other = Some(source.open());
    let mut meddled = Meddled { journal: source.open(), other, has_lost: false };
    let refused = copy(&mut meddled, &mut *target.open()).unwrap_err();
    let CopyError::Grown { was, is } = &refused else { panic!("{refused}") };
    assert_eq!(is.seq, was.seq + 1);
    assert_eq!(target.open().position().seq, 0, "nothing was written");
}

#[test]
fn a_backup_is_of_one_moment_while_another_replica_leads_and_writes() {
    let ([_, _, source], [target, ..]) = (Place::all(HOUR), Place::all(LATER));
    let original = snapshot::encode(&fill(source.open()));
    let leader = source.open();
    assert!(leader.lease(LEADER_LEASE).unwrap().hold().unwrap());
    let other = Some(source.open());
    let mut meddled = Meddled { journal: source.open(), other, has_lost: false };
    let mut journal = target.open();
    let copied = live_users_state::copy(&mut meddled, &mut *journal, Purpose::Backup).unwrap();
    assert!(copied.from.seq < source.open().position().seq, "it has grown");
    assert_eq!(state(&*journal), original);
}

#[test]
fn a_copy_without_its_snapshot_does_not_pass_for_an_empty_journal() {
    let [source, ..] = Place::all(HOUR);
    fill(source.open());
    for target in Place::all(LATER) {
        copy(&mut *source.open(), &mut *target.open()).unwrap();
        let lost = Meddled { journal: target.open(), other: None, has_lost: true };
        let refused = replay(&lost).unwrap_err();
        assert!(matches!(refused, RecoveryError::NoBeginning { first: 2 }), "{refused}");
    }
}

/// The contract allows this in any engine.
#[test]
fn a_snapshot_of_no_record_is_where_a_replay_begins() {
    for place in Place::all(LATER) {
        let [filled, ..] = Place::all(HOUR);
        let original = snapshot::encode(&fill(filled.open()));
        let mut journal = place.open();
        let at = journal.position();
        journal.snapshots().unwrap().save_parts(at, &mut original.clone().into_iter()).unwrap();
        assert_eq!(state(&*journal), original);
        let change = Change::Forget { ended_before: Millis(0) };
        let record = live_users_state::record::Record { at: Millis(LATER), change };
        journal.append(&[record.encode()]).unwrap();
        drop(journal);
        assert_eq!(state(&*place.open()), original);
    }
}
