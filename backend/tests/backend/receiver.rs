//! Whom the backend sends something to, played by a test: each request waits for its answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Inbox, channel};
use std::time::Duration;

use live_users_twilio::{AuthTokens, Form, Payload, SIGNATURE_HEADER, SignedRequest};

/// A bound for a machine that is stuck, in seconds.
const PATIENCE_S: u64 = 60;

/// The answer to what is taken, and one to what is not.
pub(crate) const OK: &str = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
pub(crate) const TROUBLE: &str =
    "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Whom a server sends something to. The test plays it.
pub(crate) struct Receiver {
    pub(crate) base: String,
    requests: Inbox<(Request, TcpStream)>,
}

/// What came to it.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path and the query.
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A sender that is killed leaves a piece of one.
                let Some(request) = read(&stream) else { continue };
                if sender.send((request, stream)).is_err() {
                    break;
                }
            }
        });
        Self { base, requests }
    }

    pub(crate) fn next(&self) -> (Request, TcpStream) {
        self.requests.recv_timeout(Duration::from_secs(PATIENCE_S)).expect("a request")
    }

    /// A request that waits, if one does.
    pub(crate) fn next_if_there(&self) -> Option<TcpStream> {
        self.requests.try_recv().ok().map(|(_, stream)| stream)
    }

    /// Whether no request waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.try_recv().is_err()
    }

    /// The next request, which is taken.
    pub(crate) fn take(&self) -> Request {
        let (request, stream) = self.next();
        answer(stream, OK);
        request
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.head.lines().find_map(|line| {
            let (it, value) = line.split_once(": ")?;
            it.eq_ignore_ascii_case(name).then_some(value)
        });
        value.unwrap_or_default()
    }

    /// Whether it is signed with this token for this server.
    pub(crate) fn is_signed(&self, receiver: &Receiver, token: &str) -> bool {
        let url = format!("{}{}", receiver.base, self.target);
        let form = Form::parse(self.body.as_bytes()).expect("a form");
        let payload = if self.method == "GET" { Payload::None } else { Payload::Form(&form) };
        let signature = Some(self.header(SIGNATURE_HEADER));
        let signed = SignedRequest { url: &url, signature, settings: None, payload };
        AuthTokens::new([token]).expect("a token").verify(&signed).is_ok()
    }
}

pub(crate) fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|n| *n > 0)?;
    }
    let length = head
        .lines()
        .find_map(|it| it.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.split(' ');
    let mut word = || words.next().expect("a word").to_owned();
    let (method, target) = (word(), word());
    Some(Request { method, target, head, body: String::from_utf8(body).expect("text") })
}

pub(crate) fn answer(mut stream: TcpStream, with: &str) {
    stream.write_all(with.as_bytes()).expect("an answer");
}
