//! One way to serve HTTP, for both servers: the caller binds and says when to stop.

use std::any::Any;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use socket2::SockRef;

use crate::tuning;

/// How long requests under way may take to finish once the server was asked to stop, in seconds.
/// Below the 10 s that container platforms grant between SIGTERM and SIGKILL.
const SHUTDOWN_GRACE_S: u64 = 8;

/// Header lines of one request have to arrive within this time, in milliseconds.
const REQUEST_HEAD_MS: u64 = 10_000;

/// Serves `configure`'s routes on the listener until `shutdown` resolves, then drains: no new
/// connections, requests under way finish within 8 s.
///
/// # Errors
/// The system's own, when the listener cannot be served.
pub async fn serve<C>(
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    configure: C,
) -> std::io::Result<()>
where
    C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || App::new().configure(configure.clone()))
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_GRACE_S)
        .client_request_timeout(Duration::from_millis(REQUEST_HEAD_MS))
        .on_connect(|stream, _| tune(stream))
        // A change is one small packet, and it is not to wait for the next.
        .tcp_nodelay(true)
        .listen(listener)?
        .run();
    log::info!("listening on http://{address}");
    let handle = server.handle();
    tokio::pin!(server, shutdown);
    tokio::select! {
        ended = &mut server => return ended,
        () = &mut shutdown => {}
    }
    // The server has to be polled while it drains, or it would wait for itself.
    let ((), ended) = tokio::join!(handle.stop(true), server);
    log::info!("stopped");
    ended
}

fn tune(stream: &dyn Any) {
    let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
    if let Err(error) = tuning::tune(&SockRef::from(stream)) {
        log::debug!("a connection keeps the system's own limits: {error}");
    }
}
