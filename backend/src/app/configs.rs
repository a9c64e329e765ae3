//! The settings of one process, once for each of its shards.

use live_users_http_kit::{ConfigErrors, Env};
use live_users_journal::{beside, check_address};
use live_users_state::ShardMark;

use crate::config::Config;

/// The settings of one process, once for each of its shards, and for the time in which a journal cannot
/// be opened.
pub struct Configs {
    pub(super) meanwhile: Config,
    /// One at least.
    pub(super) shards: Vec<Config>,
}

impl Configs {
    /// Reads the settings. All shards have the same agents: a reload is one of all.
    ///
    /// # Errors
    /// All errors in them at once.
    pub fn read(env: &Env) -> Result<Self, ConfigErrors> {
        let mut first = Config::read(env)?;
        let layout = first.layout;
        let mut shards = Vec::with_capacity(layout.shards());
        for shard in 1..layout.shards() {
            let (agents, caller_key) = (first.agents.clone(), first.caller_key.clone());
            let config = Config { agents, caller_key, ..Config::read(env)? };
            shards.push(config.of_shard(shard));
        }
        if layout.shards() > 1 {
            first = first.of_shard(0);
        }
        shards.insert(0, first);
        check_journals(&shards)?;
        Ok(Self { meanwhile: Config::read(env)?, shards })
    }

    /// What is started once is taken out of these.
    pub(super) fn first_mut(&mut self) -> &mut Config {
        &mut self.shards[0]
    }

    /// The settings of the process.
    pub fn first(&self) -> &Config {
        &self.shards[0]
    }
}

/// Whether each shard can have a journal of this name.
fn check_journals(shards: &[Config]) -> Result<(), ConfigErrors> {
    let wrong = shards.iter().find_map(|config| check_address(&config.journal_url).err());
    wrong.map_or(Ok(()), |error| Err(ConfigErrors(vec![error.to_string()])))
}

impl Config {
    /// The settings of one of several shards: the first one has the journal of `JOURNAL_URL`, and the
    /// others have theirs beside it. Together they ask the provider no more often than one would.
    fn of_shard(self, shard: usize) -> Self {
        let shards = u32::try_from(self.layout.shards()).unwrap_or(1);
        let requests = (self.rules.requests_per_minute / shards).max(1);
        let journal_url = match shard {
            0 => self.journal_url,
            _ => beside(&self.journal_url, &format!("shard-{shard}")),
        };
        Self { shard: Some(shard), journal_url, rules: self.rules.at_most(requests), ..self }
    }

    /// What the journal of one of several shards is marked with.
    pub(super) fn mark(&self) -> Option<ShardMark> {
        let small = |n: usize| u8::try_from(n).expect("at most SHARDS_MAX");
        self.shard.map(|shard| ShardMark {
            shard: small(shard),
            of: small(self.layout.shards()),
            by: self.layout.by().word().into(),
        })
    }

    /// Whether the process has several shards.
    pub(super) fn is_sharded(&self) -> bool {
        self.layout.shards() > 1
    }
}
