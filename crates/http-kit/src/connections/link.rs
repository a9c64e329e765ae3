//! A connection's socket, as the server reads and writes it: closed from elsewhere, and with a
//! bound on heads.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use actix_web::rt::net::TcpStream;
use futures_util::task::AtomicWaker;
use live_users_broadcast::{Takeable, Taken};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Connection, Reason};

/// The longest head of a request, in bytes. nginx takes as much by default.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Bytes read that are no head's.
const NO_HEAD: usize = usize::MAX;

const TOO_LONG: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n\
    connection: close\r\ncontent-length: 0\r\n\r\n";

/// What the table and the socket know of each other.
#[derive(Debug, Default)]
pub(crate) struct Link {
    is_closed: AtomicBool,
    /// A stream is open, which ends only when the client goes.
    is_streaming: AtomicBool,
    /// The socket is no longer the server's: the connection lasts until that is closed.
    is_detached: AtomicBool,
    waker: AtomicWaker,
    /// How much of a head was read, or [`NO_HEAD`].
    head_bytes: AtomicUsize,
}

impl Link {
    /// Lets the next read or write fail, and wakes whoever waits for one.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// A stream is open. From now on the end of what the client sends is the end of the connection.
    ///
    /// The server would go on otherwise, as HTTP/1.1 allows, until two heartbeats cannot be sent: a
    /// place among the streams would be taken for 30 s by a client that has long gone.
    pub(crate) fn stream(&self) {
        self.is_streaming.store(true, Ordering::Release);
    }

    /// The server's part is over, and the stream goes on.
    fn detach(&self) {
        self.is_detached.store(true, Ordering::Release);
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.is_detached.load(Ordering::Acquire)
    }

    /// A head is awaited, or has arrived.
    pub(crate) fn await_head(&self, is_awaited: bool) {
        self.head_bytes.store(if is_awaited { 0 } else { NO_HEAD }, Ordering::Release);
    }

    fn check(&self) -> io::Result<()> {
        match self.is_closed.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }

    fn read(&self, n: usize) {
        let count = |bytes| (bytes != NO_HEAD).then(|| bytes + n);
        // An error says that no head is awaited.
        let _ = self.head_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, count);
    }

    fn is_head_too_long(&self) -> bool {
        let bytes = self.head_bytes.load(Ordering::Acquire);
        bytes != NO_HEAD && bytes > HEAD_BYTES_MAX
    }
}

/// A place in the table, until it is dropped.
struct Place(Connection);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// The socket of a connection.
pub(crate) struct LimitedStream {
    io: TcpStream,
    place: Place,
    /// What was read is looked at before more is read.
    has_paused: bool,
}

impl LimitedStream {
    pub(crate) fn new(io: TcpStream, connection: Connection) -> Self {
        Self { io, place: Place(connection), has_paused: false }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.place.0
    }
}

impl Takeable for LimitedStream {
    /// The place in the table is held until the socket is closed.
    fn take(self) -> io::Result<Taken> {
        let Self { io, place, .. } = self;
        let socket = io.into_std()?;
        place.0.link.detach();
        Ok(Taken { socket, held: Box::new(place) })
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let link = &this.place.0.link;
        link.waker.register(context.waker());
        link.check()?;
        if link.is_head_too_long() {
            // The server reads as much as there is before it looks for the end of the head, which
            // may have come with a body behind it.
            if !std::mem::replace(&mut this.has_paused, true) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // Only as a courtesy: if there is no room for it, the close says enough.
            let _ = this.io.try_write(TOO_LONG);
            this.place.0.close(Reason::Head);
            link.check()?;
        }
        this.has_paused = false;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(context, buffer);
        let n = buffer.filled().len() - before;
        link.read(n);
        let has_ended = n == 0 && buffer.remaining() > 0 && matches!(read, Poll::Ready(Ok(())));
        if has_ended && link.is_streaming.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        read
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.place.0.link.check()?;
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
