//! Reads what reverse proxies say of a request: `Forwarded` (RFC 7239) and the headers
//! `X-Forwarded-*`. Anybody can send them, so [`TrustedProxies`](crate::TrustedProxies) decides
//! whether to believe them.

use std::net::IpAddr;

use actix_web::http::header::HeaderMap;

/// The names of the scheme, in the order of preference.
const SCHEMES: [&str; 4] =
    ["x-forwarded-proto", "x-forwarded-protocol", "x-forwarded-scheme", "x-url-scheme"];

/// The names of a switch that says "TLS", `on` or `off`.
const TLS_SWITCHES: [&str; 2] = ["x-forwarded-ssl", "front-end-https"];

/// What one proxy says of who asked it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hop {
    /// Who asked. `None` if the proxy hides it, or if it cannot be read.
    pub(crate) address: Option<IpAddr>,
    /// Whether it asked by TLS.
    pub(crate) is_tls: Option<bool>,
    /// The host that it asked for, perhaps with a port.
    pub(crate) host: Option<String>,
}

/// The hops in `Forwarded`, the nearest proxy last; `None` without the header. A line that cannot
/// be read is one hop that says nothing.
pub(crate) fn standard(headers: &HeaderMap) -> Option<Vec<Hop>> {
    let lines: Vec<_> = headers.get_all("forwarded").collect();
    let hops = |line: &[u8]| {
        let hops = std::str::from_utf8(line).ok().and_then(|line| split(line, ','));
        let hops = hops.map(|hops| hops.into_iter().map(|hop| self::hop(hop).unwrap_or_default()));
        hops.map_or_else(|| vec![Hop::default()], Iterator::collect)
    };
    (!lines.is_empty()).then(|| lines.into_iter().flat_map(|line| hops(line.as_bytes())).collect())
}

/// The addresses in `X-Forwarded-For`, the nearest proxy last; `None` without the header.
pub(crate) fn x_forwarded_for(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    let name = "x-forwarded-for";
    headers.contains_key(name).then(|| values(headers, name).map(address).collect())
}

/// Whether a request came by TLS, at each proxy that says so in `X-Forwarded-Proto` or one of its
/// other names.
pub(crate) fn x_schemes(headers: &HeaderMap) -> Vec<Option<bool>> {
    let told = |names: &[&str], read: fn(&str) -> Option<bool>| {
        let mut lists = names.iter().map(|name| said(headers, name));
        lines_read(lists.find(|list| !list.is_empty()).unwrap_or_default(), read)
    };
    let schemes = told(&SCHEMES, tls_of_scheme);
    if schemes.is_empty() { told(&TLS_SWITCHES, tls_of_switch) } else { schemes }
}

/// The values of `X-Forwarded-Host` or `X-Forwarded-Port`.
pub(crate) fn said<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    values(headers, name).filter(|value| !value.is_empty()).collect()
}

fn lines_read(list: Vec<&str>, read: fn(&str) -> Option<bool>) -> Vec<Option<bool>> {
    list.into_iter().map(read).collect()
}

/// The elements of a list over all lines of a header. Text that is not ASCII is one blank element.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).map(|line| line.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn tls_of_scheme(scheme: &str) -> Option<bool> {
    match scheme.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(true),
        "http" | "ws" => Some(false),
        _ => None,
    }
}

fn tls_of_switch(switch: &str) -> Option<bool> {
    match switch.to_ascii_lowercase().as_str() {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// One element of `Forwarded`. `None` if it cannot be read, also because it says a thing twice.
fn hop(element: &str) -> Option<Hop> {
    let mut hop = Hop::default();
    let mut seen = Vec::new();
    for pair in split(element, ';')?.into_iter().map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim().to_ascii_lowercase(), unquoted(value.trim()));
        if seen.contains(&name) {
            return None;
        }
        match name.as_str() {
            "for" => hop.address = address(&value),
            "proto" => hop.is_tls = tls_of_scheme(&value),
            "host" => hop.host = Some(value).filter(|host| !host.is_empty()),
            // `by`, and what others have added.
            _ => {}
        }
        seen.push(name);
    }
    Some(hop)
}

/// Splits where a separator stands outside quotes. `None` if a quote has no end.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|c| {
        let is_end = c == separator && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = is_quoted && c == '\\' && !is_escaped;
        is_end
    });
    let parts = parts.collect();
    (!is_quoted).then_some(parts)
}

/// The text of a token or a quoted string (RFC 9110, section 5.6.4).
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut is_escaped = false;
    let is_text = |c: &char| {
        is_escaped = *c == '\\' && !is_escaped;
        !is_escaped
    };
    inner.chars().filter(is_text).collect()
}

/// The address of a node, with or without a port. `unknown` and names that hide an address
/// (`_hidden`) have none (RFC 7239, section 6).
fn address(node: &str) -> Option<IpAddr> {
    let host = match node.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            if !port.is_empty() && !port.starts_with(':') {
                return None;
            }
            host
        }
        // More colons are an IPv6 address, which the other headers have without brackets.
        None if node.matches(':').count() == 1 => node.split_once(':')?.0,
        None => node,
    };
    host.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    #[test]
    fn an_address_is_read_in_each_spelling() {
        for (node, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:4711", Some("192.0.2.1")),
            ("192.0.2.1:_port", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:DB8::1]:443", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("[2001:db8::1", None),
            ("[2001:db8::1]443", None),
            ("unknown", None),
            ("_hidden", None),
            ("_SEVKISEK:80", None),
            ("192.0.2", None),
            ("a.example", None),
            ("", None),
        ] {
            assert_eq!(address(node), expected.map(|it| it.parse().unwrap()), "{node}");
        }
    }

    #[test]
    fn the_standard_header_is_read_in_each_spelling() {
        let hop = |address: Option<&str>, is_tls, host: Option<&str>| Hop {
            address: address.map(|it| it.parse().unwrap()),
            is_tls,
            host: host.map(str::to_owned),
        };
        let first = Some("192.0.2.1");
        for (lines, expected) in [
            (&["for=192.0.2.1"][..], vec![hop(first, None, None)]),
            (&["FOR=192.0.2.1;Proto=HTTPS"], vec![hop(first, Some(true), None)]),
            (
                &[" for = \"192.0.2.1:80\" ; host=\"a.example:8443\";proto=http;by=_x; "],
                vec![hop(first, Some(false), Some("a.example:8443"))],
            ),
            (&["for=\"[2001:db8::1]:80\""], vec![hop(Some("2001:db8::1"), None, None)]),
            (&["for=\"\\192.0.2.1\""], vec![hop(first, None, None)]),
            (
                &["for=unknown, for=_hidden", "for=192.0.2.1"],
                vec![hop(None, None, None), hop(None, None, None), hop(first, None, None)],
            ),
            (
                &["host=\"a,b;c\";for=192.0.2.1,for=192.0.2.1"],
                vec![hop(first, None, Some("a,b;c")), hop(first, None, None)],
            ),
            // What cannot be read says nothing, and hides nothing that stands in another line.
            (&["for=192.0.2.1;for=192.0.2.2"], vec![Hop::default()]),
            (&["192.0.2.1"], vec![Hop::default()]),
            (&["for=\"192.0.2.1, for=192.0.2.1"], vec![Hop::default()]),
            (&["\u{e9}\"", "for=192.0.2.1"], vec![Hop::default(), hop(first, None, None)]),
            (&[""], vec![Hop::default()]),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("Forwarded", *line)).collect();
            assert_eq!(standard(&headers(&lines)), Some(expected), "{lines:?}");
        }
        assert_eq!(standard(&headers(&[])), None);
    }

    #[test]
    fn the_other_headers_are_lists_over_all_their_lines() {
        let read = headers(&[
            ("X-Forwarded-For", "192.0.2.1 ,unknown"),
            ("X-FORWARDED-FOR", "[2001:db8::1]:80,"),
            ("x-forwarded-host", " a.example , , b.example"),
        ]);
        let expected = ["192.0.2.1", "", "2001:db8::1", ""].map(|it| it.parse().ok());
        assert_eq!(x_forwarded_for(&read), Some(expected.to_vec()));
        assert_eq!(said(&read, "x-forwarded-host"), ["a.example", "b.example"]);
        assert_eq!(x_forwarded_for(&headers(&[])), None);
    }

    #[test]
    fn the_scheme_has_many_names() {
        for (lines, expected) in [
            (&[("X-Forwarded-Proto", "https, HTTP")][..], vec![Some(true), Some(false)]),
            (&[("X-Forwarded-Proto", "wss")], vec![Some(true)]),
            (&[("X-Forwarded-Proto", "gopher")], vec![None]),
            (&[("X-Forwarded-Scheme", "https")], vec![Some(true)]),
            (&[("X-Url-Scheme", "https")], vec![Some(true)]),
            (&[("X-Forwarded-Ssl", "on")], vec![Some(true)]),
            (&[("X-Forwarded-Ssl", "Off")], vec![Some(false)]),
            (&[("Front-End-Https", "On")], vec![Some(true)]),
            (&[("X-Forwarded-Proto", "http"), ("X-Forwarded-Ssl", "on")], vec![Some(false)]),
            (&[], vec![]),
        ] {
            assert_eq!(x_schemes(&headers(lines)), expected, "{lines:?}");
        }
    }
}
