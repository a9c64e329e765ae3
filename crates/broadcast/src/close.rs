//! Why a WebSocket is closed. `docs/API.md` has the table for clients.

use actix_http::ws::{CloseCode, CloseReason, Parser};
use actix_web::web::{Bytes, BytesMut};

/// Why we close a WebSocket. Where RFC 6455 (7.4.1) has a code for it, that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// 1001: the server stops. Come back at once, to another one.
    Away,
    /// 1002: what the client sent is no WebSocket frame.
    Protocol,
    /// 1003: the client sent a message; here only the server has something to say.
    Unsupported,
    /// 1008: the client sent more pings than anybody needs.
    Policy,
    /// 1009: the client sent more than any frame that it may send has.
    TooBig,
    /// 1013: as many streams are open as there may be. Come back later.
    Busy,
    /// 4001: the reader has signed out since the stream was opened, or the session is over.
    SessionRevoked,
    /// 4000: the client does not read what it is sent, or does not answer a ping in time.
    TooSlow,
}

impl Close {
    /// The code and, for people, the reason.
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

/// The answer to a client that closes: its own code.
pub(crate) fn echo(code: Option<CloseCode>) -> Bytes {
    encode(code.map(|code| CloseReason { code, description: None }))
}

fn encode(reason: Option<CloseReason>) -> Bytes {
    let mut bytes = BytesMut::new();
    Parser::write_close(&mut bytes, reason, false);
    bytes.freeze()
}
