//! The proxy as a whole: what is made once, and then served.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use live_users_http_kit::{Application, Connections, ReadLimit, serve};
use tokio::task::JoinHandle;

use crate::admin::Authenticator;
use crate::channels::Channels;
use crate::config::Config;
use crate::error::LIMIT_ANSWERS;
use crate::metrics::Metrics;
use crate::page;
use crate::routes::Routes;
use crate::shared_sessions::SharedSessions;
use crate::streams::Streams;
use crate::total_reader::TotalRules;
use crate::upstream::{AccessLookup, AdminApi, Follower, ScopedStreams, Shards, Upstream};

/// Serves the proxy on the listener until `shutdown` resolves, then lets requests under way
/// finish. The caller has bound the listener; `config.listen` is not looked at.
///
/// # Errors
/// The system's own when the listener cannot be served, or when the system has no certificates
/// to verify an `https://` backend with.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    config.trusted_proxies.warn();
    let metrics = Data::new(Metrics::new());
    let shards = Shards::new(&config)?;
    let limits = config.limits.fit_files();
    let streams_max = config.streams_max.at_most(limits.streams());
    let authorization = config.backend_authorization.clone();
    let channels = Arc::new(Channels::default());
    let streams = Data::new(Streams::new(
        Arc::clone(&channels),
        ScopedStreams::new(shards.clone(), authorization.clone()),
        streams_max,
        config.allowed_origins.clone(),
    ));
    let connections = Connections::new(limits, config.trusted_proxies.clone());
    let lookup = AccessLookup::new(shards.first().clone(), authorization.clone())?;
    let upstream = Upstream::new(shards.clone(), authorization.clone());
    let mut following =
        vec![tokio::spawn(Follower::of_all(&shards, authorization, channels).run())];
    if shards.only().is_none() {
        following.push(tokio::spawn(Arc::clone(&upstream).keep_contact()));
    }
    let authenticator = Data::new(Authenticator::new(&config, lookup));
    match config.backend_authorization.clone() {
        Some(authorization) => {
            let shared =
                SharedSessions::new(shards.first().clone(), authorization, authenticator.clone())?;
            following.push(tokio::spawn(shared.run()));
        }
        // Without a token for the backend an admin can read nothing, and nothing can be shared.
        None => {
            authenticator.learn_ended_sessions(Vec::new());
        }
    }
    let open = streams.clone();
    let stop = {
        let streams = streams.clone();
        async move {
            shutdown.await;
            // A stream has no end of its own that the server could wait for.
            streams.close();
        }
    };
    let routes = Routes {
        metrics,
        connections: Data::new(connections.clone()),
        streams,
        upstream: Data::new(upstream),
        authenticator,
        total_rules: Data::new(TotalRules {
            is_public: config.public_total,
            tells_doubt: config.public_suspect,
            limit: ReadLimit::new(config.reads_per_second),
        }),
        admin_api: Data::new(AdminApi::new(shards, config.backend_authorization)),
        simulate: Data::new(page::Simulate(config.simulate)),
        allowed_origins: config.allowed_origins,
        trusted_proxies: config.trusted_proxies,
    };
    let configure = move |app: &mut ServiceConfig| routes.configure(app);
    let application = Application { configure, limits: LIMIT_ANSWERS, ready: None };
    let served = serve(listener, connections, stop, application).await;
    open.connections().ended().await;
    following.iter().for_each(JoinHandle::abort);
    served
}
