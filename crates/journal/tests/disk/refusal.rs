//! What is refused at opening, and that nothing is changed by that.

use std::fs;
use std::path::Path;

use live_users_journal::{JournalError, backup, open};
use rusqlite::Connection;

use crate::{all, database, numbered, opened, refused, url, wal};

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "no directory").unwrap();
    for path in [&file, &file.join("below"), Path::new("/proc/self/journal")] {
        let error = refused(path);
        assert!(matches!(error, JournalError::NotWritable { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(path.to_str().unwrap()), "{message}");
        assert!(message.contains("JOURNAL_URL"), "{message}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "no directory");
}

#[test]
fn directories_are_created_as_deep_as_needed() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("a/b/c");
    assert_eq!(opened(&deep).unwrap().append(&numbered(1..=1, 10)).unwrap().seq, 1);
    assert_eq!(opened(&deep).unwrap().position().seq, 1);
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    opened(directory.path()).unwrap().append(&numbered(1..=9, 100)).unwrap();
    // What the newer version may have left in the write-ahead log must not be touched either.
    let connection = Connection::open(database(directory.path())).unwrap();
    connection.pragma_update(None, "user_version", 7).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
    connection.execute_batch("CREATE TABLE of_the_future (id INTEGER PRIMARY KEY)").unwrap();
    let copy = tempfile::tempdir().unwrap();
    for path in [database(directory.path()), wal(directory.path())] {
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    let files = || [database(copy.path()), wal(copy.path())].map(|path| fs::read(path).unwrap());
    let before = files();
    assert!(!before[1].is_empty());
    let error = refused(copy.path());
    let named = matches!(error, JournalError::NewerFormat { found: 7, known: 2, .. });
    assert!(named, "{error}");
    assert!(error.to_string().contains("run the newer version"), "{error}");
    assert!(files() == before);
}

#[test]
fn a_newer_format_is_refused_also_where_only_the_write_ahead_log_says_so() {
    let directory = tempfile::tempdir().unwrap();
    drop(opened(directory.path()).unwrap());
    let connection = Connection::open(database(directory.path())).unwrap();
    connection.pragma_update(None, "user_version", 7).unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, JournalError::NewerFormat { found: 7, .. }), "{error}");
    let copy = directory.path().join("copy");
    let error = backup(&url(directory.path()), &copy).unwrap_err();
    assert!(matches!(error, JournalError::NewerFormat { found: 7, .. }), "{error}");
    assert!(!copy.exists());
}

#[test]
fn a_file_that_is_no_journal_is_refused_and_left_as_it_is() {
    let foreign = tempfile::tempdir().unwrap();
    let path = foreign.path().join("foreign");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (id)").unwrap();
    let foreign = fs::read(&path).unwrap();
    let cases = [
        (&b""[..], "does not begin as an SQLite file does"),
        (&b"SQLite format 3\0 and no more"[..], "does not begin as an SQLite file does"),
        (&[b'x'; 5000][..], "does not begin as an SQLite file does"),
        (&foreign[..], "not a journal of Live Users"),
    ];
    for (bytes, named) in cases {
        let directory = tempfile::tempdir().unwrap();
        fs::write(database(directory.path()), bytes).unwrap();
        let error = refused(directory.path());
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
        assert!(fs::read(database(directory.path())).unwrap() == bytes);
    }
}

#[test]
fn what_a_crash_leaves_of_a_log_that_was_being_created_is_in_nobodys_way() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("journal.sqlite3.new"), [b'x'; 5000]).unwrap();
    fs::write(directory.path().join("journal.sqlite3.new-journal"), [b'x'; 50]).unwrap();
    let mut journal = opened(directory.path()).unwrap();
    journal.append(&numbered(1..=3, 10)).unwrap();
    assert_eq!(all(&mut *journal).unwrap(), numbered(1..=3, 10));
    drop(journal);
    let mut names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["journal.lock", "journal.mark", "journal.sqlite3"]);
}

#[test]
fn an_address_of_another_kind_is_refused() {
    for url in ["", "./data", "nats://localhost", "file:"] {
        let Err(error) = open(url) else { panic!("`{url}` was opened") };
        assert!(matches!(error, JournalError::BadAddress { .. }), "{error}");
    }
}
