//! Two writers of one log, where the lock does not hold: nothing that either has acknowledged is
//! ever removed.
//!
//! Hard links stand for a file system without locks: the files are the same, and the locks are not.

use std::fs;
use std::path::Path;

use live_users_journal::{FaultKind, Journal, JournalError};
use proptest::prelude::*;

use crate::{all, numbered, opened};

/// Another way to the files of a log.
fn link(from: &Path, to: &Path) {
    for name in ["journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"] {
        fs::hard_link(from.join(name), to.join(name)).unwrap();
    }
}

/// Appends a record that names its writer.
fn append(journal: &mut dyn Journal, writer: char, n: usize) -> Result<Vec<u8>, JournalError> {
    let record = format!("{writer}{n}").into_bytes();
    journal.append(std::slice::from_ref(&record)).map(|_| record)
}

#[test]
fn a_recovery_removes_nothing_of_another_writer() {
    let [a_place, b_place] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut a = opened(a_place.path()).unwrap();
    a.append(&numbered(1..=10, 30)).unwrap();
    link(a_place.path(), b_place.path());
    let mut b = opened(b_place.path()).unwrap();
    b.append(&numbered(11..=30, 30)).unwrap();
    let error = append(&mut *a, 'a', 1).unwrap_err();
    assert_eq!(error.kind(), FaultKind::Foreign, "{error}");
    let told = error.to_string();
    assert!(told.contains("record 30, and this process has written up to 10"), "{told}");
    for _ in 0..3 {
        let error = a.recover().unwrap_err();
        assert_eq!(error.kind(), FaultKind::Foreign, "{error}");
        assert!(matches!(append(&mut *a, 'a', 2), Err(JournalError::Latched { .. })));
    }
    assert_eq!(all(&mut *b).unwrap(), numbered(1..=30, 30));
    assert_eq!(b.append(&numbered(31..=31, 30)).unwrap().seq, 31);
    drop((a, b));
    assert_eq!(all(&mut *opened(a_place.path()).unwrap()).unwrap(), numbered(1..=31, 30));
}

#[test]
fn an_idle_writer_notices_another_one() {
    let [a_place, b_place] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut a = opened(a_place.path()).unwrap();
    a.append(&numbered(1..=3, 30)).unwrap();
    link(a_place.path(), b_place.path());
    let mut b = opened(b_place.path()).unwrap();
    a.check().unwrap();
    append(&mut *b, 'b', 1).unwrap();
    assert_eq!(a.check().unwrap_err().kind(), FaultKind::Foreign);
    b.check().unwrap();
}

#[test]
fn a_copied_directory_in_the_place_of_the_first_keeps_its_records() {
    let parent = tempfile::tempdir().unwrap();
    let [data, copy, old] = ["data", "copy", "old"].map(|name| parent.path().join(name));
    let mut a = opened(&data).unwrap();
    a.append(&numbered(1..=10, 30)).unwrap();
    fs::create_dir(&copy).unwrap();
    for name in ["journal.sqlite3", "journal.sqlite3-wal"] {
        fs::copy(data.join(name), copy.join(name)).unwrap();
    }
    let mut b = opened(&copy).unwrap();
    b.append(&numbered(11..=30, 30)).unwrap();
    fs::rename(&data, &old).unwrap();
    fs::rename(&copy, &data).unwrap();
    // The copy is not where its process has opened it either.
    assert_eq!(append(&mut *a, 'a', 1).unwrap_err().kind(), FaultKind::Moved);
    assert_eq!(append(&mut *b, 'b', 1).unwrap_err().kind(), FaultKind::Moved);
    a.recover().unwrap_err();
    drop((a, b));
    assert_eq!(all(&mut *opened(&data).unwrap()).unwrap(), numbered(1..=30, 30));
    assert_eq!(all(&mut *opened(&old).unwrap()).unwrap(), numbered(1..=10, 30));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Append,
    Recover,
    Check,
    Trim,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Append),
        2 => Just(Step::Recover),
        1 => Just(Step::Check),
        1 => Just(Step::Trim),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_two_writers_do_each_acknowledged_record_stays_once_and_in_order(
        steps in prop::collection::vec((any::<bool>(), step()), 1..30),
    ) {
        let [a_place, b_place] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let mut a = opened(a_place.path()).unwrap();
        let first = append(&mut *a, 'a', 0).unwrap();
        link(a_place.path(), b_place.path());
        let mut b = opened(b_place.path()).unwrap();
        let mut acknowledged = vec![first];
        for (n, (is_a, step)) in steps.into_iter().enumerate() {
            let (journal, writer) = if is_a { (&mut a, 'a') } else { (&mut b, 'b') };
            match step {
                Step::Append => acknowledged.extend(append(&mut **journal, writer, n + 1)),
                Step::Recover => drop(journal.recover()),
                Step::Check => drop(journal.check()),
                // Without a snapshot nothing is trimmed.
                Step::Trim => drop(journal.trim(100)),
            }
        }
        drop((a, b));
        let mut journal = opened(a_place.path()).unwrap();
        prop_assert_eq!(all(&mut *journal).unwrap(), acknowledged);
    }
}
