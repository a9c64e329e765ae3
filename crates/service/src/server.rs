//! One way to serve HTTP, for both servers: the caller binds and says when to stop.

use std::net::TcpListener;

use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

/// How long requests under way may take to finish once the server was asked to stop, in seconds.
/// Below the 10 s that container platforms grant between SIGTERM and SIGKILL.
pub const SHUTDOWN_GRACE_S: u64 = 8;

/// Header lines of one request have to arrive within this time, in milliseconds.
const REQUEST_HEAD_MS: u64 = 10_000;

/// Serves `configure`'s routes on the listener until `shutdown` resolves, then drains: no new
/// connections, requests under way finish within [`SHUTDOWN_GRACE_S`].
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
        .client_request_timeout(std::time::Duration::from_millis(REQUEST_HEAD_MS))
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
