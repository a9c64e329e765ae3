//! An HMAC credential: `x-signature`, in hexadecimal, over `x-timestamp`, a point, and the body.
//! Or a token: `X-Vapi-Secret`, or `Authorization: Bearer`.

use hmac::Mac;
use subtle::ConstantTimeEq;

use crate::Request;
use crate::verify::{BadSecret, Rejection, Verify, from_hex, hmac_sha256, within};

const SIGNATURE: &str = "x-signature";
const TIMESTAMP: &str = "x-timestamp";
const TOKEN: &str = "X-Vapi-Secret";
const AUTHORIZATION: &str = "Authorization";

/// Neither the types nor the documentation name one: as long as the other platforms'.
const TOLERANCE_S: u64 = 300;

/// The types do not say whether the timestamp is in seconds or in milliseconds. As seconds this is
/// the year 5138, as milliseconds 1973.
const SURELY_MS: u64 = 100_000_000_000;

struct Secret(Vec<u8>);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    Ok(Box::new(Secret(text.as_bytes().to_vec())))
}

impl Verify for Secret {
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        match request.header(SIGNATURE) {
            Some(signature) => self.verify_signature(request, signature, now_ms),
            None => self.verify_token(request),
        }
    }
}

impl Secret {
    fn verify_signature(
        &self,
        request: &Request<'_>,
        signature: &str,
        now_ms: u64,
    ) -> Result<(), Rejection> {
        let stamp = request.header(TIMESTAMP).ok_or(Rejection::Missing(TIMESTAMP))?;
        let signature = from_hex(signature).ok_or(Rejection::Malformed(SIGNATURE))?;
        let mac = hmac_sha256(&self.0, &[stamp.as_bytes(), b".", request.body]);
        mac.verify_slice(&signature).map_err(|_| Rejection::Mismatch(SIGNATURE))?;
        let time: u64 = stamp.parse().map_err(|_| Rejection::Malformed(TIMESTAMP))?;
        let signed_ms = if time > SURELY_MS { time } else { time * 1_000 };
        within(signed_ms, now_ms, (TOLERANCE_S, TOLERANCE_S))
    }

    /// A token says who sends, and nothing of the body or of the time.
    fn verify_token(&self, request: &Request<'_>) -> Result<(), Rejection> {
        let bearer = request.header(AUTHORIZATION).and_then(|it| it.strip_prefix("Bearer "));
        let given = match (request.header(TOKEN), bearer) {
            (Some(token), _) => (TOKEN, token),
            (None, Some(token)) => (AUTHORIZATION, token),
            (None, None) => return Err(Rejection::Missing(SIGNATURE)),
        };
        let is_right = bool::from(given.1.as_bytes().ct_eq(&self.0));
        if is_right { Ok(()) } else { Err(Rejection::Mismatch(given.0)) }
    }
}
