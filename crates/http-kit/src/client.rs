//! Outgoing requests of both servers: the client, bounded bodies, errors with their causes.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response, Url, redirect};

/// How long an unused connection is kept, in milliseconds. It is long enough for requests in a row.
/// It is shorter than a server usually keeps an idle connection (actix-web closes after 5 s), so no
/// request goes into a connection that is being closed.
const IDLE_MS_MAX: u64 = 2_000;

/// The most unused connections to one server. More requests at once are rare.
const IDLE_CONNECTIONS_MAX: usize = 2;

/// A client that follows no redirects and uses no proxies of the environment. Connecting may take
/// `connect_timeout`.
pub fn http_client(user_agent: &'static str, connect_timeout: Duration) -> ClientBuilder {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(user_agent)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(Duration::from_millis(IDLE_MS_MAX))
}

/// As [`http_client`], for the one server that the setting names.
///
/// # Errors
/// If the system has no certificates to verify an `https://` server with.
pub fn http_client_of(
    (setting, url): (&str, &Url),
    user_agent: &'static str,
    connect_timeout: Duration,
) -> io::Result<Client> {
    let mut client =
        http_client(user_agent, connect_timeout).pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    if url.scheme() == "http" {
        // Otherwise building fails in a container without certificates, although none is needed.
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

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than this many bytes.
    #[error("a body of more than {0} bytes")]
    TooBig(usize),
    /// It broke off.
    #[error(transparent)]
    Broken(#[from] reqwest::Error),
}

/// Reads the whole body of an answer, if it has at most `bytes_max` bytes.
///
/// # Errors
/// If it is longer, or breaks off.
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

/// The error with all its causes. The outermost one alone seldom gives the reason.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _never_fails = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
