//! The tokens in the configuration file: who may read the calls of some accounts, and no others.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::accounts::AccountTable;
use crate::agents::{Agent, ID_BYTES_MAX, is_id};
use crate::sources::{SourceTable, is_variable};

/// The most tokens in one file.
const TOKENS_MAX: usize = 1_000;

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Read.
    #[default]
    Read,
    /// Read, and take calls out of the count.
    Operate,
}

impl Role {
    /// Its name in the file and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Read, Self::Operate].into_iter().find(|role| role.name() == name)
    }
}

/// A `[[token]]` of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenTable {
    /// Its name in logs and answers: letters, digits, `-` and `_`.
    pub id: String,
    /// The name of the environment variable that has it, or several separated by commas.
    pub secret_env: String,
    /// The accounts whose calls it reads; without them all calls.
    #[serde(default)]
    pub accounts: Option<Vec<String>>,
    #[serde(default)]
    role: Option<String>,
}

impl TokenTable {
    /// What its holder may do: `role` of the file.
    pub fn role(&self) -> Role {
        self.role.as_deref().and_then(Role::parse).unwrap_or_default()
    }

    /// What is wrong with it: a field, and what was expected. `known` has the accounts of the file.
    fn mistakes(&self, known: &BTreeSet<&str>) -> Vec<(&'static str, String)> {
        let mut mistakes = Vec::new();
        let mut wrong = |field, what: &str| mistakes.push((field, what.to_owned()));
        if !is_id(&self.id) {
            wrong("id", &format!("expected 1 to {ID_BYTES_MAX} letters, digits, '-' or '_'"));
        }
        // What stands in it may be the token itself, so it is not repeated.
        if !is_variable(&self.secret_env) {
            let what = "expected the name of an environment variable such as ACME_TOKEN, and never \
                        the token itself";
            wrong("secret_env", what);
        }
        if self.role.as_deref().is_some_and(|role| Role::parse(role).is_none()) {
            wrong("role", "expected \"read\" or \"operate\"");
        }
        match self.accounts.as_deref() {
            Some([]) => wrong("accounts", "expected an account at least, or no such line for all"),
            Some(accounts) => {
                for account in accounts.iter().filter(|account| !known.contains(&***account)) {
                    let what = format!(
                        "no [[agent]], [[source]] or [[account]] has {account:?}; expected one \
                         that calls belong to"
                    );
                    wrong("accounts", &what);
                }
            }
            None => {}
        }
        mistakes
    }
}

/// The accounts that calls may belong to by this file.
pub(crate) fn known_accounts<'a>(
    agents: &'a [Agent],
    sources: &'a [SourceTable],
    accounts: &'a [AccountTable],
) -> BTreeSet<&'a str> {
    let of_agents = agents.iter().filter_map(|agent| agent.account.as_deref());
    let of_sources = sources.iter().filter_map(|source| source.account.as_deref());
    let own = accounts.iter().map(|account| account.id.as_str());
    of_agents.chain(of_sources).chain(own).collect()
}

/// All that is wrong with the tokens of a file, but for their secrets.
pub(crate) fn mistakes_in_tokens(tokens: &[TokenTable], known: &BTreeSet<&str>) -> Vec<String> {
    let mut mistakes = Vec::new();
    if tokens.len() > TOKENS_MAX {
        mistakes.push(format!("{} tokens; expected at most {TOKENS_MAX}", tokens.len()));
    }
    let mut ids = BTreeMap::new();
    for (token, place) in tokens.iter().zip(1..) {
        let mut wrong = |field: &str, what: String| {
            mistakes.push(format!("token {place} ({:?}): {field}: {what}", token.id));
        };
        if let Some(first) = ids.insert(&token.id, place) {
            wrong("id", format!("already the id of token {first}; expected a different one"));
        }
        token.mistakes(known).into_iter().for_each(|(field, what)| wrong(field, what));
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::Agents;

    const AGENT: &str = "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\naccount = \"acme\"\n";
    const GOOD: &str = "[[token]]\nid = \"wall\"\nsecret_env = \"ACME_TOKEN\"\n";

    fn parse(token: &str) -> (Agents, Vec<String>) {
        Agents::parse(&format!("{AGENT}{token}"))
    }

    #[test]
    fn each_mistake_names_its_field_and_repeats_no_token() {
        for (token, expected) in [
            (GOOD.replace("wall", "a b"), "token 1 (\"a b\"): id: expected 1 to 64"),
            (GOOD.replace("ACME_TOKEN", "hunter2"), "secret_env: expected the name of an env"),
            (format!("{GOOD}role = \"admin\""), "role: expected \"read\" or \"operate\""),
            (format!("{GOOD}accounts = []"), "accounts: expected an account at least"),
            (format!("{GOOD}accounts = [\"acne\"]"), "accounts: no [[agent]], [[source]] or"),
            (format!("{GOOD}{GOOD}"), "token 2 (\"wall\"): id: already the id of token 1"),
        ] {
            let found = parse(&token).1;
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}: {expected}");
            assert!(!found[0].contains("hunter2"), "{found:?}");
        }
    }

    #[test]
    fn a_token_reads_everything_unless_it_says_otherwise() {
        let (agents, mistakes) = parse(GOOD);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let [token] = agents.tokens() else { panic!("one token") };
        assert_eq!((token.role(), &token.accounts), (Role::Read, &None));
        let more = format!("{GOOD}accounts = [\"acme\"]\nrole = \"operate\"");
        let (agents, mistakes) = parse(&more);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let [token] = agents.tokens() else { panic!("one token") };
        assert_eq!(
            (token.role(), token.accounts.as_deref()),
            (Role::Operate, Some(&["acme".into()][..]))
        );
    }

    #[test]
    fn calls_belong_to_accounts_of_agents_sources_and_twilio() {
        let token =
            "[[token]]\nid = \"t\"\nsecret_env = \"T\"\naccounts = [\"a\", \"s\", \"acme\"]\n";
        let source =
            "[[source]]\nid = \"v\"\nkind = \"vapi\"\nsecret_env = \"S\"\naccount = \"s\"\n";
        let account = "[[account]]\nid = \"a\"\nauth_token_env = \"A\"\n\
                       sid = \"AC00000000000000000000000000000002\"\n";
        assert_eq!(parse(&format!("{source}{account}{token}")).1, Vec::<String>::new());
    }
}
