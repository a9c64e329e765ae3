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
        contradictions(reader, agents.accounts());
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

/// Notes the tokens that are those of another account, too: then nothing could tell who has signed a
/// webhook. The account of `TWILIO_ACCOUNT_SID` may be in the file to give its calls a name, with a token
/// of `TWILIO_AUTH_TOKEN`.
fn contradictions(reader: &mut SettingsReader<'_>, tables: &[AccountTable]) {
    let own = reader.words("TWILIO_AUTH_TOKEN");
    let own_sid = reader.word("TWILIO_ACCOUNT_SID");
    // An API key may sign in for an account whose token is not set here.
    let is_known_whose = own.len() == 1 && reader.word("TWILIO_API_KEY_SID").is_none();
    let mut known: Vec<(&AccountTable, Vec<&str>)> = Vec::new();
    for table in tables.iter().filter(|table| is_variable(&table.auth_token_env)) {
        let name = &table.auth_token_env;
        let words = reader.words(name);
        let shares_one = |others: &[&str]| others.iter().any(|it| words.contains(it));
        let is_own = own_sid == Some(table.sid.as_str());
        let mut wrong = |what: String| reader.error(format!("account {:?}: {what}", table.id));
        if is_own && !own.is_empty() && !words.is_empty() && !shares_one(&own) {
            wrong(format!(
                "{name} and TWILIO_AUTH_TOKEN have different tokens, and its sid is \
                 TWILIO_ACCOUNT_SID; expected the same primary Auth Token in both"
            ));
        }
        if !is_own && own_sid.is_some() && is_known_whose && shares_one(&own) {
            wrong(format!(
                "{name} has the token of TWILIO_AUTH_TOKEN, which is that of TWILIO_ACCOUNT_SID; \
                 expected the primary Auth Token of this account"
            ));
        }
        if let Some((first, _)) = known.iter().find(|(_, others)| shares_one(others)) {
            let (id, first_name) = (&first.id, &first.auth_token_env);
            wrong(format!(
                "{name} has a token of account {id:?} ({first_name}), too; expected the primary \
                 Auth Token of this account, since nothing could tell who has signed with it"
            ));
        }
        known.push((table, words));
    }
}

#[cfg(test)]
mod tests {
    use live_users_http_kit::Env;

    use super::*;

    const SIDS: [&str; 2] =
        ["AC00000000000000000000000000000001", "AC00000000000000000000000000000002"];

    /// What is said of two accounts whose tokens are in ONE and TWO.
    fn told(env: &[(&str, &str)]) -> Vec<String> {
        let table = |id: &str, sid: &str, name: &str| {
            format!("[[account]]\nid = {id:?}\nsid = {sid:?}\nauth_token_env = {name:?}\n")
        };
        let file = table("one", SIDS[0], "ONE") + &table("two", SIDS[1], "TWO");
        let (agents, mistakes) = Agents::parse(&file);
        assert_eq!(mistakes, Vec::<String>::new());
        let env = env.iter().fold(Env::default(), |all, (name, value)| all.with(name, value));
        let mut reader = SettingsReader::new(&env);
        Accounts::read(&mut reader, &agents);
        reader.finish(()).err().map(|errors| errors.0).unwrap_or_default()
    }

    #[test]
    fn a_token_of_two_accounts_is_refused_and_not_repeated() {
        let own = [("TWILIO_AUTH_TOKEN", "hunter0"), ("TWILIO_ACCOUNT_SID", SIDS[0])];
        let with = |more: &[(&'static str, &'static str)]| told(&[&own[..], more].concat());
        // The account of the settings may have a name in the file.
        assert_eq!(with(&[("ONE", "hunter0"), ("TWO", "hunter2")]), Vec::<String>::new());
        assert_eq!(with(&[("ONE", "new,hunter0"), ("TWO", "hunter2")]), Vec::<String>::new());
        for (one, two, expected) in [
            ("hunter0", "x,hunter0", "\"two\": TWO has the token of TWILIO_AUTH_TOKEN"),
            ("hunter1", "hunter2", "\"one\": ONE and TWILIO_AUTH_TOKEN have different tokens"),
        ] {
            let told = with(&[("ONE", one), ("TWO", two)]);
            assert!(told[0].contains(expected), "{told:?}");
            assert!(!told.concat().contains("hunter"), "{told:?}");
        }
        // Of several tokens of the settings nobody knows whose they are.
        let several = [("TWILIO_AUTH_TOKEN", "a,b"), ("ONE", "a"), ("TWO", "b")];
        assert_eq!(told(&several), Vec::<String>::new());
        let same = told(&[("ONE", "a,hunter2"), ("TWO", "hunter2,b")]);
        let [what] = &same[..] else { panic!("{same:?}") };
        assert!(what.contains("\"two\": TWO has a token of account \"one\" (ONE), too"), "{what}");
        assert!(!what.contains("hunter2"), "{what}");
    }
}
