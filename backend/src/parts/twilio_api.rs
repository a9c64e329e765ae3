//! Asks Twilio's REST API over HTTPS.

mod settings;

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use live_users_http_kit::{BodyError, error_chain, http_client_of, read_body};
use live_users_twilio::Form;
use live_users_twilio::rest::{self, Answer, Failure, Request};
use reqwest::header::{CONTENT_TYPE, DATE};
use reqwest::{Client, RequestBuilder, Url};

pub use settings::TwilioApiSettings;
pub(crate) use settings::read_webhook_accounts;

use crate::parts::user_agent::USER_AGENT;

/// The biggest body that is read, in bytes. A page of 1000 calls has some 3 MB.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A client of Twilio's REST API, for one account.
pub struct TwilioApi {
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
    pub fn new(settings: TwilioApiSettings, timeout: Duration) -> io::Result<Self> {
        let base_url = ("TWILIO_API_URL", &settings.base_url);
        let client = http_client_of(base_url, USER_AGENT, timeout)?;
        Ok(Self { client, settings, timeout })
    }

    /// Sends one question about calls.
    ///
    /// # Errors
    /// Why there is no answer. The caller decides whether and when to ask again.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        let asked = self.client.get(self.url_of(request)?);
        let Reply { status, body, .. } = self.exchange(asked).await?;
        rest::answer(request, status, &body)
    }

    /// Reads what is at a path and query, which counts from the root of the host if it is the
    /// address of a next page, and otherwise from the base URL.
    ///
    /// # Errors
    /// Why there is no answer with status 200.
    pub async fn read(&self, path_and_query: &str, is_next_page: bool) -> Result<Reply, Failure> {
        self.exchange(self.client.get(self.url(path_and_query, is_next_page)?)).await?.ok()
    }

    /// Sends a form by POST to a path below the base URL.
    ///
    /// # Errors
    /// Why there is no answer with status 200. What was asked may be done all the same, unless the
    /// answer is a refusal.
    pub async fn change(&self, path: &str, form: &[(&str, &str)]) -> Result<Reply, Failure> {
        let body = Form::from_pairs(form.iter().copied()).encode();
        let asked = self.client.post(self.url(path, false)?).body(body);
        let asked = asked.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.exchange(asked).await?.ok()
    }

    async fn exchange(&self, asked: RequestBuilder) -> Result<Reply, Failure> {
        let exchange = async {
            let TwilioApiSettings { user, password, .. } = &self.settings;
            let asked = asked.basic_auth(user, Some(password));
            let response = asked.send().await.map_err(failure)?;
            let status = response.status().as_u16();
            let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
            let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
            let body = read_body(response, BODY_BYTES_MAX).await.map_err(|error| match error {
                BodyError::TooBig(_) => Failure::Odd(error.to_string()),
                BodyError::Broken(error) => failure(error),
            })?;
            Ok(Reply { status, date, body })
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// The whole address of a question about calls.
    fn url_of(&self, request: &Request) -> Result<Url, Failure> {
        let is_next_page = matches!(request, Request::List { next_page_uri: Some(_), .. });
        self.url(&request.path_and_query(&self.settings.account_sid), is_next_page)
    }

    /// The address of a next page counts from the root of the host. All others count from the base
    /// URL, which may have a path with a compatible provider.
    fn url(&self, path_and_query: &str, is_next_page: bool) -> Result<Url, Failure> {
        let base_url = &self.settings.base_url;
        let origin = base_url.origin();
        let base = match is_next_page {
            true => origin.ascii_serialization(),
            false => base_url.as_str().trim_end_matches('/').to_owned(),
        };
        // Trap: the credentials must go to this host only, even with an unchecked path in a
        // request.
        Url::parse(&(base + path_and_query))
            .ok()
            .filter(|url| url.origin() == origin)
            .ok_or_else(|| Failure::Odd("the next page is on another host".to_owned()))
    }
}

/// What the other side has answered.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// What its clock says, by the header `Date`, to the second.
    pub date: Option<SystemTime>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    fn ok(self) -> Result<Self, Failure> {
        match self.status {
            200 => Ok(self),
            status => Err(Failure::of(status, &self.body)),
        }
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
