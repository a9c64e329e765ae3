//! The Auth Tokens, for signing what is passed on to the receivers that Twilio signed for before, and
//! for sealing it while it waits.

use std::fmt;

use live_users_http_kit::SettingsReader;
use live_users_intake::CallerKey;
use live_users_intake::agents::Agents;
use live_users_state::SealedCallback;
use live_users_twilio::AuthTokens;

use super::sealing::Seal;

/// The Auth Tokens, each also on its own for verifying.
pub(crate) struct Signer {
    tokens: Vec<Token>,
    /// Where there are none, because webhooks are not signed either.
    unsigned: Seal,
}

struct Token {
    text: String,
    alone: AuthTokens,
    seal: Seal,
}

/// What a callback is signed and sealed with.
#[derive(Clone, Copy)]
pub(crate) struct Signing<'a> {
    /// `None` where webhooks are not signed.
    pub(crate) token: Option<&'a str>,
    pub(crate) seal: &'a Seal,
}

impl Signer {
    /// Those in `TWILIO_AUTH_TOKEN`, and then those of the accounts in the agents file. There are none
    /// where webhooks are not signed either.
    pub(crate) fn read(reader: &mut SettingsReader<'_>, agents: &Agents, key: &CallerKey) -> Self {
        let mut tokens = reader.list("TWILIO_AUTH_TOKEN");
        for account in agents.accounts() {
            tokens.extend(reader.words(&account.auth_token_env));
        }
        Self::of(&tokens, key)
    }

    /// Of these tokens. Without any, what waits is sealed with a key that is derived from this one.
    pub(crate) fn of(tokens: &[&str], key: &CallerKey) -> Self {
        let tokens = tokens.iter().filter_map(|text| {
            let alone = AuthTokens::new([*text])?;
            Some(Token { text: (*text).to_owned(), alone, seal: Seal::of(text.as_bytes()) })
        });
        let unsigned = Seal::of(&key.secret_for("sealing status callbacks"));
        Self { tokens: tokens.collect(), unsigned }
    }

    /// The token that a webhook was signed with, or else the first one.
    pub(crate) fn signing(&self, is_signed_with: impl Fn(&AuthTokens) -> bool) -> Signing<'_> {
        let fits = match self.tokens.as_slice() {
            [_] => None,
            several => several.iter().find(|token| is_signed_with(&token.alone)),
        };
        fits.or_else(|| self.tokens.first()).map_or_else(|| self.unsigned(), Token::signing)
    }

    /// What a callback says, and what has sealed it: that signs it, too. `None` if nothing here has.
    pub(crate) fn open(&self, callback: &SealedCallback) -> Option<(Signing<'_>, Vec<u8>)> {
        let each = self.tokens.iter().map(Token::signing);
        let unsigned = self.tokens.is_empty().then(|| self.unsigned());
        each.chain(unsigned).find_map(|it| it.seal.open(callback).map(|text| (it, text)))
    }

    fn unsigned(&self) -> Signing<'_> {
        Signing { token: None, seal: &self.unsigned }
    }
}

impl Token {
    fn signing(&self) -> Signing<'_> {
        Signing { token: Some(&self.text), seal: &self.seal }
    }
}

/// Says how many there are, and nothing about them.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} hidden)", self.tokens.len())
    }
}

#[cfg(test)]
mod tests {
    use live_users_state::CallbackId;

    use super::*;

    const ID: CallbackId = CallbackId(1);

    fn signer(tokens: &[&str]) -> Signer {
        Signer::of(tokens, &CallerKey::new("0123456789abcdef").unwrap())
    }

    fn sealed(by: Signing<'_>) -> SealedCallback {
        let sealed = by.seal.seal(ID, "booking", b"text".to_vec()).unwrap().into();
        SealedCallback { id: ID, agent: "booking".into(), receivers: Vec::new(), sealed }
    }

    #[test]
    fn the_token_that_has_sealed_a_callback_signs_it_also_when_there_are_others() {
        let before = signer(&["old"]);
        let callback = sealed(before.signing(|_| true));
        let rotated = signer(&["new", "old"]);
        let (signing, text) = rotated.open(&callback).unwrap();
        assert_eq!((signing.token, &*text), (Some("old"), &b"text"[..]));
        assert!(signer(&["new"]).open(&callback).is_none());
        let unsigned = signer(&[]);
        assert!(unsigned.open(&callback).is_none());
        let callback = sealed(unsigned.signing(|_| false));
        assert_eq!(signer(&[]).open(&callback).unwrap().0.token, None);
        assert!(before.open(&callback).is_none(), "what nobody has signed is not signed later");
    }
}
