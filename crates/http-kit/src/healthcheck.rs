//! Checks that the server on this machine is alive, for health checks of containers. The images
//! contain one binary, and no shell or curl.

use std::io::{Error, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::ListenAddress;

/// How long the answer may take, in milliseconds.
const TIMEOUT_MS: u64 = 3000;

/// Requests `GET /healthz` from the server at this address, which this setting names.
///
/// # Errors
/// The system's own, or that the answer is not 200. The text has the address and the setting.
pub(crate) fn run(ListenAddress(listening): ListenAddress, setting: &str) -> std::io::Result<()> {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listening.port());
    ask(address).map_err(|error| {
        let text = format!("GET http://{address}/healthz: {error}; {setting} names the address");
        Error::new(error.kind(), text)
    })
}

fn ask(address: SocketAddr) -> std::io::Result<()> {
    let timeout = Duration::from_millis(TIMEOUT_MS);
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    match &status {
        b"HTTP/1.1 200" => Ok(()),
        other => Err(Error::other(format!("the answer is {:?}", String::from_utf8_lossy(other)))),
    }
}
