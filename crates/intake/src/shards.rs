//! Several states in place of one: which shard a piece of evidence belongs to.
//!
//! [`Layout`] says how many shards there are and by what they are told apart: [`Layout::home`] is the
//! shard of evidence by itself, the same in each process and at each start. [`Router`] has what the
//! hash cannot know: a call stays where it is as long as it is up, a leg goes where its call is, and
//! who is in one conference meets in one shard, unless both were up before. Where several processes
//! have some of the shards each, their routers ask each other by [`Names`].
//!
//! Every number is the size of a set of people. So a sum over shards is exact where nobody is in two
//! shards at once: docs/SCALING.md says what each way of sharding can count, and what it cannot.

mod generations;
mod router;
mod set;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display};
use std::str::FromStr;

use live_users_core::{Agent, Evidence};
use sha2::{Digest, Sha256};

pub use self::router::{Asking, Known, KnownMeeting, Names, Router, is_of_conference};
pub use self::set::ShardSet;

/// The most shards: as many as a [`ShardSet`] has bits.
pub const SHARDS_MAX: usize = 64;

/// By what shards are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShardBy {
    /// By the account that a call belongs to.
    #[default]
    Account,
    /// By its agent.
    Agent,
    /// By its caller.
    Caller,
}

impl ShardBy {
    /// All ways, in the order of their words.
    pub const ALL: [Self; 3] = [Self::Account, Self::Agent, Self::Caller];

    /// As it stands in settings and journals.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Agent => "agent",
            Self::Caller => "caller",
        }
    }
}

impl Display for ShardBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for ShardBy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.word() == text).ok_or(())
    }
}

/// How many shards there are, and by what they are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    shards: u8,
    by: ShardBy,
}

/// One shard.
impl Default for Layout {
    fn default() -> Self {
        Self { shards: 1, by: ShardBy::default() }
    }
}

impl Layout {
    /// So many shards, 1 to [`SHARDS_MAX`]; `None` for another number.
    pub fn new(shards: usize, by: ShardBy) -> Option<Self> {
        let shards = u8::try_from(shards).ok()?;
        (1..=SHARDS_MAX).contains(&usize::from(shards)).then_some(Self { shards, by })
    }

    /// How many shards there are.
    pub fn shards(self) -> usize {
        usize::from(self.shards)
    }

    /// By what they are told apart.
    pub fn by(self) -> ShardBy {
        self.by
    }

    /// Whether the sum of all shards may count a person twice as a matter of course: one who talks to
    /// agents of two shards. Calls that belong to no account go by their agents, too.
    pub fn sums_are_upper_bounds(self, are_accounts_named: bool) -> bool {
        let goes_by_agent = match self.by {
            ShardBy::Account => !are_accounts_named,
            ShardBy::Agent => true,
            ShardBy::Caller => false,
        };
        self.shards > 1 && goes_by_agent
    }

    /// The shard that evidence belongs to if nothing is known of its call, from 0. That is by its
    /// account, agent or caller; where it does not name that, by the next of these that it names; and
    /// by its call where it names none, such as a caller who withholds the number.
    ///
    /// By rendezvous hashing (Thaler and Ravishankar 1998): with one shard more, only what belongs to
    /// the new one belongs elsewhere.
    pub fn home(self, evidence: &Evidence) -> usize {
        if self.shards == 1 {
            return 0;
        }
        let key = self.key(evidence);
        let weight = |shard: &usize| mixed(key ^ mixed(*shard as u64 + 1));
        (0..self.shards()).max_by_key(weight).unwrap_or_default()
    }

    /// What evidence is hashed by.
    fn key(self, evidence: &Evidence) -> u64 {
        let account = || {
            let named = evidence.agent_account.as_ref().or(evidence.account.as_ref());
            let named = named.map(|id| digest("account", id.as_bytes()));
            named.or(evidence.twilio_account.map(|it| mixed(it.get())))
        };
        let agent = || match &evidence.agent {
            Agent::Id(id) => Some(digest("agent", id.as_bytes())),
            Agent::Address(address) => Some(digest("address", address.as_bytes())),
            Agent::Unknown => None,
        };
        // It is a keyed hash already.
        let caller = || evidence.caller.map(|caller| mixed(caller.0.get()));
        let found = match self.by {
            ShardBy::Account => account().or_else(agent).or_else(caller),
            ShardBy::Agent => agent().or_else(caller),
            ShardBy::Caller => caller(),
        };
        found.unwrap_or_else(|| digest("call", evidence.call.to_string().as_bytes()))
    }
}

/// `4 by agent`.
impl Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.shards, self.by)
    }
}

/// The same in each build: journals are written by it.
fn digest(kind: &str, text: &[u8]) -> u64 {
    let digest: [u8; 32] =
        Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize().into();
    u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection whose values look random.
fn mixed(n: u64) -> u64 {
    let z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
