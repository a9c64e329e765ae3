//! Reads from what page a request comes (W3C Fetch Metadata). This protects against pages of other
//! sites that make an admin's browser act for them.

use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap};
use std::net::IpAddr;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestSource {
    /// A page of ours.
    SameOrigin,
    /// A person who has typed the address or chosen a bookmark.
    UserInitiated,
    /// Something of another site, or of another origin of this one.
    CrossSite,
    /// It does not say: no browser of today, or one without TLS.
    Unknown,
}

/// What browsers say in `Sec-Fetch-Site` (W3C Fetch Metadata) when they have TLS or loopback, and
/// else, as for a WebSocket, in `Origin`, which then has to name the host that was asked.
pub(crate) fn request_source(headers: &HeaderMap) -> RequestSource {
    match (text(headers, "sec-fetch-site"), text(headers, header::ORIGIN.as_str())) {
        (Some("same-origin"), _) => RequestSource::SameOrigin,
        (Some("none"), _) => RequestSource::UserInitiated,
        (Some(_), _) => RequestSource::CrossSite,
        (None, Some(origin)) => match (authority(origin), text(headers, header::HOST.as_str())) {
            (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host) => {
                RequestSource::SameOrigin
            }
            (_, _) => RequestSource::CrossSite,
        },
        (None, None) => RequestSource::Unknown,
    }
}

/// Whether the browser says that it has neither TLS nor loopback. Then it keeps no cookie that is
/// `Secure`, and anybody in between can read the token.
pub(crate) fn is_in_the_clear(headers: &HeaderMap) -> bool {
    let origin = text(headers, header::ORIGIN.as_str());
    let plain = origin.filter(|origin| origin.starts_with("http://")).and_then(authority);
    plain.is_some_and(|host| !is_loopback(host)) && text(headers, "sec-fetch-site").is_none()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// Host and port of an origin, as they stand in `Host`.
fn authority(origin: &str) -> Option<&str> {
    origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))
}

fn is_loopback(authority: &str) -> bool {
    let uri = authority.parse::<Uri>().unwrap_or_default();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_name = host == "localhost" || host.ends_with(".localhost");
    is_name || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair =
            |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_browser_says_where_a_request_comes_from() {
        for (site, expected) in [
            ("same-origin", RequestSource::SameOrigin),
            ("none", RequestSource::UserInitiated),
            ("same-site", RequestSource::CrossSite),
            ("cross-site", RequestSource::CrossSite),
            ("", RequestSource::CrossSite),
            ("\u{e9}", RequestSource::CrossSite),
        ] {
            let value = HeaderValue::from_str(site).unwrap();
            let mut headers = headers(&[("host", "a.example"), ("origin", "https://a.example")]);
            headers.insert(HeaderName::from_static("sec-fetch-site"), value);
            assert_eq!(request_source(&headers), expected, "{site}");
        }
    }

    #[test]
    fn without_that_the_origin_has_to_name_the_host() {
        for (origin, expected) in [
            ("https://a.example:8443", RequestSource::SameOrigin),
            ("http://A.example:8443", RequestSource::SameOrigin),
            ("https://a.example", RequestSource::CrossSite),
            ("https://b.example:8443", RequestSource::CrossSite),
            ("https://xa.example:8443", RequestSource::CrossSite),
            ("ftp://a.example:8443", RequestSource::CrossSite),
            ("null", RequestSource::CrossSite),
            ("", RequestSource::CrossSite),
        ] {
            let headers = headers(&[("host", "a.example:8443"), ("origin", origin)]);
            assert_eq!(request_source(&headers), expected, "{origin}");
        }
        assert_eq!(request_source(&headers(&[("origin", "https://")])), RequestSource::CrossSite);
        assert_eq!(request_source(&headers(&[("host", "a.example")])), RequestSource::Unknown);
    }

    #[test]
    fn only_plain_http_from_another_machine_is_in_the_clear() {
        for (origin, expected) in [
            ("http://192.0.2.1:3000", true),
            ("http://proxy.example", true),
            ("http://localhost.example", true),
            ("http://127.0.0.1:3000", false),
            ("http://[::1]:3000", false),
            ("http://localhost:3000", false),
            ("https://proxy.example", false),
            ("null", false),
        ] {
            assert_eq!(is_in_the_clear(&headers(&[("origin", origin)])), expected, "{origin}");
        }
        let trusted = [("origin", "http://proxy.test"), ("sec-fetch-site", "same-origin")];
        assert!(!is_in_the_clear(&headers(&trusted)), "a browser that trusts it says so");
    }
}
