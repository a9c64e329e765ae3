//! The process between a backend and a command that sends mail. It ends the command with the backend.
//!
//! A backend that is killed (SIGKILL) can end nothing. But the system closes its end of the pipe to
//! this process, however it ends, and then this process kills the command and what that has started.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};

/// The first argument of this process, which only a backend gives. The command follows.
pub(super) const KEEP: &str = "keep-mail-command";

/// Keeps a mail command if the backend has started this process for that, and returns its exit code.
/// `None` in all other processes.
///
/// A program that contains a backend calls this first: hooks that send mail start the program again.
/// The message is read from standard input, its length first. Exit code 0 says that the command ended
/// with 0; otherwise standard output has the reason. The command gets the variables of this process.
pub fn keep_mail_command() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != KEEP {
        return None;
    }
    Some(match keep(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _nobody_reads = writeln!(io::stdout(), "{why}");
            ExitCode::FAILURE
        }
    })
}

fn keep(mut arguments: impl Iterator<Item = OsString>) -> Result<(), String> {
    let message = read_message(&mut io::stdin().lock())
        .map_err(|error| format!("the message does not come: {error}"))?;
    let program = arguments.next().ok_or("there is no command")?;
    let (started, group) = channel();
    // Before the command: one that nobody ends must not begin.
    let ending = thread::Builder::new().spawn(move || end_with_backend(&group));
    ending.map_err(cannot_be_started)?;
    let mut command = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(cannot_be_started)?;
    let _is_heard = started.send(Pid::from_child(&command));
    if let Some(mut stdin) = command.stdin.take() {
        // A command that does not read all says by its exit code whether that is well.
        let _not_read = stdin.write_all(&message);
    }
    // What the command has left to go on delivers the mail, as the `sendmail` of some servers does.
    match command.wait().map(|status| (status.success(), status.code())) {
        Ok((true, _)) => Ok(()),
        Ok((_, Some(code))) => Err(format!("the command ended with exit code {code}")),
        Ok((_, None)) => Err("the command was ended by a signal".to_owned()),
        Err(error) => Err(format!("the command cannot be waited for: {error}")),
    }
}

/// Reads it whole: of a backend that ends before, no part is sent.
fn read_message(backend: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    backend.read_exact(&mut length)?;
    let (length, mut message) = (u64::from_be_bytes(length), Vec::new());
    let n_read = backend.take(length).read_to_end(&mut message)?;
    if n_read as u64 == length { Ok(message) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Waits for the end of the backend, and then kills the command with its process group.
fn end_with_backend(group: &Receiver<Pid>) {
    let _end = io::copy(&mut io::stdin(), &mut io::sink());
    if let Ok(group) = group.recv() {
        // A group without a process is none any more, and that is an error.
        let _nobody_left = kill_process_group(group, Signal::KILL);
    }
    std::process::exit(1);
}

pub(super) fn cannot_be_started(error: io::Error) -> String {
    format!("the command cannot be started: {error}")
}
