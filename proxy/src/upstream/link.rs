//! The link to the backend: its address, its time limit, and what can go wrong on the way.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};
use tokio::runtime::Handle;

use crate::Config;
use crate::error::Trouble;

/// How long an unused connection is kept, in milliseconds. Shorter than any server's usual
/// patience with an idle connection (actix-web closes after 5 s), so that a request is not sent
/// into one that is just being closed.
const IDLE_MS_MAX: u64 = 2000;

/// Unused connections that are kept; there are seldom more requests under way.
const IDLE_CONNECTIONS_MAX: usize = 2;

/// The link to the backend.
#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    base: Url,
    pub(super) timeout: Duration,
    /// Where requests run. Not the runtime of the worker that happens to ask, or the connections
    /// would belong to that worker.
    pub(super) runtime: Handle,
}

/// What went wrong, for clients, with the details for the log.
pub(crate) struct Failure {
    pub(crate) trouble: Trouble,
    pub(crate) detail: String,
}

impl Link {
    /// Prepares the link; nothing is sent yet. Requests will run on the current runtime.
    ///
    /// # Errors
    /// When the system has no certificates to verify an `https://` backend with.
    pub(crate) fn new(config: &Config) -> std::io::Result<Self> {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(config.backend_timeout)
            .pool_idle_timeout(Duration::from_millis(IDLE_MS_MAX))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
        if config.backend_url.scheme() == "http" {
            // Otherwise building fails in a container without certificates that nothing needs.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| {
            let cause = chain(&error);
            std::io::Error::other(format!(
                "cannot prepare to ask BACKEND_URL: {cause}; https:// needs CA certificates (in \
                 Debian the package ca-certificates)"
            ))
        })?;
        Ok(Self {
            client,
            base: config.backend_url.clone(),
            timeout: config.backend_timeout,
            runtime: Handle::current(),
        })
    }

    /// Where the backend's count is, and all that is told about it below.
    ///
    /// # Errors
    /// When `BACKEND_URL` can have no path behind it, which its reader rules out.
    pub(crate) fn count_url(&self) -> std::io::Result<Url> {
        self.base.join("api/live-users").map_err(std::io::Error::other)
    }

    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Gives an exchange, from connecting to the last byte of the body, `BACKEND_TIMEOUT_MS`.
    pub(super) async fn in_time<T>(
        &self,
        exchange: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(failure(Trouble::Slow, format!("no answer after {:?}", self.timeout))),
        }
    }
}

/// The whole body, if it has at most so many bytes.
pub(super) async fn body_of(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > bytes_max {
            return Err(failure(Trouble::TooBig, format!("more than {bytes_max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The trouble with an answer whose status is none that was hoped for.
pub(super) fn wrong_status(status: u16) -> Failure {
    let trouble = match status {
        300..=399 => Trouble::Redirect,
        _ => Trouble::Status(status),
    };
    failure(trouble, format!("status {status}"))
}

pub(super) fn failure(trouble: Trouble, detail: String) -> Failure {
    Failure { trouble, detail }
}

impl From<reqwest::Error> for Failure {
    fn from(mut error: reqwest::Error) -> Self {
        // A query may be anything that a client has sent, phone numbers among it.
        if let Some(url) = error.url_mut() {
            url.set_query(None);
        }
        let trouble = match &error {
            e if e.is_timeout() => Trouble::Slow,
            e if e.is_connect() => Trouble::Unreachable,
            _ => Trouble::Broken,
        };
        failure(trouble, chain(&error))
    }
}

/// The error with all its causes; the outermost alone seldom says what happened.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _never_fails = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
