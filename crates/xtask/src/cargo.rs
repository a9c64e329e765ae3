//! Starts cargo from within a cargo task.

use std::path::Path;
use std::process::Command;

/// `cargo` in this folder, with arguments that are divided by spaces.
///
/// What the outer `cargo run` tells a program about its package is taken away: some build
/// scripts (ring's is one) watch these variables, and would build anew each time that `verify`
/// and a plain `cargo test` take turns.
pub(crate) fn command(root: &Path, arguments: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments.split(' '));
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&key);
        }
    }
    command
}
