//! The rules of one replica, with time as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use live_users_core::{Direction, EndReason, Evidence, Millis, Outcome, Said, Source};
use live_users_journal::{
    FaultKind, Journal, JournalError, PageLimit, Part, Position, Reader as JournalReader,
    Record as JournalRecord, Snapshots,
};
use live_users_replica::{
    DIALING_MS_MAX, Deferred, Effect, Input, Now, QUIET_MS, RETRY_BUFFER_MAX, Stale, StaleReason,
    TOMBSTONE_MS, Ticket, UNRECORDED_MS_MAX,
};
use live_users_state::{Replayed, replay, snapshot};

use crate::harness::{Driver, HOUR, evidence};

fn driver() -> Driver {
    Driver::on(live_users_journal::open("memory:").expect("a journal"))
}

#[test]
fn a_batch_is_recorded_and_published_as_one() {
    let mut driver = driver();
    let start = |sid| evidence(sid, Source::Voice, Said::Dialing);
    let outcomes = driver.record(Millis(5), vec![start("a"), start("b"), start("a")]).unwrap();
    assert_eq!(outcomes, [Outcome::Started, Outcome::Started, Outcome::Confirmed]);
    assert_eq!(driver.journal().position().seq, 3);
    assert_eq!(driver.shown(), 2);
}

#[test]
fn a_silent_call_times_out_after_the_longest_call_time_and_not_before() {
    let mut driver = driver();
    driver.record(Millis(0), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    driver.sweep(Millis(4 * HOUR));
    assert_eq!(driver.shown(), 1);
    driver.sweep(Millis(4 * HOUR + 1));
    assert_eq!(driver.shown(), 0);
    // Its end was a record.
    assert_eq!(driver.journal().position().seq, 2);
}

#[test]
fn a_call_with_recent_evidence_is_not_timed_out_however_old() {
    let mut driver = driver();
    driver.record(Millis(0), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    driver.record(Millis(4 * HOUR), vec![evidence("a", Source::Speech, Said::InProgress)]).unwrap();
    driver.sweep(Millis(4 * HOUR + QUIET_MS));
    assert_eq!(driver.shown(), 1);
    driver.sweep(Millis(4 * HOUR + QUIET_MS + 1));
    assert_eq!(driver.shown(), 0);
}

#[test]
fn a_call_that_waits_in_the_providers_queue_may_still_become_live() {
    let mut driver = driver();
    let status = |said| Evidence {
        direction: Some(Direction::Outbound),
        ..evidence("a", Source::StatusCallback, said)
    };
    driver.record(Millis(0), vec![status(Said::Dialing)]).unwrap();
    driver.sweep(Millis(DIALING_MS_MAX));
    driver.record(Millis(DIALING_MS_MAX), vec![status(Said::InProgress)]).unwrap();
    assert_eq!(driver.shown(), 1);
}

#[test]
fn a_late_webhook_finds_the_tombstone_until_it_is_forgotten() {
    let mut driver = driver();
    let voice = || evidence("a", Source::Voice, Said::Dialing);
    let end = evidence("a", Source::StatusCallback, Said::Over(EndReason::Completed));
    driver.record(Millis(0), vec![voice(), end]).unwrap();
    driver.sweep(Millis(TOMBSTONE_MS));
    assert_eq!(driver.record(Millis(TOMBSTONE_MS), vec![voice()]), Ok(vec![Outcome::Late]));
    driver.sweep(Millis(TOMBSTONE_MS + 1));
    assert_eq!(driver.state().tracker().known(), 0);
    // Four records: the start, the end, the late webhook and the removal of the tombstone.
    assert_eq!(driver.journal().position().seq, 4);
}

/// A journal in memory that fails on demand.
struct Failing {
    journal: Box<dyn Journal>,
    fails: Arc<AtomicBool>,
}

impl Failing {
    fn fail_if_told(&self) -> Result<(), JournalError> {
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
        self.fail_if_told()?;
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
        self.fail_if_told()
    }
}

#[test]
fn deferred_evidence_is_recorded_in_order_when_the_journal_has_recovered() {
    let fails = Arc::new(AtomicBool::new(false));
    let journal = live_users_journal::open("memory:").expect("a journal");
    let mut driver = Driver::on(Box::new(Failing { journal, fails: fails.clone() }));
    let start = |sid: &str| evidence(sid, Source::Voice, Said::Dialing);
    driver.record(Millis(1), vec![start("a")]).unwrap();
    fails.store(true, Ordering::Relaxed);
    assert_eq!(driver.record(Millis(2), vec![start("b")]), Err(Deferred));
    // A further batch is deferred too, so that the order stays.
    driver.sweep(Millis(3));
    assert_eq!(driver.record(Millis(4), vec![start("c")]), Err(Deferred));
    assert!(driver.replica().is_degraded());
    // Only durable records are shown.
    assert_eq!(driver.shown(), 1);
    fails.store(false, Ordering::Relaxed);
    driver.sweep(Millis(5));
    assert!(!driver.replica().is_degraded());
    assert_eq!(driver.shown(), 3);
    assert_eq!(driver.journal().position().seq, 3);
    assert_eq!(driver.record(Millis(6), vec![start("a")]), Ok(vec![Outcome::Confirmed]));
}

#[test]
fn numbers_that_have_lacked_evidence_for_ten_seconds_are_not_shown_until_it_is_recorded() {
    let fails = Arc::new(AtomicBool::new(false));
    let journal = live_users_journal::open("memory:").expect("a journal");
    let mut driver = Driver::on(Box::new(Failing { journal, fails: fails.clone() }));
    let at = |ms| Now { uptime: Millis(ms), time: Millis(ms), log_age_ms: 0 };
    let start = |sid: &str| evidence(sid, Source::Voice, Said::Dialing);
    driver.set_now(at(1_000));
    driver.record(Millis(1_000), vec![start("a")]).unwrap();
    fails.store(true, Ordering::Relaxed);
    let stale = |driver: &Driver| driver.published.last().expect("it publishes").stale;
    driver.record(Millis(1_000), vec![start("b")]).unwrap_err();
    driver.set_now(at(1_000 + UNRECORDED_MS_MAX - 1));
    driver.step(Input::Tick);
    assert_eq!(stale(&driver), None);
    let late =
        Stale { age_ms: UNRECORDED_MS_MAX, reason: StaleReason::Unwritable(FaultKind::Full) };
    driver.set_now(at(1_000 + UNRECORDED_MS_MAX));
    driver.step(Input::Tick);
    assert_eq!(stale(&driver), Some(late));
    let query = driver.step(Input::Query(Ticket(9)));
    assert!(matches!(query[..], [Effect::Answer(Ticket(9), Err(it))] if it == late));
    fails.store(false, Ordering::Relaxed);
    driver.set_now(at(2_000 + UNRECORDED_MS_MAX));
    driver.step(Input::Tick);
    assert_eq!((stale(&driver), driver.shown()), (None, 2));
    let query = driver.step(Input::Query(Ticket(9)));
    assert!(matches!(query[..], [Effect::Answer(Ticket(9), Ok(()))]));
}

#[test]
fn the_retry_buffer_is_bounded() {
    let fails = Arc::new(AtomicBool::new(true));
    let journal = live_users_journal::open("memory:").expect("a journal");
    let mut driver = Driver::on(Box::new(Failing { journal, fails: fails.clone() }));
    let end = |n: usize| evidence(&format!("a{n}"), Source::Voice, Said::Dialing);
    for first in (0..RETRY_BUFFER_MAX + 5_000).step_by(1_000) {
        let _trouble = driver.record(Millis(1), (first..first + 1_000).map(end).collect());
    }
    assert_eq!(driver.replica().deferred(), RETRY_BUFFER_MAX);
    fails.store(false, Ordering::Relaxed);
    driver.sweep(Millis(2));
    assert_eq!(driver.state().tracker().known(), RETRY_BUFFER_MAX);
}

#[test]
fn a_replay_gives_the_same_state_byte_for_byte_with_a_snapshot_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let mut driver = Driver::on(live_users_journal::open(&url).unwrap());
    for n in 0..50u64 {
        let sid = format!("CA{:032x}", n % 20);
        let said = if n % 3 == 0 { Said::Over(EndReason::Completed) } else { Said::InProgress };
        driver.record(Millis(n), vec![evidence(&sid, Source::StatusCallback, said)]).unwrap();
    }
    let original = driver.state().clone();
    let at = driver.journal().position();
    drop(driver);
    let replayed = |parts: Option<Vec<Part>>| {
        let journal = live_users_journal::open(&url).unwrap();
        if let Some(parts) = parts {
            journal.snapshots().unwrap().save_parts(at, &mut parts.into_iter()).unwrap();
        }
        replay(&*journal).unwrap()
    };
    let bytes = snapshot::encode(&original);
    let Replayed { state, covered, .. } = replayed(None);
    assert_eq!((snapshot::encode(&state), covered), (bytes.clone(), 0));
    let Replayed { state, covered, .. } = replayed(Some(bytes.clone()));
    assert_eq!((snapshot::encode(&state), covered), (bytes, at.seq));
}

/// A snapshot is saved separately, while the log grows.
#[test]
fn a_snapshot_is_the_state_of_the_log_and_the_records_before_it_are_trimmed() {
    let journal = live_users_journal::Memory::with_epoch(1);
    let mut driver = Driver::on(journal.open().unwrap());
    let batch = |from: u64| {
        let said = |n: u64| if n.is_multiple_of(3) { Said::InProgress } else { Said::Dialing };
        let one = |n: u64| evidence(&format!("call-{}", n % 700), Source::Voice, said(n));
        (from..from + 1_000).map(one).collect()
    };
    for first in (0..100_000).step_by(1_000) {
        driver.record(Millis(first), batch(first)).unwrap();
    }
    let then = snapshot::encode(driver.state());
    driver.sweep(Millis(100_000));
    driver.record(Millis(100_001), batch(7)).unwrap();
    driver.checkpoint();
    let saved = driver.journal().snapshots().unwrap().load_parts().unwrap().unwrap();
    assert_eq!((saved.0.seq, saved.1 == then), (100_000, true));
    assert_eq!(driver.journal().first_seq(), 1, "the log keeps young records");
    // Later ticks trim the old records, a part at a time.
    driver.sweep(Millis(100_000 + 2 * HOUR));
    let first = driver.journal().first_seq();
    assert!((2..100_000).contains(&first), "{first}");
    driver.sweep(Millis(100_000 + 2 * HOUR + 1));
    assert!(driver.journal().first_seq() > first);
    let state = snapshot::encode(driver.state());
    drop(driver);
    let Replayed { state: replayed, covered, .. } = replay(&*journal.open().unwrap()).unwrap();
    assert!(covered >= 100_000);
    assert!(snapshot::encode(&replayed) == state);
}

#[test]
fn after_a_snapshot_of_everything_nothing_is_left_to_replay() {
    let journal = live_users_journal::Memory::with_epoch(1);
    let mut driver = Driver::on_short_log(journal.open().unwrap());
    driver.record(Millis(1), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    driver.sweep(Millis(2));
    driver.checkpoint();
    assert_eq!(driver.journal().first_seq(), 2);
    drop(driver);
    let Replayed { state, covered, .. } = replay(&*journal.open().unwrap()).unwrap();
    assert_eq!((state.tracker().numbers().users, covered), (1, 1));
}

#[test]
fn evidence_is_durable_then_published_then_reported_then_acknowledged() {
    let mut driver = driver();
    driver.record(Millis(1), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    assert_eq!(driver.order, ["published", "reported", "acknowledged"]);
    assert_eq!(driver.published[0].at, driver.journal().position());
}

#[test]
fn an_idle_replica_wakes_rarely_and_its_deadline_is_never_in_the_past() {
    let mut driver = driver();
    driver.record(Millis(1), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    let mut wakes = 0;
    let end = 3 * HOUR;
    while driver.now().uptime.0 < end {
        let deadline = driver.replica().next_deadline().max(driver.now().uptime);
        let now = Now { uptime: deadline, time: Millis(deadline.0 + 1), log_age_ms: 0 };
        driver.set_now(now);
        driver.step(Input::Tick);
        assert!(driver.replica().next_deadline() > deadline, "the driver would spin");
        wakes += 1;
    }
    // Once a minute, because the clock may drift, and not each second.
    assert!(wakes <= end / 60_000 + 2, "{wakes}");
}

#[test]
fn the_deadlines_alone_lead_to_the_timeout_of_a_call() {
    let mut driver = driver();
    driver.record(Millis(0), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    while driver.users() > 0 {
        let deadline = driver.replica().next_deadline();
        assert!(deadline.0 <= 4 * HOUR + 1, "it is late");
        driver.set_now(Now { uptime: deadline, time: deadline, log_age_ms: 0 });
        driver.step(Input::Tick);
    }
    assert_eq!(driver.now().time, Millis(4 * HOUR + 1));
}

#[test]
fn a_jump_of_the_clock_makes_overdue_calls_due_at_the_next_step() {
    let mut driver = driver();
    driver.record(Millis(1), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    driver.step(Input::Tick);
    let later = |uptime, time| Now { uptime: Millis(uptime), time: Millis(time), log_age_ms: 0 };
    driver.set_now(later(100, 101));
    assert!(driver.replica().next_deadline() > Millis(100));
    driver.step(Input::Query(Ticket(1)));
    assert!(driver.replica().next_deadline() > Millis(100), "nothing has jumped");
    driver.set_now(later(200, 5 * HOUR));
    driver.step(Input::Query(Ticket(2)));
    assert!(driver.replica().next_deadline() <= Millis(200));
    driver.step(Input::Tick);
    assert_eq!(driver.users(), 0);
}

#[test]
fn a_clock_that_was_ahead_for_a_while_delays_no_timeout() {
    let mut driver = driver();
    let at = |uptime, time| Now { uptime: Millis(uptime), time: Millis(time), log_age_ms: 0 };
    // The first sweep is made by a clock that is years ahead, and finds nothing.
    driver.set_now(at(0, 20_000 * HOUR));
    driver.step(Input::Tick);
    driver.set_now(at(100, HOUR));
    driver.record(Millis(HOUR), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
    while driver.users() > 0 {
        let deadline = driver.replica().next_deadline().max(driver.now().uptime);
        assert!(deadline.0 <= 4 * HOUR + 101, "it is late");
        driver.set_now(at(deadline.0, HOUR + deadline.0 - 100));
        driver.step(Input::Tick);
    }
}

#[test]
fn a_snapshot_is_due_as_soon_as_there_are_enough_records() {
    let journal = live_users_journal::Memory::with_epoch(1);
    let mut driver = Driver::on(journal.open().unwrap());
    driver.step(Input::Tick);
    let batch = |n: u64| vec![evidence(&format!("call-{n}"), Source::Voice, Said::Dialing); 1_000];
    for n in 0..99 {
        driver.record(Millis(1), batch(n)).unwrap();
    }
    assert!(driver.replica().next_deadline() > Millis(0));
    driver.record(Millis(1), batch(99)).unwrap();
    assert!(driver.replica().next_deadline() <= Millis(0));
    driver.step(Input::Tick);
    assert!(driver.replica().next_deadline() > Millis(0), "the driver would spin");
    driver.checkpoint();
    assert!(driver.journal().snapshots().unwrap().load().unwrap().is_some());
}

#[test]
fn a_sweep_with_nothing_to_do_writes_nothing() {
    let mut driver = driver();
    driver.sweep(Millis(HOUR));
    assert_eq!(driver.journal().position().seq, 0);
}
