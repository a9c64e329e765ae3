//! A request that is ready to be sent: what its sender has to work out is not measured.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// How long an answer may take, in seconds; not an expectation of speed.
const PATIENCE_S: u64 = 30;

/// A request with its body, to be sent on a connection of its own.
pub(super) struct Prepared {
    address: SocketAddr,
    request: String,
}

impl Prepared {
    /// A request to the server at this URL, which ends the connection after its answer.
    pub(super) fn new(url: &str, request: &str) -> Result<Self> {
        let address = url.strip_prefix("http://").context("http")?.parse().context("an address")?;
        let (line, rest) = request.split_once("\r\n").context("a request has lines")?;
        let request = format!("{line}\r\nConnection: close\r\n{rest}");
        Ok(Self { address, request })
    }

    /// Sends it, and waits for the whole answer.
    ///
    /// # Errors
    /// If it is no success.
    pub(super) fn send(&self) -> Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(PATIENCE_S)))?;
        stream.write_all(self.request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        ensure!(answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
        Ok(())
    }
}
