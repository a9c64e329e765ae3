//! What a reverse proxy in front says of a request: only to be believed if there is one
//! (`TRUST_FORWARDED_HEADERS`), for everybody can send these headers.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderMap;

/// The client that the nearest reverse proxy saw: the last in `X-Forwarded-For`, since each adds
/// to the end what it has seen itself, and what stands before is anybody's word.
pub(crate) fn client(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").next_back()?.to_str().ok()?;
    let last = last.rsplit(',').next()?.trim();
    let with_port = || last.parse().map(|address: SocketAddr| address.ip());
    let bare = last.trim_start_matches('[').trim_end_matches(']');
    bare.parse().or_else(|_| with_port()).ok()
}

/// Whether that client came by TLS: the last in `X-Forwarded-Proto`.
pub(crate) fn is_tls(headers: &HeaderMap) -> bool {
    let last = headers.get_all("x-forwarded-proto").next_back().and_then(|it| it.to_str().ok());
    let last = last.and_then(|list| list.rsplit(',').next());
    last.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(name: &'static str, values: &[&'static str]) -> HeaderMap {
        let pair =
            |value: &&'static str| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut headers = HeaderMap::new();
        values.iter().map(pair).for_each(|(name, value)| headers.append(name, value));
        headers
    }

    #[test]
    fn of_several_clients_the_last_is_the_one_that_was_seen() {
        for (values, expected) in [
            (&["192.0.2.1"][..], Some("192.0.2.1")),
            (&["10.0.0.1, 192.0.2.1"], Some("192.0.2.1")),
            (&["10.0.0.1", "10.0.0.2 ,192.0.2.1"], Some("192.0.2.1")),
            (&["192.0.2.1:4711"], Some("192.0.2.1")),
            (&["2001:db8::1"], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["[2001:db8::1]:443"], Some("2001:db8::1")),
            (&["192.0.2.1, unknown"], None),
            (&["192.0.2.1,"], None),
            (&[], None),
        ] {
            let seen = client(&headers("x-forwarded-for", values));
            assert_eq!(seen, expected.map(|ip| ip.parse().unwrap()), "{values:?}");
        }
    }

    #[test]
    fn tls_is_what_the_nearest_says() {
        assert!(is_tls(&headers("x-forwarded-proto", &["https"])));
        assert!(is_tls(&headers("x-forwarded-proto", &["http, HTTPS"])));
        assert!(!is_tls(&headers("x-forwarded-proto", &["https,http"])));
        assert!(!is_tls(&headers("x-forwarded-proto", &[])));
    }
}
