//! Snapshots in parts: what stays is written once, a crash leaves the one before or the new one, and
//! what is damaged is named.

use std::fs;
use std::path::Path;

use live_users_journal::{Journal, JournalError, Part, Position, SavedParts, backup};
use rusqlite::Connection;

use crate::{all, database, numbered, opened, url, wal};

pub(crate) fn part(name: &str, byte: u8, bytes: usize) -> Part {
    Part { name: name.to_owned(), bytes: vec![byte; bytes] }
}

/// As a service does it: one part that stays, and one that is another each time.
fn parts(version: u8) -> Vec<Part> {
    vec![part("hour", 9, 600_000), part("main", version, 300_000)]
}

pub(crate) fn save(journal: &dyn Journal, at: Position, parts: Vec<Part>) -> SavedParts {
    journal.snapshots().unwrap().save_parts(at, &mut parts.into_iter()).unwrap()
}

pub(crate) fn load(journal: &dyn Journal) -> Result<Option<(Position, Vec<Part>)>, JournalError> {
    journal.snapshots()?.load_parts()
}

/// The rows of the file with the bytes of parts, of whatever snapshot.
fn blocks(directory: &Path) -> Vec<i64> {
    let connection = Connection::open(database(directory)).unwrap();
    let mut select = connection.prepare("SELECT id FROM part ORDER BY id").unwrap();
    select.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_part_that_stays_stays_where_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = opened(directory.path()).unwrap();
    let mut at = journal.append(&numbered(1..=1, 100)).unwrap();
    save(&*journal, at, parts(1));
    assert_eq!(blocks(directory.path()), [1, 2, 3, 4, 5]);
    for version in 2..=9 {
        let seq = at.seq + 1;
        at = journal.append(&numbered(seq..=seq, 100)).unwrap();
        let saved = save(&*journal, at, parts(version));
        assert_eq!((saved.bytes, saved.written), (900_000, 300_000));
        let found = blocks(directory.path());
        assert_eq!((found.len(), &found[..3]), (5, &[1, 2, 3][..]), "{found:?}");
        assert!(load(&*journal).unwrap() == Some((at, parts(version))));
    }
    let copy = directory.path().join("copy");
    backup(&url(directory.path()), &copy).unwrap();
    let restored = tempfile::tempdir().unwrap();
    fs::rename(copy, database(restored.path())).unwrap();
    assert!(load(&*opened(restored.path()).unwrap()).unwrap() == Some((at, parts(9))));
}

#[test]
fn a_crash_while_parts_are_saved_leaves_the_snapshot_before_or_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = opened(directory.path()).unwrap();
    let old_at = journal.append(&numbered(1..=5, 100)).unwrap();
    save(&*journal, old_at, parts(1));
    let new_at = journal.append(&numbered(6..=9, 100)).unwrap();
    let before = fs::read(wal(directory.path())).unwrap();
    let mut newer = parts(2);
    newer.push(part("hour/2", 3, 400_000));
    save(&*journal, new_at, newer.clone());
    let after = fs::read(wal(directory.path())).unwrap();
    let database_bytes = fs::read(database(directory.path())).unwrap();

    let (mut olds, mut news) = (0, 0);
    for cut in (before.len()..=after.len()).step_by(7 * 4120).chain([after.len()]) {
        let copy = tempfile::tempdir().unwrap();
        fs::write(database(copy.path()), &database_bytes).unwrap();
        fs::write(wal(copy.path()), &after[..cut]).unwrap();
        let mut journal = opened(copy.path()).unwrap();
        assert_eq!(all(&mut *journal).unwrap(), numbered(1..=9, 100));
        match load(&*journal).unwrap() {
            Some((at, found)) if at == old_at && found == parts(1) => olds += 1,
            Some((at, found)) if at == new_at && found == newer => news += 1,
            other => panic!("neither of the two: {:?}", other.map(|(at, it)| (at, it.len()))),
        }
        save(&*journal, new_at, parts(3));
        assert!(load(&*journal).unwrap() == Some((new_at, parts(3))));
        assert_eq!(blocks(copy.path()).len(), 5, "nothing is left that is not named");
    }
    assert!(olds > 10 && news > 0, "{olds} of the old one, {news} of the new one");
}

#[test]
fn what_is_damaged_is_named_and_the_next_save_is_sound() {
    let cases = [
        ("UPDATE part SET bytes = zeroblob(length(bytes)) WHERE id = 2", "part `hour`", true),
        ("UPDATE part SET bytes = zeroblob(length(bytes)) WHERE id = 5", "part `main`", true),
        ("DELETE FROM part WHERE id = 3", "part `hour`", false),
        ("DELETE FROM part WHERE id = 4", "part `main`", false),
        ("DELETE FROM part", "part `hour`", false),
        ("DELETE FROM snapshot_part WHERE name = 'hour'", "the list of parts", false),
        ("DELETE FROM snapshot_part", "the list of parts", false),
        ("UPDATE snapshot_part SET name = 'hours' WHERE place = 1", "the list of parts", false),
        ("UPDATE snapshot_part SET first_block = 2 WHERE place = 1", "the list of parts", false),
        ("UPDATE snapshot_part SET crc = 7 WHERE place = 2", "the list of parts", false),
        ("UPDATE snapshot_part SET digest = x'00' WHERE place = 2", "the list of parts", false),
    ];
    for (statement, named, is_a_block_as_long_as_before) in cases {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = opened(directory.path()).unwrap();
        let at = journal.append(&numbered(1..=9, 100)).unwrap();
        save(&*journal, at, parts(1));
        drop(journal);
        Connection::open(database(directory.path())).unwrap().execute_batch(statement).unwrap();
        let mut journal = opened(directory.path()).unwrap();
        let error = load(&*journal).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(named) && message.contains("record 9"), "{statement}: {message}");
        assert_eq!(all(&mut *journal).unwrap(), numbered(1..=9, 100), "the records are sound");
        if is_a_block_as_long_as_before {
            // A save looks for the blocks of what stays, and does not read them: whoever saves has begun
            // with this snapshot, and so has read it.
            continue;
        }
        save(&*journal, at, parts(1));
        assert!(load(&*journal).unwrap() == Some((at, parts(1))), "{statement}");
        assert_eq!(blocks(directory.path()).len(), 5, "{statement}");
    }
}
