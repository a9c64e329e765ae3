//! Whether the files of a log that is open are still the ones at its paths.
//!
//! A process goes on writing to a file that was removed, moved or replaced, and notices nothing.
//! What it acknowledges then is gone at the next start. So the files are compared with the paths
//! before and after each change, which takes a few microseconds, and now and then while idle.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::directory::Directory;
use crate::JournalError;

/// Which file it is. The system gives the same numbers to no other file while this one is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|it| Self::from(&it))
    }

    /// `None` if there is no file.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        Ok(look(path)?.map(|it| Self::from(&it)))
    }
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The files that SQLite has open.
///
/// Trap: nothing here opens them. When a process closes any handle of a file, the system drops all
/// its POSIX locks on that file, also those of SQLite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files {
    database: Identity,
    wal: Identity,
    shm: Identity,
    /// How long they were after the last change.
    lengths: Lengths,
}

/// Lengths of files, in bytes.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    /// It never shrinks: that takes a VACUUM.
    database: u64,
    /// It shrinks only within a change, when it begins anew.
    wal: u64,
}

/// How the paths differ from the files that are open.
#[derive(Debug)]
pub(super) enum Difference {
    /// A file is not at its path, or another one is, or the database has lost its end. SQLite must not
    /// open these again: beside an empty database it removes the write-ahead log.
    Moved(String),
    /// Only the write-ahead log or its index is missing. The process still has all of it.
    Unlinked(String),
    /// The write-ahead log has lost its end.
    Shortened(String),
}

impl Difference {
    pub(super) fn into_error(self) -> JournalError {
        match self {
            Self::Moved(what) | Self::Unlinked(what) | Self::Shortened(what) => {
                JournalError::Moved { what }
            }
        }
    }
}

impl Files {
    /// The files at the paths of a log. SQLite has to have them open.
    pub(super) fn of(directory: &Directory) -> Result<Self, Difference> {
        let database = found(&directory.database())?.ok_or_else(|| gone(&directory.database()))?;
        let wal = found(&directory.wal())?.ok_or_else(|| gone(&directory.wal()))?;
        let shm = found(&directory.shm())?.ok_or_else(|| gone(&directory.shm()))?;
        Ok(Self {
            database: Identity::from(&database),
            wal: Identity::from(&wal),
            shm: Identity::from(&shm),
            lengths: Lengths { database: database.len(), wal: wal.len() },
        })
    }

    /// Whether the database is the same file.
    pub(super) fn is_same_database(&self, other: &Self) -> bool {
        self.database == other.database
    }

    /// Compares the paths with these files, before a change.
    pub(super) fn check(&self, directory: &Directory) -> Result<(), Difference> {
        let now = self.compare(directory)?;
        self.keeps_database(directory, now)?;
        not_shorter(&directory.wal(), now.wal, self.lengths.wal).map_err(Difference::Shortened)
    }

    /// Compares the paths with these files, after a change. The change may have made the
    /// write-ahead log longer, or have begun it anew.
    pub(super) fn check_after_change(&mut self, directory: &Directory) -> Result<(), Difference> {
        let now = self.compare(directory)?;
        self.keeps_database(directory, now)?;
        self.lengths = now;
        Ok(())
    }

    fn keeps_database(&self, directory: &Directory, now: Lengths) -> Result<(), Difference> {
        not_shorter(&directory.database(), now.database, self.lengths.database)
            .map_err(Difference::Moved)
    }

    /// Returns how long the files are.
    fn compare(&self, directory: &Directory) -> Result<Lengths, Difference> {
        let path = directory.database();
        let database = match found(&path)? {
            Some(it) if Identity::from(&it) == self.database => it.len(),
            Some(_) => return Err(replaced(&path)),
            None => return Err(gone(&path)),
        };
        let unlinked = |path: &Path| Difference::Unlinked(format!("`{}` is gone", path.display()));
        let (wal, shm) = (directory.wal(), directory.shm());
        let (found_wal, found_shm) = (found(&wal)?, found(&shm)?);
        for (path, found, open) in [(&wal, &found_wal, self.wal), (&shm, &found_shm, self.shm)] {
            if found.as_ref().is_some_and(|it| Identity::from(it) != open) {
                return Err(replaced(path));
            }
        }
        let wal = found_wal.ok_or_else(|| unlinked(&wal))?.len();
        found_shm.ok_or_else(|| unlinked(&shm))?;
        Ok(Lengths { database, wal })
    }
}

fn not_shorter(path: &Path, bytes: u64, was: u64) -> Result<(), String> {
    let what = || format!("`{}` has {bytes} bytes, and had {was}", path.display());
    if bytes >= was { Ok(()) } else { Err(what()) }
}

fn found(path: &Path) -> Result<Option<Metadata>, Difference> {
    look(path).map_err(|error| Difference::Moved(format!("`{}`: {error}", path.display())))
}

fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn gone(path: &Path) -> Difference {
    Difference::Moved(format!("`{}` is gone", path.display()))
}

fn replaced(path: &Path) -> Difference {
    Difference::Moved(format!("`{}` is another file than this process has open", path.display()))
}
