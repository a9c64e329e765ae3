//! Many readers of a stream, each with a connection of its own, who note when a count arrives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use parking_lot::{Condvar, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::frames::{Frames, Seen};

/// How long the last reader may take, in seconds; not an expectation of speed.
const PATIENCE_S: u64 = 30;

/// Connections that are being made at once: more would overflow a server's queue of them.
const OPENING_MAX: usize = 64;

/// What the response head may take, in bytes.
const HEAD_BYTES_MAX: usize = 4096;

/// How a reader reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Transport {
    Sse,
    WebSocket,
}

/// What one event took to reach its readers.
pub(in crate::http) struct Arrivals {
    /// Milliseconds from the event to each reader, ascending.
    pub(in crate::http) ms: Vec<f64>,
}

/// Open connections; closed when dropped.
pub(in crate::http) struct Readers {
    board: Arc<Board>,
    _runtime: Runtime,
}

/// What the readers write down.
struct Board {
    /// How many readers there are.
    count: usize,
    awaited: AtomicU64,
    arrived: Mutex<Vec<Instant>>,
    /// All have arrived.
    all: Condvar,
}

impl Board {
    fn new(count: usize) -> Self {
        let (awaited, all) = <_>::default();
        Self { count, awaited, arrived: Mutex::new(Vec::with_capacity(count)), all }
    }

    /// A reader was told. Only the last one wakes who waits: a thread that wakes for each reader takes
    /// more of the machine than the servers that are measured.
    fn arrive(&self, at: Instant) {
        let mut arrived = self.arrived.lock();
        arrived.push(at);
        if arrived.len() >= self.count {
            self.all.notify_one();
        }
    }
}

impl Transport {
    pub(in crate::http) fn name(self) -> &'static str {
        match self {
            Self::Sse => "SSE",
            Self::WebSocket => "WebSocket",
        }
    }

    fn request(self, address: SocketAddr, path: &str) -> String {
        let more = match self {
            Self::Sse => "Accept: text/event-stream\r\n",
            Self::WebSocket => {
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            }
        };
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{more}\r\n")
    }

    fn status(self) -> &'static [u8] {
        match self {
            Self::Sse => b"HTTP/1.1 200 ",
            Self::WebSocket => b"HTTP/1.1 101 ",
        }
    }
}

impl Readers {
    /// Opens so many connections, and waits until each has been let in.
    pub(in crate::http) fn open(
        url: &str,
        path: &str,
        transport: Transport,
        count: usize,
    ) -> Result<Self> {
        let address: SocketAddr =
            url.strip_prefix("http://").context("http")?.parse().context("an address")?;
        let board = Arc::new(Board::new(count));
        // One thread, as what is measured should have the rest of the machine.
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let request: Arc<str> = transport.request(address, path).into();
        let (opened, mut openings) = mpsc::channel(OPENING_MAX);
        for begun in 0..count {
            if begun >= OPENING_MAX {
                wait_for(&runtime, &mut openings)?;
            }
            let (board, request, opened) = (board.clone(), request.clone(), opened.clone());
            runtime.spawn(async move {
                match open(address, transport, &request).await {
                    Ok((stream, frames)) => {
                        let _nobody_waits = opened.send(Ok(())).await;
                        drop(opened);
                        read(stream, frames, &board).await;
                    }
                    Err(error) => drop(opened.send(Err(error)).await),
                }
            });
        }
        for _ in 0..count.min(OPENING_MAX) {
            wait_for(&runtime, &mut openings)?;
        }
        Ok(Self { board, _runtime: runtime })
    }

    /// Lets something happen after which all readers are told this count, and waits until the last
    /// of them was.
    pub(in crate::http) fn await_count(
        &self,
        live_users: u64,
        event: impl FnOnce() -> Result<()>,
    ) -> Result<Arrivals> {
        self.board.arrived.lock().clear();
        self.board.awaited.store(live_users, Ordering::SeqCst);
        let begin = Instant::now();
        event()?;
        let deadline = begin + Duration::from_secs(PATIENCE_S);
        let count = self.board.count;
        let mut arrived = self.board.arrived.lock();
        while arrived.len() < count {
            if self.board.all.wait_until(&mut arrived, deadline).timed_out() {
                bail!("{} of {count} readers were told {live_users}", arrived.len());
            }
        }
        let ms = |at: &Instant| at.duration_since(begin).as_secs_f64() * 1_000.0;
        let mut ms: Vec<f64> = arrived.iter().map(ms).collect();
        ms.sort_unstable_by(f64::total_cmp);
        Ok(Arrivals { ms })
    }
}

fn wait_for(runtime: &Runtime, openings: &mut mpsc::Receiver<Result<()>>) -> Result<()> {
    let patience = Duration::from_secs(PATIENCE_S);
    runtime
        .block_on(async { tokio::time::timeout(patience, openings.recv()).await })
        .context("a reader is not let in")?
        .context("all readers have gone")?
}

/// Connects, asks, and reads the head of the answer.
async fn open(
    address: SocketAddr,
    transport: Transport,
    request: &str,
) -> Result<(TcpStream, Frames)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    loop {
        let mut byte = [0; 512];
        let n = stream.read(&mut byte).await?;
        ensure!(n > 0 && head.len() < HEAD_BYTES_MAX, "no head: {head:?}");
        head.extend_from_slice(&byte[..n]);
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&head);
            ensure!(head.starts_with(transport.status()), "{text}");
            return Ok((stream, Frames::new(transport, &head[end + 4..])));
        }
    }
}

async fn read(mut stream: TcpStream, mut frames: Frames, board: &Board) {
    let mut told = 0;
    let mut buffer = [0; 512];
    loop {
        let Ok(n @ 1..) = stream.read(&mut buffer).await else { return };
        match frames.read(&buffer[..n]) {
            Seen { pong: Some(pong), .. } if stream.write_all(&pong).await.is_err() => return,
            Seen { live_users: Some(live_users), .. } if live_users != told => {
                told = live_users;
                if live_users == board.awaited.load(Ordering::SeqCst) {
                    board.arrive(Instant::now());
                }
            }
            Seen { .. } => {}
        }
    }
}
