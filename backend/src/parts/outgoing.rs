//! The HTTP client for requests to other servers.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect};

/// How long an unused connection is kept, in milliseconds: long enough for questions that follow
/// each other, and shorter than a server's usual patience with an idle connection, so that a
/// request is not sent into one that is just being closed.
const IDLE_MS_MAX: u64 = 2_000;

/// A client without redirects, and without the proxies of the environment.
pub(crate) fn client(connect_timeout: Duration) -> ClientBuilder {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(Duration::from_millis(IDLE_MS_MAX))
}

/// The error with all its causes: the outermost alone seldom explains what happened.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _never_fails = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
