//! The URLs of this server, as they stand in Twilio.

use live_users_twilio::Method;
use live_users_twilio::rest::{VoiceSettings, Webhook};
use reqwest::Url;

/// The override for a status callback: connect within 500 ms, and try again up to five times,
/// whatever goes wrong.
const OVERRIDES: &str = "#ct=500&rc=5&rp=all";

/// The address that Twilio reaches this server at, and those that it had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ours {
    base: String,
    former: Vec<String>,
}

impl Ours {
    /// Of `PUBLIC_URL`.
    pub(crate) fn new(public_url: &str) -> Self {
        let base = public_url.trim_end_matches('/').to_owned();
        Self { base, former: Vec::new() }
    }

    /// Also knows the addresses that these URLs of `/voice` have: a tunnel has a new name each time.
    #[must_use]
    pub(crate) fn formerly(mut self, voice_urls: impl IntoIterator<Item = String>) -> Self {
        let bases = voice_urls.into_iter().filter_map(|url| base_of(&url, "/voice"));
        self.former.extend(bases);
        self
    }

    /// The address without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// What a number's `VoiceUrl` is.
    pub(crate) fn voice_url(&self) -> String {
        format!("{}/voice", self.base)
    }

    /// What a number's `StatusCallback` is.
    pub(crate) fn status_callback_url(&self) -> String {
        format!("{}/call-status{OVERRIDES}", self.base)
    }

    /// Whether the number leads to this server as it is now, and reports each end to it.
    pub(crate) fn is_connected(&self, settings: &VoiceSettings) -> bool {
        let VoiceSettings { voice, status_callback, .. } = settings;
        let tries_again = status_callback.url.as_ref().is_some_and(|url| {
            url.split_once('#').is_some_and(|(_, overrides)| overrides.contains("rp=all"))
        });
        let is_here = |webhook: &Webhook, path| {
            let url = webhook.url.as_deref().unwrap_or_default();
            base_of(url, path).is_some()
                && base_of(url, path) == base_of(&self.voice_url(), "/voice")
        };
        is_here(voice, "/voice")
            && is_here(status_callback, "/call-status")
            && status_callback.method == Method::Post
            && tries_again
    }

    /// Whether it leads to our `/voice`, at this address or at a former one. `beside` is the other
    /// webhook of the number: two that lead to the two paths of one address are of Live Users.
    pub(crate) fn is_voice(&self, webhook: &Webhook, beside: &Webhook) -> bool {
        self.is_ours((webhook, "/voice"), (beside, "/call-status"))
    }

    /// The same for our `/call-status`, beside the voice webhook.
    pub(crate) fn is_status_callback(&self, webhook: &Webhook, beside: &Webhook) -> bool {
        self.is_ours((webhook, "/call-status"), (beside, "/voice"))
    }

    fn is_ours(&self, (one, path): (&Webhook, &str), (other, beside): (&Webhook, &str)) -> bool {
        let of = |webhook: &Webhook, path: &str| base_of(webhook.url.as_deref()?, path);
        let Some(base) = of(one, path) else { return false };
        let present = base_of(&self.voice_url(), "/voice");
        Some(&base) == present.as_ref()
            || self.former.contains(&base)
            || of(other, beside).as_ref() == Some(&base)
    }
}

/// What stands before one of our paths in a URL, in one spelling: the host in small letters, without
/// the scheme, the user, and the port that every scheme has.
fn base_of(url: &str, path: &str) -> Option<String> {
    let url = Url::parse(url.trim()).ok().filter(|it| matches!(it.scheme(), "http" | "https"))?;
    let before = url.path().trim_end_matches('/').strip_suffix(path)?;
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}{port}{}", url.host_str()?, before.trim_end_matches('/')))
}

/// A URL for people: without what stands before `@` and behind `?`, where secrets may be.
pub(crate) fn shown(webhook: &Webhook) -> String {
    let Some(url) = &webhook.url else { return "nothing".to_owned() };
    let Ok(url) = Url::parse(url) else { return "a URL that cannot be read".to_owned() };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let query = if url.query().is_some() { "?..." } else { "" };
    let method = if webhook.method == Method::Get { " (GET)" } else { "" };
    format!("{}://{host}{port}{}{query}{method}", url.scheme(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_urls_are_known_in_every_spelling() {
        let ours = Ours::new("https://calls.example.com/x/");
        let nothing = Webhook::default();
        for url in [
            "https://calls.example.com/x/voice",
            "https://Calls.Example.com:443/x/voice/",
            "http://calls.example.com/x/voice?agent=a#rc=1",
        ] {
            assert!(ours.is_voice(&Webhook::post(url), &nothing), "{url}");
        }
        for url in ["https://calls.example.com/voice", "https://calls.example.com/x/voices"] {
            assert!(!ours.is_voice(&Webhook::post(url), &nothing), "{url}");
        }
    }

    #[test]
    fn a_former_address_is_ours_and_not_where_calls_go_now() {
        let old = Webhook::post("https://old.example.com/voice");
        let status = Webhook::post("https://old.example.com/call-status#rp=all");
        let ours = Ours::new("https://new.example.com");
        assert!(!ours.is_voice(&old, &Webhook::default()));
        assert!(ours.is_voice(&old, &status) && ours.is_status_callback(&status, &old));
        let ours = ours.formerly(["https://old.example.com/voice".to_owned()]);
        assert!(ours.is_voice(&old, &Webhook::default()));
        let settings = |voice: &str, status_callback: &str| VoiceSettings {
            voice: Webhook::post(voice),
            status_callback: Webhook::post(status_callback),
            ..VoiceSettings::default()
        };
        let voice = ours.voice_url();
        assert!(ours.is_connected(&settings(&voice, &ours.status_callback_url())));
        assert!(!ours.is_connected(&settings(&voice, "https://new.example.com/call-status")));
        assert!(
            !ours.is_connected(&settings(&voice, "https://old.example.com/call-status#rp=all"))
        );
    }

    #[test]
    fn what_may_be_secret_in_a_url_is_not_shown() {
        let shown_url = |url: &str| shown(&Webhook::post(url));
        assert_eq!(shown_url("https://a.example/v?key=topsecret#rc=2"), "https://a.example/v?...");
        assert_eq!(shown_url("https://user:topsecret@a.example/v"), "https://a.example/v");
        assert_eq!(shown_url("https://a.example/@v"), "https://a.example/@v");

        assert_eq!(shown(&Webhook::default()), "nothing");
    }
}
