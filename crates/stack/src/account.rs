//! The provider's account, as `connect` and `doctor` see it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use live_users_backend::{Reply, TwilioApi, TwilioApiSettings};
use live_users_twilio::CallStatus;
use live_users_twilio::rest::{
    Alert, CallPage, Failure as ApiFailure, NumberPage, PhoneNumber, Request, VoiceSettings,
    alerts_path, parse_alerts,
};

use crate::Failure;

/// How long a request to the provider may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The most pages of numbers that are read, with 1000 each.
const PAGES_MAX: usize = 100;

/// How often a request that met too many requests, or trouble on the other side, is sent again.
const RETRIES: u32 = 2;

/// The delay before the first retry; it doubles.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The REST API of one account.
pub(crate) struct Account {
    api: TwilioApi,
    debugger: TwilioApi,
    settings: TwilioApiSettings,
}

/// What was read, with the provider's clock and ours at that moment.
pub(crate) struct Numbers {
    pub(crate) numbers: Vec<PhoneNumber>,
    /// How far this machine's clock is ahead of the provider's, in seconds; `None` if the answer
    /// had no date.
    pub(crate) ahead_s: Option<i64>,
}

impl Account {
    /// Prepares the clients and sends nothing.
    pub(crate) fn new(settings: TwilioApiSettings) -> Result<Self, Failure> {
        let client = |settings| TwilioApi::new(settings, PATIENCE).map_err(Failure::run);
        let (api, debugger) = (client(settings.clone())?, client(settings.of_debugger())?);
        Ok(Self { api, debugger, settings })
    }

    /// The settings that it was made of.
    pub(crate) fn settings(&self) -> &TwilioApiSettings {
        &self.settings
    }

    /// All phone numbers of the account.
    pub(crate) async fn numbers(&self) -> Result<Numbers, ApiFailure> {
        let mut path = NumberPage::first(&self.settings.account_sid);
        let (mut numbers, mut ahead_s) = (Vec::new(), None);
        let mut seen = BTreeSet::new();
        for page in 0..PAGES_MAX {
            let Reply { date, body, .. } =
                patiently(async || self.api.read(&path, page > 0).await).await?;
            ahead_s = ahead_s.or(date.map(seconds_ahead_of));
            let NumberPage { numbers: more, next_page_uri } = NumberPage::parse(&body)?;
            numbers.extend(more);
            match next_page_uri {
                Some(next) if !seen.insert(next.clone()) => {
                    return Err(ApiFailure::Endless("a page comes a second time"));
                }
                Some(next) => path = next,
                None => return Ok(Numbers { numbers, ahead_s }),
            }
        }
        Err(ApiFailure::Endless("more than 100 pages of phone numbers"))
    }

    /// One number as it is now.
    pub(crate) async fn number(&self, sid: &str) -> Result<PhoneNumber, ApiFailure> {
        let path = PhoneNumber::path(&self.settings.account_sid, sid);
        let reply = patiently(async || self.api.read(&path, false).await).await?;
        Ok(PhoneNumber::parse(&reply.body)?)
    }

    /// Gives a number these settings, and checks that it has them then.
    pub(crate) async fn set(&self, sid: &str, settings: &VoiceSettings) -> Result<(), ApiFailure> {
        let path = PhoneNumber::path(&self.settings.account_sid, sid);
        let form = settings.form();
        let reply = patiently(async || self.api.change(&path, &form).await).await?;
        let is = PhoneNumber::parse(&reply.body)?.settings;
        match is_same(&is, settings) {
            true => Ok(()),
            false => Err(ApiFailure::Odd("it answers with other URLs than were set".to_owned())),
        }
    }

    /// Whether the calls of the account may be read.
    pub(crate) async fn may_read_calls(&self) -> Result<(), ApiFailure> {
        let status = CallStatus::InProgress;
        let request = Request::List { status, next_page_uri: None };
        let path = request.path_and_query(&self.settings.account_sid);
        let reply = patiently(async || self.api.read(&path, false).await).await?;
        Ok(CallPage::parse(&reply.body).map(drop)?)
    }

    /// The newest alerts of the debugger since a moment (ISO 8601).
    pub(crate) async fn alerts(&self, since: &str) -> Result<Vec<Alert>, ApiFailure> {
        let path = alerts_path(since);
        let reply = patiently(async || self.debugger.read(&path, false).await).await?;
        Ok(parse_alerts(&reply.body)?)
    }
}

/// Whether two settings do the same: the method of a URL that is not there does nothing.
pub(crate) fn is_same(one: &VoiceSettings, other: &VoiceSettings) -> bool {
    let webhooks = |it: &VoiceSettings| {
        [&it.voice, &it.fallback, &it.status_callback]
            .map(|webhook| webhook.url.clone().map(|url| (url, webhook.method)))
    };
    webhooks(one) == webhooks(other)
}

/// Asks again after what may pass. Setting the same URLs twice does no harm.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T, ApiFailure>) -> Result<T, ApiFailure> {
    let mut delay = RETRY_DELAY;
    for _retry in 0..RETRIES {
        match ask().await {
            Err(ApiFailure::TooMany | ApiFailure::Server(_)) => {}
            answer => return answer,
        }
        tokio::time::sleep(delay).await;
        delay *= 2;
    }
    ask().await
}

fn seconds_ahead_of(provider: SystemTime) -> i64 {
    let now = SystemTime::now();
    let seconds = |it: Duration| i64::try_from(it.as_secs()).unwrap_or(i64::MAX);
    match now.duration_since(provider) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

/// The same where the credentials are those of an account of the agents file.
pub(crate) fn remedy_for_table(
    failure: &ApiFailure,
    settings: &TwilioApiSettings,
    variable: &str,
) -> String {
    match failure {
        ApiFailure::Refused(_) => format!(
            "check its sid, and that {variable} has the primary Auth Token of this very account"
        ),
        ApiFailure::NotFound => "check its sid".to_owned(),
        _ => remedy(failure, settings),
    }
}

/// What to do about a failure, as a sentence without a stop.
pub(crate) fn remedy(failure: &ApiFailure, settings: &TwilioApiSettings) -> String {
    match failure {
        ApiFailure::Refused(_) if settings.is_api_key() => {
            "check TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET, and that the key may read and \
             change phone numbers: a restricted key needs that permission"
                .to_owned()
        }
        ApiFailure::Refused(_) => {
            "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN: both stand on the first page of the \
             Twilio Console"
                .to_owned()
        }
        ApiFailure::Untrusted => {
            "check TWILIO_API_URL, this machine's CA certificates and its clock".to_owned()
        }
        ApiFailure::Unreachable | ApiFailure::Timeout => {
            format!("check that this machine reaches {}", settings.base_url)
        }
        ApiFailure::TooMany | ApiFailure::Server(_) => "try again in a minute".to_owned(),
        ApiFailure::NotFound | ApiFailure::Endless(_) | ApiFailure::Odd(_) => {
            "check TWILIO_API_URL and TWILIO_ACCOUNT_SID".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use live_users_twilio::Method;
    use live_users_twilio::rest::Webhook;

    #[test]
    fn the_method_of_no_url_makes_no_difference() {
        let post = VoiceSettings::default();
        let get = VoiceSettings {
            fallback: Webhook { url: None, method: Method::Get },
            ..VoiceSettings::default()
        };
        assert!(is_same(&post, &get));
        let voice = |method| VoiceSettings {
            voice: Webhook { url: Some("https://a.example".to_owned()), method },
            ..VoiceSettings::default()
        };
        assert!(!is_same(&voice(Method::Get), &voice(Method::Post)));
        assert!(!is_same(&voice(Method::Get), &post));
    }
}
