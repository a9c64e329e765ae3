//! One reader: its socket, and what waits for room in it.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use actix_web::web::{Buf as _, Bytes};
use mio::net::TcpStream;

use crate::latest::Slot;
use crate::session::Session;
use crate::ws_session::Step;

/// How long a socket may have no room. Linux breaks off by itself after as long.
const STUCK: Duration = Duration::from_secs(30);

/// How long the last bytes may wait for room.
const LAST: Duration = Duration::from_secs(1);

/// How often a socket is read before others have their turn.
const READS_MAX: usize = 4;

/// One reader.
pub(super) struct Client {
    socket: TcpStream,
    session: Session,
    /// What the socket had no room for.
    rest: Bytes,
    /// When the reader is given up, while something waits for room.
    stuck: Option<Instant>,
    is_ending: bool,
    /// There may be more to read.
    is_unread: bool,
    /// The slot that it reads, and its place among the readers of that.
    pub(super) group: Option<(u64, usize)>,
    /// When it is looked at next in any case.
    pub(super) scheduled: Option<Instant>,
    // After the socket.
    _held: Box<dyn Send>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Whether the reader is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    /// It stays, and has sent more than was read.
    Unread,
    Gone,
}

impl Client {
    pub(super) fn new(socket: TcpStream, session: Session, held: Box<dyn Send>) -> Self {
        let (rest, stuck, is_ending, is_unread) = (Bytes::new(), None, false, true);
        let (group, scheduled) = (None, None);
        Self { socket, session, rest, stuck, is_ending, is_unread, group, scheduled, _held: held }
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Whether it was told this already.
    pub(super) fn has_seen(&self, slot: &Slot) -> bool {
        self.session.has_seen(slot)
    }

    /// When there is something to do without anything else.
    pub(super) fn due(&self) -> Instant {
        self.stuck.unwrap_or_else(|| self.session.due())
    }

    /// Writes the head of the answer together with what there is to say first: one packet.
    pub(super) fn begin(&mut self, now: Instant, slot: &Slot, head: Bytes) -> Fate {
        let first = match self.session.next(now, slot) {
            Step::Wait => Bytes::new(),
            Step::Send(bytes) => bytes,
            Step::End => {
                self.is_ending = true;
                self.session.end()
            }
        };
        self.rest = if head.is_empty() { first } else { [head, first].concat().into() };
        self.advance(now, slot)
    }

    /// Writes what there is to say, as far as there is room.
    pub(super) fn advance(&mut self, now: Instant, slot: &Slot) -> Fate {
        loop {
            match self.flush() {
                Ok(()) if self.is_ending => {
                    // Nothing follows, which the client learns even if it sends something.
                    let _ = self.socket.shutdown(Shutdown::Write);
                    return Fate::Gone;
                }
                Ok(()) => self.stuck = None,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let patience = if self.is_ending { LAST } else { STUCK };
                    let is_over = now >= *self.stuck.get_or_insert(now + patience);
                    return if is_over { Fate::Gone } else { Fate::Stays };
                }
                Err(_) => return Fate::Gone,
            }
            match self.session.next(now, slot) {
                Step::Wait => return Fate::Stays,
                Step::Send(bytes) => self.rest = bytes,
                Step::End => (self.rest, self.is_ending) = (self.session.end(), true),
            }
        }
    }

    /// Reads what the client has sent, if something may be there, and answers it.
    pub(super) fn read(&mut self, now: Instant, slot: &Slot, buffer: &mut [u8]) -> Fate {
        for _ in 0..READS_MAX {
            // Who does not take answers is not read.
            if !self.is_unread || !self.rest.is_empty() {
                return Fate::Stays;
            }
            match self.socket.read(buffer) {
                Ok(0) => return Fate::Gone,
                Ok(n) => {
                    self.session.receive(&buffer[..n]);
                    if self.advance(now, slot) == Fate::Gone {
                        return Fate::Gone;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_unread = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Fate::Gone,
            }
        }
        if self.is_unread { Fate::Unread } else { Fate::Stays }
    }

    /// The client has sent something, or is gone.
    pub(super) fn is_readable(&mut self) {
        self.is_unread = true;
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.rest.is_empty() {
            match self.socket.write(&self.rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.rest.advance(n);
                    self.stuck = None;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // A part of a frame would keep the whole of it.
        self.rest = Bytes::new();
        Ok(())
    }
}
