//! Opens streams, or refuses them with a reason.

use std::convert::Infallible;
use std::time::Duration;

use actix_http::ws::{HandshakeError, handshake};
use actix_web::body::{BodyStream, BoxBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::HEARTBEAT_MS;
use crate::authorization::{Authorization, Reader, is_authorized};
use crate::connection_limit::{ConnectionLimit, Permit, Transport};
use crate::latest::{Latest, SlotState};
use crate::socket::Socket;

/// The header with the id of the last event that a client has (HTML, 9.2.4).
const LAST_EVENT_ID: &str = "last-event-id";

/// When a client may try again if the most streams are open, in seconds.
const RETRY_AFTER_S: &str = "10";

/// The bounds of a random delay, in milliseconds, after which a browser's `EventSource` reconnects.
/// It spreads the clients of a stream that ended.
const RETRY_MS_MIN: u16 = 1_000;
const RETRY_MS_MAX: u16 = 4_000;

/// Why a stream is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The most streams are open: this many, beside those that are kept for readers with a token.
    #[error("no place for another stream (STREAMS_MAX is {0}): come back later")]
    Busy(usize),
    /// The request does not open a WebSocket.
    #[error("this path is a WebSocket: {0}")]
    NotAWebSocket(HandshakeError),
}

impl Refusal {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAWebSocket(HandshakeError::BadWebsocketKey) => StatusCode::BAD_REQUEST,
            Self::NotAWebSocket(_) => StatusCode::UPGRADE_REQUIRED,
        }
    }

    /// The headers of the answer.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Busy(_) => vec![(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S))],
            Self::NotAWebSocket(_) => vec![
                (UPGRADE, HeaderValue::from_static("websocket")),
                (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            ],
        }
    }
}

/// Answers with the latest frames as server-sent events. A client whose `Last-Event-ID` is the
/// present frame gets only later ones. The stream ends when the reader is not authorized any more.
///
/// # Errors
/// If the most streams are open.
pub fn events(
    request: &HttpRequest,
    latest: &Latest,
    connections: &ConnectionLimit,
    reader: Reader,
) -> Result<HttpResponse, Refusal> {
    let permit = connections.take(Transport::Events, &reader);
    let permit = permit.ok_or(Refusal::Busy(connections.max()))?;
    let known = request.headers().get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let known = known.map(Box::from);
    let authorization = reader.authorization();
    let now = latest.read();
    let (is_open, has_frame) = (false, false);
    let events = Events { now, known, is_open, has_frame, authorization, permit };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        // nginx would otherwise hold events back until its buffer is full.
        .insert_header(("x-accel-buffering", "no"))
        .body(body(events.into_stream())))
}

/// Answers with the latest frames as messages on a WebSocket. Trap: browsers let every page open
/// one, so the caller has to check the origin before.
///
/// If the most streams are open, the WebSocket is opened and closed with 1013, because a browser
/// does not show the status of an answer to a page. When the reader is not authorized any more, it
/// is closed with 4001.
///
/// # Errors
/// If the request does not open a WebSocket.
pub fn websocket(
    request: &HttpRequest,
    received: Payload,
    latest: &Latest,
    connections: &ConnectionLimit,
    reader: Reader,
) -> Result<HttpResponse, Refusal> {
    let mut answer = handshake(request.head()).map_err(Refusal::NotAWebSocket)?;
    let permit = connections.take(Transport::Socket, &reader);
    // A refused reader must not count as a reader of the slot.
    let now = match &permit {
        Some(_) => latest.read(),
        None => watch::channel(SlotState::Nothing).1,
    };
    let socket = Socket::new(received, now, permit, reader.authorization());
    Ok(answer.body(body(socket.into_stream())).map_into_boxed_body().into())
}

fn body(stream: impl Stream<Item = Bytes> + 'static) -> BoxBody {
    BoxBody::new(BodyStream::new(stream.map(Ok::<_, Infallible>)))
}

/// One reader of server-sent events.
struct Events {
    now: watch::Receiver<SlotState>,
    /// The frame that the client has already.
    known: Option<Box<str>>,
    is_open: bool,
    has_frame: bool,
    authorization: Option<Authorization>,
    permit: Permit,
}

impl Events {
    fn into_stream(self) -> impl Stream<Item = Bytes> {
        futures_util::stream::unfold(self, |mut events| async move {
            events.next().await.map(|bytes| (bytes, events))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if !self.is_open {
            self.is_open = true;
            return Some(format!("retry: {}\n\n", retry_ms()).into());
        }
        loop {
            tokio::select! {
                biased;
                changed = self.now.changed() => {
                    changed.ok()?;
                    match &*self.now.borrow_and_update() {
                        SlotState::Nothing => {}
                        SlotState::Frame(frame) => {
                            if !is_authorized(self.authorization.as_ref()) {
                                return None;
                            }
                            let known = self.known.take();
                            if known.is_none() || frame.id() != known.as_deref() {
                                self.permit.count_frame();
                                // The first one may be old.
                                let is_first = !std::mem::replace(&mut self.has_frame, true);
                                let first = is_first.then(|| frame.anew());
                                return Some(first.as_ref().unwrap_or(frame).event().clone());
                            }
                        }
                        SlotState::Closed => return None,
                    }
                }
                () = sleep(Duration::from_millis(HEARTBEAT_MS)) => {
                    if !is_authorized(self.authorization.as_ref()) {
                        return None;
                    }
                    return Some(Bytes::from_static(b": heartbeat\n\n"));
                }
            }
        }
    }
}

/// A random delay. Without randomness it is the longest.
fn retry_ms() -> u16 {
    let mut random = [0; 2];
    match getrandom::fill(&mut random) {
        Ok(()) => RETRY_MS_MIN + u16::from_ne_bytes(random) % (RETRY_MS_MAX - RETRY_MS_MIN),
        Err(_) => RETRY_MS_MAX,
    }
}

#[cfg(test)]
mod tests;
