//! Who is on the line in one respect: in all, at one agent, in one country or region.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::intern::{HASHER, Key};
use crate::{Caller, Country};

/// How many people and how many calls are live.
///
/// A person with two calls is one user. Two calls whose callers are withheld are two users.
///
/// ```
/// use core::num::NonZeroU64;
/// use live_users_core::{
///     CallId, CallIdError, Caller, Evidence, Millis, Numbers, Said, Source, Tracker,
/// };
///
/// let mut tracker = Tracker::default();
/// let jo = NonZeroU64::new(7).map(Caller);
/// for (id, caller) in [("CA1", jo), ("CA2", jo), ("CA3", None), ("CA4", None)] {
///     let voice = Evidence::about(CallId::parse(id)?, Source::Voice, Said::Dialing);
///     tracker.apply(Millis(0), &Evidence { caller, ..voice });
/// }
/// assert_eq!(tracker.numbers(), Numbers { users: 3, calls: 4 });
/// # Ok::<(), CallIdError>(())
/// ```
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
pub(crate) struct CountedSet {
    callers: HashSet<Caller, FixedState>,
    /// Callers with more than one live call here, and how many more.
    more: HashMap<Caller, u32, FixedState>,
    /// The sum of `more`.
    more_calls: usize,
    /// The slots of the live calls whose caller is withheld.
    withheld: HashSet<u32, FixedState>,
}

/// One live call as a member of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) caller: Option<Caller>,
    pub(crate) slot: u32,
}

impl Default for CountedSet {
    fn default() -> Self {
        Self {
            callers: HashSet::with_hasher(HASHER),
            more: HashMap::with_hasher(HASHER),
            more_calls: 0,
            withheld: HashSet::with_hasher(HASHER),
        }
    }
}

impl CountedSet {
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

/// The people on the line, in every respect in which they are counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct CountedSets {
    pub(crate) all: CountedSet,
    pub(crate) by_agent: Vec<CountedSet>,
    pub(crate) by_place: Vec<CountedSet>,
    pub(crate) by_country: BTreeMap<Option<Country>, CountedSet>,
}

impl CountedSets {
    pub(crate) fn enter(
        &mut self,
        member: Member,
        agent: Key,
        area: Key,
        country: Option<Country>,
    ) {
        self.all.enter(member);
        at(&mut self.by_agent, agent).enter(member);
        at(&mut self.by_place, area).enter(member);
        self.by_country.entry(country).or_default().enter(member);
    }

    pub(crate) fn leave(
        &mut self,
        member: Member,
        agent: Key,
        area: Key,
        country: Option<Country>,
    ) {
        self.all.leave(member);
        at(&mut self.by_agent, agent).leave(member);
        at(&mut self.by_place, area).leave(member);
        self.by_country.entry(country).or_default().leave(member);
    }

    pub(crate) fn of_agent(&self, Key(key): Key) -> Numbers {
        self.by_agent.get(key as usize).map(CountedSet::numbers).unwrap_or_default()
    }
}

fn at(sets: &mut Vec<CountedSet>, Key(key): Key) -> &mut CountedSet {
    let key = key as usize;
    if sets.len() <= key {
        sets.resize_with(key + 1, CountedSet::default);
    }
    &mut sets[key]
}

/// The numbers of those sets that have a live call, under their names and in the order of these.
pub(crate) fn named<T: Ord>(sets: &[CountedSet], value: impl Fn(Key) -> T) -> Vec<(T, Numbers)> {
    let keys = (0..).map(Key);
    let all = sets.iter().zip(keys).map(|(set, key)| (key, set.numbers()));
    let live = all.filter(|(_, numbers)| numbers.calls > 0);
    let mut named: Vec<_> = live.map(|(key, numbers)| (value(key), numbers)).collect();
    named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    named
}
