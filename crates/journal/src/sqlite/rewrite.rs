//! Replaces the files of a log by those of a new one, and keeps the old ones.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::directory::{Directory, beside, not_writable, sync};
use super::fault::Fault;
use super::head::Head;
use super::{records, schema, snapshots, transaction};
use crate::JournalError;
use crate::contract::refuse_large;
use crate::parts::Part;

/// Writes a complete log into the draft: these records from number 2 on, and a snapshot of all.
pub(super) fn draft(
    directory: &Directory,
    epoch: u64,
    records: &mut dyn Iterator<Item = Result<Vec<Vec<u8>>, JournalError>>,
    snapshot: &[Part],
) -> Result<(), JournalError> {
    let draft = directory.draft();
    let failed = |fault: Fault| fault.into_error("writing a new log", &draft);
    schema::write_draft(&draft, &Head { first_seq: 2, last_seq: 1, ..Head::new(epoch) })?;
    let mut connection = schema::connect(&draft)?;
    let mut last = 1;
    for batch in records {
        let batch = batch?;
        refuse_large(&batch)?;
        transaction(&mut connection, |tx| records::insert(tx, last, &batch)).map_err(failed)?;
        last += batch.len() as u64;
    }
    transaction(&mut connection, |tx| snapshots::save_whole(tx, snapshot)).map_err(failed)?;
    schema::head(&connection).map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error.into()))?;
    File::open(&draft).and_then(|it| it.sync_all()).map_err(|error| not_writable(&draft, &error))
}

/// Gives the draft the name of the database. What has that name is kept under another one, together
/// with its write-ahead log. Returns the name.
///
/// Trap: SQLite would apply a write-ahead log that is left here to the new database. So it has to
/// be out of the way first.
pub(super) fn install(directory: &Directory) -> Result<Option<PathBuf>, JournalError> {
    let path = directory.database();
    let put = || {
        let aside = free_name(&path, Timestamp::now())?;
        // The index of a write-ahead log is made anew when it is opened, and is of no use later.
        remove(&directory.shm())?;
        if directory.wal().exists() {
            fs::rename(directory.wal(), beside(&aside, "-wal"))?;
        }
        let found = path.exists();
        if found {
            // A second name first: at no moment is there a directory without a database, in which
            // the next start would begin an empty log.
            fs::hard_link(&path, &aside)?;
        }
        sync(directory.path())?;
        fs::rename(directory.draft(), &path)?;
        sync(directory.path())?;
        Ok(found.then_some(aside))
    };
    put().map_err(|error: io::Error| not_writable(&path, &error))
}

/// A name with the time in it, such as `journal.sqlite3.aside-20261128T221500Z`, that is free.
fn free_name(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let name = beside(path, &format!(".aside-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    for n in 1..100 {
        let name = if n == 1 { name.clone() } else { beside(&name, &format!(".{n}")) };
        if !name.exists() && !beside(&name, "-wal").exists() {
            return Ok(name);
        }
    }
    Err(io::Error::other("no name is free to keep the old files under"))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
