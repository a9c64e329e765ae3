//! The sizes of the sets against sets that have their members.

use std::collections::{BTreeMap, BTreeSet};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::counted_set::{CountedSets, Member};
use crate::{Breakdown, Numbers};

/// Few of each, so that callers and sets meet.
fn entrants() -> impl Strategy<Value = Entrant> {
    let party = prop::option::weighted(0.9, prop::sample::select(&Party::ALL[..]));
    let caller = prop::option::weighted(0.9, 1..4u64);
    let keys = (0..3u32, prop::option::of(0..2u32), 0..3u32);
    (party, caller, keys).prop_map(|(party, caller, (agent, account, area))| Entrant {
        member: Member { caller: caller.and_then(|it| Some(Caller(it.try_into().ok()?))), slot: 0 },
        party,
        is_outbound: false,
        is_colleague: false,
        is_dialled: false,
        is_awaiting: false,
        is_campaign: false,
        agent: Key(agent),
        account: account.map(Key),
        area: Key(area),
        country: Country::parse(["DE", "US"][(area % 2) as usize]),
    })
}

/// Callers and calls that are in a set, one by one.
fn numbers<'a>(entrants: impl Iterator<Item = &'a Entrant>) -> Numbers {
    let (mut callers, mut withheld, mut calls) = (BTreeSet::new(), 0, 0);
    for entrant in entrants {
        calls += 1;
        match entrant.member.caller {
            Some(caller) => drop(callers.insert(caller)),
            None => withheld += 1,
        }
    }
    Numbers { users: callers.len() + withheld, calls }
}

fn breakdown<'a>(
    entrants: impl Iterator<Item = &'a Entrant> + Clone,
    counting: Counting,
) -> Breakdown {
    let of = |is_in: &dyn Fn(Party) -> bool| {
        numbers(entrants.clone().filter(|it| it.party.is_some_and(is_in)))
    };
    let live = of(&|party| counting.counts(party));
    Breakdown { live, parties: Party::ALL.map(|party| of(&|it| it == party)) }
}

fn check(sets: &CountedSets, up: &[Entrant], counting: Counting) -> Result<(), TestCaseError> {
    prop_assert_eq!(sets.all.breakdown(counting), breakdown(up.iter(), counting));
    for key in (0..3).map(Key) {
        let own = up.iter().filter(|it| it.agent == key);
        let kept = sets.of_agent(key).map(|set| set.line.breakdown(counting));
        prop_assert_eq!(kept.unwrap_or_default(), breakdown(own, counting));
    }
    for accounts in [vec![], vec![Key(0)], vec![Key(1)], vec![Key(0), Key(1)]] {
        let own = up.iter().filter(|it| it.account.is_some_and(|own| accounts.contains(&own)));
        let kept = sets.of_accounts(&accounts.iter().copied().collect(), counting);
        prop_assert_eq!(kept, breakdown(own, counting));
    }
    let is_live = |it: &&Entrant| it.party.is_some_and(|party| counting.counts(party));
    let (mut areas, mut countries) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
    for entrant in up.iter().filter(is_live) {
        areas.entry(entrant.area).or_default().push(entrant);
        countries.entry(entrant.country).or_default().push(entrant);
    }
    for (kept, key) in sets.by_place.iter().zip((0..).map(Key)) {
        let own = areas.remove(&key).unwrap_or_default();
        prop_assert_eq!(*kept, numbers(own.into_iter()));
    }
    for (country, kept) in &sets.by_country {
        let own = countries.remove(country).unwrap_or_default();
        prop_assert_eq!(*kept, numbers(own.into_iter()));
    }
    prop_assert!(areas.is_empty() && countries.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn every_number_is_the_size_of_its_set(
        steps in prop::collection::vec((entrants(), any::<prop::sample::Index>(), 0..3u8), 0..60),
        handed_over: bool,
    ) {
        let counting = Counting { handed_over, by_call: false };
        let (mut sets, mut up) = (CountedSets::default(), Vec::<Entrant>::new());
        for (entrant, which, what) in steps {
            if what > 0 && !up.is_empty() {
                let at = which.index(up.len());
                let left = up.swap_remove(at);
                sets.leave(&left, counting);
                if what == 2 {
                    // It moves, and stays the call of one caller.
                    let moved = Entrant { member: left.member, ..entrant };
                    sets.enter(&moved, counting);
                    up.push(moved);
                }
            } else {
                sets.enter(&entrant, counting);
                up.push(entrant);
            }
            check(&sets, &up, counting)?;
        }
        up.drain(..).for_each(|it| sets.leave(&it, counting));
        prop_assert!(sets.is_empty(), "nobody is left behind");
    }
}
