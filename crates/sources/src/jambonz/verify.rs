//! `Jambonz-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA256 of `t`, a point, and the body.

use hmac::Mac;

use crate::Request;
use crate::verify::{BadSecret, Rejection, Verify, hmac_sha256, stamped, within};

const HEADER: &str = "Jambonz-Signature";

/// Both packages accept what is at most this old, in seconds; one of them also what is so far ahead.
const TOLERANCE_S: u64 = 300;

struct Secret(Vec<u8>);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    Ok(Box::new(Secret(text.as_bytes().to_vec())))
}

impl Verify for Secret {
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        let header = request.header(HEADER).ok_or(Rejection::Missing(HEADER))?;
        let (stamp, signatures) = stamped(header, "v1").ok_or(Rejection::Malformed(HEADER))?;
        // Once, however many signatures there are: a body may be long.
        let mac = hmac_sha256(&self.0, &[stamp.as_bytes(), b".", request.body]);
        let is_right = |it: &Vec<u8>| mac.clone().verify_slice(it).is_ok();
        if !signatures.iter().any(is_right) {
            return Err(Rejection::Mismatch(HEADER));
        }
        let seconds: u64 = stamp.parse().map_err(|_| Rejection::Malformed(HEADER))?;
        within(seconds.saturating_mul(1_000), now_ms, (TOLERANCE_S, TOLERANCE_S))
    }
}
