//! The address of a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use crate::SettingsReader;

/// An address to listen on, from `HOST` and `PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

/// The most connections that wait to be accepted. The kernel caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

impl ListenAddress {
    /// Reads the address. The default is loopback and the given port. A platform that sets `PORT`,
    /// such as Cloud Run, expects every interface, so `PORT` alone means `0.0.0.0:$PORT`.
    pub fn read(reader: &mut SettingsReader<'_>, default_port: u16) -> Self {
        let default_host = match reader.text("PORT") {
            Some(_) => Ipv4Addr::UNSPECIFIED,
            None => Ipv4Addr::LOCALHOST,
        };
        let host = reader.parsed("HOST", IpAddr::V4(default_host), "an IP address");
        let port = reader.parsed("PORT", default_port, "a port number from 0 to 65535");
        Self(SocketAddr::new(host, port))
    }

    /// Whether only this machine can reach the address.
    pub fn is_loopback(self) -> bool {
        self.0.ip().is_loopback()
    }

    /// Binds the address; port 0 lets the system choose one.
    ///
    /// # Errors
    /// The system's own, with the address and the variables to change in its text.
    pub fn bind(self) -> std::io::Result<TcpListener> {
        self.bind_or("set HOST and PORT to another address")
    }

    /// As [`ListenAddress::bind`], for a command that takes the address from elsewhere. `remedy`
    /// says what to set.
    ///
    /// # Errors
    /// The system's own, with the address and the remedy in its text.
    pub fn bind_or(self, remedy: &str) -> std::io::Result<TcpListener> {
        bind(self.0).map_err(|error| {
            let Self(address) = self;
            let text = format!("cannot listen on {address}: {error}; {remedy}");
            std::io::Error::new(error.kind(), text)
        })
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    // A restart must not wait for the old connections to leave TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    fn address(env: &Env) -> String {
        let mut reader = SettingsReader::new(env);
        let address = ListenAddress::read(&mut reader, 8080);
        reader.finish(address).unwrap().0.to_string()
    }

    #[test]
    fn a_port_alone_means_every_interface() {
        assert_eq!(address(&Env::default()), "127.0.0.1:8080");
        assert_eq!(address(&Env::of([("PORT", "9000")])), "0.0.0.0:9000");
        assert_eq!(address(&Env::of([("PORT", "9000"), ("HOST", "127.0.0.1")])), "127.0.0.1:9000");
        assert_eq!(address(&Env::of([("HOST", "::1")])), "[::1]:8080");
    }
}
