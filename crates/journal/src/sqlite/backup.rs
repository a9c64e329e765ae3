//! A copy of a log that is in use, made by SQLite's online backup.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;

use super::directory::{beside, database_in, not_writable, open_private, sync};
use super::fault::Fault;
use super::schema;
use crate::{JournalError, Position};

const ALL_PAGES: i32 = -1;

/// Copies the log in this directory into the new file `to`.
///
/// It takes no lock on the directory, so it can run beside the service. All pages are copied in one
/// read transaction. Appends meanwhile go to the write-ahead log, so the copy is of one moment.
pub(crate) fn backup(directory: &Path, to: &Path) -> Result<Position, JournalError> {
    let from = std::path::absolute(database_in(directory))
        .map_err(|error| not_writable(directory, &error))?;
    if fs::symlink_metadata(to).is_ok() {
        let why = format!("`{}` exists: name a new file for the backup", to.display());
        return Err(JournalError::Refused { why });
    }
    refuse_missing(directory)?;
    let part = std::path::absolute(beside(to, ".part")).map_err(|error| no_copy(to, &error))?;
    let position = copy(&from, &part).inspect_err(|_| {
        // The rest of the file is useless. A failure to remove it changes nothing.
        let _ = fs::remove_file(&part);
    })?;
    finish(&part, to).map_err(|error| no_copy(to, &error))?;
    Ok(position)
}

/// The copy cannot be written. No setting names it.
fn no_copy(to: &Path, error: &io::Error) -> JournalError {
    let why = format!("cannot write `{}`: {error}; name another file for the backup", to.display());
    JournalError::Refused { why }
}

/// Refuses a directory without a log.
pub(crate) fn refuse_missing(directory: &Path) -> Result<(), JournalError> {
    let path = database_in(directory);
    if path.exists() {
        return Ok(());
    }
    let why = format!("there is no log: `{}` is missing", path.display());
    Err(JournalError::Refused { why })
}

fn copy(from: &Path, part: &Path) -> Result<Position, JournalError> {
    match fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(no_copy(part, &error));
        }
        _ => {}
    }
    let source = schema::connect(from)?;
    let failed = |error| Fault::from(error).into_error("copying", from);
    // A backup must change nothing. The next process that opens the log may do this work.
    source.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    let written = |error| Fault::from(error).into_error("writing the backup", part);
    open_private(part).map_err(|error| no_copy(part, &error))?;
    let mut copy = Connection::open(part).map_err(written)?;
    let done =
        Backup::new(&source, &mut copy).and_then(|it| it.step(ALL_PAGES)).map_err(written)?;
    if done != StepResult::Done {
        return Err(JournalError::Locked { path: from.to_owned(), pid: None });
    }
    copy.close().map_err(|(_, error)| written(error))?;
    let copy = schema::connect(part)?;
    let head =
        schema::head(&copy).map_err(|fault| fault.into_error("checking the backup", part))?;
    copy.close().map_err(|(_, error)| written(error))?;
    Ok(Position { epoch: head.epoch, seq: head.last_seq })
}

fn finish(part: &Path, to: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, to)?;
    part.parent().map_or(Ok(()), sync)
}
