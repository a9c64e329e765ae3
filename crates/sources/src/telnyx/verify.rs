//! `telnyx-signature-ed25519`: Ed25519 in Base64 of `telnyx-timestamp`, a bar, and the body.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::Request;
use crate::verify::{BadSecret, Rejection, Verify, within};

const HEADER: &str = "telnyx-signature-ed25519";
const TIMESTAMP_HEADER: &str = "telnyx-timestamp";

/// What both packages accept, in seconds before and after.
const TOLERANCE_S: u64 = 300;

pub(super) const SECRET_IS: &str =
    "the public key of the account, from Keys & Credentials of the portal: 32 bytes in Base64";

/// As the packages read Base64, whatever the bits say that are left over at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

struct Key(UnparsedPublicKey<[u8; 32]>);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    let key = BASE64.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    let key = key.ok_or(BadSecret(SECRET_IS))?;
    Ok(Box::new(Key(UnparsedPublicKey::new(&ED25519, key))))
}

impl Verify for Key {
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        let header = request.header(HEADER).ok_or(Rejection::Missing(HEADER))?;
        let stamp = request.header(TIMESTAMP_HEADER).ok_or(Rejection::Missing(TIMESTAMP_HEADER))?;
        let signature = BASE64.decode(header).map_err(|_| Rejection::Malformed(HEADER))?;
        let signed = [stamp.as_bytes(), b"|", request.body].concat();
        self.0.verify(&signed, &signature).map_err(|_| Rejection::Mismatch(HEADER))?;
        let seconds: u64 = stamp.parse().map_err(|_| Rejection::Malformed(TIMESTAMP_HEADER))?;
        within(seconds.saturating_mul(1_000), now_ms, (TOLERANCE_S, TOLERANCE_S))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_32_bytes() {
        assert!(secret("eu2zvPjhY6odxV34Z/EsRiERvTodkev4Fq0SlK90Izg=").is_ok());
        for text in ["", "KEY0123", "eu2zvPjhY6odxV34Z/EsRiERvTodkev4Fq0SlK90Izg", "AAAA"] {
            assert!(secret(text).is_err(), "{text}");
        }
    }
}
