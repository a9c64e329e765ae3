//! A process whose clock is wrong.

use std::path::PathBuf;

use tempfile::TempDir;

/// What to put into the environment of a server whose clock is off by this, such as `+1h` or
/// `-90s`. Time spans are right all the same: only what the clock shows is wrong.
///
/// # Panics
/// If libfaketime is not installed.
pub fn wrong_clock(by: &str) -> [(&'static str, String); 3] {
    [preload(), ("DONT_FAKE_MONOTONIC", "1".to_owned()), ("FAKETIME", by.to_owned())]
}

/// The clock of a server, which a test can set while the server runs. Time spans are right.
#[derive(Debug)]
pub struct SettableClock(TempDir);

impl SettableClock {
    /// A clock that is off by so many seconds.
    ///
    /// # Panics
    /// If there is no place for its file.
    pub fn off_by(seconds: i64) -> Self {
        let clock = Self(tempfile::tempdir().expect("a folder"));
        clock.set(seconds);
        clock
    }

    /// From now on the clock is off by so many seconds.
    ///
    /// # Panics
    /// If its file cannot be written.
    pub fn set(&self, seconds: i64) {
        // The server reads the file at any moment, and must not find it empty.
        let new = self.0.path().join("new");
        std::fs::write(&new, format!("{seconds:+}s\n")).expect("a file can be written");
        std::fs::rename(new, self.file()).expect("a file can be replaced");
    }

    /// What to put into the environment of the server.
    ///
    /// # Panics
    /// If libfaketime is not installed.
    pub fn env(&self) -> [(&'static str, String); 4] {
        let file = self.file().to_str().expect("a path of text").to_owned();
        [
            preload(),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", file),
        ]
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("offset")
    }
}

fn preload() -> (&'static str, String) {
    let library = find().expect("libfaketime is not installed: run `cargo xtask setup`");
    ("LD_PRELOAD", library.to_str().expect("a path of text").to_owned())
}

/// Debian has it in a folder of the machine's architecture.
fn find() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let library = |folder: PathBuf| folder.join("faketime/libfaketimeMT.so.1");
    folders.map(|folder| library(folder.path())).find(|library| library.is_file())
}
