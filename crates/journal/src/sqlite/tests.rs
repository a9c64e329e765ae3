//! Tests that reach inside: a database that may not grow, and a commit that was never acknowledged.

use tempfile::TempDir;

use super::*;
use crate::conformance;

fn opened() -> (TempDir, FileJournal) {
    let directory = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(directory.path()).unwrap();
    (directory, journal)
}

fn limit_pages(shared: &Shared, pages: u32) {
    let pragma = format!("PRAGMA max_page_count = {pages}");
    shared.with_connection(|it| it.query_row(&pragma, (), |_| Ok(())).unwrap());
}

/// As a failed append does.
fn close(latch: &mut Latch, why: &str) {
    let failure = JournalError::Refused { why: why.to_owned() };
    latch.watch::<()>(Err(failure)).unwrap_err();
}

/// `.cargo/config.toml` and the Dockerfile set the options, and SQLite names this one of them.
#[test]
fn sqlite_is_compiled_with_the_options_of_the_workspace() {
    let (_directory, journal) = opened();
    let mut options = Vec::<String>::new();
    journal.shared.with_connection(|connection| {
        let mut select = connection.prepare("PRAGMA compile_options").unwrap();
        let rows = select.query_map((), |row| row.get(0)).unwrap();
        options.extend(rows.map(Result::unwrap));
    });
    assert!(options.iter().any(|it| it == "DEFAULT_MEMSTATUS=0"), "{options:?}");
    let flags = option_env!("LIBSQLITE3_FLAGS").unwrap_or_default();
    assert!(flags.split(' ').any(|flag| flag == "-DHAVE_FDATASYNC=1"), "{flags}");
    let dockerfile = include_str!("../../../../Dockerfile");
    assert!(dockerfile.contains(&format!("LIBSQLITE3_FLAGS=\"{flags}\"")), "{flags}");
}

#[test]
fn batches_of_any_size_are_read_as_they_were_appended() {
    let (_directory, mut journal) = opened();
    let mut appended = Vec::new();
    for size in [1, 15, 16, 17, 31, 32, 33, 100] {
        let number = |n: usize| format!("{size} {n} {}", "x".repeat(n % 7)).into_bytes();
        let batch: Vec<_> = (0..size).map(number).collect();
        let at = journal.append(&batch).unwrap();
        appended.extend(batch);
        assert_eq!(at.seq, appended.len() as u64);
    }
    let page = journal.read(1, PageLimit::default()).unwrap();
    assert!(page.iter().map(|it| &it.bytes).eq(&appended));
}

#[test]
fn a_full_disk_latches_until_recovered() {
    let (_directory, journal) = opened();
    let shared = Arc::clone(&journal.shared);
    conformance::latches_until_recovered(
        Box::new(journal),
        // A limit of pages stands in for a full disk: SQLite reports both with the same code. A
        // recovery opens the database again, which lifts the limit.
        || limit_pages(&shared, 20),
        || {},
    );
}

#[test]
fn a_snapshot_that_finds_no_room_leaves_the_one_before_and_the_journal_alone() {
    let (_directory, mut journal) = opened();
    let at = journal.append(&[b"one".to_vec()]).unwrap();
    let mut snapshots = journal.snapshots().unwrap();
    snapshots.save(at, b"small").unwrap();
    limit_pages(&journal.shared, 100);
    let error = snapshots.save(at, &vec![1; 2 * 1024 * 1024]).unwrap_err();
    assert!(matches!(error, JournalError::Full { .. }), "{error}");
    assert_eq!(snapshots.load().unwrap(), Some((at, b"small".to_vec())));
    limit_pages(&journal.shared, 10_000);
    journal.append(&[b"two".to_vec()]).unwrap();
    snapshots.save(at, b"also small").unwrap();
    assert_eq!(snapshots.load().unwrap(), Some((at, b"also small".to_vec())));
    let count = "SELECT count(*) FROM part";
    let parts: u32 = journal
        .shared
        .change("counting", |tx| Ok(tx.query_row(count, (), |row| row.get(0))?))
        .unwrap();
    assert_eq!(parts, 1, "what was not completed is dropped");
}

#[test]
fn a_failed_append_that_reached_the_disk_is_undone_by_recovering() {
    let (_directory, mut journal) = opened();
    journal.append(&[b"one".to_vec()]).unwrap();
    let unacknowledged = [b"two".to_vec(), b"three".to_vec()];
    journal.shared.change("", |tx| records::insert(tx, 1, &unacknowledged)).unwrap();
    journal.failed = unacknowledged.to_vec();
    close(&mut journal.latch, "the sync failed");
    journal.recover().unwrap();
    assert_eq!(journal.position().seq, 1);
    journal.append(&[b"other".to_vec()]).unwrap();
    let page = journal.read(1, PageLimit::default()).unwrap();
    assert_eq!(
        page.iter().map(|it| &it.bytes[..]).collect::<Vec<_>>(),
        [b"one" as &[u8], b"other"]
    );
}

#[test]
fn recovering_without_what_was_acknowledged_is_refused() {
    let (directory, mut journal) = opened();
    journal.append(&[b"one".to_vec(), b"two".to_vec()]).unwrap();
    close(&mut journal.latch, "the disk was pulled");
    let remove = |tx: &rusqlite::Transaction<'_>| {
        tx.execute("DELETE FROM record WHERE seq > 1", ())?;
        Head { last_seq: 1, ..Head::read(tx)? }.write(tx)?;
        Ok(())
    };
    journal.shared.change("", remove).unwrap();
    let error = journal.recover().unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("record 2"), "{error}");
    std::fs::remove_file(directory.path().join("journal.sqlite3")).unwrap();
    let error = journal.recover().unwrap_err();
    assert!(matches!(error, JournalError::Moved { .. }), "{error}");
    let error = journal.append(&[b"three".to_vec()]).unwrap_err();
    assert!(matches!(error, JournalError::Latched { .. }), "{error}");
}
