//! Who a caller is, without keeping the caller's number.

use std::fmt;
use std::num::NonZeroU64;

use hmac::{Hmac, KeyInit, Mac};
use live_users_core::Caller;
use live_users_service::Reader;
use sha2::Sha256;

/// The key that caller ids are hashed with, so that nobody who sees a hash can try all the phone
/// numbers there are.
#[derive(Clone)]
pub struct CallerKey(Vec<u8>);

/// The shortest key that is accepted, in bytes.
const KEY_BYTES_MIN: usize = 16;

/// What stands for a withheld number. 266696687 spells ANONYMOUS on a keypad, and for its +266
/// Twilio reports Lesotho.
const WITHHELD_NUMBER: &str = "+266696687";

/// Words for a withheld or unusable caller id, as they also stand in SIP and client addresses.
const WITHHELD_WORDS: &[&str] =
    &["anonymous", "blocked", "private", "restricted", "unavailable", "unknown", "withheld"];

impl CallerKey {
    /// `CALLER_HASH_KEY`. When it is not set, a key that is derived from the first Auth Token: the
    /// hashes are in the journal, so the key has to be the same after a restart, and no other
    /// secret is at hand. Without a token either, a key of this process's own.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let token = reader.list("TWILIO_AUTH_TOKEN").into_iter().next();
        let key = match (reader.text("CALLER_HASH_KEY"), token) {
            (Some(key), _) => key.as_bytes().to_vec(),
            (None, Some(token)) => derived_key(token),
            (None, None) => random_key(reader),
        };
        if key.len() < KEY_BYTES_MIN {
            reader.mistake(format!(
                "CALLER_HASH_KEY is too short: expected at least {KEY_BYTES_MIN} bytes that nobody \
                 can guess"
            ));
        }
        Self(key)
    }

    /// The person behind a caller id, or `None` when it is withheld or no address at all: then
    /// nobody can tell whether two calls are one person's.
    #[expect(clippy::missing_panics_doc, reason = "a key of any length will do")]
    pub fn person(&self, caller_id: &str) -> Option<Caller> {
        let address = address(caller_id)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length will do");
        mac.update(address.as_bytes());
        let hash = mac.finalize().into_bytes();
        let first: [u8; 8] = hash[..8].try_into().expect("a SHA-256 has 32 bytes");
        NonZeroU64::new(u64::from_be_bytes(first)).or(Some(NonZeroU64::MIN)).map(Caller)
    }
}

impl fmt::Debug for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerKey(hidden)")
    }
}

/// Nobody gets from this key back to the token.
fn derived_key(token: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("a key of any length");
    mac.update(b"live-users: key for the hashes of caller ids");
    mac.finalize().into_bytes().to_vec()
}

fn random_key(reader: &mut Reader<'_>) -> Vec<u8> {
    let mut key = vec![0; 32];
    if let Err(error) = getrandom::fill(&mut key) {
        reader
            .mistake(format!("CALLER_HASH_KEY is not set and no random key can be made: {error}"));
    }
    key
}

/// Whether a caller id says that it is withheld, or says nothing that could be called back.
pub(crate) fn is_withheld(caller_id: &str) -> bool {
    address(caller_id).is_none()
}

/// A caller id in one spelling: a phone number as its digits, an address (`client:`, `sip:`,
/// `whatsapp:`) in lower case. Free text is no address.
fn address(caller_id: &str) -> Option<String> {
    let text = caller_id.trim().to_lowercase();
    if let Some((scheme, rest)) = text.split_once(':') {
        let user = rest.split('@').next().unwrap_or_default();
        let word = user.trim_start_matches('+');
        let withheld = is_withheld_word(word) || user == WITHHELD_NUMBER;
        let usable = !scheme.is_empty() && !user.is_empty() && !withheld;
        return usable.then(|| text.clone());
    }
    let plain: String =
        text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    (is_number && plain != WITHHELD_NUMBER).then_some(plain)
}

fn is_withheld_word(word: &str) -> bool {
    WITHHELD_WORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> CallerKey {
        CallerKey(text.as_bytes().to_vec())
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
    fn without_a_key_of_its_own_the_same_token_gives_the_same_hashes() {
        let person = |vars: [(&str, &str); 1]| {
            let env = live_users_service::Env::of(vars);
            CallerKey::read(&mut Reader::new(&env)).person("+14155550123")
        };
        let by_token = person([("TWILIO_AUTH_TOKEN", "token, another")]);
        assert_eq!(by_token, person([("TWILIO_AUTH_TOKEN", "token")]));
        assert_ne!(by_token, person([("TWILIO_AUTH_TOKEN", "another")]));
        assert_ne!(by_token, person([("CALLER_HASH_KEY", "token-token-token")]));
    }

    #[test]
    fn another_key_gives_other_hashes() {
        assert_ne!(key("a").person("+14155550123"), key("b").person("+14155550123"));
    }

    #[test]
    fn withheld_and_unusable_caller_ids_are_nobody_in_particular() {
        for withheld in [
            "",
            "  ",
            "+",
            "anonymous",
            "Anonymous",
            "unknown",
            "RESTRICTED",
            "+266696687",
            "O'Brien & Sons",
            "sip:anonymous@anonymous.invalid",
            "client:Anonymous",
            "client:",
            ":x",
            "whatsapp:+266696687",
        ] {
            assert_eq!(key("k").person(withheld), None, "{withheld:?}");
        }
        for usable in ["+14155550123", "100", "client:agent-7", "whatsapp:+15005550007", "sip:a@b"]
        {
            assert!(!is_withheld(usable), "{usable:?}");
        }
    }
}
