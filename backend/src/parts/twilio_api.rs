//! Asks Twilio's Calls resource over HTTPS.

mod settings;

use std::io;
use std::time::Duration;

use live_users_twilio::rest::{self, Answer, Failure, Request};
use reqwest::{Client, Response, Url};

pub(crate) use settings::TwilioApiSettings;

use crate::parts::outgoing::{chain, client};

/// The biggest body that is read, in bytes. A page of 1000 calls has some 3 MB.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Unused connections that are kept; there are few requests at a time.
const IDLE_CONNECTIONS_MAX: usize = 2;

/// A client of Twilio's REST API, for one account.
pub(crate) struct TwilioApi {
    client: Client,
    settings: TwilioApiSettings,
    timeout: Duration,
}

impl TwilioApi {
    /// Prepares to ask; nothing is sent yet. An exchange may take `timeout`, from connecting to the
    /// last byte of the body.
    ///
    /// # Errors
    /// When the system has no certificates to verify an `https://` address with.
    pub(crate) fn new(settings: TwilioApiSettings, timeout: Duration) -> io::Result<Self> {
        let mut client = client(timeout).pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
        if settings.base_url.scheme() == "http" {
            // Otherwise building fails in a container without certificates that nothing needs.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| {
            let cause = chain(&error);
            io::Error::other(format!(
                "cannot prepare to ask TWILIO_API_URL: {cause}; https:// needs CA certificates (in \
                 Debian the package ca-certificates)"
            ))
        })?;
        Ok(Self { client, settings, timeout })
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why there is no answer. The caller decides whether and when to ask again.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        let url = self.url_of(request)?;
        let exchange = async {
            let TwilioApiSettings { user, password, .. } = &self.settings;
            let asked = self.client.get(url).basic_auth(user, Some(password));
            let response = asked.send().await.map_err(failure)?;
            let status = response.status().as_u16();
            rest::answer(request, status, &body_of(response).await?)
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// The address of a next page counts from the root of the host, all others from the base URL,
    /// which may have a path with a compatible provider.
    fn url_of(&self, request: &Request) -> Result<Url, Failure> {
        let TwilioApiSettings { base_url, account_sid, .. } = &self.settings;
        let origin = base_url.origin();
        let base = match request {
            Request::List { next_page_uri: Some(_), .. } => origin.ascii_serialization(),
            Request::List { next_page_uri: None, .. } | Request::Call { .. } => {
                base_url.as_str().trim_end_matches('/').to_owned()
            }
        };
        // The credentials go nowhere else, even if a request was made of something never checked.
        Url::parse(&(base + &request.path_and_query(account_sid)))
            .ok()
            .filter(|url| url.origin() == origin)
            .ok_or_else(|| Failure::Odd("the next page is on another host".to_owned()))
    }
}

async fn body_of(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Failure::Odd(format!("a body of more than {BODY_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A broken connection counts as no connection.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    log::debug!("Twilio's REST API: {}", chain(&error));
    match &error {
        e if e.is_timeout() => Failure::Timeout,
        e if e.is_builder() => Failure::Odd(chain(e)),
        _ => Failure::Unreachable,
    }
}

#[cfg(test)]
mod tests;
