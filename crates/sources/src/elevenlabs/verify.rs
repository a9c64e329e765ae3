//! `ElevenLabs-Signature: t=<seconds>,v0=<hex>`: HMAC-SHA256 of `t`, a point, and the body.

use hmac::Mac;

use crate::Request;
use crate::verify::{BadSecret, Rejection, Verify, hmac_sha256, stamped, within};

const HEADER: &str = "ElevenLabs-Signature";

/// Both packages accept what is at most this old, in seconds. They set no limit to what is ahead.
const TOLERANCE_S: u64 = 1_800;

struct Secret(Vec<u8>);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    Ok(Box::new(Secret(text.as_bytes().to_vec())))
}

impl Verify for Secret {
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        let header = request.header(HEADER).ok_or(Rejection::Missing(HEADER))?;
        // Of two signatures the package for Python looks at the last, that for JavaScript at the
        // first: here any may be right.
        let (stamp, signatures) = stamped(header, "v0").ok_or(Rejection::Malformed(HEADER))?;
        let mac = hmac_sha256(&self.0, &[stamp.as_bytes(), b".", request.body]);
        if !signatures.iter().any(|it| mac.clone().verify_slice(it).is_ok()) {
            return Err(Rejection::Mismatch(HEADER));
        }
        let seconds: u64 = stamp.parse().map_err(|_| Rejection::Malformed(HEADER))?;
        within(seconds.saturating_mul(1_000), now_ms, (TOLERANCE_S, TOLERANCE_S))
    }
}
