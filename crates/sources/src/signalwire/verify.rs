//! `X-SignalWire-Signature`: HMAC-SHA1 in Base64 of the URL and the fields, as Twilio's.

use live_users_twilio::{AuthTokens, Payload, Rejection as Why, SignedRequest};

use crate::Request;
use crate::compatible::form;
use crate::verify::{BadSecret, Rejection, Verify};

const HEADER: &str = "X-SignalWire-Signature";

/// Where the other header is missing, the middleware of SignalWire's package reads this one.
const OTHER_HEADER: &str = "X-Twilio-Signature";

pub(super) const SECRET_IS: &str =
    "the signing key of the project, from the page API Credentials of the dashboard";

struct Secret(AuthTokens);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    let tokens = AuthTokens::new([text]).ok_or(BadSecret(SECRET_IS))?;
    Ok(Box::new(Secret(tokens)))
}

impl Verify for Secret {
    fn verify(&self, request: &Request<'_>, _now_ms: u64) -> Result<(), Rejection> {
        let signature = request.header(HEADER).or_else(|| request.header(OTHER_HEADER));
        let signature = signature.ok_or(Rejection::Missing(HEADER))?;
        let form = form(request).ok_or(Rejection::Malformed("Content-Type"))?;
        let payload = match request.method {
            "GET" => Payload::None,
            _ => Payload::FormInOrder(&form),
        };
        // Node's package checks the URL as a parser writes it anew, Python's as it stands.
        let parsed = with_lower_case_host(request.url);
        for url in [request.url, &parsed] {
            let signed = SignedRequest { url, signature: Some(signature), settings: None, payload };
            match signed.accept(&[&self.0]) {
                Ok(()) => return Ok(()),
                Err(Why::FieldName | Why::Boundary) => return Err(Rejection::Fields),
                Err(Why::Malformed) => return Err(Rejection::Malformed(HEADER)),
                Err(_) => {}
            }
        }
        Err(Rejection::Mismatch(HEADER))
    }
}

/// The URL with its scheme and host in lower case, and a path.
fn with_lower_case_host(url: &str) -> String {
    let authority = url.find("://").map_or(0, |at| at + "://".len());
    let path = url[authority..].find(['/', '?', '#']).map_or(url.len(), |at| authority + at);
    let (host, path) = url.split_at(path);
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{}{slash}{path}", host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_written_as_a_parser_writes_it() {
        for (url, expected) in [
            ("https://Calls.Example.com/A?B=C", "https://calls.example.com/A?B=C"),
            ("HTTPS://a.example", "https://a.example/"),
            ("https://a.example?x=Y", "https://a.example/?x=Y"),
            ("https://a.example:8443/X", "https://a.example:8443/X"),
        ] {
            assert_eq!(with_lower_case_host(url), expected);
        }
    }
}
