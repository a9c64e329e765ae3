//! Outgoing requests of both servers: the client, bounded bodies, errors with their causes.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Response, Url, redirect};

/// How long an unused connection is kept, in milliseconds. It is long enough for requests in a row.
/// It is shorter than a server usually keeps an idle connection (actix-web closes after 5 s), so no
/// request goes into a connection that is being closed.
const IDLE_MS_MAX: u64 = 2_000;

/// The most unused connections to one server. More requests at once are rare.
const IDLE_CONNECTIONS_MAX: usize = 2;

/// A client for any server. It follows no redirects and uses no proxies of the environment.
/// Connecting may take `connect_timeout`.
///
/// # Errors
/// The system's own.
pub fn http_client(user_agent: &'static str, connect_timeout: Duration) -> io::Result<Client> {
    build(|| builder(user_agent, connect_timeout))
}

/// As [`http_client`], for the one server that the setting names.
///
/// # Errors
/// The system's own.
pub fn http_client_of(
    (setting, url): (&str, &Url),
    user_agent: &'static str,
    connect_timeout: Duration,
) -> io::Result<Client> {
    let one_server =
        || builder(user_agent, connect_timeout).pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    let client = match url.scheme() {
        // Certificates are not even read.
        "http" => one_server().tls_certs_only([]).build().map_err(io::Error::other),
        _ => build(one_server),
    };
    client.map_err(|error| {
        io::Error::other(format!("cannot prepare to ask {setting}: {}", error_chain(&error)))
    })
}

fn builder(user_agent: &'static str, connect_timeout: Duration) -> ClientBuilder {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(user_agent)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(Duration::from_millis(IDLE_MS_MAX))
}

/// Builds a client that trusts the system's CA certificates. A small container has none: there, it
/// trusts those that are compiled in.
fn build(builder: impl Fn() -> ClientBuilder) -> io::Result<Client> {
    let no_system = match builder().build() {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let roots: Result<Vec<_>, _> = roots.map(|root| Certificate::from_der(root)).collect();
    let client = builder().tls_certs_only(roots.map_err(io::Error::other)?).build();
    log::warn!(
        "the CA certificates of Mozilla that are built in are used, because the system has none \
         ({})",
        error_chain(&no_system)
    );
    client.map_err(io::Error::other)
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
