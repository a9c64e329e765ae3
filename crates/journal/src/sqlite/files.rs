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
    /// The length of the write-ahead log after the last change, in bytes.
    wal_bytes: u64,
}

/// How the paths differ from the files that are open.
#[derive(Debug)]
pub(super) enum Difference {
    /// A file is not at its path, or another one is.
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
            wal_bytes: wal.len(),
        })
    }

    /// Whether the database is the same file.
    pub(super) fn is_same_database(&self, other: &Self) -> bool {
        self.database == other.database
    }

    /// Compares the paths with these files, before a change.
    pub(super) fn check(&self, directory: &Directory) -> Result<(), Difference> {
        let now = self.compare(directory)?;
        if now < self.wal_bytes {
            let (wal, was) = (directory.wal(), self.wal_bytes);
            let what = format!("`{}` has {now} bytes, and had {was}", wal.display());
            return Err(Difference::Shortened(what));
        }
        Ok(())
    }

    /// Compares the paths with these files, after a change. The change may have made the
    /// write-ahead log longer, or have begun it anew.
    pub(super) fn check_after_change(&mut self, directory: &Directory) -> Result<(), Difference> {
        self.wal_bytes = self.compare(directory)?;
        Ok(())
    }

    /// Returns the length of the write-ahead log, in bytes.
    fn compare(&self, directory: &Directory) -> Result<u64, Difference> {
        let database = directory.database();
        match found(&database)? {
            Some(it) if Identity::from(&it) == self.database => {}
            Some(_) => return Err(replaced(&database)),
            None => return Err(gone(&database)),
        }
        let unlinked = |path: &Path| Difference::Unlinked(format!("`{}` is gone", path.display()));
        let (wal, shm) = (directory.wal(), directory.shm());
        let (found_wal, found_shm) = (found(&wal)?, found(&shm)?);
        for (path, found, open) in [(&wal, &found_wal, self.wal), (&shm, &found_shm, self.shm)] {
            if found.as_ref().is_some_and(|it| Identity::from(it) != open) {
                return Err(replaced(path));
            }
        }
        let bytes = found_wal.ok_or_else(|| unlinked(&wal))?.len();
        found_shm.ok_or_else(|| unlinked(&shm))?;
        Ok(bytes)
    }
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
