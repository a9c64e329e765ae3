//! The sessions that have ended before their time, shared by all proxies through the backend, which
//! keeps them in its journal.

use std::time::{Duration, SystemTime};

use actix_web::web::Data;
use live_users_http_kit::read_body;
use live_users_wire::{EndedSession, EndedSessions};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Url};

use crate::admin::Authenticator;
use crate::error::{TOKEN_REFUSED, UpstreamError};
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
        Ok(Self { backend, base, authorization, authenticator })
    }

    /// Runs until it is aborted.
    pub(crate) async fn run(self) {
        let mut trouble = None;
        loop {
            let now = self.synchronize().await.err();
            if let Some(failed) = &now {
                self.authenticator.note_not_learned(failed.upstream_error.into());
            }
            // It is tried again each second, and says the same until somebody changes something.
            let now = now.map(|failed| text_of(&failed));
            match (&now, &trouble) {
                (Some(why), _) if now != trouble => {
                    log::warn!("sessions that ended elsewhere are not known: {why}");
                }
                (None, Some(_)) => log::info!("sessions that ended elsewhere are known again"),
                (None | Some(_), _) => {}
            }
            trouble = now;
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

/// What was wrong, with the setting that it is about.
fn text_of(Failure { upstream_error, detail }: &Failure) -> String {
    match upstream_error {
        UpstreamError::Status(401 | 403) => format!("{TOKEN_REFUSED}: {detail}"),
        _ => format!("{upstream_error}: {detail}"),
    }
}

fn not_json(error: serde_json::Error) -> Failure {
    failure(UpstreamError::NotJson, error.to_string())
}
