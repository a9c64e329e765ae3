//! `Authorization: <JWT>`, HS256 with an API secret, whose claim `sha256` is the Base64 of the
//! body's SHA-256.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Request;
use crate::jwt::claims;
use crate::verify::{BadSecret, Rejection, Verify, within};

const HEADER: &str = "Authorization";

/// How long LiveKit's own tokens live, in seconds (`webhook/url_notifier.go`). A token does not say
/// when it was signed; what is told of its age is reckoned from its end with this.
const LIFE_S: u64 = 300;

/// How far clocks may differ, in seconds: 60 in the package for Python, 10 in that for JavaScript.
const LEEWAY_S: u64 = 60;

struct Secret {
    key: String,
    secret: Vec<u8>,
}

/// What counts in a token. An audience (`aud`) is left alone: the package for Python refuses a
/// token that has one, the one for JavaScript takes it, and LiveKit sends none.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    exp: u64,
    nbf: Option<u64>,
    sha256: String,
}

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    let parts = text.split_once(':').filter(|(key, secret)| !key.is_empty() && !secret.is_empty());
    let (key, secret) = parts.ok_or(BadSecret("an API key and its secret, as `KEY:SECRET`"))?;
    Ok(Box::new(Secret { key: key.to_owned(), secret: secret.as_bytes().to_vec() }))
}

impl Verify for Secret {
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        let header = request.header(HEADER).ok_or(Rejection::Missing(HEADER))?;
        // LiveKit sends no `Bearer`; what stands between it and us may add it.
        let token = header.strip_prefix("Bearer ").unwrap_or(header);
        let claims: Claims = claims(token, &self.secret, HEADER)?;
        if claims.iss != self.key {
            return Err(Rejection::Mismatch(HEADER));
        }
        let signed_s = claims.exp.saturating_sub(LIFE_S);
        within(signed_s.saturating_mul(1_000), now_ms, (LIFE_S + LEEWAY_S, u64::MAX))?;
        let from_s = claims.nbf.unwrap_or(0);
        within(from_s.saturating_mul(1_000), now_ms, (u64::MAX, LEEWAY_S))?;
        let hash = BASE64.encode(Sha256::digest(request.body));
        let is_right = bool::from(hash.as_bytes().ct_eq(claims.sha256.as_bytes()));
        if is_right { Ok(()) } else { Err(Rejection::OtherBody(HEADER)) }
    }
}
