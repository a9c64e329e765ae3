//! The sessions that have ended before their time, shared by all proxies through the backend, which
//! keeps them in its journal.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix_web::web::Data;
use live_users_http_kit::{LogThrottle, read_body};
use live_users_wire::{EndedSession, EndedSessions};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Url};

use crate::admin::Authenticator;
use crate::error::UpstreamError;
use crate::upstream::{BackendClient, Failure, failure, wrong_status};

/// How often the list is read, in milliseconds. So long a copy of a cookie may still open something
/// at another proxy.
const READ_EVERY_MS: u64 = 1_000;

/// The biggest list that is read, in bytes. The backend remembers at most 10,000 sessions.
const LIST_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Keeps the sessions of this proxy and the list of the backend the same.
pub(crate) struct SharedSessions {
    backend: BackendClient,
    base: Url,
    authorization: HeaderValue,
    authenticator: Data<Authenticator>,
    lines: Arc<LogThrottle>,
}

impl SharedSessions {
    /// Prepares; nothing is sent yet.
    ///
    /// # Errors
    /// When `BACKEND_URL` can have no path behind it.
    pub(crate) fn new(
        backend: BackendClient,
        authorization: HeaderValue,
        authenticator: Data<Authenticator>,
    ) -> std::io::Result<Self> {
        let base = backend.url("api/sessions/")?;
        Ok(Self { backend, base, authorization, authenticator, lines: Arc::default() })
    }

    /// Runs until it is aborted.
    pub(crate) async fn run(self) {
        loop {
            if let Err(Failure { upstream_error, detail }) = self.synchronize().await {
                self.authenticator.note_not_learned(upstream_error.into());
                if let Some(held_back) = self.lines.line_at(Instant::now()) {
                    log::warn!(
                        "sessions that ended elsewhere are not known: {upstream_error}: {detail} \
                         ({held_back} such lines before this one were held back)"
                    );
                }
            }
            let pause = tokio::time::sleep(Duration::from_millis(READ_EVERY_MS));
            tokio::select! {
                () = pause => {}
                () = self.authenticator.session_ended() => {}
            }
        }
    }

    /// Reports what has ended here, and learns what has ended elsewhere.
    async fn synchronize(&self) -> Result<(), Failure> {
        // A backend of an older version knows nothing of sessions: then each proxy is on its own.
        let mut known = self.read().await?.unwrap_or_default();
        for session in self.authenticator.unreported_sessions(&known, SystemTime::now()) {
            self.report(&session).await?;
            known.push(session);
        }
        self.authenticator.learn_ended_sessions(known);
        Ok(())
    }

    async fn read(&self) -> Result<Option<Vec<EndedSession>>, Failure> {
        let exchange = async {
            let request = self.backend.request(Method::GET, self.at("ended")?);
            let answer = request.header(AUTHORIZATION, self.authorization.clone()).send().await?;
            match answer.status().as_u16() {
                200 => {
                    let body = read_body(answer, LIST_BYTES_MAX).await?;
                    let list: EndedSessions = serde_json::from_slice(&body).map_err(not_json)?;
                    Ok(Some(list.sessions))
                }
                404 => Ok(None),
                status => Err(wrong_status(status)),
            }
        };
        self.backend.in_time(exchange).await
    }

    async fn report(&self, session: &EndedSession) -> Result<(), Failure> {
        let exchange = async {
            let mut url = self.at(&format!("{}/end", session.id))?;
            url.query_pairs_mut().append_pair("until_ms", &session.until_ms.to_string());
            let request = self.backend.request(Method::POST, url);
            let answer = request.header(AUTHORIZATION, self.authorization.clone()).send().await?;
            match answer.status().as_u16() {
                // 404 is an older version's.
                204 | 404 => Ok(()),
                status => Err(wrong_status(status)),
            }
        };
        self.backend.in_time(exchange).await
    }

    fn at(&self, path: &str) -> Result<Url, Failure> {
        self.base.join(path).map_err(|error| failure(UpstreamError::Broken, error.to_string()))
    }
}

fn not_json(error: serde_json::Error) -> Failure {
    failure(UpstreamError::NotJson, error.to_string())
}
