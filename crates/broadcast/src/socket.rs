//! The body of a WebSocket's answer: the bytes to one client, which its connection takes.

use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::authorization::{Authorization, is_authorized};
use crate::connection_limit::Permit;
use crate::latest::SlotState;
use crate::ws_session::{Step, WsSession};
use crate::{Close, Frame};

/// One client.
pub(crate) struct Socket {
    session: WsSession,
    received: Payload,
    now: watch::Receiver<SlotState>,
    /// A newer frame waits for room.
    is_behind: bool,
    has_frame: bool,
    refused: Option<Close>,
    authorization: Option<Authorization>,
    permit: Option<Permit>,
}

impl Socket {
    pub(crate) fn new(
        received: Payload,
        now: watch::Receiver<SlotState>,
        permit: Option<Permit>,
        authorization: Option<Authorization>,
    ) -> Self {
        let refused = if permit.is_some() { None } else { Some(Close::Busy) };
        let session = WsSession::new(Instant::now());
        let (is_behind, has_frame) = (false, false);
        Self { session, received, now, is_behind, has_frame, refused, authorization, permit }
    }

    /// All bytes to the client, until the connection is to be closed.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Bytes> {
        futures_util::stream::unfold(self, |mut socket| async move {
            socket.next().await.map(|bytes| (bytes, socket))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(why) = self.refused.take() {
            return Some(self.session.close(Instant::now(), why));
        }
        loop {
            match self.session.step(Instant::now()) {
                Step::Wait => {}
                Step::Send(bytes) => return Some(bytes),
                Step::End => return None,
            }
            if self.is_behind && self.session.has_room() {
                self.is_behind = false;
                if let Some(frame) = self.present() {
                    self.permit.as_ref().inspect(|permit| permit.count_frame());
                    // The first one may be old.
                    let is_first = !std::mem::replace(&mut self.has_frame, true);
                    let frame = if is_first { frame.anew() } else { frame };
                    return Some(self.session.send(Instant::now(), &frame));
                }
            }
            tokio::select! {
                biased;
                received = self.received.next() => match received {
                    Some(Ok(bytes)) => self.session.receive(&bytes),
                    // The client is gone without a close.
                    Some(Err(_)) | None => return None,
                },
                changed = self.now.changed(), if !self.session.is_closing() => {
                    let is_over = changed.is_err()
                        || matches!(&*self.now.borrow_and_update(), SlotState::Closed);
                    if is_over {
                        return Some(self.session.close(Instant::now(), Close::Away));
                    }
                    if !is_authorized(self.authorization.as_ref()) {
                        return Some(self.session.close(Instant::now(), Close::SessionRevoked));
                    }
                    self.is_behind = true;
                }
                () = sleep_until(self.session.due()) => {
                    if !self.session.is_closing() && !is_authorized(self.authorization.as_ref()) {
                        return Some(self.session.close(Instant::now(), Close::SessionRevoked));
                    }
                    let present = self.present().map(|frame| frame.anew());
                    match self.session.tick(Instant::now(), present.as_ref()) {
                        Step::Wait => {}
                        Step::Send(bytes) => return Some(bytes),
                        Step::End => return None,
                    }
                }
            }
        }
    }

    fn present(&self) -> Option<Frame> {
        match &*self.now.borrow() {
            SlotState::Frame(frame) => Some(frame.clone()),
            SlotState::Nothing | SlotState::Closed => None,
        }
    }
}
