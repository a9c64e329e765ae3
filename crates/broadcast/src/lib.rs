//! Publishes the latest value of something to many readers at once: by WebSocket, by server-sent
//! events (SSE) and by polling.
//!
//! Readers want the present, not each step to it. So there is one [`Cell`] with the present
//! [`Frame`] in it, encoded once for all readers. A slow reader skips to now, and nothing is queued
//! for anybody. Nothing here knows what is in a frame.
//!
//! A reader costs one connection and a few hundred bytes: it has no task of its own and no queue,
//! since what it is sent is drawn by the connection itself whenever there is room.

mod authorization;
mod cell;
mod close;
mod event_stream;
mod frame;
mod open;
mod pace;
mod places;
mod polling;
mod socket;
mod ws_session;

pub use authorization::Welcome;
pub use cell::{Cell, Now};
pub use close::Close;
pub use event_stream::{Event, EventStream, HEARTBEAT_MS, TooLong};
pub use frame::Frame;
pub use open::{Refusal, events, events_while, websocket, websocket_while};
pub use pace::Pace;
pub use places::{Places, Transport};
pub use polling::answer as polled;
