//! The suite of the contract, run against each engine.

use live_users_journal::{JournalError, LEASE_MS, Memory, conformance, open};

#[test]
fn the_engine_in_memory_conforms() {
    conformance::suite(|| {
        let memory = Memory::new().unwrap();
        move || memory.open()
    });
}

#[test]
fn the_shared_engine_in_memory_conforms() {
    let new_place = || {
        let memory = Memory::new().unwrap();
        let clock = memory.clone();
        let place = move || memory.open_shared().map(|(journal, _)| journal);
        (place, move || clock.set_time(LEASE_MS))
    };
    conformance::shared_suite(new_place);
}

#[test]
fn the_engine_on_disk_conforms() {
    conformance::suite(|| {
        let directory = tempfile::tempdir().unwrap();
        move || open(&format!("file:{}", directory.path().join("data").display()))
    });
}

#[test]
fn the_engine_in_memory_latches_until_recovered() {
    let memory = Memory::with_epoch(7);
    let journal = memory.open().unwrap();
    assert_eq!(journal.position().to_string(), "record 0 of log 0000000000000007");
    conformance::latches_until_recovered(
        journal,
        || memory.set_full(true),
        || memory.set_full(false),
    );
}

#[test]
fn the_shared_engine_in_memory_latches_until_recovered() {
    let memory = Memory::with_epoch(7);
    let (journal, _) = memory.open_shared().unwrap();
    conformance::latches_until_recovered(
        journal,
        || memory.set_full(true),
        || memory.set_full(false),
    );
}

#[test]
fn a_replica_that_is_cut_off_knows_what_it_knew_and_catches_up() {
    let memory = Memory::with_epoch(7);
    let ((mut a, _), (mut b, link)) =
        (memory.open_shared().unwrap(), memory.open_shared().unwrap());
    a.append(&[b"1".to_vec()]).unwrap();
    assert_eq!(b.refresh().unwrap().seq, 1);
    link.set_partitioned(true);
    a.append(&[b"2".to_vec()]).unwrap();
    assert!(b.refresh().is_err() && b.append(&[b"x".to_vec()]).is_err() && b.recover().is_err());
    assert_eq!(b.position().seq, 1);
    link.set_partitioned(false);
    b.recover().unwrap();
    assert_eq!(b.position().seq, 2);
    assert_eq!(b.append(&[b"3".to_vec()]).unwrap().seq, 3);
}

#[test]
fn a_log_that_was_lost_is_reported_to_its_replicas() {
    let memory = Memory::with_epoch(7);
    let (mut journal, _) = memory.open_shared().unwrap();
    journal.append(&[b"1".to_vec()]).unwrap();
    memory.replace(8);
    let error = journal.append(&[b"2".to_vec()]).unwrap_err();
    assert!(matches!(error, JournalError::Replaced { was: 7, is: 8 }), "{error}");
    let error = journal.recover().unwrap_err();
    assert!(matches!(error, JournalError::Replaced { was: 7, is: 8 }), "{error}");
    assert_eq!(journal.position().to_string(), "record 0 of log 0000000000000008");
    assert_eq!(journal.append(&[b"2".to_vec()]).unwrap().seq, 1);
}
