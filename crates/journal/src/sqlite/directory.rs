//! The directory of a log: its files, and the locks that reserve it for one process.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::fs::Access;
use rustix::io::Errno;

use super::files::Identity;
use crate::JournalError;

const DATABASE: &str = "journal.sqlite3";
const DRAFT: &str = "journal.sqlite3.new";
const LOCK: &str = "journal.lock";
const MARK: &str = "journal.mark";

/// Files of a log are for the user of the service alone.
const PRIVATE: u32 = 0o600;

/// A directory that is locked while this value lives. The system releases the locks when the
/// process ends, in any way. The file of the lock stays.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    held: Mutex<Held>,
}

/// What is locked. The directory itself is locked too, because the file of the lock may be removed.
#[derive(Debug)]
struct Held {
    directory: File,
    lock: File,
}

impl Drop for Held {
    /// Unlocks both. Closing them is not enough: a process that this one is just starting has copies of
    /// all open files until it runs its program, and a copy keeps the lock.
    fn drop(&mut self) {
        for file in [&self.lock, &self.directory] {
            // What cannot be unlocked is when it is closed.
            let _ = file.unlock();
        }
    }
}

impl Directory {
    /// Locks the directory. Creates it if it does not exist.
    pub(super) fn lock(path: &Path) -> Result<Self, JournalError> {
        let path = std::path::absolute(path).map_err(|error| not_writable(path, &error))?;
        create(&path).map_err(|error| not_writable(&path, &error))?;
        let directory = lock_directory(&path)?;
        let lock = lock_file(&path)?;
        Ok(Self { path, held: Mutex::new(Held { directory, lock }) })
    }

    /// Refuses if the lock is not at its path any more: another process may lock the one there.
    pub(super) fn refuse_unlocked(&self) -> Result<(), JournalError> {
        let path = self.lock_path();
        if is_at(&self.held.lock().lock, &path) {
            return Ok(());
        }
        let what = format!("`{}` is not the file that this process has locked", path.display());
        Err(JournalError::Moved { what })
    }

    /// Refuses if the file system was made read-only. Other obstacles show when something is
    /// written.
    pub(super) fn refuse_read_only(&self) -> Result<(), JournalError> {
        match rustix::fs::access(&self.path, Access::WRITE_OK) {
            Err(error @ Errno::ROFS) => Err(not_writable(&self.path, &error.into())),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Locks what is at the paths now. Creates the directory and the lock if they are gone.
    pub(super) fn lock_again(&self) -> Result<(), JournalError> {
        let mut held = self.held.lock();
        create(&self.path).map_err(|error| not_writable(&self.path, &error))?;
        if !is_at(&held.directory, &self.path) {
            held.directory = lock_directory(&self.path)?;
        }
        if !is_at(&held.lock, &self.lock_path()) {
            held.lock = lock_file(&self.path)?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> PathBuf {
        database_in(&self.path)
    }

    pub(super) fn lock_path(&self) -> PathBuf {
        self.path.join(LOCK)
    }

    /// The file of a new database until it is complete.
    pub(super) fn draft(&self) -> PathBuf {
        self.path.join(DRAFT)
    }

    /// Where the last acknowledged record is noted.
    pub(super) fn mark(&self) -> PathBuf {
        self.path.join(MARK)
    }

    /// SQLite's write-ahead log. It is as much a part of the log as the database.
    pub(super) fn wal(&self) -> PathBuf {
        beside(&self.database(), "-wal")
    }

    /// SQLite's index of the write-ahead log.
    pub(super) fn shm(&self) -> PathBuf {
        beside(&self.database(), "-shm")
    }

    /// Takes the rights of other users from the files, as far as the system allows it. An older
    /// version, or a restore, gave them some.
    pub(super) fn make_private(&self) {
        let files = [self.database(), self.wal(), self.shm(), self.lock_path(), self.mark()];
        let (mut changed, mut failed) = (0, None);
        for path in files {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if metadata.permissions().mode() & 0o077 == 0 {
                continue;
            }
            match fs::set_permissions(&path, Permissions::from_mode(PRIVATE)) {
                Ok(()) => changed += 1,
                Err(error) => failed = Some((path, error)),
            }
        }
        if changed > 0 {
            let place = self.path.display();
            log::info!("{changed} files of the journal in `{place}` are for this user alone now");
        }
        if let Some((path, error)) = failed {
            log::warn!("other users may read `{}`: {error}; run chmod 600", path.display());
        }
    }
}

pub(super) fn database_in(directory: &Path) -> PathBuf {
    directory.join(DATABASE)
}

/// The names of the directories right below this one that have a log, in their order. None of a directory
/// that cannot be read.
pub(crate) fn logs_below(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let with_log = entries.filter(|entry| database_in(&entry.path()).exists());
    let mut names: Vec<_> = with_log.filter_map(|it| it.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The path of a file that SQLite keeps beside a database.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens a file for reading and writing, and creates it for this user alone.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(PRIVATE).open(path)
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
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for parent in missing.into_iter().filter_map(Path::parent) {
        sync(parent)?;
    }
    Ok(())
}

fn is_at(file: &File, path: &Path) -> bool {
    let open = Identity::of(file).ok();
    open.is_some() && open == Identity::at(path).ok().flatten()
}

fn lock_directory(path: &Path) -> Result<File, JournalError> {
    let directory = File::open(path).map_err(|error| not_writable(path, &error))?;
    match directory.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let text = fs::read_to_string(path.join(LOCK)).unwrap_or_default();
            Err(locked(path, &text))
        }
        // Some file systems do not lock directories. Then the file of the lock has to do.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(directory),
    }
}

fn lock_file(directory: &Path) -> Result<File, JournalError> {
    let path = directory.join(LOCK);
    let mut file = open_private(&path).map_err(|error| not_writable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // The number of the process helps operators. It is not needed.
            let _ = file.read_to_string(&mut text);
            return Err(locked(directory, &text));
        }
        Err(TryLockError::Error(error)) => return Err(not_writable(&path, &error)),
    }
    let signed = file
        .rewind()
        .and_then(|()| file.set_len(0))
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    // On a full disk there is no room for the number. The log opens all the same.
    drop(signed);
    Ok(file)
}

fn locked(directory: &Path, text: &str) -> JournalError {
    JournalError::Locked { path: directory.to_owned(), pid: text.trim().parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_open_files_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::lock(folder.path()).unwrap();
        let copies = {
            let held = directory.held.lock();
            [&held.directory, &held.lock].map(|file| file.try_clone().unwrap())
        };
        assert!(matches!(Directory::lock(folder.path()), Err(JournalError::Locked { .. })));
        drop(directory);
        Directory::lock(folder.path()).unwrap();
        drop(copies);
    }
}
