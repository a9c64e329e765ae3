//! Serves HTTP for both servers. The caller binds the listener and decides when to stop.

use std::any::Any;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use socket2::SockRef;

use crate::tuning;

/// How long open requests may take after the server was asked to stop, in seconds. Container
/// platforms grant 10 s between SIGTERM and SIGKILL.
const SHUTDOWN_GRACE_S: u64 = 8;

/// How long the header lines of a request may take, in milliseconds.
const REQUEST_HEAD_MS: u64 = 10_000;

/// Serves `configure`'s routes on the listener until `shutdown` resolves. Then it accepts no new
/// connections, and open requests finish within 8 s.
///
/// # Errors
/// If the listener cannot be served.
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
        // A change is one small packet, which must not wait for the next one.
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
    // The server has to be polled while it drains. Otherwise it would wait for itself.
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
