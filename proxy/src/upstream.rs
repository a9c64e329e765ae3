//! The link to the backend: one request at a time, shared by all who wait.

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use live_users_wire::Count;
use parking_lot::Mutex;
use reqwest::{Client, Response, Url, redirect};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::Config;
use crate::error::Trouble;

/// The biggest body that is read as a count, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long an unused connection is kept, in milliseconds. Shorter than any server's usual
/// patience with an idle connection (actix-web closes after 5 s), so that a request is not sent
/// into one that is just being closed.
const IDLE_MS_MAX: u64 = 2000;

/// Unused connections that are kept; there is seldom more than one request under way.
const IDLE_CONNECTIONS_MAX: usize = 2;

type Answer = Result<Count, Trouble>;

/// What the task that asks the backend will say; `None` until then.
type Flight = watch::Receiver<Option<Answer>>;

/// The link to the backend.
pub(crate) struct Upstream {
    client: Client,
    count_url: Url,
    timeout: Duration,
    /// Where requests run. Not the runtime of the worker that happens to ask, or the connections
    /// would belong to that worker.
    runtime: Handle,
    flight: Mutex<Option<Flight>>,
    is_up: Mutex<Option<bool>>,
}

/// What went wrong, for clients, with the details for the log.
struct Failure {
    trouble: Trouble,
    detail: String,
}

impl Upstream {
    /// Prepares the link; nothing is sent yet. Requests will run on the current runtime.
    ///
    /// # Errors
    /// When the system has no certificates to verify an `https://` backend with.
    pub(crate) fn new(config: &Config) -> std::io::Result<Arc<Self>> {
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
        Ok(Arc::new(Self {
            client,
            count_url: config.backend_url.join("api/live-users").map_err(std::io::Error::other)?,
            timeout: config.backend_timeout,
            runtime: Handle::current(),
            flight: Mutex::default(),
            is_up: Mutex::default(),
        }))
    }

    /// The count, from a request that was under way or is started now. Nothing is remembered
    /// between requests, so a count is never older than one request may take.
    pub(crate) async fn count(self: &Arc<Self>) -> Answer {
        let mut flight = self.join_or_start();
        match flight.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(answer)) => *answer,
            Ok(None) | Err(_) => Err(Trouble::Interrupted),
        }
    }

    /// The request runs in a task of its own, so that one browser that goes away does not cancel
    /// it for the others.
    fn join_or_start(self: &Arc<Self>) -> Flight {
        let mut last = self.flight.lock();
        match &*last {
            Some(flight) if flight.borrow().is_none() && flight.has_changed().is_ok() => {
                log::trace!("joins the request under way");
                flight.clone()
            }
            _ => {
                let (sender, flight) = watch::channel(None);
                let this = Arc::clone(self);
                self.runtime.spawn(async move {
                    let answer = this.ask().await;
                    this.note(&answer);
                    sender.send_replace(Some(answer.map_err(|failure| failure.trouble)));
                });
                *last = Some(flight.clone());
                flight
            }
        }
    }

    async fn ask(&self) -> Result<Count, Failure> {
        let exchange = async {
            let response = self.client.get(self.count_url.clone()).send().await?;
            match response.status().as_u16() {
                200 => count_in(&body_of(response).await?),
                status @ 300..=399 => Err(failure(Trouble::Redirect, format!("status {status}"))),
                status => Err(failure(Trouble::Status(status), format!("status {status}"))),
            }
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(failure(Trouble::Slow, format!("no answer after {:?}", self.timeout))),
        }
    }

    /// Logs when the link goes up or down, not every failure: browsers ask every few seconds.
    fn note(&self, answer: &Result<Count, Failure>) {
        let was_up = self.is_up.lock().replace(answer.is_ok());
        match (was_up, answer) {
            (Some(true), Ok(_)) => {}
            (None | Some(false), Ok(_)) => log::info!("link to the backend is up"),
            (None | Some(true), Err(Failure { trouble, detail })) => {
                log::warn!("link to the backend is down: {trouble}: {detail}");
            }
            (Some(false), Err(Failure { trouble, detail })) => {
                log::debug!("link to the backend is still down: {trouble}: {detail}");
            }
        }
    }
}

async fn body_of(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(failure(Trouble::TooBig, format!("more than {BODY_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn count_in(body: &[u8]) -> Result<Count, Failure> {
    let value: serde_json::Value = serde_json::from_slice(body)
        .map_err(|error| failure(Trouble::NotJson, error.to_string()))?;
    if !value.is_object() {
        // Serde would take `[3]` for a count, too.
        return Err(failure(Trouble::WrongShape, "not an object".to_owned()));
    }
    serde_json::from_value(value).map_err(|error| failure(Trouble::WrongShape, error.to_string()))
}

fn failure(trouble: Trouble, detail: String) -> Failure {
    Failure { trouble, detail }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_with_a_whole_number_is_a_count() {
        let trouble = |body: &str| count_in(body.as_bytes()).map_err(|failure| failure.trouble);
        assert_eq!(trouble(r#"{"liveUsers":3}"#), Ok(Count { live_users: 3 }));
        assert_eq!(trouble(r#" {"liveUsers":0,"later":"more"} "#), Ok(Count { live_users: 0 }));
        for wrong in ["[3]", "3", "null", "{}", r#"{"liveUsers":"3"}"#, r#"{"liveUsers":-1}"#] {
            assert_eq!(trouble(wrong), Err(Trouble::WrongShape), "{wrong}");
        }
        for wrong in ["", "<html>", r#"{"liveUsers":3"#, r#"{"liveUsers":3} x"#] {
            assert_eq!(trouble(wrong), Err(Trouble::NotJson), "{wrong}");
        }
        assert_eq!(trouble(&"[".repeat(BODY_BYTES_MAX)), Err(Trouble::NotJson), "too deep");
    }
}
