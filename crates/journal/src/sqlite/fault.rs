//! The errors of the file, and their meaning for operators.

use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi::{self, SQLITE_ERROR, SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_SHMSIZE};

use super::schema::FORMAT;
use crate::JournalError;

/// Why an operation on the file failed, without the name of the file.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite failed.
    Engine(rusqlite::Error),
    /// SQLite read something that was never written.
    Damaged(String),
    /// The file has this newer format.
    Newer(u32),
    /// The file has something that another process wrote.
    Foreign(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl Fault {
    /// Converts it to the error of this operation on this file.
    pub(super) fn into_error(self, doing: &str, file: &Path) -> JournalError {
        let name = file.display();
        let damaged = |what: String| JournalError::Damaged { what: format!("`{name}`: {what}") };
        match self {
            Self::Damaged(what) => damaged(what),
            Self::Foreign(what) => JournalError::Foreign { what: format!("`{name}`: {what}") },
            Self::Newer(found) => {
                JournalError::NewerFormat { path: file.to_owned(), found, known: FORMAT }
            }
            Self::Engine(error) => {
                let why = error.to_string();
                match error {
                    rusqlite::Error::SqliteFailure(failure, _) => {
                        of_sqlite(failure, why, doing, file)
                    }
                    // For example values of other types than were written.
                    _ => damaged(format!("{doing}: {why}")),
                }
            }
        }
    }
}

/// See <https://sqlite.org/rescode.html> for the codes.
fn of_sqlite(failure: ffi::Error, why: String, doing: &str, file: &Path) -> JournalError {
    let path = file.to_owned();
    let place = format!("{doing} in `{}`", file.display());
    match (failure.code, failure.extended_code) {
        // The second code means that the file mapped into memory could not grow.
        (ErrorCode::DiskFull, _) | (_, SQLITE_IOERR_SHMSIZE) => JournalError::Full { path },
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => {
            JournalError::Locked { path, pid: None }
        }
        (ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied, _) => {
            JournalError::NotWritable { path, why }
        }
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) | (_, SQLITE_IOERR_CORRUPTFS) => {
            JournalError::Damaged { what: format!("{place}: {why}") }
        }
        // For example a missing table. The statements are fixed, and fit our tables.
        (_, SQLITE_ERROR) => JournalError::Damaged { what: format!("{place}: {why}") },
        (ErrorCode::SystemIoFailure, _) => JournalError::Io { doing: place, why },
        _ => JournalError::Engine { doing: place, why },
    }
}
