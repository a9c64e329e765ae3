//! Where snapshots come from: a copy of the state, or a replay beside the writer.

use live_users_core::{Evidence, Millis, Said, Source};
use live_users_journal::{Journal, Memory};
use live_users_replica::COPIED_CALLS_MAX;
use live_users_state::{SnapshotTask, replay, snapshot};

use crate::harness::{Driver, HOUR, evidence, start};

fn dialing(call: usize) -> Evidence {
    evidence(&format!("call-{call}"), Source::Voice, Said::Dialing)
}

/// A replica with so many calls, which has requested a snapshot of them.
fn with_calls(journal: Box<dyn Journal>, calls: usize) -> Driver {
    let mut driver = Driver::on_short_log(journal);
    for first in (0..calls).step_by(1_024) {
        let batch = (first..calls.min(first + 1_024)).map(dialing).collect();
        driver.record(Millis(1), batch).expect("they are recorded");
    }
    driver.sweep(Millis(2));
    driver
}

#[test]
fn a_snapshot_of_few_calls_is_a_copy_of_what_the_records_up_to_it_lead_to() {
    let log = Memory::with_epoch(1);
    let mut driver = with_calls(log.open().unwrap(), 100);
    let (before, at) = (snapshot::encode(driver.state()), driver.journal().position());
    driver.record(Millis(3), vec![dialing(100)]).unwrap();
    let Some(SnapshotTask::Save(of, state)) = driver.requested() else {
        panic!("the records are read again")
    };
    assert_eq!((of, snapshot::encode(&state) == before), (at, true));
    let (mut reader, mut snapshots) =
        (driver.journal().reader().unwrap(), driver.journal().snapshots().unwrap());
    let saved = SnapshotTask::Save(of, state).perform(&mut *reader, &mut *snapshots);
    assert_eq!(saved.unwrap(), 100);
    let now = snapshot::encode(driver.state());
    drop((driver, reader, snapshots));
    let replayed = replay(&*log.open().unwrap()).unwrap();
    assert_eq!((replayed.covered, snapshot::encode(&replayed.state) == now), (100, true));
}

#[test]
fn a_snapshot_of_many_calls_is_replayed_since_a_copy_would_take_long() {
    for (calls, is_copied) in [(COPIED_CALLS_MAX, true), (COPIED_CALLS_MAX + 1, false)] {
        let mut driver = with_calls(Memory::with_epoch(1).open().unwrap(), calls);
        let task = driver.requested().expect("a snapshot is due");
        assert_eq!(matches!(task, SnapshotTask::Save(..)), is_copied, "{task:?}");
    }
}

/// Another replica may have saved a newer one.
#[test]
fn a_snapshot_of_a_shared_log_is_replayed() {
    let (journal, _link) = Memory::with_epoch(1).open_shared().unwrap();
    let mut driver = Driver::on_short_log(journal);
    driver.record(Millis(1), vec![start(1)]).unwrap();
    driver.sweep(Millis(2));
    let task = driver.requested().expect("a snapshot is due");
    assert!(matches!(task, SnapshotTask::Replay { .. }), "{task:?}");
}

/// No process could start from the rest of the log, but a running replica has the state.
#[test]
fn a_running_replica_replaces_a_lost_snapshot_by_its_own_state() {
    let (own, shared) = (Memory::with_epoch(1), Memory::with_epoch(2));
    let (journal, _link) = shared.open_shared().unwrap();
    for (log, journal) in [(&own, own.open().unwrap()), (&shared, journal)] {
        let mut driver = Driver::on_short_log(journal);
        driver.record(Millis(1), vec![evidence("a", Source::Voice, Said::Dialing)]).unwrap();
        driver.sweep(Millis(2));
        driver.checkpoint();
        log.lose_snapshot();
        // The next snapshot replaces it. If that is replayed, it notices the loss, and the one after it does.
        for now in [HOUR, 2 * HOUR] {
            let said = vec![evidence("a", Source::Speech, Said::InProgress)];
            driver.record(Millis(now), said).unwrap();
            driver.sweep(Millis(now));
            driver.checkpoint();
        }
        driver.checkpoint();
        assert!(driver.journal().snapshots().unwrap().load().unwrap().is_some());
        drop(driver);
        assert_eq!(replay(&*log.open().unwrap()).unwrap().state.tracker().numbers().users, 1);
    }
}
