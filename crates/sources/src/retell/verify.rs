//! `X-Retell-Signature: v=<milliseconds>,d=<hex>`: HMAC-SHA256 of the body and the milliseconds.

use hmac::Mac;

use crate::Request;
use crate::verify::{BadSecret, Rejection, Verify, from_hex, hmac_sha256, within};

const HEADER: &str = "X-Retell-Signature";

/// How far both packages let the time of a signature be from the present, in seconds.
const TOLERANCE_S: u64 = 300;

struct Secret(Vec<u8>);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    Ok(Box::new(Secret(text.as_bytes().to_vec())))
}

impl Verify for Secret {
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        let header = request.header(HEADER).ok_or(Rejection::Missing(HEADER))?;
        let (stamp, signatures) = parts(header).ok_or(Rejection::Malformed(HEADER))?;
        let mac = hmac_sha256(&self.0, &[request.body, stamp.as_bytes()]);
        if !signatures.iter().any(|it| mac.clone().verify_slice(it).is_ok()) {
            return Err(Rejection::Mismatch(HEADER));
        }
        let signed_ms: u64 = stamp.parse().map_err(|_| Rejection::Malformed(HEADER))?;
        within(signed_ms, now_ms, (TOLERANCE_S, TOLERANCE_S))
    }
}

/// The time and the signatures. The package for Python takes lower-case digits only, the one for
/// JavaScript also others; neither takes a second signature, which a rotation would need.
///
/// The time follows the body without a separator, so it has to be digits alone: else the end of a
/// body could pass for its beginning.
fn parts(header: &str) -> Option<(&str, Vec<Vec<u8>>)> {
    let mut entries = header.split(',');
    let stamp = entries.next()?.strip_prefix("v=")?;
    let is_time = !stamp.is_empty() && stamp.bytes().all(|it| it.is_ascii_digit());
    let signatures: Vec<_> =
        entries.filter_map(|it| it.strip_prefix("d=")).filter_map(from_hex).collect();
    (is_time && !signatures.is_empty()).then_some((stamp, signatures))
}
