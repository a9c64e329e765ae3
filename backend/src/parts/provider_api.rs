//! Asks the provider of a source over HTTPS which calls are up, or how many.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use live_users_core::Millis;
use live_users_http_kit::{SettingsReader, http_client_of};
use live_users_intake::Unanswered;
use live_users_intake::sources::{RefereeSettings, SourceTable};
use live_users_sources::{Access, Answer, Ask, Referee};
use live_users_twilio::rest::Failure;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Url};

use super::exchange::exchange;
use super::twilio_api::parse_url;
use super::user_agent::USER_AGENT;

/// The longest time of one exchange.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the API of a source's provider, with a key.
pub(crate) struct ProviderApi {
    client: Client,
    base_url: Url,
    key: String,
    ids: Arc<[String]>,
    referee: &'static Referee,
}

impl ProviderApi {
    /// Prepares the client and sends nothing; `None` if the provider is not asked.
    ///
    /// # Errors
    /// What is wrong, as a field or a variable and what was expected.
    pub(crate) fn read(
        reader: &mut SettingsReader<'_>,
        table: &SourceTable,
    ) -> Result<Option<Self>, String> {
        let Some(RefereeSettings { referee, ids, .. }) = table.referee() else { return Ok(None) };
        let url = table.api_url.as_deref().or(referee.api_url);
        // Without one the file's own mistakes tell.
        let Some(url) = url else { return Ok(None) };
        let base_url = parse_url(url).map_err(|what| format!("api_url: expected {what}"))?;
        let variable = table.key_variable();
        // While a key is rotated, the first one signs in.
        let Some(key) = reader.words(variable).first().copied() else {
            return Err(format!("{variable} is not set: expected {}", referee.key_is));
        };
        if !(referee.is_key)(key) {
            return Err(format!("{variable} cannot be the key: expected {}", referee.key_is));
        }
        let client = http_client_of(("api_url", &base_url), USER_AGENT, TIMEOUT);
        let client = client.map_err(|error| error.to_string())?;
        Ok(Some(Self { client, base_url, key: key.to_owned(), ids, referee }))
    }

    /// Sends one question, at this moment.
    ///
    /// # Errors
    /// Why there is no answer. The caller decides whether and when to ask again.
    pub(crate) async fn ask(&self, ask: &Ask, now: Millis) -> Result<Answer, Unanswered> {
        let failed = |why| Unanswered { why, again_after_ms: None };
        let url = self.url(ask).map_err(failed)?;
        let asked = match &ask.body {
            None => self.client.get(url),
            Some(body) => {
                self.client.post(url).header(CONTENT_TYPE, "application/json").body(body.clone())
            }
        };
        let access = Access { key: &self.key, ids: &self.ids, now_s: now.0 / 1_000 };
        let headers = (self.referee.headers)(&access, ask);
        let asked = headers
            .into_iter()
            .fold(asked.header(ACCEPT, "application/json"), |asked, (name, value)| {
                asked.header(name, value)
            });
        let reply = exchange(asked, TIMEOUT).await.map_err(failed)?;
        let again_after_ms =
            reply.retry_after.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
        let answer = (self.referee.read)(ask, reply.status, &reply.body);
        answer.map_err(|why| Unanswered { why, again_after_ms })
    }

    fn url(&self, ask: &Ask) -> Result<Url, Failure> {
        let base = self.base_url.as_str().trim_end_matches('/');
        // Trap: the key must go to this host only.
        Url::parse(&format!("{base}{}", ask.path))
            .ok()
            .filter(|url| url.origin() == self.base_url.origin())
            .ok_or_else(|| Failure::Odd("what is asked is on another host".to_owned()))
    }
}

/// Says nothing of the key.
impl fmt::Debug for ProviderApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderApi").field("base_url", &self.base_url.as_str()).finish()
    }
}
