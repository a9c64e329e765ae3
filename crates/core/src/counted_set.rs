//! Who is on the line in one respect: in all, at one agent, in one country or region.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::intern::{HASHER, Key};
use crate::people::{Lane, People, Respect, Stand, Which};
use crate::{Breakdown, Caller, Counting, Country, Party};

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

/// The people on the line by their party, in one respect: the sizes of the sets whose members are in
/// [`People`].
#[derive(Clone, Debug, Default)]
pub(crate) struct LineSet {
    parties: [Numbers; 4],
    /// Those that are counted as live, where that is more than one party. It is empty otherwise.
    live: Numbers,
}

/// One call as a member of sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// `None` if it is withheld, or if each call is a user: such a call is a user of its own.
    pub(crate) caller: Option<Caller>,
    pub(crate) slot: u32,
}

impl Numbers {
    fn and(self, other: Self) -> Self {
        Self { users: self.users + other.users, calls: self.calls + other.calls }
    }

    fn add(&mut self, is_new: bool) {
        self.calls += 1;
        self.users += usize::from(is_new);
    }

    fn remove(&mut self, is_last: bool) {
        debug_assert!(self.calls > 0, "only a call that entered leaves");
        self.calls = self.calls.saturating_sub(1);
        self.users = self.users.saturating_sub(usize::from(is_last));
    }
}

/// Calls of one agent that decide who may be a colleague.
#[derive(Clone, Debug)]
struct AgentCalls {
    /// The calls that we have made, of those that are up.
    outbound: HashSet<u32, FixedState>,
    /// The calls whose callers wait in a conference for somebody.
    awaiting: HashSet<u32, FixedState>,
    /// The calls that are held for those of colleagues.
    colleagues: HashSet<u32, FixedState>,
    /// Those of them that are being dialled.
    colleagues_dialled: HashSet<u32, FixedState>,
    /// The calls to users that we have made, with those that are over and not forgotten.
    campaign: HashSet<u32, FixedState>,
}

impl Default for AgentCalls {
    fn default() -> Self {
        let [outbound, awaiting, colleagues, colleagues_dialled, campaign] =
            [HASHER; 5].map(HashSet::with_hasher);
        Self { outbound, awaiting, colleagues, colleagues_dialled, campaign }
    }
}

impl LineSet {
    pub(crate) fn breakdown(&self, counting: Counting) -> Breakdown {
        let agent = self.parties[Party::Agent as usize];
        let live = if counting.handed_over { self.live } else { agent };
        Breakdown { live, parties: self.parties }
    }

    /// How many calls occupy an agent: its callers, and the machines that it talks to.
    pub(crate) fn occupied(&self) -> usize {
        let calls = |party: Party| self.parties[party as usize].calls;
        calls(Party::Agent) + calls(Party::Machine)
    }

    fn numbers(&self, lane: Lane) -> Numbers {
        match lane {
            Lane::Party(party) => self.parties[party as usize],
            Lane::Live => self.live,
        }
    }

    fn numbers_mut(&mut self, lane: Lane) -> &mut Numbers {
        match lane {
            Lane::Party(party) => &mut self.parties[party as usize],
            Lane::Live => &mut self.live,
        }
    }
}

/// The people on the line with one agent, and its calls that decide who may be a colleague.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentSet {
    pub(crate) line: LineSet,
    /// Only of an agent that ever had such a call.
    calls: Option<Box<AgentCalls>>,
}

impl AgentSet {
    /// How many people have called us and are up, call by call.
    pub(crate) fn inbound_calls(&self) -> usize {
        let up = self.line.breakdown(Counting::default()).on_the_line().calls;
        up.saturating_sub(self.calls.as_ref().map_or(0, |calls| calls.outbound.len()))
    }

    /// How many callers wait in a conference for somebody, call by call.
    pub(crate) fn awaiting(&self) -> usize {
        self.calls.as_ref().map_or(0, |calls| calls.awaiting.len())
    }

    pub(crate) fn colleagues(&self) -> usize {
        self.calls.as_ref().map_or(0, |calls| calls.colleagues.len())
    }

    /// Whether calls to users are made.
    pub(crate) fn has_campaign(&self) -> bool {
        self.calls.as_ref().is_some_and(|calls| !calls.campaign.is_empty())
    }

    pub(crate) fn colleagues_dialled(&self) -> usize {
        self.calls.as_ref().map_or(0, |calls| calls.colleagues_dialled.len())
    }

    fn enter(&mut self, entrant: &Entrant) {
        let slot = entrant.member.slot;
        let is_up = entrant.party.is_some();
        let is_member = [
            is_up && entrant.is_outbound,
            is_up && entrant.is_awaiting,
            entrant.is_colleague,
            entrant.is_colleague && entrant.is_dialled,
            entrant.is_campaign,
        ];
        if !is_member.contains(&true) {
            return;
        }
        let sets = self.calls.get_or_insert_default().sets();
        for (set, _) in sets.into_iter().zip(is_member).filter(|(_, is_member)| *is_member) {
            set.insert(slot);
        }
    }

    fn leave(&mut self, entrant: &Entrant) {
        if let Some(calls) = &mut self.calls {
            for set in calls.sets() {
                set.remove(&entrant.member.slot);
            }
        }
    }
}

impl AgentCalls {
    /// In the order of the fields.
    fn sets(&mut self) -> [&mut HashSet<u32, FixedState>; 5] {
        let Self { outbound, awaiting, colleagues, colleagues_dialled, campaign } = self;
        [outbound, awaiting, colleagues, colleagues_dialled, campaign]
    }
}

/// A call as it enters and leaves the sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entrant {
    pub(crate) member: Member,
    pub(crate) party: Option<Party>,
    pub(crate) is_outbound: bool,
    pub(crate) is_colleague: bool,
    pub(crate) is_dialled: bool,
    pub(crate) is_awaiting: bool,
    pub(crate) is_campaign: bool,
    pub(crate) agent: Key,
    /// The account that it belongs to.
    pub(crate) account: Option<Key>,
    pub(crate) area: Key,
    pub(crate) country: Option<Country>,
}

impl Entrant {
    pub(crate) fn is_in_no_set(&self) -> bool {
        self.party.is_none() && !self.is_colleague && !self.is_campaign
    }
}

/// The people on the line, in every respect in which they are counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct CountedSets {
    /// The callers that the sets have as members.
    people: People,
    pub(crate) all: LineSet,
    pub(crate) by_agent: Vec<AgentSet>,
    /// The people on the line by account.
    pub(crate) by_account: Vec<LineSet>,
    /// Live users by place.
    pub(crate) by_place: Vec<Numbers>,
    /// Live users by country.
    pub(crate) by_country: BTreeMap<Option<Country>, Numbers>,
}

impl CountedSets {
    /// Makes room for so many callers on the line.
    pub(crate) fn reserve(&mut self, callers: usize) {
        self.people.reserve(callers);
    }

    /// As [`People::read_ahead`].
    pub(crate) fn read_ahead(&self, callers: &[Caller]) -> usize {
        self.people.read_ahead(callers)
    }

    pub(crate) fn enter(&mut self, entrant: &Entrant, counting: Counting) {
        if entrant.is_in_no_set() {
            return;
        }
        at(&mut self.by_agent, entrant.agent).enter(entrant);
        let Some(stand) = Stand::of(entrant) else { return };
        let is_new = match entrant.member.caller {
            Some(caller) => self.people.enter(caller, stand, counting),
            None => Which::ALL,
        };
        for (respect, n) in stand.respects(counting).into_iter().zip(0..) {
            if let Some(respect) = respect {
                self.numbers_mut(respect).add(is_new.has(n));
            }
        }
    }

    pub(crate) fn leave(&mut self, entrant: &Entrant, counting: Counting) {
        if entrant.is_in_no_set() {
            return;
        }
        at(&mut self.by_agent, entrant.agent).leave(entrant);
        let Some(stand) = Stand::of(entrant) else { return };
        let is_last = match entrant.member.caller {
            Some(caller) => self.people.leave(caller, stand, counting),
            None => Some(Which::ALL),
        };
        let Some(is_last) = is_last else { return };
        for (respect, n) in stand.respects(counting).into_iter().zip(0..) {
            if let Some(respect) = respect {
                self.numbers_mut(respect).remove(is_last.has(n));
            }
        }
    }

    /// Whether it knows of no caller.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    pub(crate) fn of_agent(&self, Key(key): Key) -> Option<&AgentSet> {
        self.by_agent.get(key as usize)
    }

    /// The numbers of several accounts together, each of them once: who is in two of them is one user.
    pub(crate) fn of_accounts(&self, accounts: &BTreeSet<Key>, counting: Counting) -> Breakdown {
        let numbers = |lane: Lane| {
            let sets = accounts.iter().filter_map(|Key(key)| self.by_account.get(*key as usize));
            let sum = sets.fold(Numbers::default(), |sum, set| sum.and(set.numbers(lane)));
            let sets: Vec<_> = accounts.iter().map(|key| Respect::Account(lane, *key)).collect();
            let twice = if sets.len() > 1 { self.people.twice_in(&sets) } else { 0 };
            Numbers { users: sum.users - twice, ..sum }
        };
        let together = LineSet {
            parties: Party::ALL.map(|party| numbers(Lane::Party(party))),
            live: numbers(Lane::Live),
        };
        together.breakdown(counting)
    }

    fn numbers_mut(&mut self, respect: Respect) -> &mut Numbers {
        match respect {
            Respect::All(lane) => self.all.numbers_mut(lane),
            Respect::Agent(lane, key) => at(&mut self.by_agent, key).line.numbers_mut(lane),
            Respect::Account(lane, key) => at(&mut self.by_account, key).numbers_mut(lane),
            Respect::Area(key) => at(&mut self.by_place, key),
            Respect::Country(country) => self.by_country.entry(country).or_default(),
        }
    }
}

fn at<T: Default>(sets: &mut Vec<T>, Key(key): Key) -> &mut T {
    let key = key as usize;
    if sets.len() <= key {
        sets.resize_with(key + 1, T::default);
    }
    &mut sets[key]
}

/// The numbers of those sets that have a live call, under their names and in the order of these.
pub(crate) fn named<T: Ord>(sets: &[Numbers], value: impl Fn(Key) -> T) -> Vec<(T, Numbers)> {
    let keys = (0..).map(Key);
    let live = sets.iter().zip(keys).filter(|(numbers, _)| numbers.calls > 0);
    let mut named: Vec<_> = live.map(|(numbers, key)| (value(key), *numbers)).collect();
    named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    named
}
