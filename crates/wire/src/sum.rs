//! Adds up what the shards of a service tell, without I/O.
//!
//! Each person is in one shard, so numbers of people and of calls add up. Everything else has a rule of
//! its own: an average is weighted, the longest is the longest of all, and a moment that says how old
//! something is is the oldest one. The order in which parts are added makes no difference.
//!
//! A sum has all of its parts or there is none: one that is too small would look like any other.

mod pages;
mod rows;
mod spans;
mod summary;

use std::fmt::{self, Display};

pub use pages::{merged_activities, merged_calls};
pub use summary::SummarySum;

use crate::{ByAgent, Count, LiveCount, Summary};

/// The most shards that a service has.
pub const SHARDS_MAX: usize = 64;

/// Some of the shards, by their numbers from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet(u64);

/// The header in which a backend names the shards of others, in an answer below `/shards/K/`, for which
/// evidence has waited at it for a second or longer: [`ShardSet`] as text. A sum with these may be wrong.
pub const LACKING_HEADER: &str = "lacking-shards";

/// The header in which a backend says which shard its answer below `/shards/K/` is of: [`ShardOf`] as text.
pub const SHARD_HEADER: &str = "shard";

/// Which shard an answer is of. Parts of which one says another count are no parts of one sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardOf {
    /// Its number, from 0.
    pub number: usize,
    /// In how many shards the backend counts.
    pub of: usize,
    /// What tells the shards apart: `account`, `agent` or `caller`.
    pub by: String,
}

/// A sum, and the name of its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summed<T> {
    /// The sum. Its epoch is another one as soon as one part has another one, and its number grows with
    /// each record of any part.
    pub value: T,
    /// Names the state of each part. No two sums of different states have the same name.
    pub name: String,
}

/// Which state each of the parts is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    epochs: u64,
    seq: u64,
    states: u64,
}

impl ShardSet {
    /// Takes one more shard, whose number is below [`SHARDS_MAX`].
    pub fn insert(&mut self, shard: usize) {
        self.0 |= 1 << (shard % SHARDS_MAX);
    }

    /// Whether it has this shard.
    pub fn has(self, shard: usize) -> bool {
        self.iter().any(|it| it == shard)
    }

    /// All that one of both has.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Reads what [`Display`] writes. What is no number of a shard is passed over.
    pub fn read(text: &str) -> Self {
        let numbers = text.split(',').filter_map(|it| it.trim().parse().ok());
        numbers.filter(|shard: &usize| *shard < SHARDS_MAX).collect()
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The numbers, in their order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..SHARDS_MAX).filter(move |shard| self.0 >> shard & 1 == 1)
    }
}

impl FromIterator<usize> for ShardSet {
    fn from_iter<I: IntoIterator<Item = usize>>(shards: I) -> Self {
        let mut set = Self::default();
        shards.into_iter().for_each(|shard| set.insert(shard));
        set
    }
}

/// As people list them: `1, 3, 12`.
impl Display for ShardSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, shard) in self.iter().enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            write!(f, "{comma}{shard}")?;
        }
        Ok(())
    }
}

impl ShardOf {
    /// Reads what [`Display`] writes; `None` if it is something else.
    pub fn read(text: &str) -> Option<Self> {
        let (number, rest) = text.split_once(" of ")?;
        let (of, by) = rest.split_once(" by ")?;
        let (number, of, by) = (number.parse().ok()?, of.parse().ok()?, by.to_owned());
        (number < of && of <= SHARDS_MAX).then_some(Self { number, of, by })
    }
}

/// As `2 of 6 by account`.
impl Display for ShardOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, of, by } = self;
        write!(f, "{number} of {of} by {by}")
    }
}

impl Cursor {
    fn of(epoch: &str, seq: u64) -> Self {
        let state = mixed(&format!("{epoch}-{seq}"));
        Self { epochs: mixed(epoch), seq, states: state }
    }

    fn add(&mut self, other: Self) {
        self.epochs = self.epochs.wrapping_add(other.epochs);
        self.seq = self.seq.wrapping_add(other.seq);
        self.states = self.states.wrapping_add(other.states);
    }

    fn epoch(self) -> String {
        format!("{:016x}", self.epochs)
    }

    /// Two states of the parts may have one number, so that alone is no name.
    fn name(self) -> String {
        format!("{:016x}-{}.{:016x}", self.epochs, self.seq, self.states)
    }
}

/// A number for a text, the same in each process (FNV-1a). Nobody chooses the texts: they name journals.
/// Such numbers are added up, so each bit of the text has to change many of them (MurmurHash3's end).
fn mixed(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

/// The parts if all are there.
///
/// # Errors
/// Those that are not; none of them if there are no parts at all.
pub fn all_parts<T>(parts: impl IntoIterator<Item = Option<T>>) -> Result<Vec<T>, ShardSet> {
    let (mut found, mut missing) = (Vec::new(), ShardSet::default());
    for (shard, part) in parts.into_iter().enumerate() {
        match part {
            Some(part) => found.push(part),
            None => missing.insert(shard),
        }
    }
    if missing.is_empty() && !found.is_empty() { Ok(found) } else { Err(missing) }
}

/// The total of all shards, from the answer of each.
///
/// # Errors
/// The shards that have given none.
pub fn sum_of_counts(parts: impl IntoIterator<Item = Option<Count>>) -> Result<Count, ShardSet> {
    let add = |sum: Count, part: Count| Count {
        live_users: sum.live_users.saturating_add(part.live_users),
        by_agent: sum_by_agent(sum.by_agent, part.by_agent),
        suspect: sum_of_told(sum.suspect, part.suspect),
        agent: sum.agent,
        as_of: sum.as_of.zip(part.as_of).map(|(one, other)| one.min(other)),
    };
    all_parts(parts)?.into_iter().reduce(add).ok_or_default()
}

/// The total of all shards, from the frame of each. Its time is that of the oldest part.
///
/// # Errors
/// The shards that have told none.
pub fn sum_of_totals(
    parts: impl IntoIterator<Item = Option<LiveCount>>,
) -> Result<Summed<LiveCount>, ShardSet> {
    let parts = all_parts(parts)?;
    let mut cursor = Cursor::default();
    parts.iter().for_each(|part| cursor.add(Cursor::of(&part.epoch, part.seq)));
    let add = |sum: LiveCount, part: LiveCount| LiveCount {
        live_users: sum.live_users.saturating_add(part.live_users),
        by_agent: sum_by_agent(sum.by_agent, part.by_agent),
        suspect: sum_of_told(sum.suspect, part.suspect),
        as_of: sum.as_of.min(part.as_of),
        ..sum
    };
    let sum = parts.into_iter().reduce(add).ok_or_default()?;
    let value = LiveCount { epoch: cursor.epoch(), seq: cursor.seq, now: None, ..sum };
    // Calls become suspect without a record.
    let suspect = value.suspect.map(|suspect| format!("-{suspect}")).unwrap_or_default();
    Ok(Summed { name: format!("{}{suspect}", cursor.name()), value })
}

/// The summary of all shards, from that of each.
///
/// # Errors
/// The shards that have told none.
pub fn sum_of_summaries(
    parts: impl IntoIterator<Item = Option<Summary>>,
) -> Result<Summed<Summary>, ShardSet> {
    let add = |mut sum: SummarySum, part: SummarySum| {
        sum.add(part);
        sum
    };
    let sums = all_parts(parts)?.into_iter().map(SummarySum::of);
    Ok(sums.reduce(add).ok_or_default()?.finish())
}

/// No shard is missing, and there is none.
trait OrDefault<T> {
    fn ok_or_default(self) -> Result<T, ShardSet>;
}

impl<T> OrDefault<T> for Option<T> {
    fn ok_or_default(self) -> Result<T, ShardSet> {
        self.ok_or_else(ShardSet::default)
    }
}

/// The numbers of agents, if each part has them: without one of them they would be too small.
fn sum_by_agent(one: Option<ByAgent>, other: Option<ByAgent>) -> Option<ByAgent> {
    let (mut sum, other) = one.zip(other)?;
    for (agent, live_users) in other {
        let of_agent = sum.entry(agent).or_default();
        *of_agent = of_agent.saturating_add(live_users);
    }
    Some(sum)
}

/// What is told of it: a part that tells nothing has little or none.
fn sum_of_told(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (told, None) | (None, told) => told,
    }
}

/// The lesser of those that there are.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (some, None) | (None, some) => some,
    }
}

#[cfg(test)]
mod tests;
