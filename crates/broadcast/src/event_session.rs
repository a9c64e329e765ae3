//! One side of server-sent events, as bytes out, with time as an argument.

use std::time::{Duration, Instant};

use actix_web::web::{Bytes, BytesMut};

use crate::{Frame, HEARTBEAT_MS};

/// The bounds of a random delay, in milliseconds, after which a browser's `EventSource` reconnects.
/// It spreads the clients of a stream that ended.
const RETRY_MS_MIN: u16 = 1_000;
const RETRY_MS_MAX: u16 = 4_000;

/// The most bytes that a client may send after its request. It has nothing to say: this is for
/// requests that follow on the same connection, which get no answer.
const SENT_BYTES_MAX: usize = 8 * 1024;

/// One stream.
#[derive(Debug)]
pub(crate) struct EventSession {
    /// Whether the answer has `Transfer-Encoding: chunked`, as all but those to HTTP/1.0.
    is_chunked: bool,
    is_open: bool,
    /// When a heartbeat is due.
    heartbeat: Instant,
    sent_to_us: usize,
}

impl EventSession {
    pub(crate) fn new(now: Instant, is_chunked: bool) -> Self {
        Self { is_chunked, is_open: false, heartbeat: next(now), sent_to_us: 0 }
    }

    /// The bytes of a frame. Before the first one the client learns when to reconnect.
    pub(crate) fn send(&mut self, now: Instant, frame: &Frame) -> Bytes {
        self.rest(now);
        let bytes = if self.is_chunked { frame.chunk() } else { frame.event() };
        match self.opening() {
            Some(opening) => {
                let mut both = BytesMut::from(&opening[..]);
                both.extend_from_slice(bytes);
                both.freeze()
            }
            None => bytes.clone(),
        }
    }

    /// What the client gets before anything else.
    pub(crate) fn opening(&mut self) -> Option<Bytes> {
        let is_open = std::mem::replace(&mut self.is_open, true);
        let opening = || self.encoded(format!("retry: {}\n\n", retry_ms()));
        (!is_open).then(opening)
    }

    /// What is due: a heartbeat.
    pub(crate) fn tick(&mut self, now: Instant) -> Bytes {
        self.rest(now);
        match self.is_chunked {
            true => Bytes::from_static(b"d\r\n: heartbeat\n\n\r\n"),
            false => Bytes::from_static(b": heartbeat\n\n"),
        }
    }

    /// When [`EventSession::tick`] has work.
    pub(crate) fn due(&self) -> Instant {
        self.heartbeat
    }

    /// Something happened: from here on the silence counts anew.
    pub(crate) fn rest(&mut self, now: Instant) {
        self.heartbeat = next(now);
    }

    /// The client has sent so many bytes, which nobody reads.
    pub(crate) fn receive(&mut self, bytes: usize) {
        self.sent_to_us = self.sent_to_us.saturating_add(bytes);
    }

    /// Whether the client sends more than it may.
    pub(crate) fn is_flooded(&self) -> bool {
        self.sent_to_us > SENT_BYTES_MAX
    }

    /// What ends the stream.
    pub(crate) fn end(&self) -> Bytes {
        Bytes::from_static(if self.is_chunked { b"0\r\n\r\n" } else { b"" })
    }

    fn encoded(&self, text: String) -> Bytes {
        match self.is_chunked {
            true => format!("{:x}\r\n{text}\r\n", text.len()).into(),
            false => text.into(),
        }
    }
}

fn next(now: Instant) -> Instant {
    now + Duration::from_millis(HEARTBEAT_MS)
}

/// A random delay. Without randomness it is the longest.
fn retry_ms() -> u16 {
    let mut random = [0; 2];
    match getrandom::fill(&mut random) {
        Ok(()) => RETRY_MS_MIN + u16::from_ne_bytes(random) % (RETRY_MS_MAX - RETRY_MS_MIN),
        Err(_) => RETRY_MS_MAX,
    }
}
