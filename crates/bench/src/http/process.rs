//! A server that this program has started and ends again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

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
