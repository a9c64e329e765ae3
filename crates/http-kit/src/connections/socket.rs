//! A connection's socket, as the server reads and writes it: closed from elsewhere, and with a
//! bound on heads.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use actix_web::rt::net::TcpStream;
use live_users_broadcast::{Takeable, Taken};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Connection, Reason};

/// The longest head of a request, in bytes. nginx takes as much by default.
const HEAD_BYTES_MAX: usize = 32 * 1024;

const TOO_LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\n\
    connection: close\r\ncontent-length: 0\r\n\r\n";

const TOO_LONG: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n\
    connection: close\r\ncontent-length: 0\r\n\r\n";

/// A connection that is removed when this is dropped.
struct Served(Connection);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// The socket of a connection.
pub(crate) struct LimitedStream {
    io: TcpStream,
    served: Served,
    /// Whom a close wakes. It is the same one at each read but the first.
    waker: Option<Waker>,
    /// What was read is looked at before more is read.
    has_paused: bool,
    /// Whether anything was read.
    has_read: bool,
    /// What was read already and has to be read again.
    again: Vec<u8>,
}

impl LimitedStream {
    pub(crate) fn new(io: TcpStream, connection: Connection) -> Self {
        let (waker, has_paused, has_read, again) = Default::default();
        Self { io, served: Served(connection), waker, has_paused, has_read, again }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.served.0
    }

    pub(super) fn has_read(&self) -> bool {
        self.has_read
    }

    /// Says that no request came in time, if there is room for it.
    pub(super) fn tell_too_late(&self) {
        let _courtesy = self.io.try_write(TOO_LATE);
    }

    /// Has these bytes read again, which were the last that were read.
    pub(super) fn read_again(&mut self, bytes: &[u8]) {
        self.again = bytes.to_vec();
    }

    /// Forgets what had to be read again.
    pub(super) fn discard(&mut self) {
        self.again = Vec::new();
    }

    fn wake_at_close(&mut self, waker: &Waker) {
        if self.waker.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            self.connection().slot().wake_at_close(waker);
            self.waker = Some(waker.clone());
        }
    }

    fn check(&self) -> io::Result<()> {
        match self.connection().slot().is_gone() {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }
}

impl Takeable for LimitedStream {
    /// The place in the table is held until the socket is closed.
    fn take(self) -> io::Result<Taken> {
        let Self { io, served, .. } = self;
        let socket = io.into_std()?;
        Ok(Taken { socket, held: Box::new(served.0.detach()) })
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.wake_at_close(context.waker());
        this.check()?;
        if !this.again.is_empty() {
            let n = this.again.len().min(buffer.remaining());
            buffer.put_slice(&this.again[..n]);
            this.again.drain(..n);
            if this.again.is_empty() {
                this.discard();
            }
            return Poll::Ready(Ok(()));
        }
        if this.connection().head_bytes().is_some_and(|bytes| bytes > HEAD_BYTES_MAX) {
            // The server reads as much as there is before it looks for the end of the head, which
            // may have come with a body behind it.
            if !std::mem::replace(&mut this.has_paused, true) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // Only as a courtesy: if there is no room for it, the close says enough.
            let _ = this.io.try_write(TOO_LONG);
            this.connection().close(Reason::Head);
            this.check()?;
        }
        this.has_paused = false;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(context, buffer);
        let n = buffer.filled().len() - before;
        this.connection().note_read(n);
        this.has_read |= n > 0;
        let has_ended = n == 0 && buffer.remaining() > 0 && matches!(read, Poll::Ready(Ok(())));
        if has_ended && this.connection().is_streaming() {
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
        self.check()?;
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
