//! Opens streams, or refuses them with a reason.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_http::ws::{HandshakeError, handshake};
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{
    HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use actix_web::http::{StatusCode, Version};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::Stream as _;

use crate::authorization::Reader;
use crate::connection_limit::{ConnectionLimit, Transport};
use crate::event_session::EventSession;
use crate::fanout::{Mailbox, Newcomer};
use crate::handover::Handover;
use crate::latest::{Latest, Subscription};
use crate::session::Session;
use crate::ws_session::WsSession;

/// The header with the id of the last event that a client has (HTML, 9.2.4).
const LAST_EVENT_ID: &str = "last-event-id";

/// When a client may try again if the most streams are open, in seconds.
const RETRY_AFTER_S: &str = "10";

/// Why a stream is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The most streams are open: this many, beside those that are kept for readers with a token.
    #[error("no place for another stream (STREAMS_MAX is {0}): come back later")]
    Busy(usize),
    /// The request does not open a WebSocket.
    #[error("this path is a WebSocket: {0}")]
    NotAWebSocket(HandshakeError),
    /// The server does not give its sockets away, or the system has no thread for streams.
    #[error("streams cannot be served now: come back later")]
    NoSocket,
}

impl Refusal {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Busy(_) | Self::NoSocket => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAWebSocket(HandshakeError::BadWebsocketKey) => StatusCode::BAD_REQUEST,
            Self::NotAWebSocket(_) => StatusCode::UPGRADE_REQUIRED,
        }
    }

    /// The headers of the answer.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Busy(_) | Self::NoSocket => {
                vec![(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S))]
            }
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
    let (handover, mailbox) = place_of(request, connections)?;
    let permit = connections.take(Transport::Events, &reader);
    let permit = permit.ok_or(Refusal::Busy(connections.max()))?;
    let known = request.headers().get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let known = known.map(Box::from);
    let is_chunked = request.version() >= Version::HTTP_11;
    let events = EventSession::new(Instant::now(), is_chunked);
    let session = Session::events(events, known, permit, reader.authorization());
    let subscription = Some(latest.read(&mailbox));
    let body = Handed { handover, received: None, begins: Some((session, subscription, mailbox)) };
    let mut answer = HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        // nginx would otherwise hold events back until its buffer is full.
        .insert_header(("x-accel-buffering", "no"))
        .force_close()
        .body(body);
    answer.head_mut().no_chunking(!is_chunked);
    Ok(answer)
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
    let (handover, mailbox) = place_of(request, connections)?;
    let permit = connections.take(Transport::Socket, &reader);
    // A refused reader must not count as a reader of the slot.
    let subscription = permit.is_some().then(|| latest.read(&mailbox));
    let session = WsSession::new(Instant::now());
    let session = Session::socket(session, permit, reader.authorization());
    let received = Some(received);
    let body = Handed { handover, received, begins: Some((session, subscription, mailbox)) };
    Ok(answer.body(body).map_into_boxed_body().into())
}

/// Where the socket of the request comes from, and where it goes.
fn place_of(
    request: &HttpRequest,
    connections: &ConnectionLimit,
) -> Result<(Handover, Arc<Mailbox>), Refusal> {
    let handover = request.conn_data::<Handover>().cloned().ok_or(Refusal::NoSocket)?;
    let mailbox = connections.fanout().mailbox().map_err(|error| {
        log::error!("no thread for streams: {error}");
        Refusal::NoSocket
    })?;
    Ok((handover, mailbox))
}

/// The body of an answer that goes on elsewhere: it asks for the socket, and has no bytes itself.
struct Handed {
    handover: Handover,
    /// What the server reads of the client until then.
    received: Option<Payload>,
    begins: Option<(Session, Option<Subscription>, Arc<Mailbox>)>,
}

impl MessageBody for Handed {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    /// The server asks for bytes when it has the head of the answer, and before it writes that.
    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Some((mut session, subscription, mailbox)) = self.begins.take() else {
            return Poll::Pending;
        };
        if let Some(received) = &mut self.received {
            while let Poll::Ready(Some(Ok(bytes))) = Pin::new(&mut *received).poll_next(context) {
                session.receive(&bytes);
            }
        }
        self.handover.ask(move |taken, head| {
            mailbox.join(Newcomer::new(taken, head, session, subscription));
        });
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
