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
pub(crate) struct Accounts {
    list: Vec<Account>,
    /// Lines for the log: see [`shared_tokens`].
    pub(crate) warnings: Vec<String>,
}

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
        let list: Vec<_> =
            agents.accounts().iter().filter_map(|table| read(reader, table)).collect();
        contradictions(reader, agents.accounts());
        let warnings = shared_tokens(reader, agents.accounts());
        Self { list, warnings }
    }

    /// The account with this id of Twilio's.
    pub(crate) fn by_sid(&self, sid: &str) -> Option<&Account> {
        self.list.iter().find(|account| account.sid == sid)
    }

    /// All of them, in the order of the file.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.list.iter()
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

/// Notes a table of the account of `TWILIO_ACCOUNT_SID` that has none of the tokens of
/// `TWILIO_AUTH_TOKEN`: one of both is wrong. The table itself may be there, to give its calls a name.
fn contradictions(reader: &mut SettingsReader<'_>, tables: &[AccountTable]) {
    let own = reader.words("TWILIO_AUTH_TOKEN");
    let own_sid = reader.word("TWILIO_ACCOUNT_SID");
    let of_own = tables.iter().filter(|table| own_sid == Some(table.sid.as_str()));
    for table in of_own.filter(|table| is_variable(&table.auth_token_env)) {
        let name = &table.auth_token_env;
        let words = reader.words(name);
        let shares_one = own.iter().any(|it| words.contains(it));
        if !own.is_empty() && !words.is_empty() && !shares_one {
            reader.error(format!(
                "account {:?}: {name} and TWILIO_AUTH_TOKEN have different tokens, and its sid is \
                 TWILIO_ACCOUNT_SID; expected the same primary Auth Token in both",
                table.id
            ));
        }
    }
}

/// A line for each account that has a token of an earlier one. Their calls are told apart by the
/// `AccountSid`, which is signed; but whoever has the token speaks for both.
fn shared_tokens(reader: &mut SettingsReader<'_>, tables: &[AccountTable]) -> Vec<String> {
    let words: Vec<_> = tables.iter().map(|it| reader.words(&it.auth_token_env)).collect();
    let mut lines = Vec::new();
    for (place, table) in tables.iter().enumerate() {
        let shares_one =
            |earlier: &usize| words[*earlier].iter().any(|word| words[place].contains(word));
        if let Some(first) = (0..place).find(shares_one) {
            lines.push(format!(
                "accounts {:?} and {:?} have a token in common: whoever signs with it speaks for both",
                tables[first].id, table.id
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use live_users_http_kit::Env;

    use super::*;

    const SIDS: [&str; 2] =
        ["AC00000000000000000000000000000001", "AC00000000000000000000000000000002"];

    /// What is said of two accounts whose tokens are in ONE and TWO: errors, and lines for the log.
    fn told(env: &[(&str, &str)]) -> [Vec<String>; 2] {
        let table = |id: &str, sid: &str, name: &str| {
            format!("[[account]]\nid = {id:?}\nsid = {sid:?}\nauth_token_env = {name:?}\n")
        };
        let file = table("one", SIDS[0], "ONE") + &table("two", SIDS[1], "TWO");
        let (agents, mistakes) = Agents::parse(&file);
        assert_eq!(mistakes, Vec::<String>::new());
        let env = env.iter().fold(Env::default(), |all, (name, value)| all.with(name, value));
        let mut reader = SettingsReader::new(&env);
        Accounts::read(&mut reader, &agents);
        let shared = shared_tokens(&mut reader, agents.accounts());
        [reader.finish(()).err().map(|errors| errors.0).unwrap_or_default(), shared]
    }

    #[test]
    fn another_token_of_the_account_of_the_settings_is_refused_and_none_is_repeated() {
        let own = [("TWILIO_AUTH_TOKEN", "hunter0"), ("TWILIO_ACCOUNT_SID", SIDS[0])];
        let with = |one, two| told(&[&own[..], &[("ONE", one), ("TWO", two)]].concat());
        let nothing = [Vec::<String>::new(), Vec::new()];
        assert_eq!(with("hunter0", "hunter2"), nothing);
        assert_eq!(with("new,hunter0", "hunter2"), nothing);
        let [errors, lines] = with("hunter1", "hunter2");
        let [error] = &errors[..] else { panic!("{errors:?}") };
        assert!(error.contains("\"one\": ONE and TWILIO_AUTH_TOKEN have different"), "{error}");
        assert!(!error.contains("hunter") && lines.is_empty(), "{error} {lines:?}");
    }

    #[test]
    fn a_token_that_two_accounts_share_is_told() {
        let [errors, lines] = told(&[("ONE", "a,hunter2"), ("TWO", "hunter2,b")]);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(line.starts_with("accounts \"one\" and \"two\" have a token in common"), "{line}");
        assert!(!line.contains("hunter2") && errors.is_empty(), "{line} {errors:?}");
        assert_eq!(told(&[("ONE", "a"), ("TWO", "b")]), [Vec::<String>::new(), Vec::new()]);
    }
}
