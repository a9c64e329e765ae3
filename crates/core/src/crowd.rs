//! Who is on the line in one respect: in all, at one agent, in one country or region.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::Caller;
use crate::intern::HASHER;

/// How many people and how many calls are live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Distinct callers with at least one live call. A call whose caller is withheld is one user.
    pub users: usize,
    /// Live calls.
    pub calls: usize,
}

/// The set of people on the line in one respect. Its numbers are sizes of sets (I1).
///
/// Nearly every caller has one live call at a time, so only the exceptions carry a count: this is
/// what keeps a live call at a few bytes for each respect in which it is counted.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    callers: HashSet<Caller, FixedState>,
    /// Callers with more than one live call here, and how many more.
    more: HashMap<Caller, u32, FixedState>,
    /// The sum of `more`.
    more_calls: usize,
    /// The slots of the live calls whose caller is withheld.
    withheld: HashSet<u32, FixedState>,
}

/// One live call as a member of a crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) caller: Option<Caller>,
    pub(crate) slot: u32,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            callers: HashSet::with_hasher(HASHER),
            more: HashMap::with_hasher(HASHER),
            more_calls: 0,
            withheld: HashSet::with_hasher(HASHER),
        }
    }
}

impl Crowd {
    pub(crate) fn enter(&mut self, member: Member) {
        let Some(caller) = member.caller else {
            let new = self.withheld.insert(member.slot);
            debug_assert!(new, "a call enters once");
            return;
        };
        if !self.callers.insert(caller) {
            *self.more.entry(caller).or_insert(0) += 1;
            self.more_calls += 1;
        }
    }

    pub(crate) fn leave(&mut self, member: Member) {
        let Some(caller) = member.caller else {
            let was = self.withheld.remove(&member.slot);
            debug_assert!(was, "only a call that entered leaves");
            return;
        };
        // The map of exceptions is nearly always empty, and then this costs nothing.
        match self.more.get_mut(&caller) {
            Some(1) => {
                self.more.remove(&caller);
                self.more_calls -= 1;
            }
            Some(more) => {
                *more -= 1;
                self.more_calls -= 1;
            }
            None => {
                let was = self.callers.remove(&caller);
                debug_assert!(was, "only a call that entered leaves");
            }
        }
    }

    pub(crate) fn numbers(&self) -> Numbers {
        let users = self.callers.len() + self.withheld.len();
        Numbers { users, calls: users + self.more_calls }
    }
}
