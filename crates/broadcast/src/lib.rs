//! Publishes the latest value of something to many readers at once: by WebSocket, by server-sent
//! events (SSE) and by polling.
//!
//! Readers need the present, not each step to it. So one [`Latest`] holds the present [`Frame`],
//! encoded once for all readers. A slow reader skips to the present, and no reader has a queue.
//! This crate does not know what a frame contains.
//!
//! A reader costs one socket and a few hundred bytes. It has no task of its own: once the head of the
//! answer is sent, the socket is taken away from the HTTP server. Threads that serve nothing else
//! write each frame to all sockets.

mod authorization;
mod changes;
mod close;
mod connection_limit;
mod event_session;
mod event_stream;
mod fanout;
mod frame;
mod handover;
mod latest;
mod open;
mod polling;
mod session;
mod throttle;
mod ws_session;

pub use authorization::{Authorization, Reader};
pub use changes::{Change, Changes};
pub use close::Close;
pub use connection_limit::{ConnectionLimit, Transport};
pub use event_stream::{Event, EventStream, HEARTBEAT_MS, TooLong};
pub use frame::Frame;
pub use handover::{Detachable, Handover, Takeable, Taken};
pub use latest::{Latest, SlotState};
pub use open::{Refusal, events, websocket};
pub use polling::{answer as polled, answer_as as polled_as};
pub use throttle::Throttle;
#[cfg(feature = "testing")]
pub use ws_session::receive_on_websocket;
