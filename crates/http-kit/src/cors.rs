//! The other origins whose pages may read the public total.

use actix_cors::Cors;
use actix_web::HttpRequest;
use actix_web::http::{Method, header};

use crate::SettingsReader;
use crate::origin_pattern::{OriginPattern, as_browsers_send_it};

/// The origins in `ALLOWED_ORIGINS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<OriginPattern>);

/// How long a browser may remember a preflight answer, in seconds.
const PREFLIGHT_MAX_AGE_S: usize = 3600;

/// What `ALLOWED_ORIGINS` may have in it.
const EXPECTED: &str = "expected * for every origin, an origin such as https://example.com, a pattern \
    such as https://*.example.com for its subdomains, or http://localhost:* for any port of this machine";

impl AllowedOrigins {
    /// Reads them. By default there are none: pages of the same origin need no permission. `*`
    /// allows every origin.
    pub fn read(reader: &mut SettingsReader<'_>) -> Self {
        let mut patterns = Vec::new();
        for origin in reader.words("ALLOWED_ORIGINS") {
            match OriginPattern::parse(origin) {
                Some(pattern) => patterns.push(pattern),
                None => reader.error(format!("ALLOWED_ORIGINS has {origin:?}: {EXPECTED}")),
            }
        }
        Self(patterns)
    }

    /// Whether the client may open a WebSocket for the public total. Allowed are our own pages,
    /// pages of these origins, and programs that are no browser. Browsers leave this check to the
    /// server.
    pub fn admit(&self, request: &HttpRequest) -> bool {
        is_own(request)
            || only(request, header::ORIGIN).is_some_and(|origin| allows(&self.0, origin))
    }

    /// Who may have a page in a frame: our own pages and those of these origins. This is the value of the
    /// directive `frame-ancestors` (Content Security Policy Level 3, 6.4.2).
    pub fn frame_ancestors(&self) -> String {
        if self.0.contains(&OriginPattern::Any) {
            return "*".to_owned();
        }
        let sources = self.0.iter().filter_map(OriginPattern::host_source);
        sources.fold("'self'".to_owned(), |list, source| format!("{list} {source}"))
    }

    /// The middleware that adds the headers for browsers.
    pub fn cors(&self) -> Cors {
        let cors = Cors::default()
            .allowed_methods([Method::GET, Method::HEAD])
            // With 429 and 503, a page is told when to ask again; and always the server's time, by which
            // it goes for how old something is.
            .expose_headers([header::RETRY_AFTER, header::DATE])
            .block_on_origin_mismatch(false)
            .max_age(PREFLIGHT_MAX_AGE_S);
        if self.0.contains(&OriginPattern::Any) {
            return cors.allow_any_origin().send_wildcard();
        }
        let patterns = self.0.clone();
        cors.allowed_origin_fn(move |origin, _| {
            origin.to_str().is_ok_and(|origin| allows(&patterns, origin))
        })
    }
}

fn allows(patterns: &[OriginPattern], origin: &str) -> bool {
    let origin = origin.to_lowercase();
    patterns.iter().any(|pattern| pattern.matches(&origin))
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::Env;

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
        for (list, page) in [
            ("https://*.a.example", "https://WWW.a.example"),
            ("http://localhost:*", "http://localhost:5173"),
        ] {
            assert_eq!(admits(list, &[page]), (false, true), "{list}");
            assert_eq!(admits(list, &["https://a.example"]), (false, false), "{list}");
        }
        let both = ["https://live.example", "https://a.example"];
        assert_eq!(admits("https://a.example", &both), (false, false));
    }

    #[test]
    fn who_may_frame_a_page_is_told_in_the_words_of_a_policy() {
        let of = |list| {
            let env = Env::of([("ALLOWED_ORIGINS", list)]);
            AllowedOrigins::read(&mut SettingsReader::new(&env)).frame_ancestors()
        };
        assert_eq!(of(""), "'self'");
        assert_eq!(of("https://a.example, *"), "*");
        assert_eq!(
            of(
                "https://A.example:443, http://b.example:8080,https://*.c.example, https://*.d.example:8443"
            ),
            "'self' https://a.example http://b.example:8080 https://*.c.example https://*.d.example:8443"
        );
        assert_eq!(of("http://localhost:*"), "'self' http://localhost:*");
        // No policy can name these, and nothing of them becomes another directive.
        assert_eq!(of("http://[::1]:*, https://a.example;sandbox, https://b_c.example"), "'self'");
    }

    #[test]
    fn a_wrong_origin_is_named() {
        let env = Env::of([("ALLOWED_ORIGINS", "https://a.example, b.example, https://*")]);
        let mut reader = SettingsReader::new(&env);
        let origins = AllowedOrigins::read(&mut reader);
        let mistakes = reader.finish(origins).unwrap_err().to_string();
        let named = |origin: &str| mistakes.contains(&format!("has {origin:?}: {EXPECTED}"));
        assert!(named("b.example") && named("https://*"), "{mistakes}");
        assert!(!mistakes.contains("a.example\""), "{mistakes}");
    }
}
