//! The processes of one browser: ChromeDriver, and the Chromium that it starts.

use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::PATIENCE_S;

pub(super) const HOW_TO_INSTALL: &str =
    "install Chromium and its driver with `cargo xtask setup`, which says or does what is needed";

/// What ChromeDriver prints, with the port behind it, once it can be asked.
const STARTED: &str = "started successfully on port ";

/// How long killed processes may take to end, in seconds.
const END_S: u64 = 10;
const POLL_INTERVAL_MS: u64 = 10;

/// How often ChromeDriver is started before that is a failure.
const STARTS_MAX: usize = 5;

/// A running ChromeDriver. It and all that it has started are killed when it is dropped.
pub(super) struct Driver {
    child: Child,
    /// Profile, home and temporary files of the browser, removed last.
    folder: TempDir,
    /// The address without a slash at the end.
    pub(super) url: String,
}

impl Driver {
    /// Starts this program on a port that is free.
    ///
    /// ChromeDriver draws a port of one family of addresses and ends if it is taken in the other one,
    /// so it is started again.
    pub(super) async fn start(program: &str) -> Self {
        for _ in 1..STARTS_MAX {
            if let Some(driver) = Self::try_start(program).await {
                return driver;
            }
        }
        Self::try_start(program).await.expect("ChromeDriver names its port")
    }

    async fn try_start(program: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spawned = Command::new(program)
            .arg("--port=0")
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("{program} is missing: {HOW_TO_INSTALL}")
            }
            Err(error) => panic!("{program} does not start: {error}"),
        };
        let port = port_in(child.stdout.take().expect("stdout is piped"));
        let mut driver = Self { child, folder, url: String::new() };
        let port = tokio::time::timeout(Duration::from_secs(PATIENCE_S), port).await;
        driver.url = format!("http://127.0.0.1:{}", port.ok().and_then(Result::ok)?);
        Some(driver)
    }

    /// Where the browser may write.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The living processes of this driver: its process group, and by their environment those
    /// that have left it, as Chromium's crash handlers do.
    pub(super) fn processes(&self) -> Vec<i32> {
        let (group, home) = (self.group(), format!("HOME={}", self.folder.path().display()));
        let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| match state_and_group(*pid) {
            None | Some(('Z' | 'X', _)) => false,
            Some((_, its_group)) => its_group == group || environment_has(*pid, &home),
        })
        .collect()
    }

    fn group(&self) -> i32 {
        self.child.id().try_into().expect("a pid fits")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _may_have_ended = killpg(Pid::from_raw(self.group()), Signal::SIGKILL);
        let _may_have_ended = self.child.wait();
        let deadline = Instant::now() + Duration::from_secs(END_S);
        loop {
            let left = self.processes();
            if left.is_empty() || Instant::now() >= deadline {
                return;
            }
            for pid in left {
                let _may_have_ended = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            // not a wait for time: only the system knows when a killed process has ended
            std::thread::sleep(Duration::from_millis(POLL_INTERVAL_MS));
        }
    }
}

fn port_in(stdout: ChildStdout) -> oneshot::Receiver<u16> {
    let (sender, port) = oneshot::channel();
    std::thread::spawn(move || {
        let mut sender = Some(sender);
        // To the end, because the driver would block on a full pipe.
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let number = line.split_once(STARTED).map(|(_, rest)| rest.trim_end_matches('.'));
            if let Some(Ok(number)) = number.map(str::parse::<u16>) {
                let _the_test_may_be_over = sender.take().map(|it| it.send(number));
            }
        }
    });
    port
}

/// From `/proc/PID/stat`: behind the name, which ends in the last `)`, stand the state, the
/// parent and the process group (proc(5)).
fn state_and_group(pid: i32) -> Option<(char, i32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(1)?.parse().ok()?))
}

fn environment_has(pid: i32, entry: &str) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|it| it == entry.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "`cargo xtask setup`")]
    async fn a_machine_without_a_driver_is_told_what_to_run() {
        Driver::start("no-such-driver-of-live-users").await;
    }
}
