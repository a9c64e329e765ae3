//! A made-up world of calls, the same in every run.

use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Agent, CallId, Caller, Country, Direction, EndReason, Evidence, Place, Said, Source,
};

/// Agents that are called.
pub(crate) const AGENTS: u64 = 50;
/// Places that are called from, in a handful of countries as it is with most customers.
const PLACES: u64 = 200;
const COUNTRIES: [&str; 8] = ["US", "US", "US", "US", "CA", "GB", "DE", "BR"];

/// One caller id in so many is withheld.
const WITHHELD_EVERY: u64 = 100;
/// One caller in so many is on the line with somebody else's call too.
const SHARED_EVERY: u64 = 50;

/// Calls are numbered; everything about one follows from its number.
pub(crate) struct World {
    agents: Vec<Agent>,
    places: Vec<Place>,
}

impl World {
    pub(crate) fn new() -> Self {
        let agents = (0..AGENTS).map(|n| Agent::Id(agent_id(n).into())).collect();
        let place = |n: u64| {
            let country = COUNTRIES[index(n, COUNTRIES.len())];
            let region = Some(Arc::from(format!("R{n}")));
            Place { country: Country::parse(country), region, city: None }
        };
        Self { agents, places: (0..PLACES).map(place).collect() }
    }

    /// The first that is heard of a call: the caller is on the line.
    pub(crate) fn start(&self, call: u64) -> Evidence {
        self.evidence(call, Source::Voice, Said::Dialing)
    }

    /// The caller said something.
    pub(crate) fn confirm(&self, call: u64) -> Evidence {
        self.evidence(call, Source::Speech, Said::InProgress)
    }

    /// The call is over.
    pub(crate) fn end(&self, call: u64) -> Evidence {
        self.evidence(call, Source::StatusCallback, Said::Over(EndReason::Completed))
    }

    fn evidence(&self, call: u64, source: Source, said: Said) -> Evidence {
        let draw = mixed(call);
        let call_id = CallId::parse(&sid(call)).expect("the SID of a call is a call id");
        Evidence {
            direction: Some(Direction::Inbound),
            agent: self.agents[index(draw, self.agents.len())].clone(),
            caller: caller(call),
            place: self.places[index(draw >> 32, self.places.len())].clone(),
            ..Evidence::about(call_id, source, said)
        }
    }
}

/// The id of an agent.
pub(crate) fn agent_id(n: u64) -> String {
    format!("agent-{n:02}")
}

/// A random-looking CallSid.
pub(crate) fn sid(call: u64) -> String {
    format!("CA{:016x}{:016x}", mixed(call), mixed(!call))
}

fn caller(call: u64) -> Option<Caller> {
    let person = match call {
        n if n % WITHHELD_EVERY == 0 => return None,
        n if n % SHARED_EVERY == 1 => n + 1,
        n => n,
    };
    NonZeroU64::new(mixed(person).rotate_left(17)).map(Caller)
}

/// Draws from a list of this length.
pub(crate) fn index(draw: u64, length: usize) -> usize {
    usize::try_from(draw % length as u64).expect("an index fits into the type of the length")
}

/// SplitMix64 (Steele, Lea and Flood 2014): a bijection whose values look random.
pub(crate) fn mixed(n: u64) -> u64 {
    let z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
