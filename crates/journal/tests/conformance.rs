//! The suite of the contract, run against each engine.

use live_users_journal::{Memory, conformance, open};

#[test]
fn the_engine_in_memory_conforms() {
    conformance::suite(|| {
        let memory = Memory::new().unwrap();
        move || memory.open()
    });
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
