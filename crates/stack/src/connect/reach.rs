//! Whether Twilio can reach `PUBLIC_URL`, and what it costs to be reached there. Nothing is asked.

use live_users_backend::TwilioApiSettings;
use reqwest::Url;

use crate::network::{address_of, is_private, is_this_machine};

/// What is to be known before numbers lead to this address, a line for each.
pub(super) fn warnings(public_url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(public_url) else { return Vec::new() };
    // A stand-in of the provider on this machine: nothing leaves it.
    if is_this_machine(&url) || url.scheme() != "http" {
        return Vec::new();
    }
    vec![
        "\nWARNING: PUBLIC_URL is http://. Callers' numbers and words cross the internet"
            .to_owned(),
        "unencrypted, and whoever is on the way can change what callers hear. Twilio signs"
            .to_owned(),
        "the address that it is told, so a redirect to https:// makes every webhook fail."
            .to_owned(),
        "Put a certificate in front of the backend, and set PUBLIC_URL to https://.".to_owned(),
    ]
}

/// Whether the provider may be able to reach the address. One that serves this machine alone is reached
/// by a stand-in on it; one of a private network, by another provider than Twilio.
pub(super) fn may_be_reached(public_url: &str, provider: Option<&TwilioApiSettings>) -> bool {
    let Ok(url) = Url::parse(public_url) else { return true };
    let is_on_loopback = provider.is_some_and(TwilioApiSettings::is_on_loopback);
    let is_twilio = provider.is_some_and(TwilioApiSettings::is_twilio);
    match address_of(&url) {
        _ if is_on_loopback => true,
        _ if is_this_machine(&url) => false,
        Some(address) => !(is_twilio && is_private(address)),
        None => true,
    }
}
