//! Asks Twilio's REST API over HTTPS.

mod settings;

use std::io;
use std::time::Duration;

use live_users_http_kit::http_client_of;
use live_users_twilio::Form;
use live_users_twilio::rest::{self, Answer, Failure, Request};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, Url};

pub use settings::TwilioApiSettings;
pub(crate) use settings::{parse_url, read_webhook_accounts};

use crate::parts::exchange::{Reply, exchange};
use crate::parts::user_agent::USER_AGENT;

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
        let TwilioApiSettings { user, password, .. } = &self.settings;
        exchange(asked.basic_auth(user, Some(password)), self.timeout).await
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

#[cfg(test)]
mod tests;
