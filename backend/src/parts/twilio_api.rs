//! Asks Twilio's Calls resource over HTTPS.

mod settings;

use std::error::Error;
use std::io;
use std::time::Duration;

use live_users_http_kit::{BodyError, error_chain, http_client_of, read_body};
use live_users_twilio::rest::{self, Answer, Failure, Request};
use reqwest::{Client, Url};

pub(crate) use settings::{TwilioApiSettings, read_webhook_accounts};

use crate::parts::user_agent::USER_AGENT;

/// The biggest body that is read, in bytes. A page of 1000 calls has some 3 MB.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A client of Twilio's REST API, for one account.
pub(crate) struct TwilioApi {
    client: Client,
    settings: TwilioApiSettings,
    timeout: Duration,
}

impl TwilioApi {
    /// Prepares the client and sends nothing. An exchange may take `timeout`, from connecting to
    /// the last byte of the body.
    ///
    /// # Errors
    /// If the system has no certificates to verify an `https://` address with.
    pub(crate) fn new(settings: TwilioApiSettings, timeout: Duration) -> io::Result<Self> {
        let base_url = ("TWILIO_API_URL", &settings.base_url);
        let client = http_client_of(base_url, USER_AGENT, timeout)?;
        Ok(Self { client, settings, timeout })
    }

    /// Sends one request.
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
            let body = read_body(response, BODY_BYTES_MAX).await.map_err(|error| match error {
                BodyError::TooBig(_) => Failure::Odd(error.to_string()),
                BodyError::Broken(error) => failure(error),
            })?;
            rest::answer(request, status, &body)
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// The address of a next page counts from the root of the host. All others count from the base
    /// URL, which may have a path with a compatible provider.
    fn url_of(&self, request: &Request) -> Result<Url, Failure> {
        let TwilioApiSettings { base_url, account_sid, .. } = &self.settings;
        let origin = base_url.origin();
        let base = match request {
            Request::List { next_page_uri: Some(_), .. } => origin.ascii_serialization(),
            Request::List { next_page_uri: None, .. } | Request::Call { .. } => {
                base_url.as_str().trim_end_matches('/').to_owned()
            }
        };
        // Trap: the credentials must go to this host only, even with an unchecked path in a
        // request.
        Url::parse(&(base + &request.path_and_query(account_sid)))
            .ok()
            .filter(|url| url.origin() == origin)
            .ok_or_else(|| Failure::Odd("the next page is on another host".to_owned()))
    }
}

/// Treats a connection that breaks like one that was never made.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    log::debug!("Twilio's REST API: {}", error_chain(&error));
    match &error {
        e if e.is_timeout() => Failure::Timeout,
        e if e.is_builder() => Failure::Odd(error_chain(e)),
        e if is_untrusted(e) => Failure::Untrusted,
        _ => Failure::Unreachable,
    }
}

/// Whether the other side has shown a certificate that cannot be verified.
fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        // Trap: its `source` is that of the error inside, which is passed over.
        Some(outer) => outer.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
    .filter_map(|cause| cause.downcast_ref::<rustls::Error>())
    .any(|cause| matches!(cause, rustls::Error::InvalidCertificate(_)))
}

#[cfg(test)]
mod tests;
