//! What an operator, or a mishap, does to a service: in NATS's own protocol, lines of text.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::Nats;

const INBOX: &str = "_INBOX.testkit";

impl Nats {
    /// Deletes a stream with all that is in it.
    ///
    /// # Panics
    /// If the service refuses.
    pub fn delete_stream(&self, stream: &str) {
        let said = self.ask(&format!("$JS.API.STREAM.DELETE.{stream}"), b"");
        assert!(said.contains("\"success\":true"), "{said}");
    }

    /// Fills all the space that the service has, with a stream of this name.
    ///
    /// # Panics
    /// If the service cannot be asked.
    pub fn fill(&self, stream: &str) {
        let config = format!(r#"{{"name":"{stream}","subjects":["{stream}"],"storage":"file"}}"#);
        let said = self.ask(&format!("$JS.API.STREAM.CREATE.{stream}"), config.as_bytes());
        assert!(!said.contains("\"error\""), "{said}");
        for size in [512 * 1024, 16 * 1024, 256, 1] {
            while !self.ask(stream, &vec![b'x'; size]).contains("\"error\"") {}
        }
    }

    fn ask(&self, subject: &str, payload: &[u8]) -> String {
        let stream = TcpStream::connect(self.address(0)).expect("the server listens");
        let mut writer = stream.try_clone().expect("another handle");
        let hello = format!(
            "CONNECT {{\"verbose\":false}}\r\nSUB {INBOX} 1\r\nPUB {subject} {INBOX} {}\r\n",
            payload.len()
        );
        writer.write_all(&[hello.as_bytes(), payload, b"\r\n"].concat()).expect("sent");
        let (mut reader, mut line) = (BufReader::new(stream), String::new());
        while !line.starts_with("MSG ") {
            line.clear();
            assert!(reader.read_line(&mut line).expect("a line") > 0, "the server has hung up");
            assert!(!line.starts_with("-ERR"), "{line}");
        }
        let bytes = line.split_whitespace().last().and_then(|it| it.parse().ok());
        let mut said = vec![0; bytes.expect("a length")];
        reader.read_exact(&mut said).expect("what it says");
        String::from_utf8_lossy(&said).into_owned()
    }
}
