//! Which addresses the internet reaches, and why one does not answer.

use std::net::IpAddr;

use live_users_http_kit::error_chain;
use reqwest::Url;

use crate::welcome::how_to_run;

/// Whether nobody outside of a network reaches it.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => {
            // Behind the carrier of a line with no address of its own: RFC 6598.
            let is_carriers = matches!(it.octets(), [100, 64..=127, ..]);
            let is_inside = it.is_loopback() || it.is_private() || it.is_link_local();
            is_inside || is_carriers || it.is_unspecified()
        }
        IpAddr::V6(it) => {
            it.is_loopback()
                || it.is_unspecified()
                || it.is_unique_local()
                || it.is_unicast_link_local()
        }
    }
}

/// Whether only this machine reaches the host of this URL: it is `localhost` or an address of loopback,
/// or stands for every interface. No name is looked up.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let is_address = |it: IpAddr| it.is_loopback() || it.is_unspecified();
    url.host_str() == Some("localhost") || address_of(url).is_some_and(is_address)
}

/// The address that stands in this URL in place of a name.
pub(crate) fn address_of(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Why there is no answer, without the address: in plain words where those of the system are none.
pub(crate) fn why_silent(error: reqwest::Error) -> String {
    let host = error.url().and_then(Url::host_str).unwrap_or_default().to_owned();
    let why = error_chain(&error.without_url());
    match Silence::of(&why) {
        Silence::NoName => format!("the name {host} is not found"),
        Silence::NoTls => "this port speaks no TLS".to_owned(),
        Silence::Other if why.contains("Connection refused") => {
            "it refuses the connection".to_owned()
        }
        Silence::Certificate | Silence::Other => why,
    }
}

/// What to do where a server at this address does not answer a command, as a sentence without a dot.
/// `flag` is the one that names the server.
pub(crate) fn advice(url: &str, why: &str, flag: &str) -> String {
    match Silence::of(why) {
        Silence::NoName => format!("Correct the name in {flag}"),
        Silence::NoTls => format!("This server speaks http://: name it so by {flag}"),
        Silence::Certificate => {
            format!("Name it by {flag} as its certificate does, and let this machine trust that")
        }
        Silence::Other if url.starts_with("http://") && why.contains("SendRequest") => {
            format!("If this server speaks https://, name it so by {flag}")
        }
        Silence::Other => {
            format!(
                "No server answers there: start {}, or name the server by {flag}",
                how_to_run("")
            )
        }
    }
}

/// Why a server is silent, as far as it matters what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    NoName,
    NoTls,
    Certificate,
    Other,
}

impl Silence {
    /// Reads it off the words of the system, or of [`why_silent`].
    pub(crate) fn of(why: &str) -> Self {
        let has = |words: [&str; 2]| words.into_iter().any(|it| why.contains(it));
        if has(["dns error", "is not found"]) {
            Self::NoName
        } else if has(["InvalidContentType", "speaks no TLS"]) {
            Self::NoTls
        } else if why.contains("certificate") {
            Self::Certificate
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_fits_why_nobody_answers() {
        for (why, told) in [
            ("tcp connect error: Connection refused", "No server answers there: start `"),
            ("dns error: error resolving DNS", "Correct the name"),
            ("received corrupt message of type InvalidContentType", "speaks http://"),
            ("client error (SendRequest): connection reset", "If this server speaks https://"),
            ("invalid peer certificate: UnknownIssuer", "as its certificate does"),
        ] {
            let advice = advice("http://127.0.0.1:8080", why, "--url");
            assert!(advice.contains(told) && advice.contains("--url"), "{advice}");
        }
    }

    #[test]
    fn what_the_internet_cannot_reach_is_known() {
        for address in
            ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.0.1", "100.64.1.2", "::1", "fd00::1"]
        {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["203.0.113.7", "100.128.0.1", "2001:db8::1"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }
}
