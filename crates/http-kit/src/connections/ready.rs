//! A new connection, as long as all that its client asks for is an answer that is ready.
//!
//! It has no buffers and no timers of its own meanwhile. With the first other request it goes to the
//! server as it is, and stays there.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};

use super::LimitedStream;
use crate::ready::{AtOnce, Ready};

/// What to do for a connection that cannot be answered at once.
enum Next {
    /// The application has to be asked for this version.
    Renew(u64),
    /// The rest of an answer has to be sent.
    Send(Vec<u8>),
    /// The server has to take it.
    Serve,
}

/// Answers the requests of a new connection at once as long as that is possible. Returns the connection
/// when it is not, with all that was read and not answered still to be read.
///
/// # Errors
/// If the connection has ended.
pub(crate) async fn answer_at_once(
    mut stream: LimitedStream,
    client: IpAddr,
    ready: &Ready,
) -> io::Result<LimitedStream> {
    let limits = *stream.connection().limits();
    let ended = || Err(io::ErrorKind::ConnectionAborted.into());
    // The first request has the time of a head, the others may come later.
    let opened = Instant::now();
    if !stream.connection().await_request(opened, limits.head) {
        return ended();
    }
    loop {
        let next = poll_fn(|context| answer(&mut stream, client, ready, context)).await;
        if next.is_err() && !stream.has_read() && opened.elapsed() >= limits.head {
            stream.tell_too_late();
        }
        let rest = match next? {
            Next::Renew(version) if ready.renew(version).await => {
                stream.discard();
                ready.with_bytes(<[u8]>::to_vec)
            }
            Next::Renew(_) | Next::Serve => {
                stream.connection().await_rest_of_head(Instant::now());
                return Ok(stream);
            }
            Next::Send(rest) => rest,
        };
        let connection = stream.connection().clone();
        let _not_limited = connection.begin(Instant::now(), false, None);
        stream.write_all(&rest).await?;
        if !connection.await_request(Instant::now(), limits.keep_alive) {
            return ended();
        }
    }
}

/// Answers what can be answered without waiting.
fn answer(
    stream: &mut LimitedStream,
    client: IpAddr,
    ready: &Ready,
    context: &mut Context<'_>,
) -> Poll<io::Result<Next>> {
    loop {
        let mut buffer = ready.buffer.borrow_mut();
        let mut buffer = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        let request = buffer.filled();
        if request.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        match ready.at_once(request, client) {
            AtOnce::Bytes => {}
            AtOnce::Newer(version) => {
                stream.read_again(request);
                return Poll::Ready(Ok(Next::Renew(version)));
            }
            AtOnce::Nothing => {
                stream.read_again(request);
                return Poll::Ready(Ok(Next::Serve));
            }
        }
        let rest = ready.with_bytes(|bytes| {
            let sent = match Pin::new(&mut *stream).poll_write(context, bytes) {
                Poll::Ready(sent) => sent?,
                Poll::Pending => 0,
            };
            io::Result::Ok(bytes[sent..].to_vec())
        })?;
        if !rest.is_empty() {
            return Poll::Ready(Ok(Next::Send(rest)));
        }
        let keep_alive = stream.connection().limits().keep_alive;
        if !stream.connection().await_request(Instant::now(), keep_alive) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
    }
}
