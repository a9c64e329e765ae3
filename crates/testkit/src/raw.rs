//! A client that sends what it likes, from an address of its own. On Linux, each address of
//! 127.0.0.0/8 is one.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// A bound for a server that is stuck, in seconds; not an expectation of speed.
const PATIENCE_S: u64 = 60;

/// One connection.
#[derive(Debug)]
pub struct RawClient(TcpStream);

impl RawClient {
    /// Connects to the server at this URL, from 127.0.x.y.
    ///
    /// # Panics
    /// If there is no connection.
    pub fn connect(url: &str, [x, y]: [u8; 2]) -> Self {
        let server: SocketAddr =
            url.trim_start_matches("http://").parse().expect("an address without a path");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let source = SocketAddr::from((Ipv4Addr::new(127, 0, x, y), 0));
        socket.bind(&source.into()).expect("an address of this machine");
        socket.connect(&server.into()).expect("a connection");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(PATIENCE_S))).expect("a timeout");
        Self(stream)
    }

    /// Sends a text. It may be lost if the server has closed the connection.
    ///
    /// # Panics
    /// If it can be sent for no other reason.
    pub fn send(&mut self, text: &str) {
        if let Err(error) = self.0.write_all(text.as_bytes()) {
            let is_closed = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
            assert!(is_closed.contains(&error.kind()), "{error}");
        }
    }

    /// The status of the answer that comes next, or `None` if the connection is closed instead. The
    /// rest of the answer stays unread.
    ///
    /// # Panics
    /// If neither comes.
    pub fn status(&mut self) -> Option<u16> {
        let mut begin = [0; 12];
        match self.0.read_exact(&mut begin) {
            Ok(()) => Some(String::from_utf8_lossy(&begin[9..]).parse().expect("a status")),
            Err(error) => {
                assert!(is_end(&error), "neither an answer nor an end: {error}");
                None
            }
        }
    }

    /// The whole of the answer that comes next, by its `Content-Length`.
    ///
    /// # Panics
    /// If it does not come.
    pub fn answer(&mut self) -> String {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).expect("the head of an answer");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a head in UTF-8").to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("the body of an answer");
        head + &String::from_utf8(body).expect("a body in UTF-8")
    }

    /// Everything that comes until the server closes the connection.
    ///
    /// # Panics
    /// If it does not.
    pub fn until_closed(mut self) -> String {
        let (mut heard, mut bytes) = (Vec::new(), [0; 4096]);
        loop {
            match self.0.read(&mut bytes) {
                Ok(0) => break,
                Ok(n) => heard.extend_from_slice(&bytes[..n]),
                Err(error) => {
                    assert!(is_end(&error), "the connection is not closed: {error}");
                    break;
                }
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    }
}

fn is_end(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)
}
