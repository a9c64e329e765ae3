//! The settings of one process, once for each of its shards.

use live_users_http_kit::{ConfigErrors, Env};
use live_users_intake::shards::ShardSet;
use live_users_journal::check_address;
use live_users_state::ShardMark;

use crate::config::Config;
use crate::config::shards::journal_of;

/// The settings of one process, once for each shard that it has, and for the time in which a journal cannot
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
        let mut shards = Vec::with_capacity(first.layout.shards());
        let mut numbers = first.here().iter();
        let number = numbers.next().unwrap_or_default();
        for shard in numbers {
            let (agents, caller_key) = (first.agents.clone(), first.caller_key.clone());
            let config = Config { agents, caller_key, ..Config::read(env)? };
            shards.push(config.of_shard(shard));
        }
        if first.is_sharded() {
            first = first.of_shard(number);
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
    /// The shards that are here.
    pub(super) fn here(&self) -> ShardSet {
        let all = ShardSet::first(self.layout.shards());
        self.spread.as_ref().map_or(all, |spread| spread.here)
    }

    /// The settings of one of several shards: shard 0 has the journal of `JOURNAL_URL`, and the
    /// others have theirs beside it. Together they ask the provider no more often than one would.
    fn of_shard(self, shard: usize) -> Self {
        let shards = u32::try_from(self.layout.shards()).unwrap_or(1);
        let requests = (self.rules.requests_per_minute / shards).max(1);
        let journal_url = journal_of(&self.journal_url, shard);
        Self { shard: Some(shard), journal_url, rules: self.rules.at_most(requests), ..self }
    }

    /// Whether this is the first of the shards that are here, or the only one: what is said of the process is
    /// said with that.
    pub(super) fn is_first(&self) -> bool {
        self.shard.is_none() || self.shard == self.here().lowest()
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

    /// Whether a sum of shards may count a person twice as a matter of course, as far as the agents file of
    /// the start tells.
    pub(crate) fn sums_are_upper_bounds(&self) -> bool {
        self.layout.sums_are_upper_bounds(!self.agents.now().account_names().is_empty())
    }

    /// Whether calls are counted in several shards, here or elsewhere.
    pub(super) fn is_sharded(&self) -> bool {
        self.layout.shards() > 1
    }
}
