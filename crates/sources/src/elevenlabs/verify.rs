//! `ElevenLabs-Signature: t=<seconds>,v0=<hex>`: HMAC-SHA256 of `t`, a point, and the body.
//!
//! Of two signatures the package for Python looks at the last, that for JavaScript at the first: here
//! any may be right.

use crate::verify::{BadSecret, StampedSecret, Verify};

/// Both packages accept what is at most this old, in seconds. They set no limit to what is ahead.
const TOLERANCE_S: u64 = 1_800;

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    Ok(Box::new(StampedSecret {
        key: text.as_bytes().to_vec(),
        header: "ElevenLabs-Signature",
        name: "v0",
        tolerance_s: (TOLERANCE_S, TOLERANCE_S),
    }))
}
