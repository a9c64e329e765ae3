//! Who a caller is, without keeping the caller's number.

use std::fmt;
use std::num::NonZeroU64;

use hmac::{Hmac, KeyInit, Mac};
use live_users_core::Caller;
use sha2::Sha256;

use crate::caller_id::CallerId;

/// The key that caller ids are hashed with, so that nobody who sees a hash can try all the phone
/// numbers there are.
///
/// It is kept as what the hash makes of it before it has seen anything.
#[derive(Clone)]
pub struct CallerKey(Hmac<Sha256>);

/// The shortest key that is accepted, in bytes.
pub const KEY_BYTES_MIN: usize = 16;

/// A key has fewer than [`KEY_BYTES_MIN`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too short: expected at least {KEY_BYTES_MIN} bytes that nobody can guess")]
pub struct KeyTooShort;

impl CallerKey {
    /// This key.
    ///
    /// # Errors
    /// If it has fewer than [`KEY_BYTES_MIN`] bytes.
    pub fn new(key: &str) -> Result<Self, KeyTooShort> {
        let is_long_enough = key.len() >= KEY_BYTES_MIN;
        is_long_enough.then(|| Self::of(key.as_bytes())).ok_or(KeyTooShort)
    }

    /// A key that is derived from a provider's token. Nobody gets from it back to the token, and it
    /// is the same after a restart: the hashes are in the journal.
    pub fn derived_from(token: &str) -> Self {
        let Self(mut mac) = Self::of(token.as_bytes());
        mac.update(b"live-users: key for the hashes of caller ids");
        Self::of(&mac.finalize().into_bytes())
    }

    fn of(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("a key of any length will do"))
    }

    /// A key of this process's own.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self::of(&key))
    }

    /// The person behind a caller id, or `None` when it is withheld or no address at all: then
    /// it is not known whether two calls are one person's. A number is one person in each of its
    /// spellings, also in the addresses of SIP.
    pub fn person(&self, caller_id: &str) -> Option<Caller> {
        CallerId::parse(caller_id).identity(true).map(|identity| self.caller(identity))
    }

    /// The person with this identity ([`CallerId::identity`]).
    pub(crate) fn caller(&self, identity: &str) -> Caller {
        Caller(self.digest(identity.as_bytes()))
    }

    /// What stands for the id that a source gave to an event: whoever has chosen that may have put a
    /// phone number into it.
    pub(crate) fn event(&self, source: &str, id: &str) -> NonZeroU64 {
        self.digest(format!("event\0{source}\0{id}").as_bytes())
    }

    /// A secret for another purpose, from which nobody gets back to the key.
    pub fn secret_for(&self, purpose: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(b"live-users: secret for ");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn digest(&self, bytes: &[u8]) -> NonZeroU64 {
        let mut mac = self.0.clone();
        mac.update(bytes);
        let hash = mac.finalize().into_bytes();
        let first: [u8; 8] = hash[..8].try_into().expect("a SHA-256 has 32 bytes");
        NonZeroU64::new(u64::from_be_bytes(first)).unwrap_or(NonZeroU64::MIN)
    }
}

impl fmt::Debug for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> CallerKey {
        CallerKey::of(text.as_bytes())
    }

    #[test]
    fn one_number_in_several_spellings_is_one_person() {
        let key = key("0123456789abcdef");
        let person = key.person("+14155550123");
        assert!(person.is_some());
        assert_eq!(key.person(" +1 (415) 555-0123 "), person);
        assert_ne!(key.person("+14155550124"), person);
        assert_eq!(
            key.person("sip:Alice@pbx.example.com"),
            key.person("sip:alice@PBX.example.com")
        );
        assert_ne!(key.person("sip:alice@pbx.example.com"), key.person("sip:bob@pbx.example.com"));
    }

    #[test]
    fn the_same_token_gives_the_same_hashes() {
        let person = |token| CallerKey::derived_from(token).person("+14155550123");
        assert_eq!(person("token"), person("token"));
        assert_ne!(person("token"), person("another"));
        assert_ne!(person("token-token-token"), key("token-token-token").person("+14155550123"));
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        assert!(CallerKey::new("fifteen bytes..").is_err());
        assert!(CallerKey::new("sixteen bytes...").is_ok());
    }

    #[test]
    fn another_key_gives_other_hashes() {
        assert_ne!(key("a").person("+14155550123"), key("b").person("+14155550123"));
    }

    #[test]
    fn withheld_and_unusable_caller_ids_are_nobody_in_particular() {
        for withheld in ["", "+", "Anonymous", "+266696687", "O'Brien & Sons", "client:"] {
            assert_eq!(key("k").person(withheld), None, "{withheld:?}");
        }
    }
}
