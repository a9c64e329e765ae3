//! Stops a process of a test where it is, and lets it go on.

use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Stops a process (SIGSTOP) or lets it go on (SIGCONT).
///
/// Trap: the signal is sent, and not yet obeyed by all threads, when `kill` returns. On a busy
/// machine such a process still answers. So this waits until it has stopped.
pub(crate) fn freeze(child: &Child, frozen: bool) {
    let pid = Pid::from_raw(child.id().try_into().expect("a pid fits"));
    let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
    kill(pid, signal).expect("the server can be signalled");
    if frozen {
        let status = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).expect("a child");
        assert!(matches!(status, WaitStatus::Stopped(..)), "{status:?}");
    }
}
