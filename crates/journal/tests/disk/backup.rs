//! A backup of a log in use, and its restoring.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use live_users_journal::{JournalError, backup};

use crate::{all, database, numbered, opened, snapshot, url};

#[test]
fn a_backup_taken_while_records_are_appended_is_a_prefix() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = opened(directory.path()).unwrap();
    journal.append(&numbered(1..=2500, 300)).unwrap();
    let at = journal.append(&numbered(2501..=5000, 300)).unwrap();
    journal.snapshots().unwrap().save(at, &[7; 500_000]).unwrap();
    let done = AtomicBool::new(false);
    let copies = tempfile::tempdir().unwrap();
    let position = thread::scope(|scope| {
        let copying = scope.spawn(|| {
            let copy = |index| copies.path().join(format!("{index}.sqlite3"));
            let url = url(directory.path());
            let positions: Vec<_> =
                (0..5).map(|index| backup(&url, &copy(index)).unwrap()).collect();
            done.store(true, Ordering::Release);
            positions
        });
        let mut seq = 5000;
        while !done.load(Ordering::Acquire) {
            journal.append(&numbered(seq + 1..=seq + 7, 300)).unwrap();
            seq += 7;
        }
        copying.join().unwrap()
    });
    assert!(position.is_sorted_by_key(|it| it.seq), "{position:?}");
    for (index, position) in position.into_iter().enumerate() {
        let restored = tempfile::tempdir().unwrap();
        let copy = copies.path().join(format!("{index}.sqlite3"));
        fs::copy(copy, database(restored.path())).unwrap();
        let mut restored = opened(restored.path()).unwrap();
        assert_eq!(restored.position(), position);
        assert_eq!(all(&mut *restored).unwrap(), numbered(1..=position.seq, 300));
        assert_eq!(snapshot(&*restored).unwrap(), Some((at, vec![7; 500_000])));
        restored.append(&numbered(1..=1, 10)).unwrap();
    }
    let count = fs::read_dir(copies.path()).unwrap().count();
    assert_eq!(count, 5, "nothing but the copies is left");
}

#[test]
fn a_backup_of_a_log_that_nobody_has_open_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    opened(directory.path()).unwrap().append(&numbered(1..=9, 100)).unwrap();
    let before = fs::read(database(directory.path())).unwrap();
    let copy = directory.path().join("copy");
    assert_eq!(backup(&url(directory.path()), &copy).unwrap().seq, 9);
    assert!(fs::read(database(directory.path())).unwrap() == before);
}

#[test]
fn a_backup_never_replaces_a_file_and_never_leaves_half_of_one() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let copy = directory.path().join("copy");
    let error = backup(&url(&data), &copy).unwrap_err();
    assert!(error.to_string().contains("there is no log"), "{error}");
    opened(&data).unwrap().append(&numbered(1..=9, 100)).unwrap();
    fs::write(&copy, "the last backup").unwrap();
    let error = backup(&url(&data), &copy).unwrap_err();
    assert!(matches!(error, JournalError::Refused { .. }), "{error}");
    assert_eq!(fs::read_to_string(&copy).unwrap(), "the last backup");
    let error = backup(&url(&data), &copy.join("below")).unwrap_err();
    assert!(matches!(error, JournalError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("name another file for the backup"), "{error}");
    fs::remove_file(&copy).unwrap();
    // What an earlier backup left when it was killed is in nobody's way.
    fs::write(directory.path().join("copy.part"), "half of a").unwrap();
    assert_eq!(backup(&url(&data), &copy).unwrap().seq, 9);
    assert!(!directory.path().join("copy.part").exists());
    let error = backup("memory:", &copy).unwrap_err();
    assert!(matches!(error, JournalError::Refused { .. }), "{error}");
}
