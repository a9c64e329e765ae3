//! `Jambonz-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA256 of `t`, a point, and the body.

use crate::verify::{BadSecret, StampedSecret, Verify};

/// Both packages accept what is at most this old, in seconds; one of them also what is so far ahead.
const TOLERANCE_S: u64 = 300;

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    Ok(Box::new(StampedSecret {
        key: text.as_bytes().to_vec(),
        header: "Jambonz-Signature",
        name: "v1",
        tolerance_s: (TOLERANCE_S, TOLERANCE_S),
    }))
}
