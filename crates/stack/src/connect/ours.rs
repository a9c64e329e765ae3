//! The URLs of this server, as they stand in Twilio.

use live_users_twilio::rest::{Method, Webhook};

/// The override for a status callback: connect within 500 ms, and try again up to five times,
/// whatever goes wrong.
const OVERRIDES: &str = "#ct=500&rc=5&rp=all";

/// The address that Twilio reaches this server at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ours {
    base: String,
}

impl Ours {
    /// Of `PUBLIC_URL`.
    pub(crate) fn new(public_url: &str) -> Self {
        Self { base: public_url.trim_end_matches('/').to_owned() }
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

    /// Whether it leads to our `/voice`, with any query.
    pub(crate) fn is_voice(&self, webhook: &Webhook) -> bool {
        webhook.url.as_deref().is_some_and(|url| self.leads_to(url, "/voice"))
    }

    /// Whether it reports to us and tries again when we do not answer.
    pub(crate) fn is_status_callback(&self, webhook: &Webhook) -> bool {
        let Some(url) = webhook.url.as_deref() else { return false };
        let has = |pair: &str| url.split_once('#').is_some_and(|(_, it)| it.contains(pair));
        self.is_ours(webhook) && has("rp=all") && webhook.method == Method::Post
    }

    /// Whether it reports to us at all.
    pub(crate) fn is_ours(&self, webhook: &Webhook) -> bool {
        webhook.url.as_deref().is_some_and(|url| self.leads_to(url, "/call-status"))
    }

    fn leads_to(&self, url: &str, path: &str) -> bool {
        let plain = url.split(['?', '#']).next().unwrap_or_default();
        plain.strip_prefix(&self.base).is_some_and(|it| it.trim_end_matches('/') == path)
    }
}

/// A URL for people: without what stands before `@` and behind `?`, where secrets may be.
pub(crate) fn shown(webhook: &Webhook) -> String {
    let Some(url) = &webhook.url else { return "nothing".to_owned() };
    let (plain, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let plain = match plain.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.find('/').unwrap_or(rest.len());
            let user = rest[..host].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[user..])
        }
        None => plain.to_owned(),
    };
    let query = if rest.starts_with('?') { "?..." } else { "" };
    let method = if webhook.method == Method::Get { " (GET)" } else { "" };
    format!("{plain}{query}{method}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_urls_are_known() {
        let ours = Ours::new("https://calls.example.com/x/");
        for url in [
            "https://calls.example.com/x/voice",
            "https://calls.example.com/x/voice/",
            "https://calls.example.com/x/voice?agent=a#rc=1",
        ] {
            assert!(ours.is_voice(&Webhook::post(url)), "{url}");
        }
        for url in ["https://calls.example.com/voice", "https://calls.example.com/x/voices"] {
            assert!(!ours.is_voice(&Webhook::post(url)), "{url}");
        }
        assert!(ours.is_status_callback(&Webhook::post(ours.status_callback_url())));
        let plain = Webhook::post("https://calls.example.com/x/call-status");
        assert!(ours.is_ours(&plain) && !ours.is_status_callback(&plain));
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
