//! Each caller on the line once, with the sets in which the caller's calls are.
//!
//! A call is counted in some five sets. Were each of them a table of callers, a start and an end would
//! wait for memory as often. So there is one table, and a set keeps its size alone: it grows when a
//! caller comes who has no other call in it, and shrinks when the caller's last call in it goes.

#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use core::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};

use crate::counted_set::Entrant;
use crate::intern::{HASHER, Key};
use crate::{Caller, Counting, Country, Party};

/// Who is on the line.
#[derive(Clone, Debug)]
pub(crate) struct People {
    /// Those who have one call, which is nearly everybody.
    alone: HashTable<Alone>,
    /// Those who have more, or had: how many calls they have in each set.
    several: HashMap<Caller, BTreeMap<Respect, u32>, FixedState>,
}

/// A caller with one call, and where that stands.
#[derive(Clone, Copy, Debug)]
struct Alone {
    caller: Caller,
    stand: Stand,
}

/// There may be a million of these, in a table with as much room again.
const _: () = assert!(size_of::<Alone>() <= 24);

/// What decides in which sets a call is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    agent: Key,
    /// The account, or [`NO_ACCOUNT`]: an `Option` would be twice as large.
    account: Key,
    area: Key,
    country: Option<Country>,
    party: Party,
}

const NO_ACCOUNT: Key = Key(u32::MAX);

/// One of the sets that a call may be counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Respect {
    All(Lane),
    Agent(Lane, Key),
    Account(Lane, Key),
    Area(Key),
    Country(Option<Country>),
}

/// One of the sets of a line: those with one party, or those that are live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    Party(Party),
    /// Only where more than one party is live: otherwise it is that party's.
    Live,
}

/// The sets that a call is counted in.
pub(crate) type Respects = [Option<Respect>; 8];

/// One bit for each of [`Respects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Which(u8);

impl Which {
    pub(crate) const ALL: Self = Self(u8::MAX);

    fn of(respects: &Respects, mut is_one: impl FnMut(Respect) -> bool) -> Self {
        let bits = respects.iter().zip(0..).filter_map(|(respect, at)| Some(((*respect)?, at)));
        Self(bits.fold(0, |all, (respect, at)| all | u8::from(is_one(respect)) << at))
    }

    pub(crate) fn has(self, at: usize) -> bool {
        self.0 >> at & 1 == 1
    }
}

impl Stand {
    /// Where a call stands; nowhere if it is nobody's.
    pub(crate) fn of(entrant: &Entrant) -> Option<Self> {
        let &Entrant { agent, area, country, .. } = entrant;
        let account = entrant.account.unwrap_or(NO_ACCOUNT);
        Some(Self { agent, account, area, country, party: entrant.party? })
    }

    /// The sets that the call is counted in.
    pub(crate) fn respects(&self, counting: Counting) -> Respects {
        let &Self { agent, account, area, country, .. } = self;
        let is_live = counting.counts(self.party);
        let party = Some(Lane::Party(self.party));
        let live = (is_live && counting.handed_over).then_some(Lane::Live);
        let of_account =
            |lane| if account == NO_ACCOUNT { None } else { Some(Respect::Account(lane, account)) };
        [
            party.map(Respect::All),
            live.map(Respect::All),
            party.map(|lane| Respect::Agent(lane, agent)),
            live.map(|lane| Respect::Agent(lane, agent)),
            party.and_then(of_account),
            live.and_then(of_account),
            is_live.then_some(Respect::Area(area)),
            is_live.then_some(Respect::Country(country)),
        ]
    }
}

impl Default for People {
    fn default() -> Self {
        Self { alone: HashTable::new(), several: HashMap::with_hasher(HASHER) }
    }
}

impl People {
    /// Makes room for so many callers more.
    pub(crate) fn reserve(&mut self, callers: usize) {
        self.alone.reserve(callers, Alone::hash);
    }

    /// A call of this caller enters. Returns in which of its sets the caller was not yet.
    pub(crate) fn enter(&mut self, caller: Caller, stand: Stand, counting: Counting) -> Which {
        let alone = Alone { caller, stand };
        let is_known = !self.several.is_empty() && self.several.contains_key(&caller);
        if !is_known {
            match self.alone.find_entry(alone.hash(), |it| it.caller == caller) {
                Err(_) => {
                    self.alone.insert_unique(alone.hash(), alone, Alone::hash);
                    return Which::ALL;
                }
                Ok(found) => {
                    let respects = found.remove().0.stand.respects(counting);
                    let one_each = respects.into_iter().flatten().map(|respect| (respect, 1));
                    self.several.insert(caller, one_each.collect());
                }
            }
        }
        let calls = self.several.entry(caller).or_default();
        Which::of(&stand.respects(counting), |respect| {
            let here = calls.entry(respect).or_insert(0);
            *here += 1;
            *here == 1
        })
    }

    /// A call of this caller leaves. Returns in which of its sets the caller is not any more; nothing if
    /// no such call has entered.
    pub(crate) fn leave(
        &mut self,
        caller: Caller,
        stand: Stand,
        counting: Counting,
    ) -> Option<Which> {
        let hash = Alone { caller, stand }.hash();
        if let Ok(found) = self.alone.find_entry(hash, |it| it.caller == caller) {
            debug_assert_eq!(found.get().stand, stand, "a call leaves the sets that it entered");
            found.remove();
            return Some(Which::ALL);
        }
        let known = self.several.get_mut(&caller);
        debug_assert!(known.is_some(), "only a call that entered leaves");
        let calls = known?;
        let left = Which::of(&stand.respects(counting), |respect| {
            let here = calls.get_mut(&respect);
            debug_assert!(here.is_some(), "a call leaves the sets that it entered");
            let is_last = here.as_ref().is_some_and(|here| **here == 1);
            match here {
                Some(here) if !is_last => *here -= 1,
                _ => drop(calls.remove(&respect)),
            }
            is_last
        });
        if calls.is_empty() {
            self.several.remove(&caller);
        }
        Some(left)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.alone.is_empty() && self.several.is_empty()
    }

    /// Reads where these callers are, or would be. Returns how many may be there.
    pub(crate) fn read_ahead(&self, callers: &[Caller]) -> usize {
        let is_there = |caller: &&Caller| {
            self.alone.find(HASHER.hash_one(*caller), |alone| alone.caller == **caller).is_some()
        };
        callers.iter().filter(is_there).count()
    }

    /// How many callers these sets have twice, each set but the first that has a caller counted.
    pub(crate) fn twice_in(&self, sets: &[Respect]) -> usize {
        let of_each = self.several.values().map(|calls| {
            sets.iter().filter(|set| calls.contains_key(set)).count().saturating_sub(1)
        });
        of_each.sum()
    }
}

impl Alone {
    fn hash(&self) -> u64 {
        HASHER.hash_one(self.caller)
    }
}
