//! Who calls whom.

use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{Agent, Caller};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{AGENTS_OF_ACCOUNT, Calling, Size};

/// One call in so many is by somebody who is on the line already, or was a moment ago.
const AGAIN_ONE_IN: u32 = 6;

/// One caller in so many withholds the number.
const WITHHELD_ONE_IN: u32 = 15;

/// The people of a world, and whom they have called of late.
pub(super) struct People {
    size: Size,
    /// By agent: whoever has called it last.
    lately: Vec<u64>,
    next: u64,
}

/// Who calls whom.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    /// The person; one who withholds the number is another in each call.
    pub(super) person: u64,
    /// `None` if the number is withheld.
    pub(super) caller: Option<Caller>,
    /// The number of the agent.
    pub(super) agent: u64,
}

impl People {
    pub(super) fn new(size: Size) -> Self {
        let agents = size.accounts * AGENTS_OF_ACCOUNT;
        Self { size, lately: vec![0; usize::try_from(agents).unwrap_or_default()], next: 1 }
    }

    /// Who calls next, and whom.
    pub(super) fn any(&mut self, rng: &mut ChaCha8Rng) -> Pair {
        let agent = rng.random_range(0..self.size.accounts * AGENTS_OF_ACCOUNT);
        // Whoever has called this agent, one of the account, or any.
        let by = match self.size.calling {
            Calling::OneAgent => agent,
            Calling::OneAccount => agent - agent % AGENTS_OF_ACCOUNT,
            Calling::Anybody => 0,
        };
        let last = &mut self.lately[usize::try_from(by).unwrap_or_default()];
        let is_withheld = rng.random_ratio(1, WITHHELD_ONE_IN);
        let is_again = *last != 0 && rng.random_ratio(1, AGAIN_ONE_IN);
        let person = if is_again && !is_withheld { *last } else { self.next };
        self.next += 1;
        if !is_withheld {
            *last = person;
        }
        let caller = NonZeroU64::new(person).filter(|_| !is_withheld).map(Caller);
        Pair { person, caller, agent }
    }
}

/// The agent with this number, and its account.
pub(super) fn agent(n: u64) -> (Agent, Arc<str>) {
    let account = format!("account-{}", n / AGENTS_OF_ACCOUNT);
    (Agent::Id(format!("agent-{n}").into()), account.into())
}
