//! The proxy as a whole: what is made once, and then served.

use std::net::TcpListener;

use actix_web::web::Data;

use crate::admin::Door;
use crate::routes::Routes;
use crate::upstream::{Details, Link, Upstream};
use crate::{Config, page};

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
    let link = Link::new(&config)?;
    let routes = Routes {
        upstream: Data::new(Upstream::new(link.clone())?),
        door: Data::new(Door::new(&config)),
        details: Data::new(Details::new(link, config.backend_authorization)?),
        page: page::render(&config.agents)?.into(),
        allowed_origins: config.allowed_origins,
        trusts_forwarded: config.trusts_forwarded,
    };
    live_users_service::serve(listener, shutdown, move |app| routes.configure(app)).await
}
