//! Who is on the line in one respect: in all, at one agent, in one country or region.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::accounts::numbers_together;
use crate::intern::{HASHER, Key};
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

    /// The people with at least one call here whose caller ids are usable.
    pub(crate) fn callers(&self) -> impl Iterator<Item = Caller> {
        self.callers.iter().copied()
    }

    /// How many calls there are whose caller is withheld.
    pub(crate) fn withheld(&self) -> usize {
        self.withheld.len()
    }

    pub(crate) fn numbers(&self) -> Numbers {
        let users = self.callers.len() + self.withheld.len();
        Numbers { users, calls: users + self.more_calls }
    }
}

/// The people on the line by their party, in one respect.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineSet {
    agent: CountedSet,
    /// Only with calls that ever were anything else than connected with an agent.
    rest: Option<Box<Rest>>,
}

/// The rarer members of a [`LineSet`].
#[derive(Clone, Debug, Default)]
struct Rest {
    waiting: CountedSet,
    person: CountedSet,
    machine: CountedSet,
    /// Those that are counted as live, where that is more than one party. It is empty otherwise.
    live: CountedSet,
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
        let of = |set: fn(&Rest) -> &CountedSet| {
            self.rest.as_ref().map(|rest| set(rest).numbers()).unwrap_or_default()
        };
        let agent = self.agent.numbers();
        let parties = [agent, of(|it| &it.waiting), of(|it| &it.person), of(|it| &it.machine)];
        let live = if counting.handed_over { of(|it| &it.live) } else { agent };
        Breakdown { live, parties }
    }

    /// The numbers of several together: who is in two of them is one user.
    pub(crate) fn together(sets: &[&Self], counting: Counting) -> Breakdown {
        let agent = numbers_together(sets.iter().map(|set| &set.agent));
        let rest = || sets.iter().filter_map(|set| set.rest.as_deref());
        let parties = [
            agent,
            numbers_together(rest().map(|it| &it.waiting)),
            numbers_together(rest().map(|it| &it.person)),
            numbers_together(rest().map(|it| &it.machine)),
        ];
        let live = match counting.handed_over {
            true => numbers_together(rest().map(|it| &it.live)),
            false => agent,
        };
        Breakdown { live, parties }
    }

    /// How many calls occupy an agent: its callers, and the machines that it talks to.
    pub(crate) fn occupied(&self) -> usize {
        let machines = self.rest.as_ref().map_or(0, |rest| rest.machine.numbers().calls);
        self.agent.numbers().calls + machines
    }

    fn of(&mut self, party: Party) -> &mut CountedSet {
        let rest = &mut self.rest;
        match party {
            Party::Agent => &mut self.agent,
            Party::Waiting => &mut rest.get_or_insert_default().waiting,
            Party::Person => &mut rest.get_or_insert_default().person,
            Party::Machine => &mut rest.get_or_insert_default().machine,
        }
    }

    fn enter(&mut self, entrant: &Entrant, counting: Counting) {
        let Some(party) = entrant.party else { return };
        self.of(party).enter(entrant.member);
        if counting.handed_over && counting.counts(party) {
            self.rest.get_or_insert_default().live.enter(entrant.member);
        }
    }

    fn leave(&mut self, entrant: &Entrant, counting: Counting) {
        let Some(party) = entrant.party else { return };
        self.of(party).leave(entrant.member);
        if counting.handed_over && counting.counts(party) {
            self.rest.get_or_insert_default().live.leave(entrant.member);
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

    fn enter(&mut self, entrant: &Entrant, counting: Counting) {
        self.line.enter(entrant, counting);
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

    fn leave(&mut self, entrant: &Entrant, counting: Counting) {
        self.line.leave(entrant, counting);
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
    pub(crate) all: LineSet,
    pub(crate) by_agent: Vec<AgentSet>,
    /// The people on the line by account.
    pub(crate) by_account: Vec<LineSet>,
    /// Live users by place.
    pub(crate) by_place: Vec<CountedSet>,
    /// Live users by country.
    pub(crate) by_country: BTreeMap<Option<Country>, CountedSet>,
}

impl CountedSets {
    /// Makes room for so many calls that are up.
    pub(crate) fn reserve(&mut self, calls: usize) {
        self.all.agent.callers.reserve(calls);
    }

    pub(crate) fn enter(&mut self, entrant: &Entrant, counting: Counting) {
        if entrant.is_in_no_set() {
            return;
        }
        self.all.enter(entrant, counting);
        at(&mut self.by_agent, entrant.agent).enter(entrant, counting);
        if let Some(account) = entrant.account {
            at(&mut self.by_account, account).enter(entrant, counting);
        }
        if entrant.party.is_some_and(|party| counting.counts(party)) {
            at(&mut self.by_place, entrant.area).enter(entrant.member);
            self.by_country.entry(entrant.country).or_default().enter(entrant.member);
        }
    }

    pub(crate) fn leave(&mut self, entrant: &Entrant, counting: Counting) {
        if entrant.is_in_no_set() {
            return;
        }
        self.all.leave(entrant, counting);
        at(&mut self.by_agent, entrant.agent).leave(entrant, counting);
        if let Some(account) = entrant.account {
            at(&mut self.by_account, account).leave(entrant, counting);
        }
        if entrant.party.is_some_and(|party| counting.counts(party)) {
            at(&mut self.by_place, entrant.area).leave(entrant.member);
            self.by_country.entry(entrant.country).or_default().leave(entrant.member);
        }
    }

    pub(crate) fn of_agent(&self, Key(key): Key) -> Option<&AgentSet> {
        self.by_agent.get(key as usize)
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
pub(crate) fn named<T: Ord>(sets: &[CountedSet], value: impl Fn(Key) -> T) -> Vec<(T, Numbers)> {
    let keys = (0..).map(Key);
    let all = sets.iter().zip(keys).map(|(set, key)| (key, set.numbers()));
    let live = all.filter(|(_, numbers)| numbers.calls > 0);
    let mut named: Vec<_> = live.map(|(key, numbers)| (value(key), numbers)).collect();
    named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    named
}
