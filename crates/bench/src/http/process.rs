//! A server that this program has started and ends again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::busy::TICKS_PER_S;
use crate::memory;

/// How long a server may take to start or to stop, in seconds: to replay ten million records, and to
/// write the snapshot of them.
const PATIENCE_S: u64 = 300;

/// How often is looked whether it has, in milliseconds.
const LOOK_EVERY_MS: u64 = 5;

/// A running server; asked to stop, and waited for, when dropped.
pub(super) struct Process {
    child: Child,
}

/// An address of loopback that nobody listens on at this moment.
pub(super) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

impl Process {
    /// Starts a server, and waits until it takes connections at the address.
    pub(super) fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let started = command.stdin(Stdio::null()).spawn();
        let mut process = Self { child: started.with_context(|| format!("{name}: no start"))? };
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        while TcpStream::connect(address).is_err() {
            if let Some(status) = process.child.try_wait()? {
                bail!("{name} ended with {status} before it listened");
            }
            if Instant::now() > deadline {
                bail!("{name} does not listen on {address}");
            }
            sleep(Duration::from_millis(LOOK_EVERY_MS));
        }
        Ok(process)
    }

    /// The memory that it has, in bytes.
    pub(super) fn resident_bytes(&self) -> Result<usize> {
        memory::resident_bytes(&self.child.id().to_string())
    }

    /// The processor time that it has taken so far, in seconds.
    pub(super) fn processor_s(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.context("only Linux tells this")?;
        processor_s(&stat).context("/proc/PID/stat without its times")
    }

    /// Ends it at once, by SIGKILL.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// How many descriptors it has open.
    pub(super) fn open_files(&self) -> Result<usize> {
        let folder = format!("/proc/{}/fd", self.child.id());
        Ok(std::fs::read_dir(folder).context("only Linux tells this")?.count())
    }

    fn ask_to_stop(&self) {
        if let Ok(pid) = self.child.id().try_into() {
            // SIGKILL would leave nginx's workers behind.
            let _has_ended_already = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.ask_to_stop();
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _has_ended_already = self.child.kill();
                let _status = self.child.wait();
                return;
            }
            sleep(Duration::from_millis(LOOK_EVERY_MS));
        }
    }
}

/// What `/proc/PID/stat` says: the time in the program and for it in the kernel, behind the name, which may have
/// spaces (proc_pid_stat(5), fields 14 and 15).
fn processor_s(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_whitespace().skip(11);
    let ticks = times.next()?.parse::<f64>().ok()? + times.next()?.parse::<f64>().ok()?;
    Some(ticks / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_is_that_in_it_and_in_the_kernel() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 1 2 3 4 250 50 9 9 20 0 4 0 5 6 7";
        assert_eq!(processor_s(stat), Some(3.0));
        assert_eq!(processor_s("7 (a) S 1"), None);
    }
}
