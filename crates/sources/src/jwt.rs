//! JSON Web Tokens that are signed with a shared secret (RFC 7515, 7519): only HS256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::Mac;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::verify::{Rejection, hmac_sha256};

/// The head of a token.
#[derive(Deserialize)]
struct Head {
    alg: String,
    /// What a reader has to understand: nothing is understood here.
    crit: Option<IgnoredAny>,
}

/// The claims of a token that is signed with this secret. `header` is where it stands, for the
/// reason. What they say of time is for the caller to look at.
///
/// # Errors
/// If it is no such token, asks for another algorithm (`none` is one, too), or is signed with another
/// secret.
pub(crate) fn claims<T: DeserializeOwned>(
    token: &str,
    secret: &[u8],
    header: &'static str,
) -> Result<T, Rejection> {
    let malformed = Rejection::Malformed(header);
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (head, claims) = signed.split_once('.').ok_or(malformed)?;
    let head: Head = part(head).ok_or(malformed)?;
    if head.alg != "HS256" || head.crit.is_some() {
        return Err(malformed);
    }
    let signature = BASE64.decode(signature).map_err(|_| malformed)?;
    let mac = hmac_sha256(secret, &[signed.as_bytes()]);
    mac.verify_slice(&signature).map_err(|_| Rejection::Mismatch(header))?;
    part(claims).ok_or(malformed)
}

/// A part of a token: JSON in Base64 for URLs, without padding.
fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&BASE64.decode(text).ok()?).ok()
}
