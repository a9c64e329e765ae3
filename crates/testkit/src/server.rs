//! A server process of one test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::freeze::freeze;

/// How long a server may take to start, to log an awaited line or to stop before the test fails,
/// in seconds. A bound for a machine that is stuck, not an expectation of speed.
const PATIENCE_S: u64 = 60;

/// What a server logs, with its address behind it, once it can be asked.
const LISTENING: &str = "listening on ";

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    lines: Receiver<String>,
    log: String,
    /// The server's address without a slash at the end, such as `http://127.0.0.1:40123`.
    pub url: String,
}

impl Server {
    /// Starts the binary with these arguments and environment variables and no others, and waits
    /// until it listens. `HOST` and `PORT` are loopback and 0 unless given, and a journal is in
    /// memory.
    ///
    /// # Panics
    /// If the binary cannot be started or ends before it listens.
    pub fn start(binary: impl AsRef<OsStr>, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::spawn(command(binary, args, env))
    }

    /// As [`Server::start`], in this working directory.
    ///
    /// # Panics
    /// As there.
    pub fn start_in(
        folder: &Path,
        binary: impl AsRef<OsStr>,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let mut command = command(binary, args, env);
        command.current_dir(folder);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
        let lines = follow(child.stdout.take().expect("stdout is piped"));
        let mut server = Self { child, lines, log: String::new(), url: String::new() };
        let line = server.await_log(LISTENING);
        let at = line.find(LISTENING).expect("just found") + LISTENING.len();
        server.url = line[at..].split_whitespace().next().expect("an address").to_owned();
        server
    }

    /// Waits for a line of the log that contains `text`, and returns it. Lines that were read
    /// while waiting for an earlier one are not looked at again.
    ///
    /// # Panics
    /// If the server ends or is silent for too long before such a line.
    pub fn await_log(&mut self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.log.push_str(&line);
                    self.log.push('\n');
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("no line with {text:?} in the log:\n{}", self.log),
            }
        }
    }

    /// What has been read of the log so far.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM and does not wait.
    pub fn ask_to_stop(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Sends SIGHUP, which asks for files to be read again.
    pub fn hang_up(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// Sends SIGTERM and waits for the end: the exit status and all that was logged.
    ///
    /// # Panics
    /// If the server does not end.
    pub fn terminate(mut self) -> (ExitStatus, String) {
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        while let Ok(line) =
            self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.log.push_str(&line);
            self.log.push('\n');
        }
        let status = self.child.wait().expect("the server ends");
        (status, std::mem::take(&mut self.log))
    }

    /// Kills the server as a crash would, and waits for its end.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server ends");
    }

    /// Stops the process where it is (SIGSTOP) or lets it go on (SIGCONT).
    ///
    /// # Panics
    /// If the system refuses.
    pub fn freeze(&self, frozen: bool) {
        freeze(&self.child, frozen);
    }

    /// Lets the server write no file beyond this size, in bytes, as a full disk would; `None` lets
    /// it go on. Our servers live on.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let limit = rustix::process::Rlimit { current: bytes, maximum: None };
        rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, limit)
            .expect("a limit can be set for a child");
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid fits"));
        kill(pid, signal).expect("the server can be signalled");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _may_have_ended = self.child.wait();
    }
}

/// Runs a binary that is expected to end by itself, and returns its status and output.
///
/// # Panics
/// If the binary cannot be started.
pub fn exit_of(binary: impl AsRef<OsStr>, args: &[&str], env: &[(&str, &str)]) -> Output {
    command(binary, args, env).output().expect("starts")
}

/// As [`exit_of`], in this working directory.
///
/// # Panics
/// If the binary cannot be started.
pub fn exit_in(
    folder: &Path,
    binary: impl AsRef<OsStr>,
    args: &[&str],
    env: &[(&str, &str)],
) -> Output {
    command(binary, args, env).current_dir(folder).output().expect("starts")
}

fn command(binary: impl AsRef<OsStr>, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary);
    command.args(args).env_clear().stdin(Stdio::null());
    command.env("HOST", "127.0.0.1").env("PORT", "0").env("JOURNAL_URL", "memory:");
    command.envs(env.iter().copied());
    command
}

fn follow(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.by_ref().read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            // The test may be over and gone; the server must still not block on a full pipe.
            let _nobody_listens = sender.send(text);
            line.clear();
        }
    });
    lines
}
