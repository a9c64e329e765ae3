//! One side of a WebSocket, as bytes in and bytes out, with time as an argument.
//!
//! A pong confirms everything that was sent before its ping. So the number of bytes in flight is
//! known, and stays bounded. A client that does not read gets nothing more, and later the newest
//! frame. A client that does not answer a ping in time is closed.

use std::time::{Duration, Instant};

use actix_http::ws::{OpCode, Parser, ProtocolError};
use actix_web::web::{Bytes, BytesMut};

use crate::close::echo;
use crate::{Close, Frame, HEARTBEAT_MS};

/// How long a client may take to answer a ping, in milliseconds.
const PONG_MS_MAX: u64 = 15_000;

/// How long a client may take to answer a close, in milliseconds. It is short, because a server
/// that stops waits for it.
const ECHO_MS_MAX: u64 = 1_000;

/// Nothing more is sent to a client while this many bytes are in flight.
const ON_ITS_WAY_BYTES_MAX: usize = 16 * 1024;

/// The longest frame that a client may send: a control frame (RFC 6455, 5.5) with its mask.
const CONTROL_BYTES_MAX: usize = 125;
const CONTROL_HEAD_BYTES: usize = 14;

/// The most control frames of a client between two of our pings.
const CONTROLS_MAX: u32 = 100;

/// Gives a session these bytes in two pieces, and steps until it waits or ends: for fuzz targets.
///
/// # Panics
/// If it keeps more than a control frame.
#[cfg(feature = "testing")]
pub fn receive_on_websocket(bytes: &[u8]) {
    let now = Instant::now();
    let mut session = WsSession::new(now);
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    for piece in [first, rest] {
        session.receive(piece);
        let mut steps = 0;
        while let Step::Send(_) = session.step(now) {
            steps += 1;
            assert!(steps <= bytes.len(), "each answer is to something");
        }
    }
    assert!(session.input.len() <= bytes.len());
}

/// One side of one WebSocket.
#[derive(Debug)]
pub(crate) struct WsSession {
    input: BytesMut,
    on_its_way: usize,
    ping: Option<Ping>,
    pings: u32,
    /// When the next ping is due, if none is outstanding.
    heartbeat: Instant,
    /// No frame was sent since the last ping.
    is_quiet: bool,
    controls: u32,
    /// We have closed, and wait until this moment for the client's close.
    closing: Option<Instant>,
    /// So many bytes are still to come of a frame that is too big.
    unwanted: u64,
}

#[derive(Debug)]
struct Ping {
    sent: Instant,
    /// How many bytes its pong confirms.
    covers: usize,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Wait,
    Send(Bytes),
    End,
}

impl WsSession {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            input: BytesMut::new(),
            on_its_way: 0,
            ping: None,
            pings: 0,
            heartbeat: now + Duration::from_millis(HEARTBEAT_MS),
            is_quiet: true,
            controls: 0,
            closing: None,
            unwanted: 0,
        }
    }

    /// Whether a frame may be sent now.
    pub(crate) fn has_room(&self) -> bool {
        self.closing.is_none() && self.on_its_way < ON_ITS_WAY_BYTES_MAX
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Sends a frame. The caller has checked that there is room.
    pub(crate) fn send(&mut self, now: Instant, frame: &Frame) -> Bytes {
        self.is_quiet = false;
        let message = frame.message().clone();
        self.on_its_way += message.len();
        if self.on_its_way >= ON_ITS_WAY_BYTES_MAX / 2 {
            // Ping early, to learn how much has arrived.
            self.heartbeat = self.heartbeat.min(now);
        }
        message
    }

    /// Closes. From now on, only the client's close is received.
    pub(crate) fn close(&mut self, now: Instant, why: Close) -> Bytes {
        self.closing = Some(now + Duration::from_millis(ECHO_MS_MAX));
        why.frame()
    }

    /// Adds bytes that the client has sent.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let unwanted = usize::try_from(self.unwanted).unwrap_or(usize::MAX).min(bytes.len());
        self.unwanted -= unwanted as u64;
        self.input.extend_from_slice(&bytes[unwanted..]);
    }

    /// Reads the next frame of the received bytes.
    pub(crate) fn step(&mut self, now: Instant) -> Step {
        while !self.input.is_empty() {
            let step = match Parser::parse(&mut self.input, true, CONTROL_BYTES_MAX) {
                Ok(None) if self.input.len() <= CONTROL_BYTES_MAX + CONTROL_HEAD_BYTES => break,
                Ok(None) => {
                    self.skip();
                    self.refuse_big(now)
                }
                Ok(Some((_, opcode, payload))) => {
                    self.answer(now, opcode, payload.unwrap_or_default().freeze())
                }
                // It is all there, and the parser has dropped it.
                Err(ProtocolError::Overflow) => self.refuse_big(now),
                Err(_) => self.object(now, Close::Protocol),
            };
            if step != Step::Wait {
                return step;
            }
        }
        if self.input.is_empty() {
            // Releases the memory, which would be most of the cost of an idle client.
            self.input = BytesMut::new();
        }
        Step::Wait
    }

    /// The next moment at which [`WsSession::tick`] has work.
    pub(crate) fn due(&self) -> Instant {
        match (self.closing, &self.ping) {
            (Some(until), _) => until,
            (None, Some(ping)) => ping.sent + Duration::from_millis(PONG_MS_MAX),
            (None, None) => self.heartbeat,
        }
    }

    /// Does what is due. If no frame was sent since the last ping, `present` is sent again beside
    /// the next one. A page cannot see pings, and has to know that the connection works.
    pub(crate) fn tick(&mut self, now: Instant, present: Option<&Frame>) -> Step {
        if now < self.due() {
            return Step::Wait;
        }
        match (self.closing, &self.ping) {
            (Some(_), _) => Step::End,
            (None, Some(_)) => Step::Send(self.close(now, Close::TooSlow)),
            (None, None) => Step::Send(self.ping(now, present)),
        }
    }

    fn ping(&mut self, now: Instant, present: Option<&Frame>) -> Bytes {
        let mut bytes = BytesMut::new();
        if let Some(frame) = present.filter(|_| self.is_quiet) {
            bytes.extend_from_slice(&self.send(now, frame));
        }
        self.pings = self.pings.wrapping_add(1);
        Parser::write_message(&mut bytes, self.pings.to_be_bytes(), OpCode::Ping, true, false);
        self.ping = Some(Ping { sent: now, covers: self.on_its_way });
        (self.is_quiet, self.controls) = (true, 0);
        bytes.freeze()
    }

    fn answer(&mut self, now: Instant, opcode: OpCode, payload: Bytes) -> Step {
        if opcode == OpCode::Close {
            return self.echo(now, &payload);
        }
        if self.is_closing() {
            return Step::Wait;
        }
        self.controls += 1;
        match opcode {
            _ if self.controls > CONTROLS_MAX => self.object(now, Close::Policy),
            OpCode::Ping => {
                let mut pong = BytesMut::new();
                Parser::write_message(&mut pong, payload, OpCode::Pong, true, false);
                Step::Send(pong.freeze())
            }
            OpCode::Pong => {
                self.confirm(now, &payload);
                Step::Wait
            }
            OpCode::Text | OpCode::Binary | OpCode::Continue => {
                self.object(now, Close::Unsupported)
            }
            OpCode::Bad | OpCode::Close => self.object(now, Close::Protocol),
        }
    }

    /// Handles the client's close. Our answer is the last frame, unless it answers ours.
    fn echo(&mut self, now: Instant, payload: &[u8]) -> Step {
        let was_closing = self.closing.replace(now).is_some();
        self.input.clear();
        if was_closing {
            return Step::End;
        }
        let code = Parser::try_parse_close_payload(payload).ok().flatten();
        Step::Send(echo(code.map(|reason| reason.code)))
    }

    /// Handles a pong. An unsolicited one is allowed (RFC 6455, 5.5.3) and has no effect.
    fn confirm(&mut self, now: Instant, payload: &[u8]) {
        let Some(ping) = self.ping.take_if(|_| payload == self.pings.to_be_bytes()) else { return };
        self.on_its_way -= ping.covers;
        self.heartbeat = match self.on_its_way {
            few if few < ON_ITS_WAY_BYTES_MAX / 2 => {
                ping.sent + Duration::from_millis(HEARTBEAT_MS)
            }
            _ => now,
        };
    }

    /// Takes a frame that is too big without keeping it, also what is still to come of it: a socket that is
    /// closed with something unread takes our close from the client.
    fn skip(&mut self) {
        let length = frame_length(&self.input).unwrap_or_default();
        self.unwanted = length.saturating_sub(self.input.len() as u64);
        self.input.clear();
    }

    /// Closes because of a frame that is too big. A client that has not read that yet may send more of them.
    fn refuse_big(&mut self, now: Instant) -> Step {
        if self.is_closing() { Step::Wait } else { self.object(now, Close::TooBig) }
    }

    /// Closes, and discards the rest of the received bytes.
    fn object(&mut self, now: Instant, why: Close) -> Step {
        self.input.clear();
        match self.closing {
            Some(_) => Step::End,
            None => Step::Send(self.close(now, why)),
        }
    }
}

/// The length of the frame that begins here, with its head (RFC 6455, 5.2); `None` if the head is not there yet.
fn frame_length(input: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = input else { return None };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (head, payload) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*rest.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    Some(payload.saturating_add(head + mask))
}

#[cfg(test)]
mod tests;
