//! Listens to a server: server-sent events and WebSockets, one client each.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderName, HeaderValue, Request};
use live_users_broadcast::{Event, EventStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use url::{Position, Url};

use crate::Answer;

/// A bound for a server that is stuck, in seconds; not an expectation of speed.
const PATIENCE_S: u64 = 60;

/// More than any event of a test.
const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An open stream of server-sent events.
pub struct Events {
    stream: TcpStream,
    parser: EventStream,
    read: VecDeque<Event>,
}

/// An open WebSocket. It answers pings while it is read.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// What a WebSocket has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Text(String),
    /// The end, with this code.
    Closed(u16),
    /// The end without a word.
    Gone,
}

impl Events {
    /// Opens a stream.
    ///
    /// # Errors
    /// The answer, if it is not 200.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn open(url: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let url = Url::parse(url).expect("a URL");
        let mut stream = connect(&url).await;
        // HTTP/1.0, because then the body is not cut into chunks.
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let mut request = format!("GET {target} HTTP/1.0\r\nHost: {}\r\n", authority(&url));
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(in_time(stream.read_u8()).await.expect("the head of an answer"));
        }
        let mut answer = answer_in(&String::from_utf8_lossy(&head));
        if answer.status == 200 {
            let parser = EventStream::new(EVENT_BYTES_MAX);
            return Ok(Self { stream, parser, read: VecDeque::new() });
        }
        in_time(stream.read_to_string(&mut answer.body)).await.expect("a body");
        Err(answer)
    }

    /// The data of the next event; `None` at the end.
    pub async fn next(&mut self) -> Option<String> {
        self.next_event().await.map(Event::into_text)
    }

    /// The next event; `None` at the end.
    ///
    /// # Panics
    /// If there is none for too long.
    pub async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.read.pop_front() {
                return Some(event);
            }
            let mut bytes = [0; 4096];
            match in_time(self.stream.read(&mut bytes)).await {
                Ok(0) | Err(_) => return None,
                Ok(n) => self.read.extend(self.parser.push(&bytes[..n]).expect("not too long")),
            }
        }
    }
}

impl Socket {
    /// Opens a WebSocket at an `http://` URL.
    ///
    /// # Errors
    /// The answer, if it is not 101.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn open(url: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let stream = connect(&Url::parse(url).expect("a URL")).await;
        let address = format!("ws{}", url.strip_prefix("http").expect("http://"));
        let mut request: Request<()> = address.into_client_request().expect("a request");
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a name");
            request.headers_mut().append(name, HeaderValue::from_str(value).expect("a value"));
        }
        match in_time(client_async(request, stream)).await {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(answer)) => {
                let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
                let headers = answer.headers().iter();
                let body = answer.body().as_deref().unwrap_or_default();
                Err(Answer {
                    status: answer.status().as_u16(),
                    headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
                    body: String::from_utf8_lossy(body).into_owned(),
                })
            }
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// What comes next, but for pings.
    ///
    /// # Panics
    /// If there is nothing for too long.
    pub async fn next(&mut self) -> Heard {
        loop {
            match in_time(self.stream.next()).await {
                Some(Ok(Message::Text(text))) => return Heard::Text(text.to_string()),
                Some(Ok(Message::Close(close))) => {
                    return Heard::Closed(close.map_or(1005, |close| close.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Gone,
            }
        }
    }

    /// The next message.
    ///
    /// # Panics
    /// If the socket ends.
    pub async fn text(&mut self) -> String {
        match self.next().await {
            Heard::Text(text) => text,
            end => panic!("a message was expected, and not {end:?}"),
        }
    }

    /// Sends something.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub async fn say(&mut self, message: impl Into<Message>) {
        self.stream.send(message.into()).await.expect("sent");
    }
}

async fn connect(url: &Url) -> TcpStream {
    TcpStream::connect(authority(url)).await.expect("a connection")
}

fn authority(url: &Url) -> String {
    format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"))
}

fn answer_in(head: &str) -> Answer {
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let header = |line: &str| {
        line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
    };
    let headers = lines.filter_map(header).collect();
    Answer { status: status.expect("a status"), headers, body: String::new() }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(PATIENCE_S);
    tokio::time::timeout(patience, what).await.expect("the server says something in time")
}
