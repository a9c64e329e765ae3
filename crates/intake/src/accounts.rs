//! The accounts in the agents file: Twilio accounts and sub-accounts with tokens of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_twilio::is_twilio_sid;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::agents::{Agents, ID_BYTES_MAX, is_id};
use crate::sources::is_variable;

/// The most accounts in one file.
const ACCOUNTS_MAX: usize = 1_000;

/// An `[[account]]` of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountTable {
    /// What answers call it: letters, digits, `-` and `_`. Sources name it as their `account`.
    pub id: String,
    /// Twilio's id of it: `AC` and 32 digits.
    pub sid: String,
    /// The name of the environment variable that has its Auth Token, or several separated by commas.
    pub auth_token_env: String,
}

/// The accounts of a file, by Twilio's ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    pub(crate) tables: Vec<AccountTable>,
    by_sid: BTreeMap<String, Arc<str>>,
    /// The digests of their ids of Twilio's, by what answers call them.
    digests: BTreeMap<String, NonZeroU64>,
    known: BTreeSet<NonZeroU64>,
    /// What answers call the account of the settings, if the file has it.
    own: Option<Arc<str>>,
}

impl Agents {
    /// The same where this is Twilio's id of the account of the settings. It is our own: who speaks for
    /// it reaches all agents, whatever the file calls it.
    #[must_use]
    pub fn with_own_account(mut self, sid: Option<&str>) -> Self {
        let own = sid.and_then(|sid| self.accounts.by_sid(sid)).cloned();
        Arc::make_mut(&mut self.accounts).own = own;
        self
    }
}

impl Accounts {
    pub(crate) fn of(tables: Vec<AccountTable>) -> Self {
        let by_sid = tables.iter().map(|it| (it.sid.clone(), Arc::from(it.id.as_str())));
        let digests = tables.iter().filter_map(|it| Some((it.id.clone(), digest(&it.sid)?)));
        let digests: BTreeMap<_, _> = digests.collect();
        let known = digests.values().copied().collect();
        Self { by_sid: by_sid.collect(), digests, known, tables, own: None }
    }

    /// What the account with this id of Twilio's is called.
    pub(crate) fn by_sid(&self, sid: &str) -> Option<&Arc<str>> {
        self.by_sid.get(sid)
    }

    /// A digest of this id of Twilio's, by which calls of different accounts are told apart. `None` if
    /// the file has no accounts: then there is one.
    pub(crate) fn digest(&self, sid: &str) -> Option<NonZeroU64> {
        if self.tables.is_empty() { None } else { digest(sid) }
    }

    /// The same of the account that answers call so.
    pub(crate) fn digest_of(&self, id: &str) -> Option<NonZeroU64> {
        self.digests.get(id).copied()
    }

    /// Whether an account of the file is called so.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.digests.contains_key(id)
    }

    /// Whether an account with this digest is in the file.
    pub(crate) fn has_digest(&self, digest: NonZeroU64) -> bool {
        self.known.contains(&digest)
    }

    /// Whether who speaks for the first of these accounts has no agent of the second one: both are in
    /// the file, and two, and the first is not our own.
    pub(crate) fn are_two(&self, speaker: Option<&str>, owner: Option<&str>) -> bool {
        let speaker = speaker.filter(|speaker| self.own.as_deref() != Some(*speaker));
        let two = speaker.zip(owner).filter(|(speaker, owner)| speaker != owner);
        two.is_some_and(|(speaker, owner)| self.has(speaker) && self.has(owner))
    }
}

/// Without a key, since it has to be the same while a call is up, whatever is set up anew.
fn digest(sid: &str) -> Option<NonZeroU64> {
    let digest: [u8; 32] = Sha256::digest(sid).into();
    NonZeroU64::new(u64::from_be_bytes(*digest.first_chunk()?))
}

/// All that is wrong with the accounts of a file, but for their tokens.
pub(crate) fn mistakes_in_accounts(accounts: &[AccountTable]) -> Vec<String> {
    let mut mistakes = Vec::new();
    if accounts.len() > ACCOUNTS_MAX {
        mistakes.push(format!("{} accounts; expected at most {ACCOUNTS_MAX}", accounts.len()));
    }
    let (mut ids, mut sids) = (BTreeMap::new(), BTreeMap::new());
    for (account, place) in accounts.iter().zip(1..) {
        let mut wrong = |field: &str, what: String| {
            mistakes.push(format!("account {place} ({:?}): {field}: {what}", account.id));
        };
        if !is_id(&account.id) {
            wrong("id", format!("expected 1 to {ID_BYTES_MAX} letters, digits, '-' or '_'"));
        }
        if let Some(first) = ids.insert(&account.id, place) {
            wrong("id", format!("already the id of account {first}; expected a different one"));
        }
        // What stands in these may be a token by mistake, so it is not repeated.
        if !is_twilio_sid("AC", &account.sid) {
            wrong("sid", "expected AC and 32 hexadecimal digits".to_owned());
        }
        if let Some(first) = sids.insert(&account.sid, place) {
            wrong("sid", format!("already the sid of account {first}; expected a different one"));
        }
        if !is_variable(&account.auth_token_env) {
            let what = "expected the name of an environment variable such as ACME_AUTH_TOKEN, and \
                        never the token itself";
            wrong("auth_token_env", what.to_owned());
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[account]]\nid = \"acme\"\nauth_token_env = \"ACME_TOKEN\"\n\
                        sid = \"AC00000000000000000000000000000002\"\n";

    #[test]
    fn each_mistake_names_its_field_and_repeats_no_token() {
        let (agents, mistakes) = Agents::parse(GOOD);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let sid = "AC00000000000000000000000000000002";
        assert_eq!(agents.account_of(sid).map(|it| &**it), Some("acme"));
        for (file, expected) in [
            (GOOD.replace("acme", "a b"), "account 1 (\"a b\"): id: expected 1 to 64"),
            (GOOD.replace("AC0000", "hunter2"), "sid: expected AC and 32 hexadecimal digits"),
            (GOOD.replace("ACME_TOKEN", "hunter2"), "auth_token_env: expected the name of an"),
        ] {
            let found = Agents::parse(&file).1;
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
            assert!(!found[0].contains("hunter2"), "{found:?}");
        }
        let twice = Agents::parse(&GOOD.repeat(2)).1;
        assert!(twice.len() == 2 && twice[0].contains("already the id of account 1"), "{twice:?}");
        assert!(twice[1].contains("already the sid of account 1"), "{twice:?}");
    }
}
