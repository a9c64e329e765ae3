//! The routing rule: where evidence goes by itself, and by what is known.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, Attendance, CallId, Caller, ConferenceEvent, Direction, EndReason, Endpoint,
    Evidence, Millis, Said, Source, Tracker,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::generations::Generations;
use super::{Asking, Known, Layout, Names, Router, SHARDS_MAX, ShardBy, ShardSet};

fn id(text: &str) -> CallId {
    CallId::parse(text).unwrap()
}

fn layout(shards: usize, by: ShardBy) -> Layout {
    Layout::new(shards, by).unwrap()
}

fn about(call: &str) -> Evidence {
    Evidence::about(id(call), Source::Voice, Said::InProgress)
}

fn of(call: &str, account: &str, agent: &str, caller: u64) -> Evidence {
    let account = (!account.is_empty()).then(|| Arc::from(account));
    let agent = if agent.is_empty() { Agent::Unknown } else { Agent::Id(agent.into()) };
    let caller = NonZeroU64::new(caller).map(Caller);
    Evidence { account, agent, caller, ..about(call) }
}

#[test]
fn a_home_is_the_same_in_each_build() {
    use ShardBy::{Account, Agent, Caller};
    let whole = of("CA1", "acme", "booking", 7);
    let homes = |evidence: &Evidence| {
        ShardBy::ALL.map(|by| [3, 10, SHARDS_MAX].map(|n| layout(n, by).home(evidence)))
    };
    // Who changes these makes each journal of several shards one of other calls.
    assert_eq!(homes(&whole), [[0, 9, 9], [2, 2, 62], [2, 4, 60]]);
    assert_eq!(homes(&of("CA1", "", "", 0)), [[1, 7, 7]; 3], "by the call");
    for by in [Account, Agent, Caller] {
        assert_eq!(layout(1, by).home(&whole), 0);
    }
}

#[test]
fn what_is_not_named_gives_way_to_the_next() {
    use ShardBy::{Account, Agent, Caller};
    let home = |by, evidence: &Evidence| layout(SHARDS_MAX, by).home(evidence);
    let whole = of("CA1", "acme", "booking", 7);
    let other_call = of("CA2", "acme", "sales", 8);
    assert_eq!(home(Account, &whole), home(Account, &other_call));
    let (agent, caller) = (of("CA2", "", "booking", 8), of("CA3", "", "", 7));
    assert_eq!(home(Agent, &whole), home(Agent, &agent));
    assert_eq!(home(Account, &agent), home(Agent, &agent));
    assert_eq!(home(Caller, &whole), home(Caller, &caller));
    assert_eq!(home(Account, &caller), home(Caller, &caller));
    // The agent's account stands before that of who tells: as the call belongs to it.
    let with_owner = |owner: &str, teller: &str| Evidence {
        agent_account: Some(owner.into()),
        ..of("CA1", teller, "booking", 7)
    };
    assert_eq!(home(Account, &with_owner("acme", "ours")), home(Account, &whole));
}

#[test]
fn one_shard_more_takes_its_share_and_moves_nothing_else() {
    let keys: Vec<_> = (0..3_000).map(|n| of("CA1", &format!("a{n}"), "", 0)).collect();
    for shards in 1..SHARDS_MAX {
        let (fewer, more) =
            (layout(shards, ShardBy::Account), layout(shards + 1, ShardBy::Account));
        let moved = keys.iter().filter(|it| fewer.home(it) != more.home(it));
        let moved: Vec<_> = moved.map(|it| more.home(it)).collect();
        assert!(moved.iter().all(|home| *home == shards), "only to the new one");
        let share = keys.len() / (shards + 1);
        assert!((share / 2..share * 2).contains(&moved.len()), "{shards}: {}", moved.len());
    }
}

#[test]
fn settings_are_read_and_numbers_without_a_meaning_are_none() {
    assert_eq!("agent".parse(), Ok(ShardBy::Agent));
    assert_eq!("Agent".parse::<ShardBy>(), Err(()));
    for shards in [0, SHARDS_MAX + 1, 1_000] {
        assert_eq!(Layout::new(shards, ShardBy::Caller), None);
    }
    let most = layout(SHARDS_MAX, ShardBy::Caller);
    assert_eq!(
        (most.shards(), most.by(), most.to_string()),
        (64, ShardBy::Caller, "64 by caller".into())
    );
    let are_bounds = |n, named| ShardBy::ALL.map(|by| layout(n, by).sums_are_upper_bounds(named));
    assert_eq!([true, false].map(|named| are_bounds(1, named)), [[false; 3]; 2]);
    assert_eq!(are_bounds(2, true), [false, true, false]);
    assert_eq!(are_bounds(2, false), [true, true, false], "calls of no account go by agent");
    let set = ShardSet::one(63).with(0);
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63]);
    assert_eq!(ShardSet::first(SHARDS_MAX).iter().count(), SHARDS_MAX);
    assert!(ShardSet::default().is_empty());
}

/// A router of ten shards, by agents.
fn router() -> Router {
    Router::new(layout(10, ShardBy::Agent))
}

/// Two agents whose calls are at home in different shards.
fn two_agents() -> [String; 2] {
    let home = |agent: &str| layout(10, ShardBy::Agent).home(&of("CA1", "", agent, 0));
    let first = "a0".to_owned();
    let other = (1..).map(|n| format!("a{n}")).find(|it| home(it) != home(&first)).unwrap();
    [first, other]
}

#[test]
fn a_call_stays_where_it_is_whatever_a_later_webhook_says() {
    let ([a, b], mut router) = (two_agents(), router());
    let began = router.route(&of("CA1", "", &a, 1));
    assert_eq!(router.route(&of("CA1", "", &b, 2)), began);
    assert_eq!(router.route(&about("CA1")), began);
    // By another name, too, once somebody has said that it is one.
    let named = Evidence { also: vec![id("CA1")], ..of("platform/1", "", &b, 0) };
    assert_eq!(router.route(&named), began);
    assert_eq!(router.route(&of("platform/1", "", &b, 0)), began);
    assert_ne!(router.route(&of("CA2", "", &b, 1)), began);
}

#[test]
fn a_leg_goes_where_its_call_is_and_a_call_where_its_leg_went() {
    let ([a, b], mut router) = (two_agents(), router());
    let began = router.route(&of("CA1", "", &a, 1));
    let leg = Evidence { parent: Some(id("CA1")), ..of("CA2", "", &b, 0) };
    assert_eq!(router.route(&leg), began);
    let leg_of_leg = Evidence { parent: Some(id("CA2")), ..about("CA3") };
    assert_eq!(router.route(&leg_of_leg), began);
    // The end of a leg that was heard of may name no parent.
    assert_eq!(router.route(&about("CA2")), began);
    // The leg was first: they still meet.
    let early = Evidence { parent: Some(id("CA5")), ..of("CA6", "", &b, 0) };
    let met = router.route(&early);
    assert_eq!(router.route(&of("CA5", "", &a, 5)), met);
}

fn in_conference(evidence: Evidence, conference: &str, what: Attendance) -> Evidence {
    let event = ConferenceEvent { conference: id(conference), what, order: None };
    Evidence { conference: Some(event), ..evidence }
}

fn over(conference: &str) -> Evidence {
    let about = Evidence::about(id(conference), Source::StatusCallback, Said::Nothing);
    in_conference(about, conference, Attendance::Over)
}

#[test]
fn a_conference_meets_in_one_shard_unless_both_were_up_before() {
    let ([a, b], mut router) = (two_agents(), router());
    let began = router.route(&in_conference(of("CA1", "", &a, 1), "CF1", Attendance::Joined));
    let joined = in_conference(of("CA2", "", &b, 2), "CF1", Attendance::Joined);
    assert_eq!(router.route(&joined), began);
    assert_eq!(router.route(&over("CF1")), began);
    // A call that is up elsewhere stays there, and its shard learns that the conference is over.
    let elsewhere = router.route(&of("CA3", "", &b, 3));
    assert_ne!(elsewhere, began);
    let joined = in_conference(of("CA3", "", &b, 3), "CF1", Attendance::Joined);
    assert_eq!(router.route(&joined), elsewhere);
    let both = began.with(elsewhere.lowest().unwrap());
    assert_eq!(router.route(&over("CF1")), both);
    // New ones go where it began.
    let joined = in_conference(of("CA4", "", &b, 4), "CF1", Attendance::Joined);
    assert_eq!(router.route(&joined), began);
    // An end that has overtaken who joined keeps them out wherever they come.
    assert_eq!(router.route(&over("CF9")), ShardSet::first(10));
    assert_eq!(router.of_call(&id("CF9")), None, "a conference is no call");
}

#[test]
fn who_begins_a_call_is_not_asked_about_unless_others_have_asked() {
    let begins = Evidence {
        said: Said::Dialing,
        direction: Some(Direction::Inbound),
        ..of("CA1", "acme", "booking", 7)
    };
    let all_of = |names: &[&str]| Asking {
        names: Names { calls: names.iter().map(|it| id(it)).collect(), meetings: Vec::new() },
        first: None,
    };
    let router = router();
    assert_eq!(router.asks(&begins, true), Asking::default());
    assert_eq!(router.asks(&begins, false), all_of(&["CA1"]), "it has just started");
    // One that goes on: its home has it.
    let goes_on = Evidence { said: Said::InProgress, ..begins.clone() };
    let home = Some(router.layout().home(&goes_on));
    assert_eq!(router.asks(&goes_on, true), Asking { first: home, ..all_of(&["CA1"]) });
    // In other words, the same call may be in another shard.
    let by_url = Evidence { agent_from: AgentFrom::Url, ..begins.clone() };
    let told_by_another = Evidence { source: Source::Event, ..begins.clone() };
    for other in [by_url, told_by_another] {
        assert!(!router.asks(&other, true).names.is_empty(), "{other:?}");
    }
    let leg = Evidence { parent: Some(id("CA9")), ..begins.clone() };
    assert_eq!(router.asks(&leg, true), all_of(&["CA1", "CA9"]));
    let named = Evidence { also: vec![id("p/1")], ..begins.clone() };
    assert_eq!(router.asks(&named, true), all_of(&["CA1", "p/1"]));
    let joined = in_conference(begins.clone(), "CF1", Attendance::Joined);
    assert_eq!(router.asks(&joined, true).names.meetings, [id("CF1")]);

    // Somebody was told of it by another source, and nobody knew it.
    let mut asked = router.clone();
    assert_eq!(asked.answer(&all_of(&["CA1"]).names), Known::default());
    assert_eq!(asked.asks(&begins, true), all_of(&["CA1"]));
    for _ in 0..2 {
        (0..asked.parts()).for_each(|part| asked.turn(part, &HashSet::new()));
    }
    assert_eq!(asked.asks(&begins, true), Asking::default(), "that is long ago");
}

#[test]
fn rooms_and_sessions_are_found_by_who_is_in_them() {
    let ([a, b], mut router) = (two_agents(), router());
    let first = Evidence { room: Some(id("s/room")), ..of("CA1", "", &a, 1) };
    let second = Evidence { room: Some(id("s/room")), ..of("CA2", "", &b, 2) };
    let [first, second] = [first, second].map(|it| router.route(&it).lowest().unwrap());
    assert_ne!(first, second, "a room moves nobody");
    assert_eq!(router.of_meeting(&id("s/room")), ShardSet::one(first).with(second));
    assert!(router.of_meeting(&id("s/another")).is_empty());
}

#[test]
fn what_is_over_is_forgotten_at_the_second_turn_and_what_is_up_never() {
    let mut router = router();
    for call in ["CA1", "CA2", "CA3"] {
        router.route(&of(call, "", "a0", 1));
    }
    let quiet = |router: &Router| {
        let all = (0..router.parts()).flat_map(|part| router.quiet(part));
        all.map(|(_, call)| call.clone()).collect::<BTreeSet<_>>()
    };
    let turn = |router: &mut Router, over: &HashSet<CallId>| {
        (0..router.parts()).for_each(|part| router.turn(part, over));
    };
    assert!(quiet(&router).is_empty());
    turn(&mut router, &HashSet::new());
    router.route(&of("CA3", "", "a0", 1));
    assert_eq!(quiet(&router), BTreeSet::from([id("CA1"), id("CA2")]));
    // One of them has ended; so has one of which something was heard meanwhile.
    turn(&mut router, &HashSet::from([id("CA1"), id("CA3")]));
    let known = ["CA1", "CA2", "CA3"].map(|it| router.of_call(&id(it)).is_some());
    assert_eq!(known, [false, true, true]);
    assert_eq!(router.known(), 2);
}

#[test]
fn the_table_is_bounded_and_loses_what_was_silent_for_longest() {
    let mut table = Generations::new(100);
    for n in 0..10_000_u32 {
        table.hear(&id(&format!("CA{n}")), n);
        // This one is heard of all the time.
        table.hear(&id("CA0"), 0);
        assert!(table.len() <= 200);
    }
    assert_eq!(table.get(&id("CA0")), Some(0));
    assert_eq!(table.get(&id("CA9999")), Some(9_999));
    assert_eq!(table.get(&id("CA1")), None);
}

#[test]
fn meetings_are_forgotten_by_turns_of_their_own_in_each_part() {
    // Fewer parts with meetings than with calls, and more.
    for (calls, meetings) in [(1 << 21, 1 << 13), (1 << 13, 1 << 21)] {
        let layout = layout(3, ShardBy::Agent);
        let mut router = Router::with_room(layout, calls, meetings);
        let rooms: Vec<_> = (0..500).map(|n| id(&format!("s/{n}"))).collect();
        for room in &rooms {
            router.route(&Evidence { room: Some(room.clone()), ..of("CA1", "", "a0", 1) });
        }
        let known =
            |router: &Router| rooms.iter().filter(|it| !router.of_meeting(it).is_empty()).count();
        let turns = (1..100).find(|_| {
            (0..router.parts()).for_each(|part| router.turn(part, &HashSet::new()));
            known(&router) < 500
        });
        assert_eq!((turns, known(&router)), (Some(12), 0));
    }
}

#[test]
fn no_step_of_a_full_router_is_about_many_names() {
    let mut router = Router::new(layout(3, ShardBy::Agent));
    let names = 300_000;
    (0..names).for_each(|n| router.know(n % 3, &id(&format!("CA{n}"))));
    (0..router.parts()).for_each(|part| router.turn(part, &HashSet::new()));
    let quiet: Vec<_> = (0..router.parts()).map(|part| router.quiet(part).count()).collect();
    assert_eq!(quiet.iter().sum::<usize>(), names);
    assert!(quiet.iter().all(|of_part| *of_part < 2_048), "{quiet:?}");
}

/// What may happen to a table of names: one of them is heard of, or a part turns and drops some.
#[derive(Clone, Debug)]
enum Step {
    Hear(u8, u32),
    Turn(usize, HashSet<u8>),
}

fn any_step() -> impl Strategy<Value = Step> {
    let dropped = proptest::collection::hash_set(0..30_u8, 0..30);
    prop_oneof![
        3 => (0..30_u8, any::<u32>()).prop_map(|(name, value)| Step::Hear(name, value)),
        1 => (any::<usize>(), dropped).prop_map(|(part, dropped)| Step::Turn(part, dropped)),
    ]
}

proptest! {
    #[test]
    fn a_table_in_parts_says_what_a_list_with_ages_says(
        steps in vec(any_step(), 0..120),
        parts in 1..9_usize,
    ) {
        // Its part is asked for, the rest is a plain list: of each name the value, and how many turns
        // of its part it was silent for, up to one.
        let name = |n: u8| id(&format!("CA{n}"));
        let mut table = Generations::in_parts(100 * parts, parts);
        let mut list: HashMap<u8, (u32, bool)> = HashMap::new();
        prop_assert_eq!(table.parts(), parts);
        for step in steps {
            match step {
                Step::Hear(n, value) => {
                    table.hear(&name(n), value);
                    list.insert(n, (value, false));
                }
                Step::Turn(part, dropped) => {
                    let part = part % parts;
                    table.turn(part, |it| dropped.iter().any(|n| name(*n) == *it));
                    let is_in = |n: u8| table.part_of(&name(n)) == part;
                    list.retain(|n, (_, is_old)| !(is_in(*n) && *is_old && dropped.contains(n)));
                    list.iter_mut().filter(|(n, _)| is_in(**n)).for_each(|(_, it)| it.1 = true);
                }
            }
            prop_assert_eq!(table.len(), list.len());
            for n in 0..30 {
                let (part, listed) = (table.part_of(&name(n)), list.get(&n));
                prop_assert_eq!(table.get(&name(n)), listed.map(|it| it.0));
                let quiet = table.quiet(part).find(|(it, _)| **it == name(n)).map(|it| it.1);
                prop_assert_eq!(quiet, listed.filter(|it| it.1).map(|it| it.0));
            }
        }
    }
}

/// Any evidence of a small world, in which everything is tied to everything.
fn any_evidence() -> impl Strategy<Value = Evidence> {
    let call = (0..12_u8).prop_map(|n| format!("CA{n}"));
    let tied = proptest::option::weighted(0.3, 0..12_u8);
    let conference = proptest::option::weighted(0.2, (0..3_u8, any::<bool>()));
    let said = prop_oneof![
        Just(Said::Dialing),
        Just(Said::InProgress),
        Just(Said::Over(EndReason::Completed)),
    ];
    (call, 0..5_u8, 0..6_u64, tied, any::<bool>(), conference, said).prop_map(
        |(call, agent, caller, parent, is_named, conference, said)| {
            let agent = if agent == 0 { String::new() } else { format!("a{agent}") };
            let evidence = Evidence { said, ..of(&call, "", &agent, caller) };
            let name = |n: u8| id(&format!("CA{n}"));
            let parent = parent.map(name).filter(|it| *it != evidence.call);
            // A platform has a name of its own for the call.
            let also = is_named.then(|| id(&format!("p/{call}"))).into_iter().collect();
            let direction = parent.is_some().then_some(Direction::Dial);
            let endpoint = parent.is_some().then_some(Endpoint::Person);
            let evidence = Evidence { parent, also, direction, endpoint, ..evidence };
            match conference {
                Some((n, true)) => in_conference(evidence, &format!("CF{n}"), Attendance::Joined),
                Some((n, false)) => over(&format!("CF{n}")),
                None => evidence,
            }
        },
    )
}

proptest! {
    #[test]
    fn each_call_is_in_one_shard_and_a_start_from_the_shards_states_knows_it(
        story in vec(any_evidence(), 0..80),
        shards in 1..12_usize,
        by in prop_oneof![Just(ShardBy::Account), Just(ShardBy::Agent), Just(ShardBy::Caller)],
    ) {
        let layout = layout(shards, by);
        let (mut router, mut trackers) = (Router::new(layout), vec![Tracker::default(); shards]);
        let mut place: HashMap<CallId, ShardSet> = HashMap::new();
        for (evidence, now) in story.iter().zip(1..) {
            prop_assert_eq!(router.find(evidence), router.find(evidence));
            let to = router.route(evidence);
            // Again, as often as it comes.
            prop_assert_eq!(router.route(evidence), to);
            prop_assert!(to.iter().all(|shard| shard < shards));
            for shard in to.iter() {
                trackers[shard].apply(Millis(now), evidence);
            }
            if evidence.conference.as_ref().is_none_or(|it| it.conference != evidence.call) {
                prop_assert_eq!(to.iter().count(), 1);
                let known = *place.entry(evidence.call.clone()).or_insert(to);
                prop_assert_eq!(known, to, "{} moves", &evidence.call);
            }
        }
        let mut anew = Router::new(layout);
        anew.learn(trackers.iter().enumerate());
        for (shard, tracker) in trackers.iter().enumerate() {
            tracker.check().map_err(|it| TestCaseError::fail(it.to_string()))?;
            for open in tracker.open() {
                prop_assert_eq!(anew.of_call(open.id()), Some(shard));
                // What says nothing but its name finds it.
                prop_assert_eq!(anew.find(&about(&open.id().to_string())), ShardSet::one(shard));
            }
        }
    }
}
