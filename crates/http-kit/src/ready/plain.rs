//! Which requests ask with nothing that could change the answer.

use httparse::{EMPTY_HEADER, Header, Request, Status};

/// The most headers of such a request. Browsers send some 15.
const HEADERS_MAX: usize = 32;

/// Headers that change no answer, whatever they say. All others may: what a token opens, where a page is
/// from, what is known already, which body follows, how the connection goes on.
const WITHOUT_EFFECT: [&str; 17] = [
    "accept-encoding",
    "accept-language",
    "cache-control",
    "dnt",
    "host",
    "pragma",
    "priority",
    "referer",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-gpc",
    "user-agent",
];

/// Headers that change nothing if they say one of these.
const WITHOUT_EFFECT_AS: [(&str, &[&[u8]]); 3] = [
    ("accept", &[b"*/*", b"application/json", b"application/json, text/plain, */*"]),
    ("connection", &[b"keep-alive", b"Keep-Alive"]),
    ("content-length", &[b"0"]),
];

/// Whether these bytes are one whole request for this path by GET and HTTP/1.1, without anything that
/// could change the answer.
pub(super) fn is_plain(bytes: &[u8], path: &str) -> bool {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let is_whole = request.parse(bytes) == Ok(Status::Complete(bytes.len()));
    is_whole
        && request.method == Some("GET")
        && request.path == Some(path)
        && request.version == Some(1)
        && request.headers.iter().all(has_no_effect)
        && request.headers.iter().filter(|it| it.name.eq_ignore_ascii_case("host")).count() == 1
}

fn has_no_effect(header: &Header<'_>) -> bool {
    let is = |name: &str| header.name.eq_ignore_ascii_case(name);
    let says = |(name, values): &(&str, &[&[u8]])| is(name) && values.contains(&header.value);
    WITHOUT_EFFECT.iter().any(|name| is(name)) || WITHOUT_EFFECT_AS.iter().any(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/api/count";

    fn plain(rest: &str) -> bool {
        is_plain(format!("GET {PATH} HTTP/1.1\r\n{rest}").as_bytes(), PATH)
    }

    #[test]
    fn what_clients_usually_send_is_plain() {
        for headers in [
            "Host: a\r\n",
            "host: a\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n",
            "Host: a\r\nConnection: keep-alive\r\nAccept-Encoding: gzip, br\r\nSec-Fetch-Mode: cors\r\n",
        ] {
            assert!(plain(&format!("{headers}\r\n")), "{headers}");
        }
    }

    #[test]
    fn whatever_could_change_the_answer_is_not() {
        for header in [
            "Authorization: Bearer a",
            "X-Live-Users-Access: a",
            "Origin: https://a.example",
            "If-None-Match: *",
            "Accept: application/vnd.live-users+json",
            "Accept: */*, application/vnd.live-users+json",
            "Connection: close",
            "Connection: keep-alive, close",
            "Upgrade: websocket",
            "Content-Length: 1",
            "Content-Length: 00",
            "Transfer-Encoding: chunked",
            "Expect: 100-continue",
            "Forwarded: for=192.0.2.1",
            "X-Forwarded-For: 192.0.2.1",
            "Cookie: a=b",
            "Range: bytes=0-1",
            "traceparent: 00-0-0-00",
            "X-Whatever: a",
        ] {
            assert!(!plain(&format!("Host: a\r\n{header}\r\n\r\n")), "{header}");
        }
        for other in [
            "POST /api/count HTTP/1.1\r\nHost: a\r\n\r\n",
            "HEAD /api/count HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /api/count?a=1 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /api/count/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET //api/count HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a/api/count HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /api/count HTTP/1.0\r\nHost: a\r\n\r\n",
            "GET /api/count HTTP/1.1\r\n",
            "GET /api/count HTTP/1.1\r\nHost: a\r\n",
            "GET /api/count HTTP/1.1\r\nHost: a\r\n\r\nG",
            "GET /api/count HTTP/1.1\r\nHost: a\r\n\r\nGET /api/count HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /api/count HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET /api/count HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET /api/count HTTP/1.1\r\n\r\n",
            "\r\n\r\n",
            "",
        ] {
            assert!(!is_plain(other.as_bytes(), PATH), "{other}");
        }
    }
}
