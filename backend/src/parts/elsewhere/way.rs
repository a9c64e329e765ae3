//! How requests go to other backends: each is one POST with `API_TOKEN`, bounded in size and time.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use live_users_http_kit::{error_chain, http_client, read_body};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::parts::queue::ACKNOWLEDGE_MS;
use crate::parts::user_agent::USER_AGENT;

/// Below the address of a backend, where others ask it.
pub(crate) const ASK_PATH: &str = "/shards/where";

/// Below the address of a backend, where others have evidence recorded.
pub(crate) const RECORD_PATH: &str = "/shards/record";

/// How long a webhook waits for what other backends know of its call. Later it goes where the hash says.
pub(super) const ASK: Duration = Duration::from_millis(1_000);

/// How long a question may take without whose answer nothing can be recorded.
pub(crate) const WHOLE: Duration = Duration::from_millis(ACKNOWLEDGE_MS);

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The longest time for connecting: a machine that is gone answers nothing.
const CONNECT: Duration = Duration::from_millis(1_000);

/// How much of another backend's reason goes to the log, in characters.
const REASON_CHARS_MAX: usize = 300;

/// The client, and what it shows. Cheap to clone.
#[derive(Clone)]
pub(super) struct Way {
    client: Client,
    authorization: HeaderValue,
    /// The runtime of the requests, since connections belong to the runtime that opened them.
    runtime: Handle,
}

impl Way {
    /// Prepares the client and sends nothing. Requests belong to the current runtime.
    ///
    /// # Errors
    /// The system's own.
    pub(super) fn new(authorization: HeaderValue) -> io::Result<Self> {
        let client = http_client(USER_AGENT, CONNECT)?;
        Ok(Self { client, authorization, runtime: Handle::current() })
    }

    /// The runtime of the requests.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Sends a request, once more if the connection fails: what is recorded twice counts once. It may be
    /// awaited on any runtime.
    pub(super) async fn post(
        &self,
        url: Result<Url, String>,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<u8>, String> {
        let way = self.clone();
        let exchange = self.runtime.spawn(async move { way.post_here(url, body, patience).await });
        exchange.await.unwrap_or_else(|_| Err("asking was interrupted".to_owned()))
    }

    /// The same, on the runtime of the requests.
    pub(super) async fn post_here(
        &self,
        url: Result<Url, String>,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<u8>, String> {
        let answer = timeout(patience, self.exchange(url?, Bytes::from(body))).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {} ms", patience.as_millis())))
    }

    async fn exchange(&self, url: Url, body: Bytes) -> Result<Vec<u8>, String> {
        let request = || {
            let request = self.client.post(url.clone()).header(CONTENT_TYPE, "application/json");
            request.header(AUTHORIZATION, self.authorization.clone()).body(body.clone()).send()
        };
        let response = match request().await {
            // A connection that was kept may have ended with the process at its other end.
            Err(error) if !error.is_timeout() => request().await,
            sent => sent,
        };
        let response = response.map_err(|error| error_chain(&error.without_url()))?;
        let status = response.status();
        let body = read_body(response, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|error| error_chain(&error))?;
        match status.is_success() {
            true => Ok(body),
            false => {
                let hint = match status.as_u16() {
                    401 | 403 => "; expected the same API_TOKEN at all backends",
                    404 => "; expected a backend of this version in SHARD_BACKENDS",
                    _ => "",
                };
                Err(format!("status {}{}{hint}", status.as_u16(), reason(&body)))
            }
        }
    }
}

/// The address of a path of a backend.
///
/// # Errors
/// The parser's.
pub(super) fn url(base: &Url, path: &str) -> Result<Url, String> {
    base.join(path.trim_start_matches('/')).map_err(|error| error.to_string())
}

/// What another backend says is wrong.
fn reason(body: &[u8]) -> String {
    let problem: Result<live_users_wire::Problem, _> = serde_json::from_slice(body);
    problem.map(|it| format!(": it says {:?}", visible(&it.error))).unwrap_or_default()
}

/// What another backend has said, in visible characters.
pub(super) fn visible(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).take(REASON_CHARS_MAX).collect()
}
