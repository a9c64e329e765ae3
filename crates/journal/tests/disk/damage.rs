//! Damage to what was acknowledged: it is reported, with its place, and nothing is skipped.

use std::fs;
use std::path::Path;

use live_users_journal::{JournalError, PageLimit};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::{all, database, numbered, opened, refused, snapshot, wal};

/// A log of 2,000 records of 300 bytes, with all of it in the database.
fn sound(directory: &Path) {
    let mut journal = opened(directory).unwrap();
    journal.append(&numbered(1..=2000, 300)).unwrap();
    drop(journal);
    assert!(!wal(directory).exists());
}

/// Changes a file as nobody should.
fn change(path: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    how(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn place(bytes: &[u8], of: &[u8]) -> usize {
    bytes.windows(of.len()).position(|it| it == of).unwrap()
}

#[track_caller]
fn assert_damaged(error: &JournalError, named: &str) {
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains(named), "{message}");
    assert!(message.contains("restore a backup"), "{message}");
}

#[test]
fn a_changed_byte_of_a_record_is_reported_with_its_number() {
    let directory = tempfile::tempdir().unwrap();
    sound(directory.path());
    change(&database(directory.path()), |bytes| {
        let at = place(bytes, b"record 1234,");
        bytes[at + 50] ^= 1;
    });
    let mut journal = opened(directory.path()).unwrap();
    let limit = PageLimit { records_max: 1233, ..PageLimit::default() };
    assert_eq!(journal.read(1, limit).unwrap().len(), 1233, "what is before it can be read");
    assert_damaged(&all(&mut *journal).unwrap_err(), "record 1234 is not what was appended");
    assert_eq!(journal.read(1235, PageLimit::default()).unwrap()[0].seq, 1235);
}

#[test]
fn a_page_of_zeros_is_reported_with_the_first_record_that_it_held() {
    let directory = tempfile::tempdir().unwrap();
    sound(directory.path());
    change(&database(directory.path()), |bytes| {
        let page = place(bytes, b"record 1234,") / 4096 * 4096;
        bytes[page..page + 4096].fill(0);
    });
    let mut journal = opened(directory.path()).unwrap();
    let error = all(&mut *journal).unwrap_err();
    assert_damaged(&error, "record 12");
}

#[test]
fn records_that_are_gone_are_reported_wherever_they_were() {
    let cases = [
        ("DELETE FROM record WHERE seq = 1000", false, "record 1000 is missing"),
        ("DELETE FROM record WHERE seq BETWEEN 5 AND 1999", false, "record 5 is missing"),
        (
            "DELETE FROM record WHERE seq < 3",
            true,
            "it has the records 3 to 2000, not the records 1",
        ),
        ("DELETE FROM record WHERE seq = 2000", true, "it has the records 1 to 1999"),
        ("DELETE FROM record", true, "it has no records, not the records 1 to 2000"),
        ("UPDATE record SET seq = seq + 1 WHERE seq = 2000", true, "the records 1 to 2001"),
        ("DELETE FROM log", true, "the row of table `log` is missing"),
        ("UPDATE log SET last_seq = 1999", true, "the row of table `log` is not what was written"),
        ("UPDATE log SET epoch = 1", true, "the row of table `log` is not what was written"),
        ("DROP TABLE record", true, "no such table"),
        ("PRAGMA journal_mode = DELETE", true, "journal mode is delete"),
    ];
    for (statement, is_refused, named) in cases {
        let directory = tempfile::tempdir().unwrap();
        sound(directory.path());
        let connection = Connection::open(database(directory.path())).unwrap();
        connection.execute_batch(statement).unwrap();
        drop(connection);
        match is_refused {
            true => assert_damaged(&refused(directory.path()), named),
            false => {
                let error = all(&mut *opened(directory.path()).unwrap()).unwrap_err();
                assert_damaged(&error, named);
            }
        }
    }
}

#[test]
fn a_snapshot_that_is_not_what_was_saved_is_reported() {
    for statement in [
        "UPDATE part SET bytes = zeroblob(length(bytes)) WHERE id = 2",
        "DELETE FROM part WHERE id = 3",
        "UPDATE part SET bytes = x'00' WHERE id = 3",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = opened(directory.path()).unwrap();
        let at = journal.append(&numbered(1..=9, 100)).unwrap();
        journal.snapshots().unwrap().save(at, &[7; 700_000]).unwrap();
        drop(journal);
        Connection::open(database(directory.path())).unwrap().execute_batch(statement).unwrap();
        let journal = opened(directory.path()).unwrap();
        assert_damaged(&snapshot(&*journal).unwrap_err(), "the snapshot of record 9");
    }
}

/// A log whose records are all in the write-ahead log, one transaction each; the files as they
/// are while it is open.
fn in_wal() -> (Vec<u8>, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = opened(directory.path()).unwrap();
    for seq in 1..=20 {
        journal.append(&numbered(seq..=seq, 300)).unwrap();
    }
    (fs::read(database(directory.path())).unwrap(), fs::read(wal(directory.path())).unwrap())
}

#[test]
fn damage_in_the_write_ahead_log_is_not_taken_for_its_torn_end() {
    let (database_bytes, sound) = in_wal();
    let frames = (sound.len() - 32) / (24 + 4096);
    let middle = 32 + frames / 2 * (24 + 4096);
    // In the file's header, in a frame's salt, its checksum, its content.
    for at in [0, 9, 17, 28, middle + 9, middle + 18, middle + 3000, 32 + 4] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(database(directory.path()), &database_bytes).unwrap();
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        fs::write(wal(directory.path()), &bytes).unwrap();
        assert_damaged(&refused(directory.path()), "whole transactions follow");
        assert_eq!(fs::read(wal(directory.path())).unwrap(), bytes, "nothing is changed");
        assert_eq!(fs::read(database(directory.path())).unwrap(), database_bytes);
    }
}

#[test]
fn a_write_ahead_log_without_its_database_is_not_thrown_away() {
    let (_, sound) = in_wal();
    let directory = tempfile::tempdir().unwrap();
    fs::write(wal(directory.path()), &sound).unwrap();
    assert_damaged(&refused(directory.path()), "to which it belongs");
    assert_eq!(fs::read(wal(directory.path())).unwrap(), sound);
    assert!(!database(directory.path()).exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Reported, or without effect: never a log that is shorter or other than what was
    /// acknowledged.
    #[test]
    fn a_flipped_bit_anywhere_in_the_database_is_reported_or_harmless(
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = opened(directory.path()).unwrap();
        let expected = numbered(1..=40, 300);
        let position = journal.append(&expected).unwrap();
        journal.snapshots().unwrap().save(position, &[7; 6000]).unwrap();
        drop(journal);
        change(&database(directory.path()), |bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        });
        if let Ok(mut journal) = opened(directory.path()) {
            prop_assert_eq!(journal.position(), position);
            if let Ok(found) = all(&mut *journal) {
                prop_assert!(found == expected);
            }
            if let Ok(found) = snapshot(&*journal) {
                prop_assert!(found == Some((position, vec![7; 6000])));
            }
        }
    }

    /// Of twenty transactions the last could have been torn. So could the one before, for all that
    /// can be noticed, where it is the end mark between the two that is hit.
    #[test]
    fn a_flipped_bit_anywhere_in_the_write_ahead_log_is_reported_or_harmless(
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let (database_bytes, mut wal_bytes) = in_wal();
        let at = at.index(wal_bytes.len());
        wal_bytes[at] ^= 1 << bit;
        let directory = tempfile::tempdir().unwrap();
        fs::write(database(directory.path()), database_bytes).unwrap();
        fs::write(wal(directory.path()), wal_bytes).unwrap();
        if let Ok(mut journal) = opened(directory.path()) {
            let found = all(&mut *journal).unwrap();
            prop_assert!(found.len() >= 18, "{} records; byte {}", found.len(), at);
            prop_assert!(found == numbered(1..=20, 300)[..found.len()]);
        }
    }
}
