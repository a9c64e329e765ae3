//! The reasons for closing a WebSocket. `docs/API.md` has the table for clients.

use actix_http::ws::{CloseCode, CloseReason, Parser};
use actix_web::web::{Bytes, BytesMut};

/// Why the server closes a WebSocket. It uses the codes of RFC 6455 (7.4.1) where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// 1001: the server stops. The client may connect again at once, to another server.
    Away,
    /// 1002: the client sent bytes that are no WebSocket frame.
    Protocol,
    /// 1003: the client sent a message. Only the server sends messages here.
    Unsupported,
    /// 1008: the client sent too many pings.
    Policy,
    /// 1009: the client sent a frame longer than any that it may send.
    TooBig,
    /// 1013: the most streams are open. The client may connect again later.
    Busy,
    /// 4001: the reader has signed out since the stream was opened, or the session is over.
    SessionRevoked,
    /// 4000: the client does not read, or does not answer a ping in time.
    TooSlow,
}

impl Close {
    /// The code, and the reason for people.
    pub fn code(self) -> (u16, &'static str) {
        match self {
            Self::Away => (1001, "the server stops"),
            Self::Protocol => (1002, "not a WebSocket frame"),
            Self::Unsupported => (1003, "no messages are expected here"),
            Self::Policy => (1008, "too many pings"),
            Self::TooBig => (1009, "too big"),
            Self::Busy => (1013, "too many streams are open: come back later"),
            Self::SessionRevoked => (4001, "signed out"),
            Self::TooSlow => (4000, "too slow, or gone"),
        }
    }

    pub(crate) fn frame(self) -> Bytes {
        let (code, reason) = self.code();
        encode(Some(CloseReason { code: code.into(), description: Some(reason.to_owned()) }))
    }
}

/// The answer to a client that closes. It has the client's own code.
pub(crate) fn echo(code: Option<CloseCode>) -> Bytes {
    encode(code.map(|code| CloseReason { code, description: None }))
}

fn encode(reason: Option<CloseReason>) -> Bytes {
    let mut bytes = BytesMut::new();
    Parser::write_close(&mut bytes, reason, false);
    bytes.freeze()
}
