//! Every format that there ever was can be opened, for ever.
//!
//! The fixture of a format is written once, by the version that introduces it, and never again.
//! For a new format: raise `FORMAT` in `src/sqlite/schema.rs`, make the directory
//! `tests/fixtures/vN`, and let the test write into it what it then expects, once, by
//!
//! ```text
//! WRITE_FIXTURE=tests/fixtures/vN cargo test -p live-users-journal old_formats
//! ```

use std::fs;
use std::path::Path;

use live_users_journal::{Part, Position, backup};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::parts::{load, part, save};
use crate::{all, database, numbered, opened, snapshot, url};

/// The epochs of the logs in `tests/fixtures/v1` and `v2`.
const EPOCH_V1: u64 = 0x64e8_92a6_580b_848e;
const EPOCH_V2: u64 = 0x5b4b_8a1a_724a_de45;

fn copy_of(fixture: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture);
    fs::copy(database(&fixture), database(directory.path())).unwrap();
    directory
}

fn format(directory: &Path) -> u32 {
    let connection = Connection::open(database(directory)).unwrap();
    connection.query_row("PRAGMA user_version", (), |row| row.get(0)).unwrap()
}

#[test]
fn a_log_of_format_1_is_opened_and_goes_on() {
    let directory = copy_of("v1");
    for last in [12, 13] {
        let mut journal = opened(directory.path()).unwrap();
        assert_eq!(journal.position(), Position { epoch: EPOCH_V1, seq: last });
        assert_eq!(journal.first_seq(), 4);
        let (at, bytes) = snapshot(&*journal).unwrap().unwrap();
        assert_eq!((at.epoch, at.seq), (EPOCH_V1, 5));
        assert!(bytes == snapshot_bytes());
        assert_eq!(all(&mut *journal).unwrap(), numbered(4..=last, 40));
        journal.append(&numbered(last + 1..=last + 1, 40)).unwrap();
    }
    assert_eq!(
        format(directory.path()),
        1,
        "the version before reads it until a snapshot is saved"
    );
}

#[test]
fn a_log_of_format_1_has_format_2_from_its_next_snapshot_on() {
    let directory = copy_of("v1");
    let mut journal = opened(directory.path()).unwrap();
    assert_eq!(load(&*journal).unwrap().unwrap().1, [Part::whole(snapshot_bytes())]);
    let at = journal.position();
    let odd = Position { seq: at.seq + 1, ..at };
    assert!(journal.snapshots().unwrap().save(odd, b"of no record").is_err());
    assert_eq!(format(directory.path()), 1, "what is refused changes nothing");
    save(&*journal, at, parts_v2());
    assert_eq!(format(directory.path()), 2);
    assert_eq!(load(&*journal).unwrap(), Some((at, parts_v2())));
    journal.append(&numbered(13..=13, 40)).unwrap();
    drop(journal);
    let mut journal = opened(directory.path()).unwrap();
    assert_eq!(load(&*journal).unwrap(), Some((at, parts_v2())));
    assert_eq!(all(&mut *journal).unwrap(), numbered(4..=13, 40));
}

#[test]
fn a_backup_of_a_log_of_format_1_is_one_of_format_1() {
    let directory = copy_of("v1");
    let restored = tempfile::tempdir().unwrap();
    let at = backup(&url(directory.path()), &database(restored.path())).unwrap();
    assert_eq!((at.epoch, at.seq), (EPOCH_V1, 12));
    assert_eq!(format(restored.path()), 1);
    assert!(snapshot(&*opened(restored.path()).unwrap()).unwrap().unwrap().1 == snapshot_bytes());
}

#[test]
fn a_log_of_format_2_is_opened_and_goes_on() {
    if let Some(directory) = std::env::var_os("WRITE_FIXTURE") {
        write(Path::new(&directory));
    }
    let directory = copy_of("v2");
    for last in [12, 13] {
        let mut journal = opened(directory.path()).unwrap();
        assert_eq!(journal.position(), Position { epoch: EPOCH_V2, seq: last });
        assert_eq!(journal.first_seq(), 4);
        let at = Position { epoch: EPOCH_V2, seq: 7 };
        assert_eq!(load(&*journal).unwrap(), Some((at, parts_v2())));
        assert_eq!(all(&mut *journal).unwrap(), numbered(4..=last, 40));
        journal.append(&numbered(last + 1..=last + 1, 40)).unwrap();
    }
    let journal = opened(directory.path()).unwrap();
    assert_eq!(save(&*journal, journal.position(), parts_v2()).written, 0);
}

/// Writes a log with records, a snapshot of whose parts one was in the snapshot before, and some
/// records trimmed away.
fn write(directory: &Path) {
    let mut journal = opened(directory).unwrap();
    let at = journal.append(&numbered(1..=12, 40)).unwrap();
    let older = vec![part("hour", 1, 1000), part("main", 9, 300)];
    save(&*journal, Position { seq: 5, ..at }, older);
    save(&*journal, Position { seq: 7, ..at }, parts_v2());
    journal.trim(4).unwrap();
    println!("the epoch is {:#018x}", at.epoch);
}

fn parts_v2() -> Vec<Part> {
    vec![part("main", 2, 300), part("hour", 1, 1000), Part::whole(snapshot_bytes())]
}

fn snapshot_bytes() -> Vec<u8> {
    (0..=255).cycle().take(5000).collect()
}
