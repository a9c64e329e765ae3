//! How the servers send requests themselves: one client, bounded bodies, errors with their causes.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response, Url, redirect};

/// How long an unused connection is kept, in milliseconds: long enough for requests that follow
/// each other, and shorter than a server's usual patience with an idle connection (actix-web closes
/// after 5 s), so that a request is not sent into one that is just being closed.
const IDLE_MS_MAX: u64 = 2_000;

/// Unused connections that are kept to one server; there are seldom more requests under way.
const IDLE_CONNECTIONS_MAX: usize = 2;

/// A client that goes where it is sent and nowhere else: no redirects, no proxies of the
/// environment. Connecting may take so long.
pub fn http_client(user_agent: &'static str, connect_timeout: Duration) -> ClientBuilder {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(user_agent)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(Duration::from_millis(IDLE_MS_MAX))
}

/// The same for the one server that the setting names.
///
/// # Errors
/// When the system has no certificates to verify an `https://` server with.
pub fn http_client_of(
    (setting, url): (&str, &Url),
    user_agent: &'static str,
    connect_timeout: Duration,
) -> io::Result<Client> {
    let mut client =
        http_client(user_agent, connect_timeout).pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    if url.scheme() == "http" {
        // Otherwise building fails in a container without certificates that nothing needs.
        client = client.tls_certs_only([]);
    }
    client.build().map_err(|error| {
        let cause = error_chain(&error);
        io::Error::other(format!(
            "cannot prepare to ask {setting}: {cause}; https:// needs CA certificates (in Debian \
             the package ca-certificates)"
        ))
    })
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than it may be, in bytes.
    #[error("a body of more than {0} bytes")]
    TooBig(usize),
    /// It broke off.
    #[error(transparent)]
    Broken(#[from] reqwest::Error),
}

/// The whole body of an answer, if it has at most so many bytes.
///
/// # Errors
/// If it has more, or breaks off.
pub async fn read_body(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > bytes_max {
            return Err(BodyError::TooBig(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The error with all its causes; the outermost alone seldom says what happened.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _never_fails = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
