//! One entry of `ALLOWED_ORIGINS`, and which origins it stands for.

use actix_web::http::Uri;

/// One entry of `ALLOWED_ORIGINS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OriginPattern {
    /// `*`: every origin.
    Any,
    /// An origin.
    Exact(String),
    /// `https://*.example.com`: one or more labels before this domain, but not the domain itself.
    Subdomains {
        /// With `://` behind it.
        scheme: &'static str,
        /// With the dot before it and, where it is not the scheme's default, the port behind it.
        domain: String,
    },
    /// `http://localhost:*`: any port of this machine.
    AnyPort(String),
}

const SCHEMES: [&str; 2] = ["http://", "https://"];

/// The names of the machine itself. Elsewhere another port is often somebody else's server.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl OriginPattern {
    /// Reads an entry; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        if text == "*" {
            return Some(Self::Any);
        }
        let scheme = SCHEMES.into_iter().find(|scheme| text.starts_with(scheme))?;
        let authority = &text[scheme.len()..];
        if let Some(host) = authority.strip_suffix(":*") {
            return LOOPBACK.contains(&host).then(|| Self::AnyPort(format!("{scheme}{host}")));
        }
        if let Some(domain) = authority.strip_prefix("*.") {
            let sent = as_browsers_send_it(&format!("{scheme}{domain}"));
            let domain = format!(".{}", &sent[scheme.len()..]);
            return is_domain(&sent).then_some(Self::Subdomains { scheme, domain });
        }
        (is_origin(&text) && !text.contains('*')).then(|| Self::Exact(as_browsers_send_it(&text)))
    }

    /// The same as a host source of a content security policy. `None` if there is none: it knows no
    /// addresses of IPv6 and no characters beside letters, digits and hyphens.
    pub(crate) fn host_source(&self) -> Option<String> {
        let (host, source) = match self {
            Self::Any => return Some("*".to_owned()),
            Self::Exact(origin) => (origin.split_once("://")?.1, origin.clone()),
            Self::Subdomains { scheme, domain } => (domain.as_str(), format!("{scheme}*{domain}")),
            Self::AnyPort(machine) => (machine.split_once("://")?.1, format!("{machine}:*")),
        };
        let is_known =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
        host.bytes().all(is_known).then_some(source)
    }

    /// Whether it stands for this origin, which is in lower case.
    pub(crate) fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => origin == exact,
            Self::Subdomains { scheme, domain } => origin
                .strip_prefix(scheme)
                .and_then(|rest| rest.strip_suffix(domain.as_str()))
                .is_some_and(|labels| labels.split('.').all(is_label)),
            Self::AnyPort(machine) => origin.strip_prefix(machine.as_str()).is_some_and(|rest| {
                rest.is_empty()
                    || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
            }),
        }
    }
}

/// Whether it is an origin whose host may have subdomains that are one owner's. Of a top-level domain
/// alone nearly every site would be one, and an address has none.
fn is_domain(origin: &str) -> bool {
    let Some(uri) = is_origin(origin).then(|| origin.parse::<Uri>().ok()).flatten() else {
        return false;
    };
    let labels: Vec<&str> = uri.host().unwrap_or_default().split('.').collect();
    let is_number = |label: &&str| label.bytes().all(|byte| byte.is_ascii_digit());
    labels.len() > 1
        && labels.iter().all(|label| is_label(label))
        && !labels.last().is_some_and(is_number)
}

fn is_label(label: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty() && label.bytes().all(is_of_name)
}

/// Whether it is a scheme, a host and possibly a port, and nothing else (RFC 6454).
fn is_origin(text: &str) -> bool {
    let is_bare = |uri: Uri| {
        uri.authority()
            .is_some_and(|host| text.ends_with(host.as_str()) && !host.as_str().contains('@'))
    };
    SCHEMES.iter().any(|scheme| text.starts_with(scheme)) && text.parse().is_ok_and(is_bare)
}

/// As browsers send it: the host in lower case, without the scheme's default port.
pub(crate) fn as_browsers_send_it(origin: &str) -> String {
    let origin = origin.to_lowercase();
    let implied = if origin.starts_with("https://") { ":443" } else { ":80" };
    origin.strip_suffix(implied).map(str::to_owned).unwrap_or(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_and_patterns_are_accepted() {
        for good in [
            "*",
            "https://example.com",
            "http://localhost:5173",
            "https://[::1]:80",
            "https://*.example.com",
            "https://*.EXAMPLE.co.uk:8443",
            "http://localhost:*",
            "http://127.0.0.1:*",
            "https://[::1]:*",
        ] {
            assert!(OriginPattern::parse(good).is_some(), "{good}");
        }
        for bad in [
            "example.com",
            "https://example.com/",
            "https://",
            "ftp://a",
            "https://a/b",
            "",
            "https://a@example.com",
            "**",
            "https://*",
            "https://*.",
            "https://*.com",
            "https://*.example.com:*",
            "https://example.com:*",
            "https://www.*.com",
            "https://*example.com",
            "https://*.*.example.com",
            "*.example.com",
            "*://example.com",
            "https://*.127.0.0.1",
            "https://*.example.com/",
            "https://*.example..com",
            "http://*:5173",
            "https://*.[::1]",
        ] {
            assert_eq!(OriginPattern::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_origin_is_compared_as_browsers_send_it() {
        for (written, sent) in [
            ("https://EXAMPLE.com", "https://example.com"),
            ("https://example.com:443", "https://example.com"),
            ("http://example.com:80", "http://example.com"),
            ("http://example.com:443", "http://example.com:443"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ] {
            assert_eq!(as_browsers_send_it(written), sent);
        }
    }

    #[test]
    fn a_pattern_stands_for_whole_labels_and_for_numbers_of_ports() {
        let subdomains = OriginPattern::parse("https://*.example.com:443").unwrap();
        let port = OriginPattern::parse("https://*.example.com:8443").unwrap();
        let machine = OriginPattern::parse("http://localhost:*").unwrap();
        for (pattern, yes) in [
            (&subdomains, ["https://www.example.com", "https://a.b.example.com"]),
            (&port, ["https://www.example.com:8443", "https://x-1.example.com:8443"]),
            (&machine, ["http://localhost:5173", "http://localhost"]),
        ] {
            yes.iter().for_each(|origin| assert!(pattern.matches(origin), "{origin}"));
        }
        for no in [
            "https://example.com",
            "http://www.example.com",
            "https://www.example.com:444",
            "https://wwwexample.com",
            "https://.example.com",
            "https://a..example.com",
            "https://www.example.com.evil.example",
            "https://evil.example/.example.com",
            "https://evil.example#.example.com",
            "http://localhost.evil.example",
            "http://localhost:",
            "http://localhost:80@evil.example",
            "https://localhost:5173",
            "null",
        ] {
            for pattern in [&subdomains, &port, &machine] {
                assert!(!pattern.matches(no), "{no} {pattern:?}");
            }
        }
    }
}
