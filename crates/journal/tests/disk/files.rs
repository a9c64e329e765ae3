//! The files of an open log are removed, moved, replaced or cut; and who may read them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use live_users_journal::{FaultKind, Journal, JournalError, Part, Position, backup};
use tempfile::TempDir;

use crate::{all, database, numbered, opened, refused, snapshot, url, wal};

/// A log in a directory of its own, whose parent the test may use. It has 20 records, all of them
/// in the write-ahead log.
fn running() -> (TempDir, PathBuf, Box<dyn Journal>) {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    let mut journal = opened(&directory).unwrap();
    journal.append(&numbered(1..=20, 300)).unwrap();
    (parent, directory, journal)
}

fn whole(bytes: &[u8]) -> [Part; 1] {
    [Part::whole(bytes.to_vec())]
}

fn append_next(journal: &mut dyn Journal) -> Result<Position, JournalError> {
    let next = journal.position().seq + 1;
    journal.append(&numbered(next..=next, 300))
}

#[track_caller]
fn assert_moved(journal: &mut dyn Journal, named: &str) {
    let error = journal.check().unwrap_err();
    assert_eq!(error.kind(), FaultKind::Moved, "{error}");
    assert!(error.to_string().contains(named), "{error}");
    let error = append_next(journal).unwrap_err();
    assert!(matches!(error, JournalError::Latched { .. }), "{error}");
    let error = journal.recover().unwrap_err();
    assert_eq!(error.kind(), FaultKind::Moved, "{error}");
    assert_eq!(journal.position().seq, 20);
}

/// The log goes on, and a process that opens it later finds everything.
#[track_caller]
fn assert_goes_on(directory: &Path, mut journal: Box<dyn Journal>) {
    journal.recover().unwrap();
    assert_eq!(append_next(&mut *journal).unwrap().seq, 21);
    journal.check().unwrap();
    drop(journal);
    assert_eq!(all(&mut *opened(directory).unwrap()).unwrap(), numbered(1..=21, 300));
}

/// An append notices by itself, without a look before it.
#[track_caller]
fn assert_refused_at_once(journal: &mut dyn Journal) {
    let error = append_next(journal).unwrap_err();
    assert_eq!(error.kind(), FaultKind::Moved, "{error}");
    assert_eq!(journal.position().seq, 20);
}

#[test]
fn a_directory_that_was_moved_is_noticed_and_used_again_when_it_is_back() {
    let (parent, directory, mut journal) = running();
    let elsewhere = parent.path().join("elsewhere");
    fs::rename(&directory, &elsewhere).unwrap();
    assert_refused_at_once(&mut *journal);
    let error = journal.recover().unwrap_err();
    assert_eq!(error.kind(), FaultKind::Moved, "{error}");
    let error = journal.snapshots().unwrap().save(journal.position(), b"state").unwrap_err();
    assert_eq!(error.kind(), FaultKind::Moved, "{error}");
    fs::rename(&elsewhere, &directory).unwrap();
    assert_goes_on(&directory, journal);
}

#[test]
fn files_that_were_removed_are_noticed_without_an_append() {
    let (_parent, directory, mut journal) = running();
    fs::remove_dir_all(&directory).unwrap();
    assert_moved(&mut *journal, "journal.sqlite3` is gone");
    assert!(!directory.exists(), "nothing is created in its place");

    let (_parent, directory, mut journal) = running();
    fs::remove_file(database(&directory)).unwrap();
    assert_moved(&mut *journal, "journal.sqlite3` is gone");
}

#[test]
fn a_database_that_was_emptied_or_cut_is_noticed_and_its_write_ahead_log_is_kept() {
    for bytes in [0, 1, 4096] {
        let (_parent, directory, mut journal) = running();
        let written_ahead = fs::read(wal(&directory)).unwrap();
        let file = fs::File::options().write(true).open(database(&directory)).unwrap();
        assert!(file.metadata().unwrap().len() > bytes);
        file.set_len(bytes).unwrap();
        match bytes {
            0 => assert_refused_at_once(&mut *journal),
            _ => assert_moved(&mut *journal, &format!("` has {bytes} bytes, and had ")),
        }
        // SQLite would remove it if it opened an empty database beside it.
        assert!(fs::read(wal(&directory)).unwrap() == written_ahead);
        let written =
            journal.rewrite(&mut std::iter::empty(), &whole(b"all that is known")).unwrap();
        assert!(written.aside.is_some());
        assert_eq!(append_next(&mut *journal).unwrap().seq, 2);
        drop(journal);
        assert_eq!(opened(&directory).unwrap().position().seq, 2);
    }
}

#[test]
fn another_log_in_the_place_is_neither_written_nor_changed() {
    let (parent, directory, mut journal) = running();
    let elsewhere = parent.path().join("elsewhere");
    fs::rename(&directory, &elsewhere).unwrap();
    let mut other = opened(&directory).unwrap();
    other.append(&numbered(1..=3, 10)).unwrap();
    assert_moved(&mut *journal, "another file than this process has open");
    let error = journal.rewrite(&mut std::iter::empty(), &whole(b"state")).unwrap_err();
    assert!(matches!(error, JournalError::Locked { .. }), "{error}");
    drop(journal);
    assert_eq!(other.append(&numbered(4..=4, 10)).unwrap().seq, 4);
    drop(other);
    assert_eq!(all(&mut *opened(&directory).unwrap()).unwrap(), numbered(1..=4, 10));
    assert_eq!(all(&mut *opened(&elsewhere).unwrap()).unwrap(), numbered(1..=20, 300));
}

#[test]
fn a_log_that_somebody_wrote_to_while_it_was_elsewhere_is_not_used_again() {
    let (parent, directory, mut journal) = running();
    let elsewhere = parent.path().join("elsewhere");
    fs::rename(&directory, &elsewhere).unwrap();
    assert_refused_at_once(&mut *journal);
    journal.recover().unwrap_err();
    let connection = rusqlite::Connection::open(database(&elsewhere)).unwrap();
    connection.execute_batch("CREATE TABLE other (id)").unwrap();
    drop(connection);
    fs::rename(&elsewhere, &directory).unwrap();
    let error = journal.recover().unwrap_err();
    assert_eq!(error.kind(), FaultKind::Foreign, "{error}");
    assert!(append_next(&mut *journal).is_err());
}

#[test]
fn a_write_ahead_log_that_was_unlinked_costs_nothing() {
    for (file, name) in [(wal as fn(&Path) -> PathBuf, "-wal` is gone"), (shm, "-shm` is gone")] {
        let (_parent, directory, mut journal) = running();
        fs::remove_file(file(&directory)).unwrap();
        let error = append_next(&mut *journal).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert_goes_on(&directory, journal);
    }
}

fn shm(directory: &Path) -> PathBuf {
    directory.join("journal.sqlite3-shm")
}

#[test]
fn a_write_ahead_log_of_somebody_else_is_never_removed() {
    let (_parent, directory, mut journal) = running();
    fs::remove_file(wal(&directory)).unwrap();
    fs::write(wal(&directory), "of somebody else").unwrap();
    assert_moved(&mut *journal, "-wal` is another file");
    drop(journal);
    assert_eq!(fs::read_to_string(wal(&directory)).unwrap(), "of somebody else");
}

#[test]
fn a_lock_that_was_removed_is_taken_again_and_lets_nobody_in() {
    let (_parent, directory, mut journal) = running();
    fs::remove_file(directory.join("journal.lock")).unwrap();
    let error = refused(&directory);
    assert!(matches!(error, JournalError::Locked { .. }), "{error}");
    assert!(journal.check().unwrap_err().to_string().contains("journal.lock"));
    journal.recover().unwrap();
    let error = refused(&directory);
    let named =
        matches!(error, JournalError::Locked { pid: Some(it), .. } if it == std::process::id());
    assert!(named, "{error}");
    assert_goes_on(&directory, journal);
}

#[test]
fn a_lock_that_another_process_holds_is_not_taken() {
    let (_parent, directory, mut journal) = running();
    let lock = directory.join("journal.lock");
    fs::remove_file(&lock).unwrap();
    let other = fs::File::create(&lock).unwrap();
    other.try_lock().unwrap();
    assert_refused_at_once(&mut *journal);
    let error = journal.recover().unwrap_err();
    assert_eq!(error.kind(), FaultKind::Foreign, "{error}");
    drop(other);
    assert_goes_on(&directory, journal);
}

#[test]
fn a_write_ahead_log_that_was_cut_is_noticed_while_it_is_open_and_at_the_next_start() {
    for left in [0, 4_152 * 2, 20_000] {
        let (_parent, directory, mut journal) = running();
        // A second commit, so that there is something behind the cut.
        append_next(&mut *journal).unwrap();
        let file = fs::File::options().write(true).open(wal(&directory)).unwrap();
        assert!(file.metadata().unwrap().len() > left);
        // What a kill would leave.
        let killed = tempfile::tempdir().unwrap();
        file.set_len(left).unwrap();
        for name in ["journal.sqlite3", "journal.sqlite3-wal", "journal.mark"] {
            fs::copy(directory.join(name), killed.path().join(name)).unwrap();
        }
        let error = append_next(&mut *journal).unwrap_err();
        assert!(error.to_string().contains(&format!("has {left} bytes, and had")), "{error}");
        let error = journal.recover().unwrap_err();
        assert_eq!(error.kind(), FaultKind::Damaged, "{error}");
        drop(journal);
        for directory in [&directory, killed.path()] {
            let error = refused(directory);
            assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
            let told = error.to_string();
            assert!(told.contains("record 21 was acknowledged"), "{told}");
            assert!(told.contains("remove `") && told.contains("journal.mark"), "{told}");
        }
        // Whoever would rather go on with what is left is told how.
        fs::remove_file(directory.join("journal.mark")).unwrap();
        assert!(opened(&directory).unwrap().position().seq < 21);
    }
}

#[test]
fn what_is_known_is_written_into_a_new_log_and_the_old_files_are_kept() {
    let (parent, directory, mut journal) = running();
    let old = journal.position();
    fs::remove_dir_all(&directory).unwrap();
    append_next(&mut *journal).unwrap_err();
    let written = journal.rewrite(&mut std::iter::empty(), &whole(b"all that is known")).unwrap();
    assert_eq!((written.at.seq, &written.aside), (1, &None));
    assert_ne!(written.at.epoch, old.epoch);
    assert_eq!(journal.append(&numbered(2..=2, 10)).unwrap().seq, 2);
    journal.check().unwrap();
    let known = |journal: &dyn Journal| snapshot(journal).unwrap();
    assert_eq!(known(&*journal), Some((written.at, b"all that is known".to_vec())));

    // Another log in the place is kept.
    let elsewhere = parent.path().join("elsewhere");
    fs::rename(&directory, &elsewhere).unwrap();
    opened(&directory).unwrap().append(&numbered(1..=5, 10)).unwrap();
    let other = fs::read(database(&directory)).unwrap();
    let written =
        journal.rewrite(&mut [Ok(numbered(2..=9, 50))].into_iter(), &whole(b"more")).unwrap();
    let aside = written.aside.expect("it is kept");
    assert!(fs::read(&aside).unwrap() == other);
    assert!(aside.file_name().unwrap().to_str().unwrap().starts_with("journal.sqlite3.aside-2"));
    assert_eq!((journal.first_seq(), journal.position().seq), (2, 9));
    drop(journal);
    let mut journal = opened(&directory).unwrap();
    assert_eq!(all(&mut *journal).unwrap(), numbered(2..=9, 50));
    assert_eq!(known(&*journal), Some((written.at, b"more".to_vec())));
    assert_eq!(all(&mut *opened(&elsewhere).unwrap()).unwrap(), numbered(2..=2, 10));
}

#[test]
fn a_log_that_cannot_be_written_anew_stays_as_it_was() {
    let (_parent, directory, mut journal) = running();
    let failing = || Err(JournalError::Refused { why: "no more".to_owned() });
    let mut records = [Ok(numbered(2..=3, 10)), failing()].into_iter();
    assert!(journal.rewrite(&mut records, &whole(b"state")).is_err());
    assert_goes_on(&directory, journal);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn nobody_else_may_read_a_log_or_its_backup() {
    let (parent, directory, mut journal) = running();
    journal.snapshots().unwrap().save(journal.position(), b"state").unwrap();
    journal.append(&numbered(21..=21, 300)).unwrap();
    let files = || fs::read_dir(&directory).unwrap().map(|it| it.unwrap().path());
    assert_eq!((mode(&directory), files().count()), (0o700, 5));
    files().for_each(|path| assert_eq!(mode(&path), 0o600, "{}", path.display()));
    let copy = parent.path().join("copy");
    backup(&url(&directory), &copy).unwrap();
    assert_eq!(mode(&copy), 0o600);
    drop(journal);
    // As an older version left them. The directory may be somebody else's matter.
    files().for_each(|path| fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap());
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    let _journal = opened(&directory).unwrap();
    files().for_each(|path| assert_eq!(mode(&path), 0o600, "{}", path.display()));
    assert_eq!(mode(&directory), 0o755);
}
