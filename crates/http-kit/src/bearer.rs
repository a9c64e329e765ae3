//! Tokens of an API: `Authorization: Bearer ...` (RFC 6750).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{ListenAddress, SettingsReader};

/// The shortest token that is accepted, in bytes.
const TOKEN_BYTES_MIN: usize = 16;

/// The value of `WWW-Authenticate` beside a 401.
pub const CHALLENGE: &str = "Bearer realm=\"live-users\"";

/// The form of a secret, for messages about one that has another form.
const EXPECTED: &str = "at least 16 visible ASCII characters that nobody can guess, such as the \
                        output of `openssl rand -hex 32`";

/// The accepted tokens. There are several during a change.
#[derive(Clone)]
pub struct BearerToken {
    /// Hashes, so that a comparison always takes the same time, also for another length.
    digests: Vec<[u8; 32]>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is no token, or it is in another form. Status 401.
    #[error("Authorization: missing; expected `Bearer` and a token")]
    Missing,
    /// The token is wrong. Status 403.
    #[error("Authorization: this token is not in force here")]
    Wrong,
}

impl BearerToken {
    /// The form of a token, for messages about one that has another form.
    pub const EXPECTED: &str = EXPECTED;

    /// These tokens, whatever their form. `None` if there is none.
    pub fn of(tokens: &[&str]) -> Option<Self> {
        let digests: Vec<_> = tokens.iter().map(|token| Sha256::digest(token).into()).collect();
        (!digests.is_empty()).then_some(Self { digests })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.digests.len()
    }

    /// These tokens, and then the others.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.digests.extend_from_slice(&others.digests);
        self
    }

    /// Whether one of these is one of the others.
    pub fn shares_one_with(&self, others: &Self) -> bool {
        self.digests.iter().any(|digest| others.digests.contains(digest))
    }

    /// A digest of each token with this key, in their order: who does not have the key cannot try
    /// guesses of the token with it.
    #[expect(clippy::missing_panics_doc, reason = "the key of an HMAC may have any length")]
    pub fn keyed(&self, key: &[u8; 32]) -> Vec<[u8; 32]> {
        let keyed = |digest: &[u8; 32]| {
            let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
            mac.chain_update(digest).finalize().into_bytes().into()
        };
        self.digests.iter().map(keyed).collect()
    }

    /// Reads the tokens in this variable, separated by commas. `None` if it is not set.
    pub fn read(reader: &mut SettingsReader<'_>, name: &str) -> Option<Self> {
        let tokens = reader.words(name);
        if tokens.iter().any(|token| !is_secret(token)) {
            reader.error(format!("{name} cannot be used: expected {EXPECTED}"));
        }
        Self::of(&tokens)
    }

    /// As [`BearerToken::read`]. A missing token is an error if others can reach this address.
    pub fn read_for(
        reader: &mut SettingsReader<'_>,
        name: &str,
        listen: ListenAddress,
    ) -> Option<Self> {
        let token = Self::read(reader, name);
        if reader.words(name).is_empty() && !listen.is_loopback() {
            reader.error(format!(
                "{name} is not set: others can reach {}, and with it they would be kept from \
                 reading more than the total; expected {EXPECTED} (or HOST=127.0.0.1)",
                listen.0.ip()
            ));
        }
        token
    }

    /// Accepts one of the tokens in this `Authorization` header.
    ///
    /// # Errors
    /// If the header has none of them.
    pub fn check(&self, authorization: Option<&[u8]>) -> Result<(), Denied> {
        let shown = authorization.and_then(token_in).ok_or(Denied::Missing)?;
        self.which(shown).map(|_| ()).ok_or(Denied::Wrong)
    }

    /// The index of this token. All tokens are compared each time, so the time reveals nothing.
    pub fn which(&self, shown: &[u8]) -> Option<usize> {
        let shown: [u8; 32] = Sha256::digest(shown).into();
        let compared = self.digests.iter().map(|digest| bool::from(digest.ct_eq(&shown)));
        compared.enumerate().fold(None, |found, (i, is_it)| if is_it { Some(i) } else { found })
    }

    /// A key for each token, in their order. It changes with the token, and differs for each
    /// purpose.
    #[expect(clippy::missing_panics_doc, reason = "the key of an HMAC may have any length")]
    pub fn keys(&self, purpose: &str) -> Vec<[u8; 32]> {
        let key = |digest: &[u8; 32]| {
            let mac = Hmac::<Sha256>::new_from_slice(digest).expect("a key of any length");
            mac.chain_update(purpose).finalize().into_bytes().into()
        };
        self.digests.iter().map(key).collect()
    }
}

/// Reads the secret that this server sends to another one. `None` if the variable is not set. Of
/// several, separated by commas, it is the first: both servers may have the same variable during a
/// change.
pub fn read_secret<'a>(reader: &mut SettingsReader<'a>, name: &str) -> Option<&'a str> {
    let secrets = reader.words(name);
    if secrets.iter().any(|secret| !is_secret(secret)) {
        reader.error(format!("{name} cannot be used: expected {EXPECTED}"));
    }
    secrets.first().copied()
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BearerToken({} hidden)", self.digests.len())
    }
}

fn is_secret(text: &str) -> bool {
    text.len() >= TOKEN_BYTES_MIN && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The token in an `Authorization` header. The scheme may be written in any case.
pub fn token_in(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    const TOKEN: &str = "0123456789abcdef";

    fn token(text: &str) -> BearerToken {
        BearerToken::read(&mut SettingsReader::new(&Env::of([("T", text)])), "T").unwrap()
    }

    #[test]
    fn only_who_shows_the_token_is_let_in() {
        let token = token(TOKEN);
        let check = |header: &str| token.check(Some(header.as_bytes()));
        assert_eq!(check("Bearer 0123456789abcdef"), Ok(()));
        assert_eq!(check("bearer  0123456789abcdef "), Ok(()));
        for wrong in ["Bearer 0123456789abcdeg", "Bearer 0123456789abcde", "Bearer x"] {
            assert_eq!(check(wrong), Err(Denied::Wrong), "{wrong}");
        }
        for missing in ["", "Bearer", "Bearer ", "Basic 0123456789abcdef", TOKEN, "B\u{e9}arer x"] {
            assert_eq!(check(missing), Err(Denied::Missing), "{missing}");
        }
        assert_eq!(token.check(None), Err(Denied::Missing));
    }

    #[test]
    fn while_tokens_are_changed_both_open_the_door() {
        let token = token("0123456789abcdef, fedcba9876543210");
        assert_eq!(token.check(Some(b"Bearer fedcba9876543210")), Ok(()));
        assert_eq!(token.check(Some(b"Bearer 0123456789abcdef")), Ok(()));
        assert_eq!(token.check(Some(b"Bearer 0123456789abcdef,")), Err(Denied::Wrong));
    }

    #[test]
    fn each_token_has_a_key_of_its_own_for_each_purpose() {
        let both = token("0123456789abcdef, fedcba9876543210");
        assert_eq!(both.which(b"fedcba9876543210"), Some(1));
        assert_eq!(both.which(b"fedcba9876543211"), None);
        let keys = both.keys("sessions");
        assert_eq!(keys[0], token(TOKEN).keys("sessions")[0], "the same after a restart");
        assert!(keys[0] != keys[1] && keys[0] != both.keys("letters")[0]);
    }

    #[test]
    fn a_weak_token_is_refused_and_not_repeated() {
        for weak in ["hunter2", "0123456789abcdef,hunter2", "with spaces in between"] {
            let env = Env::of([("API_TOKEN", weak)]);
            let mut reader = SettingsReader::new(&env);
            let token = BearerToken::read(&mut reader, "API_TOKEN");
            let told = reader.finish(()).unwrap_err().to_string();
            assert!(told.contains("API_TOKEN") && !told.contains(weak), "{told}");
            assert!(!format!("{token:?}").contains("hunter2"));
        }
    }

    #[test]
    fn of_several_secrets_the_first_is_sent_and_none_may_be_weak() {
        let read = |text| {
            let env = Env::of([("BACKEND_TOKEN", text)]);
            let mut reader = SettingsReader::new(&env);
            let secret = read_secret(&mut reader, "BACKEND_TOKEN").map(str::to_owned);
            reader.finish(secret)
        };
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("0123456789abcdef, fedcba9876543210").unwrap().as_deref(), Some(TOKEN));
        let told = read("0123456789abcdef,hunter2").unwrap_err().to_string();
        assert!(told.contains("BACKEND_TOKEN") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn where_others_can_reach_us_there_has_to_be_one() {
        let read = |host: &str, token: &str| {
            let env = Env::of([("HOST", host), ("API_TOKEN", token)]);
            let mut reader = SettingsReader::new(&env);
            let listen = ListenAddress::read(&mut reader, 1);
            BearerToken::read_for(&mut reader, "API_TOKEN", listen);
            reader.finish(())
        };
        assert!(read("127.0.0.1", "").is_ok() && read("::1", "").is_ok());
        assert!(read("0.0.0.0", TOKEN).is_ok());
        for blank in ["", " , "] {
            let told = read("0.0.0.0", blank).unwrap_err().to_string();
            assert!(told.contains("API_TOKEN is not set"), "{told}");
        }
    }
}
