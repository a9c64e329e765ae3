//! The directory of a log: its files, and the lock that reserves it for one process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::JournalError;

const DATABASE: &str = "journal.sqlite3";
const DRAFT: &str = "journal.sqlite3.new";
const LOCK: &str = "journal.lock";

/// A directory that is locked while this value lives. The system releases the lock when the process
/// ends, in any way. The file of the lock stays.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Locks the directory. Creates it if it does not exist.
    pub(super) fn lock(path: &Path) -> Result<Self, JournalError> {
        let path = std::path::absolute(path).map_err(|error| not_writable(path, &error))?;
        create(&path).map_err(|error| not_writable(&path, &error))?;
        let lock = path.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(|error| not_writable(&lock, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The number of the process helps operators. It is not needed.
                let _ = file.read_to_string(&mut text);
                return Err(JournalError::Locked { path, pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(not_writable(&lock, &error)),
        }
        let signed = file
            .rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        // On a full disk there is no room for the number. The log opens all the same.
        drop(signed);
        Ok(Self { path, _lock: file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> PathBuf {
        database_in(&self.path)
    }

    /// The file of a new database until it is complete.
    pub(super) fn draft(&self) -> PathBuf {
        self.path.join(DRAFT)
    }

    /// SQLite's write-ahead log. It is as much a part of the log as the database.
    pub(super) fn wal(&self) -> PathBuf {
        beside(&self.database(), "-wal")
    }
}

pub(super) fn database_in(directory: &Path) -> PathBuf {
    directory.join(DATABASE)
}

/// The path of a file that SQLite keeps beside a database.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes created, renamed and removed files of a directory durable.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

pub(super) fn not_writable(path: &Path, error: &io::Error) -> JournalError {
    JournalError::NotWritable { path: path.to_owned(), why: error.to_string() }
}

fn create(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|it| !it.exists()).collect();
    fs::create_dir_all(path)?;
    for parent in missing.into_iter().filter_map(Path::parent) {
        sync(parent)?;
    }
    Ok(())
}
