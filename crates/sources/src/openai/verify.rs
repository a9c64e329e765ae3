//! Standard Webhooks, with a secret that has its prefix.

use crate::standard_webhooks::{PREFIX, standard_webhooks_secret};
use crate::verify::{BadSecret, Verify};

/// Without the prefix the packages of OpenAI take the text itself for the key, where those of
/// Standard Webhooks take Base64: so a secret without it is refused. OpenAI gives out none.
pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    let expected = BadSecret("`whsec_` and Base64 of at least 16 bytes");
    if !text.starts_with(PREFIX) {
        return Err(expected);
    }
    standard_webhooks_secret(text).map_err(|_| expected)
}
