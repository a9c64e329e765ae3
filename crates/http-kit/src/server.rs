//! Serves HTTP for both servers. The caller binds the listener and decides when to stop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZero;
use std::rc::Rc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::IntoServiceFactory as _;
use actix_service::{
    Service, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config,
};
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;
use actix_web::web::ServiceConfig;
use actix_web::{App, Error};
use live_users_broadcast::Detachable;
use socket2::SockRef;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use crate::connections::{Connections, Limit, LimitAnswers, LimitedStream, answer_at_once};
use crate::ready::{Ready, ReadyAnswer};
use crate::tuning;

/// How long open requests may take after the server was asked to stop, in seconds. Container
/// platforms grant 10 s between SIGTERM and SIGKILL.
const SHUTDOWN_GRACE_S: u64 = 8;

/// How long a client may take to close its side, in milliseconds.
const DISCONNECT_MS: u64 = 1_000;

/// How often slow connections are looked for, in milliseconds.
const SWEEP_MS: u64 = 1_000;

/// How often it is looked whether streams are open still, while the server stops, in milliseconds.
const STREAMS_LOOK_MS: u64 = 10;

/// Connections of each worker that are closed already and not yet gone.
const GOING: usize = 64;

/// What a server answers.
#[derive(Clone)]
pub struct Application<C> {
    /// Adds the routes to an application.
    pub configure: C,
    /// How requests are answered that are refused by a limit.
    pub limits: LimitAnswers,
    /// An answer that is ready before anybody asks for it.
    pub ready: Option<ReadyAnswer>,
}

/// Serves the application on the listener until `shutdown` resolves. Then it accepts no new connections,
/// and open requests finish within 8 s.
///
/// # Errors
/// If the listener cannot be served.
pub async fn serve<C>(
    listener: TcpListener,
    connections: Connections,
    shutdown: impl Future<Output = ()>,
    application: Application<C>,
) -> std::io::Result<()>
where
    C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let address = listener.local_addr()?;
    let workers = available_parallelism().map_or(1, NonZero::get);
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let all = connections.clone();
    let builder = builder
        .workers(workers)
        // The last resort for the descriptors: beyond it, connections wait in the kernel.
        .max_concurrent_connections(connections.limits().open / workers + GOING)
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_GRACE_S)
        .listen("http", listener, move || {
            let (all, stopping) = (all.clone(), stopping.clone());
            let (limits, of_worker) = (*all.limits(), application.clone());
            let app = App::new()
                .configure(application.configure.clone())
                .wrap(Limit(application.limits))
                .into_factory()
                .map_err(|error: Error| error.error_response());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(limits.keep_alive)
                .client_request_timeout(limits.head)
                .client_disconnect_timeout(Duration::from_millis(DISCONNECT_MS))
                .local_addr(address)
                .on_connect_ext(|stream: &Detachable<LimitedStream>, data| {
                    data.insert(stream.handover());
                    if let Some(stream) = stream.get() {
                        data.insert(stream.connection().clone());
                    }
                })
                .h1(map_config(app, |()| AppConfig::default()));
            fn_factory(move || accepting(all.clone(), of_worker.clone())).and_then(http)
        })?;
    let server = builder.run();
    log::info!("listening on http://{address}");
    let handle = server.handle();
    let sweeping = sweep(&connections);
    tokio::pin!(server, shutdown, sweeping);
    tokio::select! {
        ended = &mut server => return ended,
        () = &mut shutdown => {}
        () = &mut sweeping => {}
    }
    connections.stop();
    let end = Instant::now() + Duration::from_secs(SHUTDOWN_GRACE_S);
    // The server has to be polled while it drains. Otherwise it would wait for itself.
    let drained = async {
        let stopped = tokio::join!(handle.stop(true), server);
        // The streams are no longer the server's. Each of them has been told that it ends.
        let _over_or_late = timeout_at(end, streams_end(&connections)).await;
        stopped
    };
    let ((), ended) = tokio::select! {
        drained = drained => drained,
        () = sweeping => return Ok(()),
    };
    log::info!("stopped");
    ended
}

/// Resolves when no stream is open.
async fn streams_end(connections: &Connections) {
    while connections.has_streams() {
        sleep(Duration::from_millis(STREAMS_LOOK_MS)).await;
    }
}

/// Closes slow connections about once a second, for as long as it is polled.
async fn sweep(connections: &Connections) {
    let mut ticks = interval(Duration::from_millis(SWEEP_MS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        connections.sweep();
    }
}

/// Makes the service that takes connections for one worker.
async fn accepting<C>(
    all: Connections,
    application: Application<C>,
) -> Result<impl Service<TcpStream, Response = Accepted, Error = DispatchError>, ()>
where
    C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let ready = match &application.ready {
        Some(answer) => {
            // An application of its own, which answers nobody but this worker.
            let app = App::new().configure(application.configure).into_factory();
            let app = app.new_service(AppConfig::default()).await?;
            Some(Rc::new(Ready::new(answer, app)))
        }
        None => None,
    };
    Ok(fn_service(move |stream| take(accept(stream, &all), ready.clone())))
}

/// A connection that the server serves, and its peer.
type Accepted = (Detachable<LimitedStream>, Option<SocketAddr>);

/// Answers what is ready on a new connection, and gives it to the server with the first other request.
async fn take(
    accepted: Result<(LimitedStream, Option<SocketAddr>), DispatchError>,
    ready: Option<Rc<Ready>>,
) -> Result<Accepted, DispatchError> {
    let (mut stream, peer) = accepted?;
    if let (Some(ready), Some(address)) = (ready, peer) {
        stream = answer_at_once(stream, address.ip(), &ready).await?;
    }
    Ok((Detachable::new(stream), peer))
}

/// Takes a connection, or closes it at once.
fn accept(
    stream: TcpStream,
    connections: &Connections,
) -> Result<(LimitedStream, Option<SocketAddr>), DispatchError> {
    let peer = stream.peer_addr().ok();
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let connection = connections
        .admit(address)
        .map_err(|_| DispatchError::Io(std::io::ErrorKind::ConnectionRefused.into()))?;
    // A change is one small packet, which must not wait for the next one.
    let tuned = stream.set_nodelay(true).and_then(|()| tuning::tune(&SockRef::from(&stream)));
    if let Err(error) = tuned {
        log::debug!("a connection keeps the system's own limits: {error}");
    }
    Ok((LimitedStream::new(stream, connection), peer))
}
