//! Finds the URL that Twilio has configured for a request. The signature covers that URL. Behind a
//! proxy, the request arrives at another one.

use std::fmt::{self, Display};

use actix_web::HttpRequest;
use actix_web::http::Uri;
use actix_web::http::header::HOST;
use live_users_http_kit::TrustedProxies;
use reqwest::Url;

use super::counters::Hook;

/// Where the public URL of a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UrlRule {
    /// `PUBLIC_URL`, followed by the path and query of the request.
    Fixed(PublicUrl),
    /// The headers that a trusted proxy sets; without one, as received.
    Forwarded(TrustedProxies),
    /// The request as it came: plain HTTP and its `Host` header.
    AsReceived,
}

/// Scheme, host and possibly a path before our own paths. It has no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicUrl(String);

/// Whether it is more than one address.
pub(crate) fn is_list(text: &str) -> bool {
    text.matches("://").count() > 1
}

impl PublicUrl {
    /// # Errors
    /// The expected form, as the end of a sentence. It names the base that is meant, if that is
    /// clear, and never a user or a query.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED: &str =
            "a URL such as https://calls.example.com, without user, query or fragment";
        if is_list(text) {
            return Err("one address, such as https://calls.example.com, and no list".to_owned());
        }
        let (address, behind) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
        let uri: Uri = address.parse().map_err(|_| EXPECTED)?;
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.authority().is_some_and(|a| !a.as_str().contains('@'));
        if !scheme || !host {
            return Err(EXPECTED.to_owned());
        }
        let address = address.trim_end_matches('/');
        // A host may be called as one of them.
        let hook = Hook::ALL.iter().find_map(|hook| {
            let base = address.strip_suffix(hook.path())?;
            base.contains("://").then_some((hook, base))
        });
        let base = Self(hook.map_or(address, |(_, base)| base).trim_end_matches('/').to_owned());
        match (hook, behind) {
            (Some((hook, _)), _) => {
                Err(format!("{}, without {}, which is our own path", base.0, hook.path()))
            }
            (None, "") => Ok(base),
            (None, _) => Err(format!("{}, without query or fragment", base.0)),
        }
    }

    /// Whether a URL is one of our webhooks, below this one. Neither the scheme nor a user counts.
    pub(crate) fn is_above(&self, url: &str) -> bool {
        self.path_below(url).is_some_and(|path| is_webhook(&path))
    }

    /// Whether a URL leads to anything of ours that takes what is sent to it.
    pub(crate) fn is_ours(&self, url: &str) -> bool {
        let takes = |path: &str| {
            is_webhook(path) || path.starts_with("sources/") || path.starts_with("api/")
        };
        self.path_below(url).is_some_and(|path| takes(&path))
    }

    /// The path of a URL below this one, without slashes around it.
    fn path_below(&self, url: &str) -> Option<String> {
        let (Ok(ours), Ok(url)) = (Url::parse(&self.0), Url::parse(url)) else { return None };
        // Of a default port `Url` says nothing.
        if (ours.host(), ours.port()) != (url.host(), url.port()) {
            return None;
        }
        let path = url.path().strip_prefix(ours.path().trim_end_matches('/'))?;
        Some(path.trim_matches('/').to_owned())
    }

    /// The path before our own paths in this URL: empty or `/...`.
    pub(crate) fn path(&self) -> &str {
        let after_scheme = self.0.find("://").map_or(0, |at| at + 3);
        self.0[after_scheme..].find('/').map_or("", |at| &self.0[after_scheme + at..])
    }
}

fn is_webhook(path: &str) -> bool {
    matches!(path, "voice" | "speech-result" | "call-status")
}

impl Display for UrlRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(PublicUrl(base)) => write!(f, "against PUBLIC_URL {base}"),
            Self::Forwarded(_) => f.write_str("against the URL in the headers of trusted proxies"),
            Self::AsReceived => f.write_str("against http:// and the Host header"),
        }
    }
}

impl UrlRule {
    /// The URL that Twilio should have configured for this request. The query stays byte for byte
    /// as it came.
    pub(crate) fn url_of(&self, request: &HttpRequest) -> String {
        let base = match self {
            Self::Fixed(PublicUrl(base)) => base.clone(),
            Self::Forwarded(trusted) => {
                trusted.origin(request.head()).unwrap_or_else(|| received(request))
            }
            Self::AsReceived => received(request),
        };
        base + path_and_query(request)
    }

    /// The path to put before our own paths in an answer, so that Twilio sends the next request to
    /// us.
    pub(crate) fn path_prefix(&self) -> &str {
        match self {
            Self::Fixed(url) => url.path(),
            Self::Forwarded(_) | Self::AsReceived => "",
        }
    }
}

impl UrlRule {
    /// The URL to put before our own paths where a path alone may not do: with `PUBLIC_URL` a whole
    /// one.
    pub(crate) fn base(&self) -> &str {
        self.public_url().unwrap_or_default()
    }

    /// `PUBLIC_URL`, if it is set.
    pub(crate) fn public_url(&self) -> Option<&str> {
        match self {
            Self::Fixed(PublicUrl(base)) => Some(base),
            Self::Forwarded(_) | Self::AsReceived => None,
        }
    }
}

/// Other values of `PUBLIC_URL` that may be meant. The log suggests them. They are never a reason
/// to accept a request.
pub(crate) fn other_bases(request: &HttpRequest) -> Vec<String> {
    let host = host(request);
    let mut bases = vec![format!("https://{host}"), format!("http://{host}")];
    bases.extend(TrustedProxies::any_peer().origin(request.head()));
    bases
}

fn received(request: &HttpRequest) -> String {
    format!("http://{}", host(request))
}

fn host(request: &HttpRequest) -> &str {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    host.unwrap_or_default().trim()
}

/// The part of a request's URL that is behind the base.
pub(crate) fn path_and_query(request: &HttpRequest) -> &str {
    request.uri().path_and_query().map_or("/", |both| both.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn request() -> TestRequest {
        TestRequest::with_uri("/voice?agent=a%20b&x=%2F").insert_header(("Host", "10.0.0.7:8080"))
    }

    #[test]
    fn a_fixed_url_keeps_the_query_byte_for_byte() {
        for base in ["https://calls.example.com", "https://calls.example.com/"] {
            let rule = UrlRule::Fixed(PublicUrl::parse(base).unwrap());
            let url = rule.url_of(&request().to_http_request());
            assert_eq!(url, "https://calls.example.com/voice?agent=a%20b&x=%2F");
            assert_eq!(rule.path_prefix(), "");
        }
        let below = UrlRule::Fixed(PublicUrl::parse("https://example.com/calls/").unwrap());
        assert_eq!(below.path_prefix(), "/calls");
    }

    #[test]
    fn forwarded_headers_count_only_when_they_are_trusted() {
        let request = request()
            .insert_header(("X-Forwarded-Proto", "https, http"))
            .insert_header(("X-Forwarded-Host", "calls.example.com"))
            .to_http_request();
        let tail = "/voice?agent=a%20b&x=%2F";
        let forwarded = UrlRule::Forwarded(TrustedProxies::any_peer()).url_of(&request);
        assert_eq!(forwarded, format!("https://calls.example.com{tail}"));
        let nobody = UrlRule::Forwarded(TrustedProxies::default()).url_of(&request);
        assert_eq!(nobody, format!("http://10.0.0.7:8080{tail}"));
        assert_eq!(UrlRule::AsReceived.url_of(&request), format!("http://10.0.0.7:8080{tail}"));
    }

    #[test]
    fn our_own_webhooks_are_known_by_their_urls() {
        let public = PublicUrl::parse("https://calls.example.com/x/").unwrap();
        for ours in [
            "https://calls.example.com/x/voice",
            "https://calls.example.com/x/voice/?a=1",
            "https://calls.example.com/x//voice",
            "https://user:password@CALLS.example.com:443/x/call-status#rc=5",
            "http://calls.example.com/x/call-status",
        ] {
            assert!(public.is_above(ours), "{ours}");
        }
        for theirs in [
            "https://calls.example.com/voice",
            "https://calls.example.com/x/voice2",
            "https://calls.example.com:8443/x/voice",
            "no URL",
        ] {
            assert!(!public.is_above(theirs), "{theirs}");
        }
    }

    #[test]
    fn what_stands_behind_the_base_is_refused_and_the_base_is_named() {
        for (bad, base) in [
            ("https://calls.example.com/voice", "https://calls.example.com"),
            ("https://calls.example.com/voice/?agent=a", "https://calls.example.com"),
            ("https://example.com/calls/speech-result", "https://example.com/calls"),
            ("http://127.0.0.1:8080//call-status#rc=5&rp=all", "http://127.0.0.1:8080"),
            ("https://calls.example.com/?key=topsecret", "https://calls.example.com"),
            ("https://calls.example.com/x#topsecret", "https://calls.example.com/x"),
        ] {
            let told = PublicUrl::parse(bad).unwrap_err();
            assert!(told.starts_with(&format!("{base}, without ")), "{bad}: {told}");
            assert!(!told.contains("topsecret"), "{told}");
        }
        for list in ["https://a.example,https://b.example", "https://a.example; https://b.example"]
        {
            assert!(PublicUrl::parse(list).unwrap_err().contains("no list"), "{list}");
        }
        let private = PublicUrl::parse("https://user:topsecret@a.example/voice").unwrap_err();
        assert!(!private.contains("topsecret"), "{private}");
        for fine in ["https://example.com/voices", "https://example.com/calls", "https://voice"] {
            assert!(PublicUrl::parse(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn what_is_no_public_url_is_refused() {
        for bad in [
            "calls.example.com",
            "ftp://a",
            "https://",
            "https://u:p@a",
            "https://a?b",
            "https://a#b",
        ] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
