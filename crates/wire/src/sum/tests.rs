//! A world of calls, counted as one and in shards.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;
use crate::{
    AccountCount, AgentCount, AgentRef, CountryCount, HealedView, LineView, RegionCount, TalkedView,
};

/// 2026-11-23T09:30:00.000Z.
const NOW_MS: u64 = 1_795_426_200_000;
const AS_OF: &str = "2026-11-23T09:30:00.000Z";

/// The agents of the file, and one that is not in it.
const AGENTS: [&str; 4] = ["support", "booking", "sales", "zz-unlisted"];
const LISTED: usize = 3;
const COUNTRIES: [Option<&str>; 3] = [None, Some("DE"), Some("US")];
const ACCOUNTS: [Option<&str>; 3] = [None, Some("acme"), Some("beta")];

/// A call of the world. Who it is of decides in which shard it is.
#[derive(Clone, Debug)]
struct Call {
    person: u64,
    agent: usize,
    country: usize,
    account: usize,
    /// For how long it has been going on, or how long it was.
    ms: u64,
    is_live: bool,
    is_suspect: bool,
    is_healed: bool,
}

fn call() -> impl Strategy<Value = Call> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (0..20_u64, 0..AGENTS.len(), 0..COUNTRIES.len(), 0..ACCOUNTS.len(), 1..90_000_u64, flags)
        .prop_map(|(person, agent, country, account, ms, (is_live, is_suspect, is_healed))| Call {
            person,
            agent,
            country,
            account,
            ms,
            is_live,
            // All calls of a person are heard of, or none.
            is_suspect: is_suspect && person % 3 == 0,
            is_healed,
        })
}

fn users<'a>(calls: impl Iterator<Item = &'a Call>) -> u64 {
    calls.map(|call| call.person).collect::<BTreeSet<_>>().len() as u64
}

fn ages(calls: &[&Call]) -> (Option<u64>, Option<u64>) {
    let total: u64 = calls.iter().map(|call| call.ms).sum();
    (total.checked_div(calls.len() as u64), calls.iter().map(|call| call.ms).max())
}

fn talked(calls: &[&Call]) -> TalkedView {
    let (average_ms, longest_ms) = ages(calls);
    TalkedView { calls: calls.len() as u64, average_ms, longest_ms }
}

fn line(live: &[&Call]) -> LineView {
    let users = users(live.iter().copied());
    LineView { with_agent: users, on_the_line: users, ..LineView::default() }
}

/// The live calls by something that they have.
fn grouped<'a, K: Ord>(live: &[&'a Call], key: impl Fn(&Call) -> K) -> BTreeMap<K, Vec<&'a Call>> {
    let mut groups = BTreeMap::<K, Vec<&Call>>::new();
    live.iter().for_each(|call| groups.entry(key(call)).or_default().push(call));
    groups
}

fn agent(n: usize, calls: &[&Call]) -> AgentCount {
    let of: Vec<&Call> = calls.iter().copied().filter(|call| call.agent == n).collect();
    let (live, over): (Vec<&Call>, Vec<&Call>) = of.into_iter().partition(|call| call.is_live);
    let (average_ms, longest_ms) = ages(&live);
    AgentCount {
        agent: AgentRef { agent: Some(AGENTS[n].to_owned()), address: None },
        name: (n < LISTED).then(|| format!("Agent {n}")),
        numbers: Vec::new(),
        account: None,
        capacity: (n == 0).then_some(5),
        own_voice: false,
        live_users: users(live.iter().copied()),
        public_suspect: None,
        live_calls: live.len() as u64,
        line: line(&live),
        average_ms,
        longest_ms,
        last_hour: talked(&over),
        last_day: talked(&over),
    }
}

/// What a backend tells that has these calls.
fn summary(calls: &[&Call]) -> Summary {
    let (live, over): (Vec<&Call>, Vec<&Call>) =
        calls.iter().copied().partition(|call| call.is_live);
    let live_users = users(live.iter().copied());
    let suspect = users(live.iter().copied().filter(|call| call.is_suspect));
    let agents: Vec<_> = (0..AGENTS.len()).map(|n| agent(n, calls)).collect();
    let is_there = |it: &AgentCount| it.name.is_some() || it.live_calls + it.last_day.calls > 0;
    let of_agents = agents.iter().filter(|it| it.live_users > 0);
    let public = of_agents.map(|it| (it.agent.agent.clone().unwrap(), it.live_users));
    let public: ByAgent = public.collect();
    let healed: Vec<_> = calls.iter().filter(|call| call.is_healed).collect();
    let mut recent: Vec<_> = healed.iter().map(|call| healed_view(call)).collect();
    recent.sort_by_key(|it| std::cmp::Reverse((it.at.clone(), it.call_sid.clone())));
    recent.truncate(50);
    let (average_ms, longest_ms) = ages(&live);
    let mut summary: Summary = serde_json::from_value(json!({
        "liveUsers": live_users, "liveCalls": live.len(), "confirmed": live_users - suspect,
        "suspect": suspect, "asOf": AS_OF, "epoch": "e", "seq": calls.len(),
        "averageMs": average_ms, "longestMs": longest_ms, "lastHour": talked(&over),
        "lastDay": talked(&over), "byAgent": [], "byCountry": [], "byRegion": [],
        "publicByAgent": public,
        "referee": {"state": "watching", "lookedAt": AS_OF, "nextAt": AS_OF, "requests": calls.len()},
        "drift": {"healed": healed.len(), "byCause": {}, "recent": recent},
    }))
    .unwrap();
    summary.line = line(&live);
    summary.by_agent = agents.into_iter().filter(is_there).collect();
    add_groups(&mut summary, &live);
    summary
}

fn add_groups(summary: &mut Summary, live: &[&Call]) {
    let name = |text: Option<&str>| text.map(str::to_owned);
    let count = |calls: &[&Call]| (users(calls.iter().copied()), calls.len() as u64);
    for (country, calls) in grouped(live, |call| COUNTRIES[call.country]) {
        let (live_users, live_calls) = count(&calls);
        let country = name(country);
        let region = country.clone().map(|it| format!("{it}-1"));
        summary.by_region.push(RegionCount {
            country: country.clone(),
            region,
            live_users,
            live_calls,
        });
        summary.by_country.push(CountryCount { country, live_users, live_calls });
    }
    let order = |it: &CountryCount| (std::cmp::Reverse(it.live_users), it.country.is_none());
    summary.by_country.sort_by_key(order);
    let accounts = grouped(live, |call| ACCOUNTS[call.account]);
    if accounts.keys().any(Option::is_some) {
        summary.by_account = accounts
            .into_iter()
            .map(|(account, calls)| {
                let (live_users, live_calls) = count(&calls);
                AccountCount { account: name(account), live_users, live_calls }
            })
            .collect();
    }
}

fn healed_view(call: &Call) -> HealedView {
    HealedView {
        at: crate::changes::moment_of(NOW_MS - call.ms),
        call_sid: format!("CA{}", call.ms),
        cause: "missed-end".to_owned(),
    }
}

/// A rounded average of rounded averages may be a millisecond less.
fn is_about(sum: Option<u64>, whole: Option<u64>) -> bool {
    match (sum, whole) {
        (Some(sum), Some(whole)) => sum.abs_diff(whole) <= 1,
        (sum, whole) => sum == whole,
    }
}

/// Takes the averages of the one if they are about those of the other, which each may be.
fn with_averages_of(mut sum: Summary, whole: &Summary) -> Summary {
    let take = |sum: &mut Option<u64>, whole: Option<u64>| {
        assert!(is_about(*sum, whole), "{sum:?} {whole:?}");
        *sum = whole;
    };
    take(&mut sum.average_ms, whole.average_ms);
    take(&mut sum.last_hour.average_ms, whole.last_hour.average_ms);
    take(&mut sum.last_day.average_ms, whole.last_day.average_ms);
    assert_eq!(sum.by_agent.len(), whole.by_agent.len());
    for (row, whole) in sum.by_agent.iter_mut().zip(&whole.by_agent) {
        take(&mut row.average_ms, whole.average_ms);
        take(&mut row.last_hour.average_ms, whole.last_hour.average_ms);
        take(&mut row.last_day.average_ms, whole.last_day.average_ms);
    }
    sum
}

/// Without what says which states it is of.
fn without_cursor(summary: Summary) -> Summary {
    Summary { epoch: String::new(), seq: 0, ..summary }
}

proptest! {
    #[test]
    fn the_sum_over_any_partition_of_people_is_the_summary_of_all(
        calls in prop::collection::vec(call(), 0..60),
        shards in 1_usize..12,
        places in prop::collection::vec(0_usize..12, 20),
    ) {
        let shard_of = |call: &Call| places[usize::try_from(call.person).unwrap()] % shards;
        let whole = summary(&calls.iter().collect::<Vec<_>>());
        let part = |shard: usize| {
            summary(&calls.iter().filter(|call| shard_of(call) == shard).collect::<Vec<_>>())
        };
        let parts: Vec<_> = (0..shards).map(part).collect();
        let sum = sum_of_summaries(parts.iter().cloned().map(Some)).unwrap().value;
        prop_assert_eq!(sum.seq, calls.len() as u64);
        let sum = with_averages_of(without_cursor(sum), &whole);
        prop_assert_eq!(&sum, &without_cursor(whole));
    }

    #[test]
    fn parts_may_be_added_in_any_order_and_in_any_groups(
        calls in prop::collection::vec(call(), 0..40),
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        cut in 1_usize..6,
    ) {
        let of = |shard: usize| {
            let mine = calls.iter().enumerate().filter(|(n, _)| n % 6 == shard);
            let summary = summary(&mine.map(|(_, call)| call).collect::<Vec<_>>());
            // Each is of a moment of its own.
            let as_of = crate::changes::moment_of(NOW_MS - 100 * shard as u64);
            SummarySum::of(Summary { epoch: format!("e{shard}"), as_of, ..summary })
        };
        let sum = |parts: &mut dyn Iterator<Item = SummarySum>| {
            parts.reduce(|mut sum, part| { sum.add(part); sum }).unwrap()
        };
        let straight = sum(&mut (0..6).map(of)).finish();
        let (one, other) = order.split_at(cut);
        let mut mixed = sum(&mut one.iter().map(|shard| of(*shard)));
        if !other.is_empty() {
            mixed.add(sum(&mut other.iter().map(|shard| of(*shard))));
        }
        prop_assert_eq!(&straight.value.as_of, &crate::changes::moment_of(NOW_MS - 500));
        prop_assert_eq!(mixed.finish(), straight);
    }

    #[test]
    fn a_missing_part_never_yields_a_number(
        there in prop::collection::vec(any::<bool>(), 0..SHARDS_MAX),
        users in 0_u64..9,
    ) {
        let missing: Vec<_> = (0..there.len()).filter(|shard| !there[*shard]).collect();
        let is_whole = !there.is_empty() && missing.is_empty();
        let count = Count { live_users: users, ..Count::default() };
        let counts = sum_of_counts(there.iter().map(|it| it.then(|| count.clone())));
        let totals = sum_of_totals(there.iter().map(|it| it.then(|| total("e", users, 1))));
        let summaries = sum_of_summaries(there.iter().map(|it| it.then(|| summary(&[]))));
        for told in [counts.map(drop), totals.map(drop), summaries.map(drop)] {
            match told {
                Ok(()) => prop_assert!(is_whole),
                Err(set) => {
                    prop_assert!(!is_whole);
                    prop_assert_eq!(set.iter().collect::<Vec<_>>(), missing.clone());
                }
            }
        }
    }

    #[test]
    fn a_total_of_totals_is_named_by_the_state_of_each_part(
        seqs in prop::collection::vec(0_u64..4, 3),
        others in prop::collection::vec(0_u64..4, 3),
        epochs in prop::collection::vec(select(vec!["a", "b"]), 3),
    ) {
        let sum = |seqs: &[u64]| {
            let part = |(n, seq): (usize, &u64)| {
                Some(total(&format!("{n}{}", epochs[n]), n as u64, *seq))
            };
            sum_of_totals(seqs.iter().enumerate().map(part)).unwrap()
        };
        let (one, other) = (sum(&seqs), sum(&others));
        prop_assert_eq!(one.value.live_users, 3);
        prop_assert_eq!(one.value.seq, seqs.iter().sum::<u64>());
        prop_assert_eq!(&one.value.epoch, &other.value.epoch);
        prop_assert_eq!(one.name == other.name, seqs == others);
    }
}

fn total(epoch: &str, live_users: u64, seq: u64) -> LiveCount {
    LiveCount {
        live_users,
        by_agent: None,
        suspect: None,
        agent: None,
        epoch: epoch.to_owned(),
        seq,
        as_of: AS_OF.to_owned(),
        now: None,
    }
}

#[test]
fn what_each_part_tells_beside_its_number_has_a_rule() {
    let agents = |n: u64| Some(ByAgent::from([("booking".to_owned(), n)]));
    let part = |live_users, by_agent, suspect, as_of: Option<&str>| {
        let as_of = as_of.map(str::to_owned);
        Some(Count { live_users, by_agent, suspect, agent: None, as_of })
    };
    let (early, late) = (Some("2026-11-23T09:30:00.000Z"), Some("2026-11-23T09:30:01.000Z"));
    let sum = sum_of_counts([part(2, agents(2), None, late), part(3, agents(1), Some(1), early)]);
    assert_eq!(sum.ok(), part(5, agents(3), Some(1), early));
    let sum = sum_of_counts([part(2, agents(2), None, late), part(3, None, None, None)]);
    assert_eq!(sum.ok(), part(5, None, None, None), "too few are none");

    let one = sum_of_totals([Some(total("a", 2, 7)), Some(total("b", 3, 9))]).unwrap();
    assert_eq!((one.value.live_users, one.value.seq), (5, 16));
    let other = sum_of_totals([Some(total("a", 2, 7)), Some(total("c", 3, 9))]).unwrap();
    assert_ne!(one.value.epoch, other.value.epoch, "one part has begun anew");
    let swapped = sum_of_totals([Some(total("b", 3, 9)), Some(total("a", 2, 7))]).unwrap();
    assert_eq!(one, swapped);
}

#[test]
fn an_average_is_weighted_and_is_at_the_moment_of_the_oldest_part() {
    let part = |as_of_s: u64, calls: u64, average_s: u64, longest_s: u64| {
        let summary = summary(&[]);
        Some(Summary {
            as_of: crate::changes::moment_of(NOW_MS + 1_000 * as_of_s),
            live_calls: calls,
            average_ms: Some(1_000 * average_s),
            longest_ms: Some(1_000 * longest_s),
            ..summary
        })
    };
    // Three calls for 10 s at 0, and one for 32 s at 2.
    let sum = sum_of_summaries([part(0, 3, 10, 20), part(2, 1, 32, 32)]).unwrap().value;
    assert_eq!((sum.average_ms, sum.longest_ms), (Some(15_000), Some(30_000)));
    assert_eq!(sum.as_of, AS_OF);
}

#[test]
fn a_sum_says_whether_it_is_an_upper_bound_as_soon_as_one_part_does() {
    let part = |sum_is_upper_bound| Some(Summary { sum_is_upper_bound, ..summary(&[]) });
    let told = |parts: [bool; 2]| {
        let sum = sum_of_summaries(parts.map(part)).unwrap().value;
        (sum.upper_bound, sum.sum_is_upper_bound)
    };
    assert_eq!(told([true, true]), (true, false));
    assert_eq!(told([false, true]), (true, false), "a backend of an older version does not say it");
    assert_eq!(told([false, false]), (false, false));
    let exact = serde_json::to_string(&summary(&[])).unwrap();
    assert!(!exact.contains("pperBound"), "{exact}");
}

#[test]
fn what_some_shards_do_not_list_is_theirs_all_the_same() {
    let mut one = summary(&[]);
    (one.live_users, one.live_calls) = (4, 5);
    let row = |account: Option<&str>, live_users| AccountCount {
        account: account.map(str::to_owned),
        live_users,
        live_calls: live_users,
    };
    let mut other = summary(&[]);
    other.by_account = vec![row(None, 1), row(Some("acme"), 2)];
    let sum = sum_of_summaries([Some(one.clone()), Some(other)]).unwrap().value;
    let none = AccountCount { live_calls: 6, ..row(None, 5) };
    assert_eq!(sum.by_account, [none, row(Some("acme"), 2)]);
    let sum = sum_of_summaries([Some(one.clone()), Some(one)]).unwrap().value;
    assert_eq!(sum.by_account, [], "no call has one");
}

#[test]
fn shards_are_listed_in_their_order() {
    let set: ShardSet = [12, 1, 3, 63].into_iter().collect();
    assert_eq!(set.to_string(), "1, 3, 12, 63");
    assert_eq!(ShardSet::default().to_string(), "");
}

#[test]
fn which_shard_an_answer_is_of_is_read_as_it_is_written() {
    let shard = ShardOf { number: 2, of: 6, by: "account".to_owned() };
    assert_eq!(shard.to_string(), "2 of 6 by account");
    assert_eq!(ShardOf::read("2 of 6 by account"), Some(shard));
    for wrong in ["", "2", "2 of 6", "6 of 6 by agent", "0 of 65 by agent", "-1 of 6 by agent"] {
        assert_eq!(ShardOf::read(wrong), None, "{wrong}");
    }
}
