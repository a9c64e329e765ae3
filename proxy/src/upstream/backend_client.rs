//! The HTTP client for the backend: its address, its time limit, and what can go wrong.

use std::time::Duration;

use live_users_http_kit::{BodyError, error_chain, http_client_of, read_body};
use live_users_wire::ACCESS_ENDED;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::identity::Identity;
use crate::error::UpstreamError;

/// What this server calls itself.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// The longest refusal that is read, in bytes.
pub(super) const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Sends requests to the backend.
#[derive(Clone)]
pub(crate) struct BackendClient {
    client: Client,
    base: Url,
    pub(super) identity: Identity,
    pub(super) timeout: Duration,
    /// Where requests run. Not the runtime of the worker that happens to ask, or the connections
    /// would belong to that worker.
    pub(super) runtime: Handle,
}

/// What went wrong, for clients, with the details for the log.
pub(crate) struct Failure {
    pub(crate) upstream_error: UpstreamError,
    pub(crate) detail: String,
}

impl BackendClient {
    /// Prepares requests to the backend at this address; none is sent yet. They will run on the current
    /// runtime. One exchange may take so long.
    ///
    /// # Errors
    /// When the system has no certificates to verify an `https://` backend with.
    pub(super) fn new(base: &Url, identity: Identity, timeout: Duration) -> std::io::Result<Self> {
        let client = http_client_of(("BACKEND_URL", base), USER_AGENT, timeout)?;
        Ok(Self { client, base: base.clone(), identity, timeout, runtime: Handle::current() })
    }

    /// The URL of the backend's count. All that is known about it lies below.
    ///
    /// # Errors
    /// When `BACKEND_URL` can have no path behind it, which its reader rules out.
    pub(crate) fn count_url(&self) -> std::io::Result<Url> {
        self.url("api/live-users")
    }

    /// The URL of something else that the backend has.
    ///
    /// # Errors
    /// As [`BackendClient::count_url`].
    pub(crate) fn url(&self, path: &str) -> std::io::Result<Url> {
        self.base.join(path).map_err(std::io::Error::other)
    }

    /// Takes what the head of an answer says of shards.
    ///
    /// # Errors
    /// If something else answers than the shard that is expected here.
    pub(super) fn check(&self, answer: &Response) -> Result<(), Failure> {
        let checked = self.identity.check(answer);
        checked.map_err(|(mismatch, detail)| failure(UpstreamError::OtherShard(mismatch), detail))
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Gives an exchange, from connecting to the last byte of the body, `BACKEND_TIMEOUT_MS`.
    pub(crate) async fn in_time<T>(
        &self,
        exchange: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => {
                Err(failure(UpstreamError::Slow, format!("no answer after {:?}", self.timeout)))
            }
        }
    }
}

/// The failure of an answer whose status is none that was hoped for.
pub(crate) fn wrong_status(status: u16) -> Failure {
    let upstream_error = match status {
        300..=399 => UpstreamError::Redirect,
        _ => UpstreamError::Status(status),
    };
    failure(upstream_error, format!("status {status}"))
}

/// The same with the backend's own words, for the log.
pub(super) async fn wrong_answer(response: Response) -> Failure {
    let status = response.status().as_u16();
    let Failure { upstream_error, detail } = wrong_status(status);
    let body = read_body(response, REFUSAL_BYTES_MAX).await.unwrap_or_default();
    let Ok(said) = serde_json::from_slice::<Refusal>(&body) else {
        return failure(upstream_error, detail);
    };
    let upstream_error = if said.is_in_shards() { UpstreamError::InShards } else { upstream_error };
    failure(upstream_error, format!("{detail}: {}", said.error))
}

/// What a backend says when it has no answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    error: String,
    #[serde(default)]
    expected: String,
    #[serde(default)]
    missing_shards: Vec<usize>,
}

impl Refusal {
    /// Whether it counts in several shards, and was asked for what one of them or all of them tell.
    fn is_in_shards(&self) -> bool {
        !self.missing_shards.is_empty() || self.expected.starts_with("/shards/")
    }
}

/// Why a scope is refused: its access has ended, or something else is wrong.
pub(super) fn refusal_of_scope(body: &[u8]) -> Failure {
    match has_ended(body) {
        true => failure(UpstreamError::AccessEnded, "status 403".to_owned()),
        false => wrong_status(403),
    }
}

/// Whether this refusal says that an access has ended.
pub(super) fn has_ended(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
    }
    serde_json::from_slice(body).is_ok_and(|Refusal { code }| code == ACCESS_ENDED)
}

pub(crate) fn failure(upstream_error: UpstreamError, detail: String) -> Failure {
    Failure { upstream_error, detail }
}

impl From<reqwest::Error> for Failure {
    fn from(mut error: reqwest::Error) -> Self {
        // A query may be anything that a client has sent, phone numbers among it.
        if let Some(url) = error.url_mut() {
            url.set_query(None);
        }
        let upstream_error = match &error {
            e if e.is_timeout() => UpstreamError::Slow,
            e if e.is_connect() => UpstreamError::Unreachable,
            _ => UpstreamError::Broken,
        };
        failure(upstream_error, error_chain(&error))
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooBig(max) => {
                failure(UpstreamError::TooBig, format!("more than {max} bytes"))
            }
            BodyError::Broken(error) => error.into(),
        }
    }
}
