//! Whether a webhook comes from its source: what all kinds share.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Kind, Request};

/// One secret of a source, ready to verify with. `now_ms` is the present, in milliseconds since 1970: a
/// signature that names its time is good for a while.
pub trait Verify: Send + Sync {
    /// Accepts a request that the source has signed with this secret.
    ///
    /// # Errors
    /// Why it is not to be trusted. The reason may be logged; the sender is not told.
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection>;
}

/// Why a request is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A header is missing.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header has another form than the source gives it.
    #[error("the header {0} is not of the form that this kind of source sends")]
    Malformed(&'static str),
    /// The time in the signature is too long ago.
    #[error("it was signed {age_s} s ago; expected at most {max_s} s")]
    TooOld {
        /// Its age, in seconds.
        age_s: u64,
        /// The greatest that is accepted.
        max_s: u64,
    },
    /// The time in the signature is too far ahead.
    #[error("it was signed {ahead_s} s ahead of this machine's clock; expected at most {max_s} s")]
    TooNew {
        /// How far, in seconds.
        ahead_s: u64,
        /// The greatest that is accepted.
        max_s: u64,
    },
    /// The signature is another one.
    #[error("the header {0} does not match what came: another secret, or another sender")]
    Mismatch(&'static str),
    /// The signature is right, and names another body.
    #[error("the header {0} is right for another body")]
    OtherBody(&'static str),
    /// The signature is right, and what it covers does not say for sure which fields were signed.
    #[error("the names of its fields are not such that it is sure which fields were signed")]
    Fields,
}

impl Rejection {
    /// How far a request got: of several secrets, the reason that got farthest is the useful one.
    fn rank(self) -> u8 {
        match self {
            Self::Missing(_) => 0,
            Self::Malformed(_) => 1,
            Self::Mismatch(_) => 2,
            Self::OtherBody(_) | Self::TooOld { .. } | Self::TooNew { .. } | Self::Fields => 3,
        }
    }
}

/// The shortest secret of a source, in bytes. Those that providers make are longer.
const SECRET_BYTES_MIN: usize = 16;

/// What is expected of one that is shorter.
const TOO_SHORT: &str = "at least 16 characters that nobody can guess";

/// The secrets of a source: more than one while a secret is rotated.
pub struct Secrets(Vec<Box<dyn Verify>>);

/// What is wrong with a secret: what was expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct BadSecret(pub &'static str);

impl Secrets {
    /// These secrets of a source of this kind.
    ///
    /// # Errors
    /// If there is none, or one that cannot be the secret of such a source.
    pub fn new<'a>(
        kind: &Kind,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, BadSecret> {
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty());
        let secret = |text: &str| {
            let verify = (kind.secret)(text)?;
            // Who sends webhooks is known by this alone, and anybody may try.
            let is_strong = text.len() >= SECRET_BYTES_MIN;
            is_strong.then_some(verify).ok_or(BadSecret(TOO_SHORT))
        };
        let secrets: Vec<_> = secrets.map(secret).collect::<Result<_, _>>()?;
        if secrets.is_empty() { Err(BadSecret(kind.secret_is)) } else { Ok(Self(secrets)) }
    }

    /// Accepts a request that is signed with any of the secrets.
    ///
    /// # Errors
    /// As [`Verify::verify`]; of several secrets the reason that says most.
    pub fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        let mut rejection = None;
        for secret in &self.0 {
            match secret.verify(request, now_ms) {
                Ok(()) => return Ok(()),
                Err(why) => {
                    let says_more = rejection.is_none_or(|it: Rejection| it.rank() < why.rank());
                    rejection = if says_more { Some(why) } else { rejection };
                }
            }
        }
        Err(rejection.unwrap_or(Rejection::Missing("Authorization")))
    }
}

/// Says how many there are, and nothing about them.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} hidden)", self.0.len())
    }
}

/// HMAC-SHA256 of these parts one after the other.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

/// Whether a moment is at most so many seconds before the present and after it.
pub(crate) fn within(
    signed_ms: u64,
    now_ms: u64,
    (before_s, after_s): (u64, u64),
) -> Result<(), Rejection> {
    let (age_s, ahead_s) =
        (now_ms.saturating_sub(signed_ms) / 1_000, signed_ms.saturating_sub(now_ms) / 1_000);
    if age_s > before_s {
        return Err(Rejection::TooOld { age_s, max_s: before_s });
    }
    if ahead_s > after_s {
        return Err(Rejection::TooNew { ahead_s, max_s: after_s });
    }
    Ok(())
}

/// A secret that signs time and body: `HEADER: t=<seconds>,NAME=<hex>`, which is HMAC-SHA256 of the
/// seconds, a point, and the body. Of several signatures any may be right.
pub(crate) struct StampedSecret {
    pub(crate) key: Vec<u8>,
    /// The header, and the name of its signatures.
    pub(crate) header: &'static str,
    pub(crate) name: &'static str,
    /// How far the time may be before the present and after it, in seconds.
    pub(crate) tolerance_s: (u64, u64),
}

impl Verify for StampedSecret {
    fn verify(&self, request: &Request<'_>, now_ms: u64) -> Result<(), Rejection> {
        let malformed = Rejection::Malformed(self.header);
        let header = request.header(self.header).ok_or(Rejection::Missing(self.header))?;
        let (stamp, signatures) = stamped(header, self.name).ok_or(malformed)?;
        // Once, however many signatures there are: a body may be long.
        let mac = hmac_sha256(&self.key, &[stamp.as_bytes(), b".", request.body]);
        if !signatures.iter().any(|it| mac.clone().verify_slice(it).is_ok()) {
            return Err(Rejection::Mismatch(self.header));
        }
        let seconds: u64 = stamp.parse().map_err(|_| malformed)?;
        within(seconds.saturating_mul(1_000), now_ms, self.tolerance_s)
    }
}

/// The time and the signatures of a header such as `t=1700000000,v1=<hex>,v1=<hex>`; entries of
/// other names are left out. `None` if there is no time, or no signature that is hexadecimal.
fn stamped<'a>(header: &'a str, name: &str) -> Option<(&'a str, Vec<Vec<u8>>)> {
    let (mut stamp, mut signatures) = (None, Vec::new());
    for (key, value) in header.split(',').filter_map(|entry| entry.trim().split_once('=')) {
        match key {
            "t" => stamp = Some(value),
            _ if key == name => signatures.extend(from_hex(value)),
            _ => {}
        }
    }
    stamp.filter(|_| !signatures.is_empty()).map(|stamp| (stamp, signatures))
}

/// Bytes in hexadecimal, in either case.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |it: u8| (it as char).to_digit(16).and_then(|it| u8::try_from(it).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
