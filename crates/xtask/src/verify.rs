//! Checks everything, in the order in which a mistake is found soonest, and changes nothing.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, cargo_command, setup};

/// How long the tests may print nothing, building included. A test that hangs has to be a failure.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);

/// Runs all steps up to the first that fails.
pub(crate) fn run(root: &Path) -> Result<()> {
    cargo(root, "fmt --all --check")?;
    setup::run(root)?;
    cargo(root, "clippy --workspace --all-targets --locked -- -D warnings")?;
    // `--examples` asks for the very features that clippy has just built with.
    cargo(root, "doc --workspace --no-deps --locked --lib --examples --bin xtask")?;
    let tests = cargo_command(root, "test --workspace --locked");
    watch(tests, SILENCE_MAX, &mut std::io::stdout())
        .context("`cargo test --workspace --locked`")?;
    // As the README's first command builds it: in a workspace as a whole, other programs ask for more of it.
    cargo(root, "check --locked --package live-users")?;
    with_export(root)
}

/// Checks and tests the feature `otlp`. The same packages are asked for as before, so that only what has
/// the feature is built anew.
fn with_export(root: &Path) -> Result<()> {
    let what = "--workspace --locked --features live-users-backend/otlp --test otlp";
    cargo(root, &format!("clippy {what} --lib -- -D warnings"))?;
    let tests = cargo_command(root, &format!("test {what}"));
    watch(tests, SILENCE_MAX, &mut std::io::stdout()).context(format!("`cargo test {what}`"))
}

/// Passes the output on line by line, and ends a command that is silent for too long.
fn watch(mut command: Command, silence_max: Duration, shown: &mut impl Write) -> Result<()> {
    // In a group of its own, so that the servers and browsers it has started can be ended with it.
    let mut child = command.process_group(0).stdout(Stdio::piped()).spawn()?;
    let output = BufReader::new(child.stdout.take().context("stdout is piped")?).split(b'\n');
    let (sender, lines) = channel();
    std::thread::spawn(move || output.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut last = Vec::new();
    let end = loop {
        match lines.recv_timeout(silence_max) {
            Ok(line) => last = line,
            Err(end) => break end,
        }
        shown.write_all(&[&last[..], b"\n"].concat())?;
    };
    if end == RecvTimeoutError::Timeout {
        Command::new("kill").args(["-9", "--", &format!("-{}", child.id())]).status()?;
        child.wait()?;
        bail!("silent for {silence_max:?} after: {}", String::from_utf8_lossy(&last));
    }
    let status = child.wait()?;
    ensure!(status.success(), "ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, silence_s_max: u64) -> (String, Result<()>) {
        let (mut command, mut shown) = (Command::new("sh"), Vec::new());
        command.args(["-c", script]);
        let result = watch(command, Duration::from_secs(silence_s_max), &mut shown);
        (String::from_utf8(shown).unwrap(), result)
    }

    #[test]
    fn closing_lines_are_passed_on_and_silence_ends_a_run_with_what_it_started() {
        let (shown, ended) = shell("echo 'test result: ok. 4 passed'; printf end", 60);
        assert_eq!(shown, "test result: ok. 4 passed\nend\n");
        assert!(ended.is_ok() && shell("exit 1", 60).1.is_err());
        let (shown, ended) = shell("sleep 1000 & echo $!; wait", 3);
        assert!(ended.unwrap_err().to_string().ends_with(shown.trim()));
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", shown.trim()));
        let is_over = || state().map_or(true, |it| it.contains(") Z "));
        assert!((0..100_000).any(|_| is_over()), "the child still runs");
    }
}
