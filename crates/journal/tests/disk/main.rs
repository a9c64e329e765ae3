//! The engine on disk, from outside: crashes, damage, other processes, backups, old formats.
#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

mod backup;
mod crash;
mod damage;
mod files;
mod old_formats;
mod parts;
mod processes;
mod refusal;
mod writers;

use std::path::{Path, PathBuf};

use live_users_journal::{Journal, JournalError, PageLimit, Position, open};

/// The file that holds a log in its directory.
fn database(directory: &Path) -> PathBuf {
    directory.join("journal.sqlite3")
}

/// The write-ahead log beside it.
fn wal(directory: &Path) -> PathBuf {
    directory.join("journal.sqlite3-wal")
}

fn opened(directory: &Path) -> Result<Box<dyn Journal>, JournalError> {
    open(&url(directory))
}

fn url(directory: &Path) -> String {
    format!("file:{}", directory.display())
}

/// The bytes of all records, or the first trouble with them.
fn all(journal: &mut dyn Journal) -> Result<Vec<Vec<u8>>, JournalError> {
    let (mut bytes, mut next) = (Vec::new(), journal.first_seq());
    while next <= journal.position().seq {
        for record in journal.read(next, PageLimit::default())? {
            bytes.push(record.bytes);
            next += 1;
        }
    }
    Ok(bytes)
}

/// What `opened` says when it must not succeed.
fn refused(directory: &Path) -> JournalError {
    match opened(directory) {
        Ok(journal) => panic!("opened at {}", journal.position()),
        Err(error) => error,
    }
}

/// The newest snapshot.
fn snapshot(journal: &dyn Journal) -> Result<Option<(Position, Vec<u8>)>, JournalError> {
    journal.snapshots()?.load()
}

/// Records that say their numbers and are this long, or as long as that takes.
fn numbered(seqs: std::ops::RangeInclusive<u64>, bytes: usize) -> Vec<Vec<u8>> {
    let record = |seq| {
        let mut record = format!("record {seq},").into_bytes();
        record.resize(bytes.max(record.len()), b'.');
        record
    };
    seqs.map(record).collect()
}
