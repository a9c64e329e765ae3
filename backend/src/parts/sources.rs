//! The sources that tell of calls beside Twilio's webhooks, ready to verify what they send.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io;
use std::sync::Arc;

use live_users_core::Millis;
use live_users_http_kit::metrics::Counter;
use live_users_http_kit::{Env, SettingsReader};
use live_users_intake::agents::Agents;
use live_users_intake::sources::{SourceSettings, SourceTable, is_variable};
use live_users_sources::{Kind, Secrets};
use parking_lot::{Mutex, RwLock};

use super::provider_api::ProviderApi;

use crate::parts::telemetry;

/// The kind of the sources that `/api/events` is for.
pub(crate) const EVENTS: &str = "events";

/// The id of the source of who shows `API_TOKEN` there.
pub(crate) const OWN_ID: &str = "api";

/// So many types of events that say nothing of a call are told of one source.
const TYPES_MAX: usize = 64;

/// The sources of the agents file. They are made again when the file is read again.
pub(crate) struct SourceRegistry {
    env: Env,
    now: RwLock<Arc<Sources>>,
    /// What has come from whoever shows `API_TOKEN` at `/api/events`.
    pub(crate) own: Arc<Seen>,
}

/// The sources at one moment, by their ids.
pub(crate) type Sources = BTreeMap<String, Arc<SourceEntry>>;

/// A source: how it is verified and read, and what has come from it.
pub(crate) struct SourceEntry {
    pub(crate) table: SourceTable,
    pub(crate) settings: SourceSettings,
    pub(crate) kind: &'static Kind,
    pub(crate) secrets: Secrets,
    /// How its provider is asked which calls are up, if it is.
    pub(crate) api: Option<ProviderApi>,
    pub(crate) seen: Arc<Seen>,
}

/// What has come from a source since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) webhooks: [Counter; SourceOutcome::ALL.len()],
    /// When the last webhook came that was let in, and the last that was not.
    moments: Mutex<(Option<Millis>, Option<Millis>)>,
    /// The types that were told to say nothing of a call.
    types: Mutex<Vec<String>>,
    /// The fields of events that our own format does not have.
    pub(crate) unknown_fields: Counter,
}

/// The result of a webhook of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceOutcome {
    /// What it says is recorded.
    Accepted,
    /// It says nothing of who is on the line.
    Ignored,
    /// It was recorded before: the same event again.
    Repeated,
    /// It was sent longer ago than ended calls are remembered.
    Old,
    /// It is not signed by the source.
    Unsigned,
    /// It cannot be read.
    Bad,
    /// The replica did not record it in time.
    NotRecorded,
}

impl SourceOutcome {
    pub(crate) const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Ignored,
        Self::Repeated,
        Self::Old,
        Self::Unsigned,
        Self::Bad,
        Self::NotRecorded,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Repeated => "repeated",
            Self::Old => "old",
            Self::Unsigned => "unsigned",
            Self::Bad => "bad",
            Self::NotRecorded => "not_recorded",
        }
    }
}

impl Seen {
    /// Counts a webhook.
    pub(crate) fn note(&self, outcome: SourceOutcome, now: Millis) {
        self.webhooks[outcome as usize].add();
        telemetry::note("live_users.outcome", outcome.name());
        let mut moments = self.moments.lock();
        match outcome {
            SourceOutcome::Unsigned => moments.1 = Some(now),
            _ => moments.0 = Some(now),
        }
    }

    /// When the last webhook came that was let in.
    pub(crate) fn heard_at(&self) -> Option<Millis> {
        self.moments.lock().0
    }

    /// When the last webhook came that was not let in.
    pub(crate) fn refused_at(&self) -> Option<Millis> {
        self.moments.lock().1
    }

    /// Whether this type of event was not told before.
    pub(crate) fn is_new(&self, kind: &str) -> bool {
        let mut types = self.types.lock();
        let is_new = types.len() < TYPES_MAX && !types.iter().any(|known| known == kind);
        if is_new {
            types.push(kind.to_owned());
        }
        is_new
    }
}

impl SourceRegistry {
    /// The sources of these agents' file, with the secrets in these variables. What is wrong goes to
    /// the reader of the settings.
    pub(crate) fn read(reader: &mut SettingsReader<'_>, agents: &Agents) -> Self {
        let env = reader.env();
        let (sources, mistakes) = load(env, agents, &Sources::new());
        mistakes.into_iter().for_each(|mistake| reader.error(mistake));
        Self { env: env.clone(), now: RwLock::new(Arc::new(sources)), own: Arc::default() }
    }

    /// The sources at this moment.
    pub(crate) fn now(&self) -> Arc<Sources> {
        self.now.read().clone()
    }

    /// The source of this id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<SourceEntry>> {
        self.now.read().get(id).cloned()
    }

    /// The sources of a file that was read again, to be taken when nothing else is wrong with it.
    /// What has come from those that stay is kept.
    ///
    /// # Errors
    /// All that is wrong with their secrets.
    pub(crate) fn prepare(&self, agents: &Agents) -> Result<Sources, Vec<String>> {
        let (sources, mistakes) = load(&self.env, agents, &self.now());
        if mistakes.is_empty() { Ok(sources) } else { Err(mistakes) }
    }

    /// Takes these.
    pub(crate) fn take(&self, sources: Sources) {
        *self.now.write() = Arc::new(sources);
    }
}

/// Says which there are, and nothing of the variables.
impl fmt::Debug for SourceRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.now().keys()).finish()
    }
}

impl SourceEntry {
    /// The source of who shows `API_TOKEN`: it tells in our own words, and nobody else is let in by
    /// a secret of its own.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub(crate) fn own(seen: Arc<Seen>) -> io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let table = SourceTable::named(OWN_ID, EVENTS);
        let kind = table.kind().ok_or_else(|| io::Error::other("there is no kind of events"))?;
        let secrets = Secrets::new(kind, [secret.as_str()]).map_err(io::Error::other)?;
        let settings = table.settings();
        Ok(Self { table, settings, kind, secrets, api: None, seen })
    }
}

fn load(env: &Env, agents: &Agents, before: &Sources) -> (Sources, Vec<String>) {
    let (mut sources, mut mistakes) = (Sources::new(), shared_tokens(env, agents));
    for table in agents.sources() {
        // Of an unknown kind, and of what is no variable, the file's own mistakes tell.
        let names = [Some(&table.secret_env), table.api_key_env.as_ref()];
        let names_variables = names.into_iter().flatten().all(|it| is_variable(it));
        let Some(kind) = table.kind().filter(|_| names_variables) else { continue };
        match secrets(env, kind, table).and_then(|it| Ok((it, api(env, table)?))) {
            Ok((secrets, api)) => {
                let seen = before.get(&table.id).map(|it| it.seen.clone()).unwrap_or_default();
                let (settings, table) = (table.settings(), table.clone());
                let entry = SourceEntry { table, settings, kind, secrets, api, seen };
                sources.insert(entry.table.id.clone(), Arc::new(entry));
            }
            Err(mut found) => mistakes.append(&mut found),
        }
    }
    (sources, mistakes)
}

/// The tokens that two sources of events have, or that are `API_TOKEN`, too: at `/api/events` the
/// token alone says which source it is, and what somebody may do.
fn shared_tokens(env: &Env, agents: &Agents) -> Vec<String> {
    let own = SettingsReader::new(env).words("API_TOKEN");
    let mut known = BTreeMap::new();
    let mut mistakes = Vec::new();
    for table in agents.sources().iter().filter(|table| is_variable(&table.secret_env)) {
        let name = &table.secret_env;
        for word in SettingsReader::new(env).words(name) {
            if own.contains(&word) {
                let what = format!("{name} is the API_TOKEN, too; expected a secret of its own");
                mistakes.push(format!("source {:?}: {what}", table.id));
            }
            let first = (table.kind == EVENTS).then(|| known.insert(word, &table.id)).flatten();
            if let Some(first) = first.filter(|first| **first != table.id) {
                let what =
                    format!("{name} has a secret of source {first:?}, too; expected another");
                mistakes.push(format!("source {:?}: {what}", table.id));
            }
        }
    }
    mistakes
}

/// How the provider of a source is asked.
fn api(env: &Env, table: &SourceTable) -> Result<Option<ProviderApi>, Vec<String>> {
    let about = |what: &dyn Display| format!("source {:?}: {what}", table.id);
    let mut reader = SettingsReader::new(env);
    let api = ProviderApi::read(&mut reader, table);
    let wrong = |errors: Vec<String>| errors.iter().map(|error| about(error)).collect();
    reader.finish(()).map_err(|errors| -> Vec<String> { wrong(errors.0) })?;
    api.map_err(|what| vec![about(&what)])
}

/// The secrets of a source, from its variable. Of a value nothing is repeated.
fn secrets(env: &Env, kind: &Kind, table: &SourceTable) -> Result<Secrets, Vec<String>> {
    let name = &table.secret_env;
    let about = |what: &dyn Display| format!("source {:?}: {what}", table.id);
    let mut reader = SettingsReader::new(env);
    let words = reader.words(name);
    reader
        .finish(())
        .map_err(|errors| -> Vec<String> { errors.0.iter().map(|error| about(error)).collect() })?;
    if words.is_empty() {
        let what = format!("{name} is not set: expected {}", kind.secret_is);
        return Err(vec![about(&what)]);
    }
    Secrets::new(kind, words)
        .map_err(|bad| vec![about(&format!("{name} cannot be the secret: {bad}"))])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[[source]]\nid = \"app\"\nkind = \"events\"\nsecret_env = \"APP_TOKEN\"\n";

    fn mistakes(value: Option<&str>) -> Vec<String> {
        let agents = Agents::parse(FILE).0;
        let env = value.map_or_else(Env::default, |value| Env::of([("APP_TOKEN", value)]));
        load(&env, &agents, &Sources::new()).1
    }

    #[test]
    fn a_missing_or_badly_pasted_secret_names_its_source_and_variable_and_is_not_repeated() {
        assert!(mistakes(Some("a-token-of-16-chars")).is_empty());
        assert!(mistakes(Some("a-token-of-16-chars, another-token-of-it")).is_empty(), "rotated");
        for (value, expected) in [
            (None, "source \"app\": APP_TOKEN is not set: expected a token"),
            (Some("  "), "APP_TOKEN is not set"),
            (Some("hunter2"), "APP_TOKEN cannot be the secret: expected a token"),
            (Some("\"a-token-of-hunter2\""), "APP_TOKEN has quotation marks"),
            (Some("a-token of-hunter2"), "APP_TOKEN has white space"),
            (Some("\u{feff}a-token-of-hunter2"), "APP_TOKEN has"),
        ] {
            let found = mistakes(value);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}: {expected}");
            assert!(!found[0].contains("hunter2"), "{found:?}");
        }
    }

    #[test]
    fn a_secret_that_stands_where_the_name_of_a_variable_belongs_is_not_repeated() {
        let secret = "my-real-Secret-0123456789";
        let file = FILE.replace("APP_TOKEN", secret);
        let (agents, mistakes) = Agents::parse(&file);
        let (_, more) = load(&Env::default(), &agents, &Sources::new());
        assert!(mistakes[0].contains("secret_env: expected the name of an environment variable"));
        assert_eq!(more, Vec::<String>::new());
        assert!(!mistakes[0].contains(secret));
    }

    #[test]
    fn a_token_that_two_sources_share_or_that_is_the_api_token_is_a_mistake() {
        let table = |id: &str, kind: &str, variable: &str| {
            format!("[[source]]\nid = {id:?}\nkind = {kind:?}\nsecret_env = {variable:?}\n")
        };
        let env = Env::of([
            ("API_TOKEN", "a-token-of-the-api-1"),
            ("ONE", "a-token-of-16-chars,another-of-16-chars"),
            ("TWO", "a-third-of-16-chars,a-token-of-16-chars"),
            ("API", "a-token-of-the-api-1"),
        ]);
        let found = |file: String| load(&env, &Agents::parse(&file).0, &Sources::new()).1;
        let two = found(table("a", "events", "ONE") + &table("b", "events", "TWO"));
        let [what] = &two[..] else { panic!("{two:?}") };
        assert!(what.contains("source \"b\": TWO has a secret of source \"a\", too"), "{what}");
        let same = found(table("a", "vapi", "ONE") + &table("b", "vapi", "TWO"));
        assert_eq!(same, Vec::<String>::new(), "one account of a platform may have two of them");
        let api = found(table("a", "vapi", "API"));
        assert!(api.len() == 1 && api[0].contains("API is the API_TOKEN, too"), "{api:?}");
    }

    #[test]
    fn what_has_come_from_a_source_survives_a_reload_and_its_types_are_told_once() {
        let agents = Agents::parse(FILE).0;
        let env = Env::of([("APP_TOKEN", "a-token-of-16-chars")]);
        let mut reader = SettingsReader::new(&env);
        let registry = SourceRegistry::read(&mut reader, &agents);
        let seen = registry.get("app").expect("a source").seen.clone();
        seen.note(SourceOutcome::Ignored, Millis(7));
        assert!(seen.is_new("tick") && !seen.is_new("tick"));
        registry.take(registry.prepare(&agents).expect("no mistakes"));
        let again = registry.get("app").expect("a source").seen.clone();
        assert_eq!(again.webhooks[SourceOutcome::Ignored as usize].get(), 1);
        assert!(!again.is_new("tick"));
        for n in 0..2 * TYPES_MAX {
            again.is_new(&n.to_string());
        }
        assert!(!again.is_new("one more"), "their number is bounded");
    }
}
