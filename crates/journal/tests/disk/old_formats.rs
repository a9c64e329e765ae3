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

use live_users_journal::Position;

use crate::{all, database, numbered, opened, snapshot};

/// The epoch of the log in `tests/fixtures/v1`.
const EPOCH_V1: u64 = 0x64e8_92a6_580b_848e;

#[test]
fn a_log_of_format_1_is_opened_and_goes_on() {
    if let Some(directory) = std::env::var_os("WRITE_FIXTURE") {
        write(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1");
    fs::copy(database(&fixture), database(directory.path())).unwrap();
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
}

/// Writes a log with records, a snapshot, and some trimmed away.
fn write(directory: &Path) {
    let mut journal = opened(directory).unwrap();
    let mut at = journal.append(&numbered(1..=12, 40)).unwrap();
    at.seq = 5;
    journal.snapshots().unwrap().save(at, &snapshot_bytes()).unwrap();
    journal.trim(4).unwrap();
    println!("the epoch is {:#018x}", at.epoch);
}

fn snapshot_bytes() -> Vec<u8> {
    (0..=255).cycle().take(5000).collect()
}
