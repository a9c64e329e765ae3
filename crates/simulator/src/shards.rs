//! Several states in place of one, against what is true: the routing rule of the backend, a tracker for
//! each shard, and the sum of their numbers.
//!
//! [`run`] plays a world of people who call agents ([`size`](Size)). Each moment is compared with an
//! oracle, which knows with whom everybody talks, and with one tracker that has all calls, if that is
//! asked for. Memory is bounded by the calls that are up: calls are made as they begin.

mod oracle;
mod people;
mod plot;
mod sharded;
#[cfg(test)]
mod spread;
#[cfg(test)]
mod tests;

use live_users_core::{Evidence, Millis, Tracker};
use live_users_intake::shards::Layout;

use self::oracle::Oracle;
use self::plot::Plot;
use self::sharded::Sharded;

/// How large a world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// About so many calls are up once the world has grown.
    pub live: u64,
    /// How many accounts there are; each has [`AGENTS_OF_ACCOUNT`] agents.
    pub accounts: u64,
    /// How much is played, in milliseconds. A call lasts for two to four minutes.
    pub length_ms: u64,
    /// Whom people call.
    pub calling: Calling,
}

/// Agents of one account.
pub const AGENTS_OF_ACCOUNT: u64 = 5;

/// Whom people call, who may be on several calls at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calling {
    /// Always the same agent.
    OneAgent,
    /// Agents of one account.
    OneAccount,
    /// Anybody; and nobody is brought into a conference.
    Anybody,
}

/// What a run has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// How many pieces of evidence were applied.
    pub evidence: u64,
    /// How many calls have begun.
    pub calls: u64,
    /// The most calls that were up.
    pub live_calls_max: usize,
    /// The most users that were live.
    pub live_users_max: u64,
    /// The most names of calls that the router knew.
    pub names_max: usize,
    /// The most calls that were up in one shard.
    pub largest_shard: usize,
}

/// How a run went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// When, in milliseconds from the beginning of the world.
    pub at_ms: u64,
    /// What differs from what.
    pub what: String,
}

/// Every agent is compared after so many pieces of evidence; the total and the agent that a piece of
/// evidence is about, after each.
const ALL_AGENTS_EVERY: u64 = 20_000;

/// Plays the world of this seed in so many shards. `beside_one` also has all calls in one tracker.
///
/// # Errors
/// At the first moment at which a number of the sum is not that of the oracle or of the one tracker.
pub fn run(
    seed: u64,
    size: Size,
    layout: Layout,
    beside_one: bool,
    progress: &mut dyn FnMut(u64, usize),
) -> Result<Shown, Difference> {
    let (mut plot, mut oracle) = (Plot::new(seed, size), Oracle::default());
    let mut sharded = Sharded::new(layout);
    let mut one = beside_one.then(Tracker::default);
    let (mut shown, mut turn_ms) = (Shown::default(), 0);
    while let Some((at_ms, evidence)) = plot.next(&mut oracle) {
        let now = Millis(at_ms);
        sharded.apply(now, &evidence);
        if let Some(one) = &mut one {
            one.apply(now, &evidence);
        }
        shown.evidence += 1;
        let is_whole = shown.evidence.is_multiple_of(ALL_AGENTS_EVERY);
        let compared = compare(&sharded, &oracle, one.as_ref(), &evidence, is_whole);
        compared.map_err(|what| Difference { at_ms, what })?;
        shown.live_users_max = shown.live_users_max.max(oracle.total());
        if is_whole {
            shown.look(&sharded);
            progress(at_ms, sharded.up());
        }
        if at_ms >= turn_ms {
            turn_ms = at_ms + live_users_intake::shards::Router::TURN_MS;
            sharded.turn();
        }
    }
    shown.look(&sharded);
    shown.calls = plot.begun();
    let at_ms = size.length_ms;
    let end = sharded.check().map_err(|what| Difference { at_ms, what });
    end.map(|()| shown)
}

impl Shown {
    fn look(&mut self, sharded: &Sharded) {
        let up = sharded.up_by_shard();
        self.live_calls_max = self.live_calls_max.max(up.iter().sum());
        self.names_max = self.names_max.max(sharded.router().known());
        self.largest_shard = self.largest_shard.max(up.into_iter().max().unwrap_or_default());
    }
}

fn compare(
    sharded: &Sharded,
    oracle: &Oracle,
    one: Option<&Tracker>,
    evidence: &Evidence,
    is_whole: bool,
) -> Result<(), String> {
    let is = |what: &str, shown: u64, expected: u64| match shown == expected {
        true => Ok(()),
        false => Err(format!("{what}: {shown} in place of {expected}")),
    };
    is("the total", sharded.total(), oracle.total())?;
    let agents = match is_whole {
        true => oracle.agents(),
        false => vec![evidence.agent.clone()],
    };
    for agent in agents {
        let (shown, true_number) = (sharded.of_agent(&agent), oracle.of_agent(&agent));
        is(&format!("{agent:?}"), shown, true_number)?;
        if let Some(one) = one {
            let of_one = one.breakdown_of_agent(&agent).live.users as u64;
            is(&format!("{agent:?} beside one tracker"), shown, of_one)?;
        }
    }
    match one {
        Some(one) => {
            is("the total beside one tracker", sharded.total(), one.numbers().users as u64)
        }
        None => Ok(()),
    }
}
