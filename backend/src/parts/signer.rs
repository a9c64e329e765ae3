//! The Auth Tokens, for signing what is passed on to the receivers that Twilio signed for before.

use std::fmt;

use live_users_http_kit::SettingsReader;
use live_users_intake::agents::Agents;
use live_users_twilio::AuthTokens;

/// The Auth Tokens, each also on its own for verifying.
#[derive(Default)]
pub(crate) struct Signer(Vec<(String, AuthTokens)>);

impl Signer {
    /// Those in `TWILIO_AUTH_TOKEN`, and then those of the accounts in the agents file. There are none
    /// where webhooks are not signed either.
    pub(crate) fn read(reader: &mut SettingsReader<'_>, agents: &Agents) -> Self {
        let mut tokens = reader.list("TWILIO_AUTH_TOKEN");
        for account in agents.accounts() {
            tokens.extend(reader.words(&account.auth_token_env));
        }
        let tokens = tokens.into_iter();
        Self(tokens.filter_map(|it| Some((it.to_owned(), AuthTokens::new([it])?))).collect())
    }

    /// The token that a webhook was signed with, or else the first one.
    pub(crate) fn token(&self, is_signed_with: impl Fn(&AuthTokens) -> bool) -> Option<&str> {
        let fits = match self.0.as_slice() {
            [_] => None,
            several => several.iter().find(|(_, alone)| is_signed_with(alone)),
        };
        fits.or_else(|| self.0.first()).map(|(token, _)| token.as_str())
    }
}

/// Says how many there are, and nothing about them.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} hidden)", self.0.len())
    }
}
