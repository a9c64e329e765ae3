//! Which journals a command works on: the only one, or those of the shards that are here.

use std::fmt::Display;
use std::io;

use live_users_http_kit::SettingsReader;
use live_users_intake::shards::ShardSet;
use live_users_journal::is_missing;

use super::args::OneShard;
use crate::config::shards::{journal_of, read, read_here, shards_below};

/// The journals that are worked on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// How many shards there are.
    of: usize,
    /// Which of them; of one shard the only one.
    shards: ShardSet,
    /// Whether the arguments name this one.
    is_one: bool,
    /// Whether other shards are at other backends.
    has_others: bool,
}

impl Places {
    /// `SHARDS`, `SHARDS_HERE` and what the arguments name. The errors name them.
    pub(super) fn read(reader: &mut SettingsReader<'_>, OneShard { shard }: OneShard) -> Self {
        let of = read(reader).shards();
        let all = ShardSet::first(of);
        let here = if of > 1 { read_here(reader, of).unwrap_or(all) } else { all };
        match shard {
            Some(_) if of == 1 => reader.error(
                "--shard is given while SHARDS is 1: expected SHARDS and SHARDS_HERE as the backend has them",
            ),
            Some(shard) if !here.has(shard) => reader.error(format!(
                "--shard is {shard}: expected one of the shards that are here: {}",
                numbers(here)
            )),
            _ => {}
        }
        let has_others = !all.without(here).is_empty();
        Self { of, shards: shard.map_or(here, ShardSet::one), is_one: shard.is_some(), has_others }
    }

    /// Whether there are several shards, here or elsewhere.
    pub(super) fn is_sharded(&self) -> bool {
        self.of > 1
    }

    /// Whether a command works on the journals of all shards that are here.
    pub(super) fn are_all(&self) -> bool {
        self.is_sharded() && !self.is_one
    }

    /// How many shards there are.
    pub(super) fn of(&self) -> usize {
        self.of
    }

    /// The shards, and where the journal of each is if that of all is at this address.
    pub(super) fn each(&self, url: &str) -> impl Iterator<Item = (usize, String)> {
        self.shards.iter().map(|shard| (shard, journal_of(url, shard)))
    }

    /// `shards 0, 1 of 6`, or one of them.
    pub(super) fn name(&self) -> String {
        let s = if self.shards.iter().count() == 1 { "" } else { "s" };
        format!("shard{s} {} of {}", numbers(self.shards), self.of)
    }

    /// What is said behind a list of what was done; empty if it was done of all shards.
    pub(super) fn rest(&self) -> &'static str {
        match self.has_others && !self.is_one {
            true => "; do the same where the other shards are",
            false => "",
        }
    }

    /// An error of one of several shards names it.
    pub(super) fn of_shard(&self, shard: usize, error: impl Display) -> io::Error {
        io::Error::other(match self.is_sharded() {
            true => format!("shard {shard}: {error}"),
            false => error.to_string(),
        })
    }

    /// Refuses to take the journals of some shards for all that are here. Only a journal on a disk has
    /// those of others below it.
    ///
    /// # Errors
    /// If there are journals of shards which the settings do not name, or none of shards which they name
    /// while there are some.
    pub(super) fn check_beside(&self, url: &str) -> io::Result<()> {
        let found = shards_below(url);
        let name = live_users_journal::without_secrets(url);
        let unnamed = match self.is_sharded() {
            true => found.without(ShardSet::first(self.of)),
            false => found,
        };
        if !unnamed.is_empty() {
            return Err(io::Error::other(format!(
                "{name} has journals of several shards ({} below it), and SHARDS is {}: set SHARDS, and \
                 SHARDS_HERE if the backend has it, as there",
                numbers(unnamed),
                self.of
            )));
        }
        let missing: ShardSet =
            self.each(url).filter(|(_, url)| is_missing(url)).map(|(shard, _)| shard).collect();
        if !missing.is_empty() && !found.is_empty() {
            return Err(io::Error::other(format!(
                "there is no log of shards {} at {name}, which has those of shards {}: set SHARDS_HERE \
                 as the backend has it",
                numbers(missing),
                numbers(found)
            )));
        }
        Ok(())
    }
}

/// `0, 1, 2`.
fn numbers(shards: ShardSet) -> String {
    let each: Vec<_> = shards.iter().map(|it| it.to_string()).collect();
    each.join(", ")
}
