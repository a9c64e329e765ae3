//! `Authorization: Bearer <token>`: a JWT with HMAC-SHA256, whose claim `payload_hash` is the body's
//! SHA-256 in hexadecimal. The packages check the token alone.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Request;
use crate::jwt::claims;
use crate::verify::{BadSecret, Rejection, Verify, from_hex, within};

const HEADER: &str = "Authorization";

/// How old a token may be, and how far ahead, in seconds: as old as other carriers' signatures. The
/// packages have no limit of age, and a token no end. Of the two, one refuses each that is ahead.
const TOLERANCE_S: u64 = 300;

pub(super) const SECRET_IS: &str =
    "the signature secret of the account, from the settings of the dashboard";

#[derive(Deserialize)]
struct Claims {
    iat: u64,
    exp: Option<u64>,
    payload_hash: String,
}

struct Secret(Vec<u8>);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    let secret = Some(text.trim()).filter(|it| !it.is_empty()).ok_or(BadSecret(SECRET_IS))?;
    Ok(Box::new(Secret(secret.as_bytes().to_vec())))
}

impl Verify for Secret {
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        let malformed = Rejection::Malformed(HEADER);
        let header = request.header(HEADER).ok_or(Rejection::Missing(HEADER))?;
        let (scheme, token) = header.split_once(' ').ok_or(malformed)?;
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(malformed);
        }
        let claims: Claims = claims(token.trim(), &self.0, HEADER)?;
        let hash = from_hex(&claims.payload_hash).ok_or(malformed)?;
        if !bool::from(Sha256::digest(request.body).as_slice().ct_eq(&hash)) {
            return Err(Rejection::OtherBody(HEADER));
        }
        if let Some(end) = claims.exp {
            within(end.saturating_mul(1_000), now_ms, (0, u64::MAX))?;
        }
        within(claims.iat.saturating_mul(1_000), now_ms, (TOLERANCE_S, TOLERANCE_S))
    }
}
