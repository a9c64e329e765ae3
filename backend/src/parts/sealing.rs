//! Seals status callbacks that wait in the journal: they have callers' numbers, and no file may.
//!
//! The keys come from the Auth Token that a callback was signed with. So whoever may pass it on can
//! open it, a restart and another replica too, and nothing of a key is in the journal.

use live_users_state::{CallbackId, ReceiverId, SealedCallback};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::hmac::{self, HMAC_SHA256};

/// The keys that are made of one secret.
pub(crate) struct Seal {
    sealing: LessSafeKey,
    ids: hmac::Key,
    receivers: hmac::Key,
}

impl Seal {
    /// The keys of this secret.
    pub(crate) fn of(secret: &[u8]) -> Self {
        let prk = Salt::new(HKDF_SHA256, b"live-users: status callbacks").extract(secret);
        let sealing = UnboundKey::new(&AES_256_GCM, &derived(&prk, b"sealing"));
        Self {
            sealing: LessSafeKey::new(sealing.expect("32 bytes are what AES-256 takes")),
            ids: hmac::Key::new(HMAC_SHA256, &derived(&prk, b"ids")),
            receivers: hmac::Key::new(HMAC_SHA256, &derived(&prk, b"receivers")),
        }
    }

    /// Seals what a callback says. `None` where the system has no randomness.
    pub(crate) fn seal(&self, id: CallbackId, agent: &str, mut text: Vec<u8>) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let about = Aad::from(about(id, agent));
        let tag = self
            .sealing
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), about, &mut text)
            .ok()?;
        Some([&nonce[..], &text, tag.as_ref()].concat())
    }

    /// What a callback says, if this secret has sealed it for this agent, and nobody has changed it.
    pub(crate) fn open(&self, callback: &SealedCallback) -> Option<Vec<u8>> {
        let (nonce, sealed) = callback.sealed.split_first_chunk::<NONCE_LEN>()?;
        let about = Aad::from(about(callback.id, &callback.agent));
        let mut text = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.sealing.open_in_place(nonce, about, &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }

    /// The id of a webhook that has this id of its own, and says this.
    pub(crate) fn id_of(&self, [id, says]: [&[u8]; 2]) -> CallbackId {
        let mut context = hmac::Context::with_key(&self.ids);
        context.update(&(id.len() as u64).to_be_bytes());
        context.update(id);
        context.update(says);
        let first = context.sign().as_ref().first_chunk().copied().unwrap_or_default();
        CallbackId(u128::from_be_bytes(first))
    }

    /// What stands for this URL in the journal. It may have a secret in its query.
    pub(crate) fn receiver(&self, url: &str) -> ReceiverId {
        let digest = hmac::sign(&self.receivers, url.as_bytes());
        let first = digest.as_ref().first_chunk().copied().unwrap_or_default();
        ReceiverId(u64::from_be_bytes(first))
    }
}

/// What is sealed is for this callback of this agent alone.
fn about(id: CallbackId, agent: &str) -> Vec<u8> {
    [&id.0.to_be_bytes(), agent.as_bytes()].concat()
}

/// A key of 32 bytes for one purpose.
fn derived(prk: &Prk, purpose: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let filled = prk.expand(&[purpose], HMAC_SHA256).and_then(|it| it.fill(&mut key));
    filled.expect("32 bytes are what HMAC-SHA256 takes");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: CallbackId = CallbackId(7);

    fn sealed(seal: &Seal) -> SealedCallback {
        let sealed = seal.seal(ID, "booking", b"From=%2B14155550123".to_vec()).unwrap();
        SealedCallback { id: ID, agent: "booking".into(), receivers: vec![], sealed: sealed.into() }
    }

    #[test]
    fn only_the_same_secret_opens_what_it_has_sealed_for_this_callback() {
        let seal = Seal::of(b"a token");
        let callback = sealed(&seal);
        assert_eq!(seal.open(&callback).unwrap(), b"From=%2B14155550123");
        assert_eq!(Seal::of(b"a token").open(&callback), seal.open(&callback), "a restart");
        assert_eq!(Seal::of(b"another").open(&callback), None);
        let other = SealedCallback { agent: "sales".into(), ..callback.clone() };
        assert_eq!(seal.open(&other), None);
        let other = SealedCallback { id: CallbackId(8), ..callback.clone() };
        assert_eq!(seal.open(&other), None);
        for n in 0..callback.sealed.len() {
            let mut bytes = callback.sealed.to_vec();
            bytes[n] ^= 1;
            let tampered = SealedCallback { sealed: bytes.into(), ..callback.clone() };
            assert_eq!(seal.open(&tampered), None, "byte {n}");
            let cut = SealedCallback { sealed: callback.sealed[..n].into(), ..callback.clone() };
            assert_eq!(seal.open(&cut), None, "cut at {n}");
        }
    }

    #[test]
    fn what_is_sealed_has_nothing_in_clear_and_differs_each_time() {
        let seal = Seal::of(b"a token");
        let [one, two] = [sealed(&seal), sealed(&seal)];
        assert_ne!(one.sealed, two.sealed);
        for text in [&b"4155550123"[..], b"From"] {
            assert!(!one.sealed.windows(text.len()).any(|it| it == text));
        }
    }

    #[test]
    fn ids_are_the_same_for_the_same_request_and_secret_alone() {
        let [seal, other] = [&b"a token"[..], b"another"].map(Seal::of);
        assert_eq!(seal.id_of([b"ab", b"c"]), Seal::of(b"a token").id_of([b"ab", b"c"]));
        assert_ne!(seal.id_of([b"ab", b"c"]), seal.id_of([b"a", b"bc"]));
        assert_ne!(seal.id_of([b"ab", b"c"]), other.id_of([b"ab", b"c"]));
        let url = "https://old.example.com/status?key=s3cr3t";
        assert_eq!(seal.receiver(url), Seal::of(b"a token").receiver(url));
        assert_ne!(seal.receiver(url), seal.receiver("https://old.example.com/status"));
        assert_ne!(seal.receiver(url), other.receiver(url));
    }
}
