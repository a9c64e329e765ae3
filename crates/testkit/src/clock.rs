//! A process whose clock is wrong.

use std::path::PathBuf;

/// What to put into the environment of a server whose clock is off by this, such as `+1h` or
/// `-90s`. Time spans are right all the same: only what the clock shows is wrong.
///
/// # Panics
/// If libfaketime is not installed.
pub fn wrong_clock(by: &str) -> [(&'static str, String); 3] {
    let library = find().expect("libfaketime is not installed: run `cargo xtask setup`");
    [
        ("LD_PRELOAD", library.to_str().expect("a path of text").to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME", by.to_owned()),
    ]
}

/// Debian has it in a folder of the machine's architecture.
fn find() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let library = |folder: PathBuf| folder.join("faketime/libfaketimeMT.so.1");
    folders.map(|folder| library(folder.path())).find(|library| library.is_file())
}
