//! The other origins whose pages may read the public total.

use actix_cors::Cors;
use actix_web::HttpRequest;
use actix_web::http::{Method, Uri, header};

use crate::SettingsReader;

/// The origins in `ALLOWED_ORIGINS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

/// How long a browser may remember a preflight answer, in seconds.
const PREFLIGHT_MAX_AGE_S: usize = 3600;

impl AllowedOrigins {
    /// Reads them. By default there are none: pages of the same origin need no permission. `*`
    /// allows every origin.
    pub fn read(reader: &mut SettingsReader<'_>) -> Self {
        let origins = reader.words("ALLOWED_ORIGINS");
        for origin in origins.iter().filter(|origin| !is_origin(origin)) {
            reader.error(format!(
                "ALLOWED_ORIGINS has {origin:?}: expected * or an origin such as https://example.com"
            ));
        }
        Self(origins.into_iter().map(as_browsers_send_it).collect())
    }

    /// Whether the client may open a WebSocket for the public total. Allowed are our own pages,
    /// pages of these origins, and programs that are no browser. Browsers leave this check to the
    /// server.
    pub fn admit(&self, request: &HttpRequest) -> bool {
        let allowed = |origin: &str| self.0.iter().any(|it| it == "*" || it == origin);
        is_own(request)
            || only(request, header::ORIGIN).is_some_and(|origin| allowed(&origin.to_lowercase()))
    }

    /// The middleware that adds the headers for browsers.
    pub fn cors(&self) -> Cors {
        let cors = Cors::default()
            .allowed_methods([Method::GET, Method::HEAD])
            // With 429 and 503, a page is told when to ask again.
            .expose_headers([header::RETRY_AFTER])
            .block_on_origin_mismatch(false)
            .max_age(PREFLIGHT_MAX_AGE_S);
        if self.0.iter().any(|origin| origin == "*") {
            return cors.allow_any_origin().send_wildcard();
        }
        self.0.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
    }
}

/// Whether the client is a page of this server, or a program that is no browser. A page cannot
/// choose the `Origin` that its browser sends.
pub fn is_own(request: &HttpRequest) -> bool {
    if !request.headers().contains_key(header::ORIGIN) {
        return true;
    }
    let (origin, host) = (only(request, header::ORIGIN), only(request, header::HOST));
    let (Some(origin), Some(host)) = (origin, host) else { return false };
    // The scheme in the browser is not known here, because a reverse proxy may add TLS.
    ["http://", "https://"].iter().any(|scheme| {
        let (origin, host) = (origin.to_lowercase(), format!("{scheme}{}", host.to_lowercase()));
        origin == as_browsers_send_it(&host)
    })
}

/// The value of a header that is present exactly once.
fn only(request: &HttpRequest, name: header::HeaderName) -> Option<&str> {
    let mut values = request.headers().get_all(name);
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// As browsers send it: the host in lower case, without the scheme's default port.
fn as_browsers_send_it(origin: &str) -> String {
    let origin = origin.to_lowercase();
    let implied = if origin.starts_with("https://") { ":443" } else { ":80" };
    origin.strip_suffix(implied).map(str::to_owned).unwrap_or(origin)
}

/// Whether it is a scheme, a host and possibly a port, and nothing else (RFC 6454).
fn is_origin(text: &str) -> bool {
    let scheme = text.starts_with("http://") || text.starts_with("https://");
    let bare = |uri: Uri| uri.authority().is_some_and(|host| text.ends_with(host.as_str()));
    text == "*" || (scheme && text.parse().is_ok_and(bare))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::Env;

    #[test]
    fn only_origins_are_accepted() {
        for good in ["*", "https://example.com", "http://localhost:5173", "https://[::1]:80"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in ["example.com", "https://example.com/", "https://", "ftp://a", "https://a/b", ""]
        {
            assert!(!is_origin(bad), "{bad}");
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
    fn a_websocket_is_for_own_pages_for_allowed_ones_and_for_programs() {
        let allowing = |list| {
            AllowedOrigins::read(&mut SettingsReader::new(&Env::of([("ALLOWED_ORIGINS", list)])))
        };
        let admits = |list, origins: &[&str]| {
            let mut request = TestRequest::default().insert_header((header::HOST, "Live.example"));
            for origin in origins {
                request = request.append_header((header::ORIGIN, *origin));
            }
            let request = request.to_http_request();
            (is_own(&request), allowing(list).admit(&request))
        };
        assert_eq!(admits("", &[]), (true, true));
        for own in ["https://live.example", "http://live.example"] {
            assert_eq!(admits("", &[own]), (true, true));
        }
        for other in [
            "https://live.example:8443",
            "https://live.example.elsewhere.example",
            "https://elsewhere.example",
            "null",
            "",
        ] {
            assert_eq!(admits("https://a.example", &[other]), (false, false), "{other}");
            assert_eq!(admits("*", &[other]), (false, true), "{other}");
        }
        assert_eq!(admits("https://a.example", &["https://a.example"]), (false, true));
        let both = ["https://live.example", "https://a.example"];
        assert_eq!(admits("https://a.example", &both), (false, false));
    }

    #[test]
    fn a_wrong_origin_is_named() {
        let env = Env::of([("ALLOWED_ORIGINS", "https://a.example, b.example")]);
        let mut reader = SettingsReader::new(&env);
        let origins = AllowedOrigins::read(&mut reader);
        let mistakes = reader.finish(origins).unwrap_err().to_string();
        assert!(
            mistakes.contains("\"b.example\"") && !mistakes.contains("a.example\""),
            "{mistakes}"
        );
    }
}
