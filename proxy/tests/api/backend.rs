//! A backend that the test plays: each request is handed to the test, which answers when and how
//! it likes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// A bound for a machine that is stuck, in seconds.
const PATIENCE_S: u64 = 60;

/// An address that refuses connections until it is opened. It stays ours meanwhile.
pub(crate) struct Closed {
    socket: TcpSocket,
    /// Whether the test answers whose a token is.
    knows_tokens: bool,
    pub(crate) url: String,
}

/// An open backend. Refuses connections once dropped.
pub(crate) struct Backend {
    pub(crate) url: String,
    requests: UnboundedReceiver<Request>,
    accepting: JoinHandle<()>,
}

/// A request that waits for its answer; dropped, its connection closes.
pub(crate) struct Request {
    stream: TcpStream,
    /// The request line and the headers.
    pub(crate) head: String,
    /// What came behind them.
    pub(crate) body: String,
}

impl Closed {
    pub(crate) fn reserve() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let url = format!("http://{}", socket.local_addr().expect("it is bound"));
        Self { socket, knows_tokens: false, url }
    }

    pub(crate) fn open(self) -> Backend {
        let listener = self.socket.listen(64).expect("listens");
        let (sender, requests) = unbounded_channel();
        let accepting = tokio::spawn(accept(listener, self.knows_tokens, sender));
        Backend { url: self.url, requests, accepting }
    }
}

impl Backend {
    pub(crate) fn start() -> Self {
        Closed::reserve().open()
    }

    /// One that has tokens of accounts; each request whose a token is comes to the test, too.
    pub(crate) fn start_with_tokens() -> Self {
        Closed { knows_tokens: true, ..Closed::reserve() }.open()
    }

    /// The next request, however long it takes.
    pub(crate) async fn recv(&mut self) -> Option<Request> {
        self.requests.recv().await
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Request {
        let next = tokio::time::timeout(Duration::from_secs(PATIENCE_S), self.requests.recv());
        next.await.expect("a request comes").expect("the backend accepts")
    }

    /// Whether there was no request beside those that `next` has returned.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Request {
    pub(crate) async fn count(self, live_users: u64) {
        self.say(&ok(&format!(r#"{{"liveUsers":{live_users}}}"#))).await;
    }

    /// Resolves when the proxy has closed the connection.
    pub(crate) async fn closed(mut self) {
        let closed = tokio::time::timeout(Duration::from_secs(PATIENCE_S), async {
            while matches!(self.stream.read(&mut [0; 64]).await, Ok(read) if read > 0) {}
        });
        closed.await.expect("the proxy closes it");
    }

    /// Opens a stream of server-sent events.
    pub(crate) async fn open_stream(&mut self) {
        self.start_to_say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;
    }

    /// Sends an event.
    pub(crate) async fn tell(&mut self, json: &str) {
        self.start_to_say(&format!("id: any\ndata: {json}\n\n")).await;
    }

    /// Sends these bytes and closes the connection.
    pub(crate) async fn say(mut self, answer: &str) {
        self.start_to_say(answer).await;
    }

    /// Sends these bytes and leaves the connection open.
    pub(crate) async fn start_to_say(&mut self, answer: &str) {
        // The proxy may have hung up, as it does on an answer that is too big.
        let _may_be_gone = self.stream.write_all(answer.as_bytes()).await;
    }
}

/// A whole answer with status 200.
pub(crate) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn accept(listener: TcpListener, knows_tokens: bool, requests: UnboundedSender<Request>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        if !head.is_empty() {
            let head = String::from_utf8_lossy(&head).into_owned();
            let asks_whose = head.contains("/api/live-users/access ");
            let is_old = head.contains("/api/sessions/ended ") || asks_whose && !knows_tokens;
            let body = body_behind(&head, &mut stream).await;
            if is_old && (asks_whose || head.starts_with("GET ")) {
                // As a backend of an older version answers. The first is asked all the time.
                let nothing =
                    "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                let _may_be_gone = stream.write_all(nothing.as_bytes()).await;
                continue;
            }
            let _the_test_is_over = requests.send(Request { stream, head, body });
        }
    }
}

/// Reads the body of a request. Whoever answers without having read it resets the connection.
async fn body_behind(head: &str, stream: &mut TcpStream) -> String {
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.and_then(|it| it.parse().ok()).unwrap_or_default()];
    let _may_have_hung_up = stream.read_exact(&mut body).await;
    String::from_utf8_lossy(&body).into_owned()
}
