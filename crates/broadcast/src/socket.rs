//! The body of a WebSocket's answer: what is sent to one client, drawn by its connection.

use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::authorization::{Welcome, is_welcome};
use crate::cell::Now;
use crate::places::Place;
use crate::talk::{Step, Talk};
use crate::{Close, Frame};

/// One client.
pub(crate) struct Socket {
    talk: Talk,
    heard: Payload,
    now: watch::Receiver<Now>,
    /// There is something new that there was no room for.
    is_behind: bool,
    refused: Option<Close>,
    welcome: Option<Welcome>,
    place: Option<Place>,
}

impl Socket {
    pub(crate) fn new(
        heard: Payload,
        now: watch::Receiver<Now>,
        place: Option<Place>,
        welcome: Option<Welcome>,
    ) -> Self {
        let refused = if place.is_some() { None } else { Some(Close::Busy) };
        let talk = Talk::new(Instant::now());
        Self { talk, heard, now, is_behind: false, refused, welcome, place }
    }

    /// All that is sent, until the connection is to be closed.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Bytes> {
        futures_util::stream::unfold(self, |mut socket| async move {
            socket.next().await.map(|bytes| (bytes, socket))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(why) = self.refused.take() {
            return Some(self.talk.close(Instant::now(), why));
        }
        loop {
            match self.talk.step(Instant::now()) {
                Step::Wait => {}
                Step::Send(bytes) => return Some(bytes),
                Step::End => return None,
            }
            if self.is_behind && self.talk.has_room() {
                self.is_behind = false;
                if let Some(frame) = self.present() {
                    self.place.as_ref().inspect(|place| place.tells());
                    return Some(self.talk.tell(Instant::now(), &frame));
                }
            }
            tokio::select! {
                biased;
                heard = self.heard.next() => match heard {
                    Some(Ok(bytes)) => self.talk.hear(&bytes),
                    // Gone without a word.
                    Some(Err(_)) | None => return None,
                },
                changed = self.now.changed(), if !self.talk.is_closing() => {
                    let is_over = changed.is_err()
                        || matches!(&*self.now.borrow_and_update(), Now::Closed);
                    if is_over {
                        return Some(self.talk.close(Instant::now(), Close::Away));
                    }
                    if !is_welcome(self.welcome.as_ref()) {
                        return Some(self.talk.close(Instant::now(), Close::Unwelcome));
                    }
                    self.is_behind = true;
                }
                () = sleep_until(self.talk.due()) => {
                    if !self.talk.is_closing() && !is_welcome(self.welcome.as_ref()) {
                        return Some(self.talk.close(Instant::now(), Close::Unwelcome));
                    }
                    let present = self.present();
                    match self.talk.tick(Instant::now(), present.as_ref()) {
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
            Now::Frame(frame) => Some(frame.clone()),
            Now::Nothing | Now::Closed => None,
        }
    }
}
