//! Takes the socket of a connection away from the HTTP server, with the head of an answer.
//!
//! The server keeps buffers, timers and a task for each connection. The reader of a stream needs none
//! of them: when its socket is gone, the server gives them back.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::TcpStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::rt::net::TcpStream as ServerStream;
use actix_web::web::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket without its server.
pub struct Taken {
    /// The socket. It does not block.
    pub socket: TcpStream,
    /// Dropped after the socket is closed.
    pub held: Box<dyn Send>,
}

/// A connection whose socket can be taken.
pub trait Takeable: AsyncRead + AsyncWrite + Unpin {
    /// Takes the socket.
    ///
    /// # Errors
    /// If the system refuses.
    fn take(self) -> io::Result<Taken>;
}

impl Takeable for ServerStream {
    fn take(self) -> io::Result<Taken> {
        Ok(Taken { socket: self.into_std()?, held: Box::new(()) })
    }
}

/// It gets the socket, and the bytes that the server has not written to it.
type Receiver = Box<dyn FnOnce(Taken, Bytes)>;

/// The way of a connection's socket to whoever wants it. It belongs into the data of the connection,
/// where a request finds it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Handover(Rc<RefCell<Option<Receiver>>>);

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handover").field(&self.is_asked()).finish()
    }
}

impl Handover {
    /// Asks for the socket. `receive` is called as soon as the server has written what it has. The
    /// socket is not written any more: `receive` gets these bytes, so that they can be sent with more.
    pub(crate) fn ask(&self, receive: impl FnOnce(Taken, Bytes) + 'static) {
        *self.0.borrow_mut() = Some(Box::new(receive));
    }

    fn is_asked(&self) -> bool {
        self.0.borrow().is_some()
    }

    fn receiver(&self) -> Option<Receiver> {
        self.0.borrow_mut().take()
    }
}

/// A connection as the HTTP server has it, until its socket is taken. From then on the server gets an
/// error at each use, and ends the connection without another word.
pub struct Detachable<S> {
    io: Option<S>,
    handover: Handover,
    /// What was written since the socket is asked for.
    written: Vec<u8>,
}

impl<S: Takeable> Detachable<S> {
    /// Wraps a connection.
    pub fn new(io: S) -> Self {
        Self { io: Some(io), handover: Handover::default(), written: Vec::new() }
    }

    /// The connection, unless its socket was taken.
    pub fn get(&self) -> Option<&S> {
        self.io.as_ref()
    }

    /// The way to the socket, for requests of this connection.
    pub fn handover(&self) -> Handover {
        self.handover.clone()
    }

    fn io(&mut self) -> io::Result<Pin<&mut S>> {
        self.io.as_mut().map(Pin::new).ok_or_else(gone)
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the socket is no longer the server's")
}

impl<S: Takeable> AsyncRead for Detachable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.handover.is_asked() {
            // What the server read now would be lost.
            return Poll::Pending;
        }
        self.io()?.poll_read(context, buffer)
    }
}

impl<S: Takeable> AsyncWrite for Detachable<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.handover.is_asked() {
            self.written.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        self.io()?.poll_write(context, bytes)
    }

    /// The server calls it when it has written all that it has.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.io()?.poll_flush(context);
        if !matches!(flushed, Poll::Ready(Ok(()))) {
            return flushed;
        }
        let Some(receive) = self.handover.receiver() else { return flushed };
        let io = self.io.take().ok_or_else(gone)?;
        receive(io.take()?, std::mem::take(&mut self.written).into());
        Poll::Ready(Err(gone()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_shutdown(context)
    }
}
