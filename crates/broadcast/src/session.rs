//! What one reader is told: bytes out, with the latest frame and the time as arguments.

use std::time::Instant;

use actix_web::web::Bytes;

use crate::Close;
use crate::authorization::{Authorization, is_authorized};
use crate::changes::NONE;
use crate::connection_limit::Permit;
use crate::event_session::EventSession;
use crate::latest::{Slot, SlotState};
use crate::ws_session::{Step, WsSession};

/// One reader, whatever its transport.
pub(crate) struct Session {
    transport: Transport,
    /// The frame that the client had before it came.
    known: Option<Box<str>>,
    /// The version of the slot that the client has; `None` at first.
    seen: Option<u64>,
    /// What the client was given with the last frame.
    had: u64,
    authorization: Option<Authorization>,
    permit: Option<Permit>,
}

enum Transport {
    Events(EventSession),
    Socket(WsSession),
    /// A WebSocket that is closed at once.
    Refused(WsSession, Option<Close>),
}

impl Session {
    /// Server-sent events for a client that has the frame with the id `known`.
    pub(crate) fn events(
        events: EventSession,
        known: Option<Box<str>>,
        permit: Permit,
        authorization: Option<Authorization>,
    ) -> Self {
        let (seen, had) = (None, NONE);
        let (transport, permit) = (Transport::Events(events), Some(permit));
        Self { transport, known, seen, had, authorization, permit }
    }

    /// A WebSocket. Without a permit it is closed at once.
    pub(crate) fn socket(
        socket: WsSession,
        permit: Option<Permit>,
        authorization: Option<Authorization>,
    ) -> Self {
        let transport = match permit {
            Some(_) => Transport::Socket(socket),
            None => Transport::Refused(socket, Some(Close::Busy)),
        };
        let (known, seen, had) = (None, None, NONE);
        Self { transport, known, seen, had, authorization, permit }
    }

    /// Whether the client was told this version of the slot, or nothing is told to it any more.
    pub(crate) fn has_seen(&self, slot: &Slot) -> bool {
        self.seen == Some(slot.version)
    }

    /// Adds bytes that the client has sent.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        match &mut self.transport {
            Transport::Events(events) => events.receive(bytes.len()),
            Transport::Socket(socket) | Transport::Refused(socket, _) => socket.receive(bytes),
        }
    }

    /// The next moment at which [`Session::next`] has work without anything else.
    pub(crate) fn due(&self) -> Instant {
        match &self.transport {
            Transport::Events(events) => events.due(),
            Transport::Socket(socket) | Transport::Refused(socket, _) => socket.due(),
        }
    }

    /// What comes behind everything else when the stream ends.
    pub(crate) fn end(&self) -> Bytes {
        match &self.transport {
            Transport::Events(events) => events.end(),
            Transport::Socket(_) | Transport::Refused(..) => Bytes::new(),
        }
    }

    /// The next bytes for the client.
    pub(crate) fn next(&mut self, now: Instant, slot: &Slot) -> Step {
        match &mut self.transport {
            Transport::Events(_) => self.next_event(now, slot),
            Transport::Socket(_) => self.next_message(now, slot),
            Transport::Refused(socket, why) => match why.take() {
                Some(why) => Step::Send(socket.close(now, why)),
                None => match socket.step(now) {
                    Step::Wait => socket.tick(now, None),
                    step => step,
                },
            },
        }
    }

    fn next_event(&mut self, now: Instant, slot: &Slot) -> Step {
        let Transport::Events(events) = &mut self.transport else { return Step::End };
        let authorization = self.authorization.as_ref();
        if events.is_flooded() {
            return Step::End;
        }
        // A frame brings it along. Whatever comes, the client learns when to come back.
        if !matches!(slot.state, SlotState::Frame(_))
            && let Some(opening) = events.opening()
        {
            return Step::Send(opening);
        }
        if self.seen != Some(slot.version) {
            self.seen = Some(slot.version);
            events.rest(now);
            match &slot.state {
                SlotState::Closed => return Step::End,
                _ if !is_authorized(authorization) => return Step::End,
                SlotState::Nothing => {}
                SlotState::Frame(frame) => {
                    let known = self.known.take();
                    if let Some(had) = known.as_deref().and_then(|id| frame.number_of(id)) {
                        self.had = had;
                    }
                    if known.is_none() || frame.id() != known.as_deref() {
                        self.permit.iter().for_each(Permit::count_frame);
                        let (had, frame) = frame.after(self.had);
                        self.had = had;
                        return Step::Send(events.send(now, &frame));
                    }
                }
            }
        }
        if let Some(opening) = events.opening() {
            return Step::Send(opening);
        }
        match events.due() <= now {
            true if !is_authorized(authorization) => Step::End,
            true => Step::Send(events.tick(now)),
            false => Step::Wait,
        }
    }

    fn next_message(&mut self, now: Instant, slot: &Slot) -> Step {
        let Transport::Socket(socket) = &mut self.transport else { return Step::End };
        let authorization = self.authorization.as_ref();
        match socket.step(now) {
            Step::Wait => {}
            step => return step,
        }
        if self.seen != Some(slot.version) && !socket.is_closing() {
            match &slot.state {
                SlotState::Closed => return Step::Send(socket.close(now, Close::Away)),
                _ if !is_authorized(authorization) => {
                    return Step::Send(socket.close(now, Close::SessionRevoked));
                }
                SlotState::Nothing => self.seen = Some(slot.version),
                // It stays behind until there is room. Then it gets the latest one.
                SlotState::Frame(frame) if socket.has_room() => {
                    self.seen = Some(slot.version);
                    self.permit.iter().for_each(Permit::count_frame);
                    let (had, frame) = frame.after(self.had);
                    self.had = had;
                    return Step::Send(socket.send(now, &frame));
                }
                SlotState::Frame(_) => {}
            }
        }
        if now < socket.due() {
            return Step::Wait;
        }
        if !socket.is_closing() && !is_authorized(authorization) {
            return Step::Send(socket.close(now, Close::SessionRevoked));
        }
        let present = match &slot.state {
            SlotState::Frame(frame) => frame.again(self.had),
            SlotState::Nothing | SlotState::Closed => None,
        };
        socket.tick(now, present.as_ref())
    }
}

#[cfg(test)]
mod tests;
