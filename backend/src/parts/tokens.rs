//! The tokens of the agents file, beside `API_TOKEN`: who shows one reads the calls of its accounts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use live_users_http_kit::{BearerToken, Env, SettingsReader};
use live_users_intake::agents::Agents;
use live_users_intake::sources::is_variable;
use live_users_intake::{Role, TokenTable};
use live_users_state::LinkId;
use live_users_wire::LinkAccess;
use parking_lot::RwLock;

use super::scope::Scope;

/// What the fingerprints of tokens are keyed with beside `API_TOKEN`.
const PURPOSE: &str = "live-users access";

/// So many bytes of a keyed digest are the fingerprint of a token.
const FINGERPRINT_BYTES: usize = 16;

/// The tokens that let in. They are made again when the file is read again.
pub(crate) struct TokenRegistry {
    env: Env,
    now: RwLock<Arc<Tokens>>,
    /// How often the file was read again.
    readings: AtomicU64,
}

/// The tokens at one moment.
pub(crate) struct Tokens {
    /// Those of `API_TOKEN` first, then those of the file; `None` if there is none.
    known: Option<BearerToken>,
    api_count: usize,
    /// Of each of the others, in their order, what it opens.
    opened: Vec<Access>,
    /// The same by every value of `Live-Users-Access` that stands for it.
    by_value: BTreeMap<String, usize>,
}

/// What a request may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Of which token.
    pub(crate) of: Of,
    /// What its holder may do.
    pub(crate) role: Role,
    /// Whose calls it reads.
    pub(crate) scope: Scope,
    /// What stands for it in `Live-Users-Access`, beside `API_TOKEN`.
    pub(crate) value: Option<Arc<str>>,
}

/// Which token it is that opens something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// `API_TOKEN`.
    Api,
    /// The token of the agents file with this id.
    File(Arc<str>),
    /// That of a link.
    Link(LinkId, Arc<LinkAccess>),
}

impl Access {
    /// That of who shows `API_TOKEN`.
    pub(crate) fn whole() -> Self {
        Self { of: Of::Api, role: Role::Operate, scope: Scope::default(), value: None }
    }

    /// Who it is, for the log.
    pub(crate) fn holder(&self) -> String {
        match &self.of {
            Of::Api => "the holder of API_TOKEN".to_owned(),
            Of::File(id) => format!("the holder of token {id}"),
            Of::Link(id, _) => format!("a reader of link {id}"),
        }
    }

    /// Whether it is that of `API_TOKEN`, which opens everything.
    pub(crate) fn is_whole(&self) -> bool {
        self.of == Of::Api
    }
}

impl Tokens {
    /// The tokens to compare with; `None` if there is none.
    pub(crate) fn known(&self) -> Option<&BearerToken> {
        self.known.as_ref()
    }

    /// Whether the file has any.
    pub(crate) fn is_any_of_file(&self) -> bool {
        !self.opened.is_empty()
    }

    /// What the token at this place opens.
    pub(crate) fn access(&self, place: usize) -> Access {
        match place.checked_sub(self.api_count) {
            Some(place) => self.opened[place].clone(),
            None => Access::whole(),
        }
    }

    /// What a value of `Live-Users-Access` stands for, if it is in force.
    pub(crate) fn by_value(&self, value: &str) -> Option<Access> {
        self.by_value.get(value).and_then(|place| self.opened.get(*place)).cloned()
    }
}

impl TokenRegistry {
    /// The tokens of these agents' file, with the secrets in these variables. What is wrong goes to
    /// the reader of the settings.
    pub(crate) fn read(reader: &mut SettingsReader<'_>, agents: &Agents) -> Self {
        let env = reader.env();
        let (tokens, mistakes) = load(env, agents);
        mistakes.into_iter().for_each(|mistake| reader.error(mistake));
        Self { env: env.clone(), now: RwLock::new(Arc::new(tokens)), readings: AtomicU64::new(0) }
    }

    /// The tokens at this moment.
    pub(crate) fn now(&self) -> Arc<Tokens> {
        self.now.read().clone()
    }

    /// Whether what was opened would be opened in the same way now.
    pub(crate) fn is_in_force(&self, access: &Access) -> bool {
        let tokens = self.now.read();
        match (&access.of, &access.value) {
            (Of::Api, _) => true,
            (Of::File(_), Some(value)) => tokens.by_value(value).as_ref() == Some(access),
            // On a server without API_TOKEN nothing stands for a token.
            (Of::File(_), None) => tokens.opened.contains(access),
            // These are not of the file.
            (Of::Link(..), _) => false,
        }
    }

    /// The tokens of a file that was read again, to be taken when nothing else is wrong with it.
    ///
    /// # Errors
    /// All that is wrong with their secrets.
    pub(crate) fn prepare(&self, agents: &Agents) -> Result<Tokens, Vec<String>> {
        let (tokens, mistakes) = load(&self.env, agents);
        if mistakes.is_empty() { Ok(tokens) } else { Err(mistakes) }
    }

    /// Takes these.
    pub(crate) fn take(&self, tokens: Tokens) {
        *self.now.write() = Arc::new(tokens);
        self.readings.fetch_add(1, Ordering::Release);
    }

    /// How often the file was read again: other tokens may be right since.
    pub(crate) fn readings(&self) -> u64 {
        self.readings.load(Ordering::Acquire)
    }

    /// One of no file.
    #[cfg(test)]
    pub(crate) fn of_env(env: &Env) -> Self {
        let (tokens, _) = load(env, &Agents::default());
        Self { env: env.clone(), now: RwLock::new(Arc::new(tokens)), readings: AtomicU64::new(0) }
    }
}

/// Says nothing of the variables.
impl fmt::Debug for TokenRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.now().opened.iter().map(|it| &it.of)).finish()
    }
}

fn load(env: &Env, agents: &Agents) -> (Tokens, Vec<String>) {
    let words = |name: &str| BearerToken::of(&SettingsReader::new(env).words(name));
    let api = words("API_TOKEN");
    let mut taken = taken(&words, agents);
    let mut mistakes = Vec::new();
    let mut known = api.clone();
    let api_count = api.as_ref().map_or(0, BearerToken::count);
    let keys = api.as_ref().map(|api| api.keys(PURPOSE)).unwrap_or_default();
    let (mut opened, mut by_value) = (Vec::new(), BTreeMap::new());
    for table in agents.tokens() {
        let token = match read(env, table) {
            Ok(token) => token,
            Err(mut found) => {
                mistakes.append(&mut found);
                continue;
            }
        };
        if let Some((whose, _)) = taken.iter().find(|(_, it)| it.shares_one_with(&token)) {
            mistakes.push(format!(
                "token {:?}: {} is also {whose}: expected a token of its own",
                table.id, table.secret_env
            ));
            continue;
        }
        taken.push((format!("token {:?}", table.id), token.clone()));
        for secret in 0..token.count() {
            let values: Vec<_> =
                keys.iter().map(|key| value(&table.id, &token.keyed(key)[secret])).collect();
            by_value.extend(values.iter().map(|value| (value.clone(), opened.len())));
            opened.push(access(table, values.first().map(String::as_str)));
        }
        known = Some(match known {
            Some(known) => known.and(&token),
            None => token,
        });
    }
    (Tokens { known, api_count, opened, by_value }, mistakes)
}

/// The secrets that no token may be, each with what it is.
fn taken(
    words: &impl Fn(&str) -> Option<BearerToken>,
    agents: &Agents,
) -> Vec<(String, BearerToken)> {
    // Where one program is both servers, it knows the proxy's token, too.
    let settings = [
        "API_TOKEN",
        "ADMIN_TOKEN",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_API_KEY_SECRET",
        "CALLER_HASH_KEY",
    ];
    let settings = settings.into_iter().map(|name| (name.to_owned(), name));
    let accounts = agents.accounts().iter().map(|account| {
        (format!("the Auth Token of account {:?}", account.id), account.auth_token_env.as_str())
    });
    let hooks = agents.hooks().iter().flat_map(|hook| {
        let secret = hook.secret_env.as_deref();
        let secret = secret.map(|name| (format!("the secret of hook {:?}", hook.id), name));
        let url = hook.url_env.as_deref();
        secret.into_iter().chain(url.map(|name| (format!("the URL of hook {:?}", hook.id), name)))
    });
    let sources = agents.sources().iter().flat_map(|source| {
        let key = source.api_key_env.as_deref();
        let key = key.map(|name| (format!("the key of source {:?}", source.id), name));
        let secret = (format!("the secret of source {:?}", source.id), source.secret_env.as_str());
        key.into_iter().chain([secret])
    });
    let all = settings.chain(accounts).chain(hooks).chain(sources);
    all.filter_map(|(what, name)| Some((what, words(name)?))).collect()
}

fn access(table: &TokenTable, value: Option<&str>) -> Access {
    let accounts = table.accounts.as_ref();
    let scope = accounts.map(|it| Scope::of(it.iter().map(|account| Arc::from(account.as_str()))));
    Access {
        of: Of::File(Arc::from(table.id.as_str())),
        role: table.role(),
        scope: scope.unwrap_or_default(),
        value: value.map(Arc::from),
    }
}

/// What stands for a token: it changes with the secret, and tells nothing of it to who does not have
/// `API_TOKEN`.
fn value(id: &str, keyed: &[u8; 32]) -> String {
    let hex = keyed.iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}"));
    format!("{id}.{}", hex.collect::<String>())
}

/// The secret of a token, from its variable. Of a value nothing is repeated.
fn read(env: &Env, table: &TokenTable) -> Result<BearerToken, Vec<String>> {
    let name = &table.secret_env;
    if !is_variable(name) {
        // The file's own mistakes tell.
        return Err(Vec::new());
    }
    let mut reader = SettingsReader::new(env);
    let token = BearerToken::read(&mut reader, name);
    let about = |what: &str| format!("token {:?}: {what}", table.id);
    let read = reader.finish(token);
    let token =
        read.map_err(|errors| -> Vec<_> { errors.0.iter().map(|it| about(it)).collect() })?;
    let missing = || vec![about(&format!("{name} is not set: expected {}", BearerToken::EXPECTED))];
    token.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "api-token-of-24-letters-";
    const ACME: &str = "acme-token-of-24-letters";
    const NEW: &str = "new-token-of-24-letters-";

    const FILE: &str = "[[agent]]\nid = \"a\"\nname = \"A\"\naccount = \"acme\"\n\
                        [[source]]\nid = \"app\"\nkind = \"events\"\nsecret_env = \"APP\"\n\
                        [[token]]\nid = \"wall\"\nsecret_env = \"ACME\"\naccounts = [\"acme\"]\n";

    fn loaded<const N: usize>(values: [(&str, &str); N]) -> (Tokens, Vec<String>) {
        let (agents, mistakes) = Agents::parse(FILE);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        load(&Env::of(values), &agents)
    }

    fn shown(tokens: &Tokens, token: &str) -> Option<Access> {
        tokens.known()?.which(token.as_bytes()).map(|place| tokens.access(place))
    }

    #[test]
    fn each_token_opens_what_its_table_says() {
        let rotated = format!("{NEW}, {ACME}");
        let (tokens, mistakes) = loaded([("API_TOKEN", API), ("ACME", &rotated)]);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        assert_eq!(shown(&tokens, API), Some(Access::whole()));
        assert_eq!(shown(&tokens, "another-token-of-24-bytes"), None);
        let [old, new] = [ACME, NEW].map(|token| shown(&tokens, token).expect("it is known"));
        assert_eq!((&old.of, old.role), (&Of::File(Arc::from("wall")), Role::Read));
        assert_eq!(old.scope, Scope::of([Arc::from("acme")]));
        assert_ne!(old.value, new.value, "it is of the secret that was shown");
        for access in [old, new] {
            let value = access.value.as_deref().expect("there is an API_TOKEN");
            assert!(value.starts_with("wall.") && !value.contains("letters"), "{value}");
            assert_eq!(tokens.by_value(value), Some(access.clone()));
        }
    }

    #[test]
    fn what_stands_for_a_token_ends_with_its_secret_and_is_keyed() {
        let value = |values: [(&str, &str); 2]| {
            let (tokens, _) = loaded(values);
            tokens.opened[0].value.clone().expect("a value")
        };
        let first = value([("API_TOKEN", API), ("ACME", ACME)]);
        assert_eq!(first, value([("API_TOKEN", API), ("ACME", ACME)]), "also after a restart");
        assert_ne!(first, value([("API_TOKEN", API), ("ACME", NEW)]));
        assert_ne!(first, value([("API_TOKEN", NEW), ("ACME", ACME)]));
        let (both, _) = loaded([("API_TOKEN", &format!("{NEW},{API}")), ("ACME", ACME)]);
        assert!(both.by_value(&first).is_some(), "while API_TOKEN is rotated, both are in force");
        let (without, _) = loaded([("ACME", ACME)]);
        let registry = TokenRegistry::of_env(&Env::default());
        let opened = shown(&without, ACME).expect("it is known");
        assert!(!registry.is_in_force(&opened) && registry.is_in_force(&Access::whole()));
        registry.take(loaded([("ACME", ACME)]).0);
        assert!(registry.is_in_force(&opened));
        assert_eq!(shown(&without, ACME).expect("it is known").value, None);
    }

    #[test]
    fn a_token_that_is_missing_weak_or_somebody_elses_is_refused_and_not_repeated() {
        for (value, expected) in [
            ("", "token \"wall\": ACME is not set: expected at least 16"),
            ("hunter2", "token \"wall\": ACME cannot be used: expected at least 16"),
            (API, "token \"wall\": ACME is also API_TOKEN"),
            ("app-token-of-24-letters-", "ACME is also the secret of source \"app\""),
        ] {
            let values = [("API_TOKEN", API), ("APP", "app-token-of-24-letters-"), ("ACME", value)];
            let (_, mistakes) = loaded(values);
            assert!(mistakes.len() == 1 && mistakes[0].contains(expected), "{mistakes:?}");
            assert!(!mistakes[0].contains("hunter2") && !mistakes[0].contains("letters"));
        }
        let twice = format!("{FILE}[[token]]\nid = \"other\"\nsecret_env = \"ACME\"\n");
        let (_, mistakes) = load(&Env::of([("ACME", ACME)]), &Agents::parse(&twice).0);
        assert!(
            mistakes[0].contains("token \"other\": ACME is also token \"wall\""),
            "{mistakes:?}"
        );
    }
}
