//! The writer by itself, with time as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use live_users_core::{CallId, Direction};
use live_users_journal::{
    PageLimit, Position, Reader as JournalReader, Record as JournalRecord, Snapshots,
};

use super::*;
use crate::history::Retention;
use crate::recovery::replay;
use crate::snapshotter::Keep;

const HOUR: u64 = 3_600_000;

/// What was published last.
type Reader = Arc<AtomicUsize>;

fn writer() -> (Writer, Reader) {
    writer_to(live_users_journal::open("memory:").unwrap())
}

fn writer_to(journal: Box<dyn Journal>) -> (Writer, Reader) {
    let reader = Reader::default();
    let cell = reader.clone();
    let publish = move |state: &State, _| {
        cell.store(state.tracker().numbers().users, Ordering::Relaxed);
    };
    let keep = Keep { age_ms: HOUR, records_max: u64::MAX, history: Retention::default() };
    let snapshotter = Snapshotter::start(&*journal, 0, Millis(0), keep).unwrap();
    let (replayed, publish) = (replay(&*journal).unwrap(), Box::new(publish));
    (Writer::new(journal, replayed, publish, Some(snapshotter), 4 * HOUR), reader)
}

fn evidence(sid: &str, source: Source, said: Said) -> Evidence {
    let call = CallId::parse(sid).unwrap();
    Evidence { direction: Some(Direction::Inbound), ..Evidence::about(call, source, said) }
}

fn live(reader: &Reader) -> usize {
    reader.load(Ordering::Relaxed)
}

#[test]
fn a_batch_is_recorded_and_published_as_one() {
    let (mut writer, reader) = writer();
    let start = |sid| evidence(sid, Source::Voice, Said::Dialing);
    let outcomes = writer.record(Millis(5), vec![start("a"), start("b"), start("a")]).unwrap();
    assert_eq!(outcomes, [Outcome::Started, Outcome::Started, Outcome::Confirmed]);
    assert_eq!(writer.journal.position().seq, 3);
    assert_eq!(live(&reader), 2);
}

#[test]
fn a_silent_call_is_over_after_the_longest_time_a_call_can_take_and_not_before() {
    let (mut writer, reader) = writer();
    writer.record(Millis(0), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    writer.sweep(Millis(4 * HOUR));
    assert_eq!(live(&reader), 1);
    writer.sweep(Millis(4 * HOUR + 1));
    assert_eq!(live(&reader), 0);
    // Its end was a record.
    assert_eq!(writer.journal.position().seq, 2);
}

#[test]
fn a_call_that_is_still_reported_is_not_given_up_however_old() {
    let (mut writer, reader) = writer();
    writer.record(Millis(0), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    writer.record(Millis(4 * HOUR), vec![evidence("a", Source::Speech, Said::InProgress)]).unwrap();
    writer.sweep(Millis(4 * HOUR + QUIET_MS));
    assert_eq!(live(&reader), 1);
    writer.sweep(Millis(4 * HOUR + QUIET_MS + 1));
    assert_eq!(live(&reader), 0);
}

#[test]
fn a_call_that_waits_in_the_providers_queue_may_still_become_live() {
    let (mut writer, reader) = writer();
    let status = |said| Evidence {
        direction: Some(Direction::Outbound),
        ..evidence("a", Source::StatusCallback, said)
    };
    writer.record(Millis(0), vec![status(Said::Dialing)]).unwrap();
    writer.sweep(Millis(DIALING_MS_MAX));
    writer.record(Millis(DIALING_MS_MAX), vec![status(Said::InProgress)]).unwrap();
    assert_eq!(live(&reader), 1);
}

#[test]
fn a_late_webhook_finds_the_tombstone_until_it_is_swept_away() {
    let (mut writer, _reader) = writer();
    let voice = || evidence("a", Source::Voice, Said::Dialing);
    let end = evidence("a", Source::StatusCallback, Said::Over(EndReason::Completed));
    writer.record(Millis(0), vec![voice(), end]).unwrap();
    writer.sweep(Millis(TOMBSTONE_MS));
    assert_eq!(writer.record(Millis(TOMBSTONE_MS), vec![voice()]), Ok(vec![Outcome::Late]));
    writer.sweep(Millis(TOMBSTONE_MS + 1));
    assert_eq!(writer.state().tracker().known(), 0);
    // Four records: the start, the end, the late webhook and the forgetting.
    assert_eq!(writer.journal.position().seq, 4);
}

/// A journal in memory that fails on demand.
struct Failing {
    journal: Box<dyn Journal>,
    fails: Arc<AtomicBool>,
}

impl Failing {
    fn check(&self) -> Result<(), JournalError> {
        match self.fails.load(Ordering::Relaxed) {
            true => Err(JournalError::Full { path: "the disk".into() }),
            false => Ok(()),
        }
    }
}

impl Journal for Failing {
    fn position(&self) -> Position {
        self.journal.position()
    }

    fn append(&mut self, batch: &[Vec<u8>]) -> Result<Position, JournalError> {
        self.check()?;
        self.journal.append(batch)
    }

    fn first_seq(&self) -> u64 {
        self.journal.first_seq()
    }

    fn read(&mut self, from: u64, limit: PageLimit) -> Result<Vec<JournalRecord>, JournalError> {
        self.journal.read(from, limit)
    }

    fn trim(&mut self, before: u64) -> Result<u64, JournalError> {
        self.journal.trim(before)
    }

    fn snapshots(&self) -> Result<Box<dyn Snapshots>, JournalError> {
        self.journal.snapshots()
    }

    fn reader(&self) -> Result<Box<dyn JournalReader>, JournalError> {
        self.journal.reader()
    }

    fn recover(&mut self) -> Result<(), JournalError> {
        self.check()
    }
}

#[test]
fn what_could_not_be_recorded_is_kept_and_recorded_when_the_journal_can_be_written_again() {
    let fails = Arc::new(AtomicBool::new(false));
    let journal = live_users_journal::open("memory:").unwrap();
    let (mut writer, reader) = writer_to(Box::new(Failing { journal, fails: fails.clone() }));
    let start = |sid: &str| evidence(sid, Source::Voice, Said::Dialing);
    writer.record(Millis(1), vec![start("a")]).unwrap();
    fails.store(true, Ordering::Relaxed);
    assert_eq!(writer.record(Millis(2), vec![start("b")]), Err(Kept));
    // Not even when the disk has room again, before the journal has recovered: order is kept.
    writer.sweep(Millis(3));
    assert_eq!(writer.record(Millis(4), vec![start("c")]), Err(Kept));
    assert!(writer.is_in_trouble());
    // Nothing is shown that is not durable.
    assert_eq!(live(&reader), 1);
    fails.store(false, Ordering::Relaxed);
    writer.sweep(Millis(5));
    assert!(!writer.is_in_trouble());
    assert_eq!(live(&reader), 3);
    assert_eq!(writer.journal.position().seq, 3);
    assert_eq!(writer.record(Millis(6), vec![start("a")]), Ok(vec![Outcome::Confirmed]));
}

#[test]
fn the_retry_buffer_is_bounded() {
    let fails = Arc::new(AtomicBool::new(true));
    let journal = live_users_journal::open("memory:").unwrap();
    let (mut writer, _reader) = writer_to(Box::new(Failing { journal, fails: fails.clone() }));
    let end = |n: usize| evidence(&format!("a{n}"), Source::Voice, Said::Dialing);
    for first in (0..RETRY_BUFFER_MAX + 5_000).step_by(1_000) {
        let _trouble = writer.record(Millis(1), (first..first + 1_000).map(end).collect());
    }
    assert_eq!(writer.retry_buffer.len(), RETRY_BUFFER_MAX);
    fails.store(false, Ordering::Relaxed);
    writer.sweep(Millis(2));
    assert_eq!(writer.state().tracker().known(), RETRY_BUFFER_MAX);
}

#[test]
fn a_replay_gives_the_same_state_byte_for_byte_with_a_snapshot_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let (mut writer, _reader) = writer_to(live_users_journal::open(&url).unwrap());
    for n in 0..50u64 {
        let sid = format!("CA{:032x}", n % 20);
        let said = if n % 3 == 0 { Said::Over(EndReason::Completed) } else { Said::InProgress };
        writer.record(Millis(n), vec![evidence(&sid, Source::StatusCallback, said)]).unwrap();
    }
    let original = writer.state().clone();
    let at = writer.journal.position();
    drop(writer);
    let replayed = |bytes: Option<Vec<u8>>| {
        let journal = live_users_journal::open(&url).unwrap();
        if let Some(bytes) = bytes {
            journal.snapshots().unwrap().save(at, &bytes).unwrap();
        }
        replay(&*journal).unwrap()
    };
    let bytes = snapshot::encode(&original);
    let Replayed { state, covered, .. } = replayed(None);
    assert_eq!((snapshot::encode(&state), covered), (bytes.clone(), 0));
    let Replayed { state, covered, .. } = replayed(Some(bytes.clone()));
    assert_eq!((snapshot::encode(&state), covered), (bytes, at.seq));
}

/// The thread that writes snapshots replays the log on its own, while the log goes on.
#[test]
fn a_snapshot_is_that_of_the_log_and_records_behind_it_are_trimmed() {
    let journal = live_users_journal::Memory::with_epoch(1);
    let (mut writer, _reader) = writer_to(journal.open().unwrap());
    let batch = |from: u64| {
        let said = |n: u64| if n.is_multiple_of(3) { Said::InProgress } else { Said::Dialing };
        let one = |n: u64| evidence(&format!("call-{}", n % 700), Source::Voice, said(n));
        (from..from + 1_000).map(one).collect()
    };
    for first in (0..100_000).step_by(1_000) {
        writer.record(Millis(first), batch(first)).unwrap();
    }
    let then = snapshot::encode(writer.state());
    writer.sweep(Millis(100_000));
    writer.record(Millis(100_001), batch(7)).unwrap();
    let mut snapshots = writer.journal.snapshots().unwrap();
    let saved = loop {
        match snapshots.load().unwrap() {
            Some(saved) => break saved,
            None => std::thread::yield_now(),
        }
    };
    assert_eq!((saved.0.seq, saved.1 == then), (100_000, true));
    // What is older than the journal keeps goes with later sweeps, a little at a time.
    writer.sweep(Millis(100_000 + 2 * HOUR));
    drop(snapshots);
    let state = snapshot::encode(writer.state());
    drop(writer);
    let Replayed { state: replayed, covered, .. } = replay(&*journal.open().unwrap()).unwrap();
    assert!(covered >= 100_000);
    assert!(snapshot::encode(&replayed) == state);
}

#[test]
fn a_checkpoint_covers_all_and_leaves_nothing_to_replay() {
    let journal = live_users_journal::Memory::with_epoch(1);
    let (mut writer, _reader) = writer_to(journal.open().unwrap());
    writer.record(Millis(1), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    writer.checkpoint().unwrap();
    assert_eq!(writer.journal.first_seq(), 2);
    drop(writer);
    let Replayed { state, covered, .. } = replay(&*journal.open().unwrap()).unwrap();
    assert_eq!((state.tracker().numbers().users, covered), (1, 1));
}

/// Nobody could start from what is left, but a writer that runs knows the state.
#[test]
fn a_snapshot_that_was_lost_is_replaced_by_the_state_of_one_that_runs() {
    let log = live_users_journal::Memory::with_epoch(1);
    let (mut writer, _reader) = writer_to(log.open().unwrap());
    writer.record(Millis(1), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    writer.checkpoint().unwrap();
    log.lose_snapshot();
    let mut snapshots = writer.journal.snapshots().unwrap();
    let mut now = HOUR;
    // The thread notices at the first snapshot that is due, and the writer at a sweep after that.
    while snapshots.load().unwrap().is_none() {
        now += HOUR;
        let said = vec![evidence("a", Source::Speech, Said::InProgress)];
        writer.record(Millis(now), said).unwrap();
        writer.sweep(Millis(now));
        std::thread::yield_now();
    }
    drop((writer, snapshots));
    let Replayed { state, .. } = replay(&*log.open().unwrap()).unwrap();
    assert_eq!(state.tracker().numbers().users, 1);
}

#[test]
fn a_sweep_with_nothing_to_do_writes_nothing() {
    let (mut writer, _reader) = writer();
    writer.sweep(Millis(HOUR));
    assert_eq!(writer.journal.position().seq, 0);
}
