//! A token in `Authorization: Bearer`, or the headers of Standard Webhooks.

use subtle::ConstantTimeEq;

use crate::standard_webhooks::{PREFIX, standard_webhooks_secret};
use crate::verify::{BadSecret, Rejection, Verify};
use crate::{Request, events::KIND};

const HEADER: &str = "Authorization";

/// The shortest token, in bytes: nobody tries that many.
const TOKEN_BYTES_MIN: usize = 16;

struct Token(Vec<u8>);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    if text.starts_with(PREFIX) {
        return standard_webhooks_secret(text);
    }
    let is_usable =
        text.len() >= TOKEN_BYTES_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_usable {
        return Err(BadSecret(KIND.secret_is));
    }
    Ok(Box::new(Token(text.as_bytes().to_vec())))
}

impl Verify for Token {
    fn verify(&self, request: &Request<'_>, _: u64) -> Result<(), Rejection> {
        let header = request.header(HEADER).ok_or(Rejection::Missing(HEADER))?;
        let (scheme, token) = header.split_once(' ').ok_or(Rejection::Malformed(HEADER))?;
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(Rejection::Malformed(HEADER));
        }
        let is_right = bool::from(token.trim().as_bytes().ct_eq(&self.0));
        if is_right { Ok(()) } else { Err(Rejection::Mismatch(HEADER)) }
    }
}
