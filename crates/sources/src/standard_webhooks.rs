//! Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`.
//!
//! No kind of source by itself: OpenAI signs so, and so may whoever sends us events or takes ours.
//! The signature is HMAC-SHA256 of id, `.`, seconds, `.` and the body, in Base64 after `v1,`.
//!
//! Sources: the packages `standardwebhooks` 1.1.0 (PyPI) and `standardwebhooks` 1.1.1 (npm).

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD as BASE64};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Request;
use crate::verify::{BadSecret, Rejection, Verify, hmac_sha256, within};

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// The version of the signatures that are made with a shared secret. `v1a` is for a key pair.
const VERSION: &str = "v1";

/// How far both packages let the time of a signature be from the present, in seconds.
const TOLERANCE_S: u64 = 300;

/// What stands before a secret, so that people know what it is. It may be missing.
pub(crate) const PREFIX: &str = "whsec_";

/// The shortest key, in bytes. The specification asks for 24 or more; OpenAI's have 32.
const KEY_BYTES_MIN: usize = 16;

/// What a secret is.
const SECRET_IS: &str = "Base64 of at least 16 bytes, usually with `whsec_` before it";

/// As both packages read a secret: padded or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A secret of Standard Webhooks, to verify with and to sign with.
pub struct StandardWebhooksSecret(Vec<u8>);

/// The secret of this text, to verify with: [`StandardWebhooksSecret::new`].
///
/// # Errors
/// If it is not Base64, or of fewer than 16 bytes.
pub fn standard_webhooks_secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    Ok(Box::new(StandardWebhooksSecret::new(text)?))
}

impl StandardWebhooksSecret {
    /// The secret of this text: Base64, usually with `whsec_` before it.
    ///
    /// # Errors
    /// If it is not Base64, or of fewer than 16 bytes.
    pub fn new(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
        let key = LENIENT.decode(encoded).ok().filter(|key| key.len() >= KEY_BYTES_MIN);
        key.map(Self).ok_or(BadSecret(SECRET_IS))
    }

    /// The value of `webhook-signature` for a message with this id and time.
    pub fn sign(&self, id: &str, timestamp_s: u64, body: &[u8]) -> String {
        let mac = self.mac(id, &timestamp_s.to_string(), body).finalize();
        format!("{VERSION},{}", BASE64.encode(mac.into_bytes()))
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        hmac_sha256(&self.0, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])
    }
}

impl Verify for StandardWebhooksSecret {
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        let header = |name| request.header(name).ok_or(Rejection::Missing(name));
        let (id, timestamp, list) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
        let seconds: u64 = timestamp.parse().map_err(|_| Rejection::Malformed(TIMESTAMP))?;
        // Entries that are not understood are left out: a sender may have added another version.
        let entries = list.split(' ').filter_map(|entry| entry.split_once(','));
        let signatures = entries.filter(|(version, _)| *version == VERSION);
        let signatures: Vec<_> = signatures.filter_map(|(_, it)| BASE64.decode(it).ok()).collect();
        if signatures.is_empty() {
            return Err(Rejection::Malformed(SIGNATURE));
        }
        let mac = self.mac(id, timestamp, request.body);
        if !signatures.iter().any(|it| mac.clone().verify_slice(it).is_ok()) {
            return Err(Rejection::Mismatch(SIGNATURE));
        }
        within(seconds.saturating_mul(1_000), now_ms, (TOLERANCE_S, TOLERANCE_S))
    }
}
