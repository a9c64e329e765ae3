//! The Twilio accounts and sub-accounts of the agents file, each with its own token.

use std::sync::Arc;

use live_users_http_kit::SettingsReader;
use live_users_intake::AccountTable;
use live_users_intake::agents::Agents;
use live_users_intake::sources::is_variable;
use live_users_twilio::AuthTokens;

use super::twilio_api::TwilioApiSettings;

/// The accounts, as they were at the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Vec<Account>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Account {
    /// What answers call it.
    pub(crate) id: Arc<str>,
    /// Twilio's id of it.
    pub(crate) sid: String,
    /// What its webhooks are signed with.
    pub(crate) tokens: AuthTokens,
    /// How Twilio is asked for its calls.
    pub(crate) api: TwilioApiSettings,
}

impl Accounts {
    /// The accounts of this file, with the tokens in the variables that it names.
    pub(crate) fn read(reader: &mut SettingsReader<'_>, agents: &Agents) -> Self {
        let accounts: Vec<_> =
            agents.accounts().iter().filter_map(|table| read(reader, table)).collect();
        Self(accounts)
    }

    /// The account with this id of Twilio's.
    pub(crate) fn by_sid(&self, sid: &str) -> Option<&Account> {
        self.0.iter().find(|account| account.sid == sid)
    }

    /// All of them, in the order of the file.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.0.iter()
    }
}

fn read(reader: &mut SettingsReader<'_>, table: &AccountTable) -> Option<Account> {
    let name = &table.auth_token_env;
    if !is_variable(name) {
        // The file's own mistakes tell.
        return None;
    }
    let words = reader.words(name);
    let Some((tokens, first)) = AuthTokens::new(words.iter().copied()).zip(words.first()) else {
        reader.error(format!(
            "account {:?}: {name} is not set: expected the primary Auth Token of the account",
            table.id
        ));
        return None;
    };
    let api = TwilioApiSettings::of_account(reader, &table.sid, first)?;
    Some(Account { id: Arc::from(table.id.as_str()), sid: table.sid.clone(), tokens, api })
}
