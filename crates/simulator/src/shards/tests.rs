//! A sum over shards is the number of one state, as far as its way of sharding promises that.

use std::collections::BTreeSet;

use live_users_core::{CallId, Evidence, Millis, Said, Source, Tracker};
use live_users_intake::shards::{Layout, Router, ShardBy};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::oracle::Oracle;
use super::plot::Plot;
use super::sharded::Sharded;
use super::spread::Spread;
use super::{AGENTS_OF_ACCOUNT, Calling, Shown, Size, run};

fn layout(shards: usize, by: ShardBy) -> Layout {
    Layout::new(shards, by).unwrap()
}

fn played(seed: u64, size: Size, layout: Layout) -> Shown {
    run(seed, size, layout, true, &mut |_, _| {}).unwrap_or_else(|it| panic!("{layout}: {it:?}"))
}

/// Some minutes with about so many live calls at once.
fn size(live: u64, accounts: u64, calling: Calling) -> Size {
    Size { live, accounts, length_ms: 270_000, calling }
}

#[test]
fn ten_shards_by_account_show_each_moment_of_twenty_thousand_live_calls_as_one_state() {
    let world = size(20_000, 100, Calling::OneAccount);
    let shown = played(1, world, layout(10, ShardBy::Account));
    assert!(shown.live_calls_max > 17_000, "{shown:?}");
    assert!(shown.largest_shard < shown.live_calls_max / 3, "{shown:?}");
}

#[test]
fn ten_shards_by_agent_do_so_where_nobody_calls_two_agents() {
    let shown = played(2, size(5_000, 20, Calling::OneAgent), layout(10, ShardBy::Agent));
    assert!(shown.live_calls_max > 4_000, "{shown:?}");
}

#[test]
fn ten_shards_by_caller_do_so_without_conferences() {
    let shown = played(3, size(5_000, 20, Calling::Anybody), layout(10, ShardBy::Caller));
    assert!(shown.live_calls_max > 4_000, "{shown:?}");
}

#[test]
fn any_number_of_shards_shows_what_one_shows() {
    for shards in [1, 2, 3, 7, 64] {
        let world = size(150, 3, Calling::OneAccount);
        played(4, world, layout(shards, ShardBy::Account));
    }
}

/// A voice request comes again for so long at most: Twilio does not wait longer for its answer.
const VOICE_AGAIN_MS: u64 = 15_000;

/// What is said in a small world, each with when it comes: up to a minute late, one of ten twice. What
/// is said first of a call is not late, since nothing can happen before we have answered.
fn delivered(seed: u64, world: Size) -> Vec<(u64, Evidence)> {
    let (mut plot, mut oracle) = (Plot::new(seed, world), Oracle::default());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut known, mut all) = (BTreeSet::new(), Vec::new());
    while let Some((at_ms, evidence)) = plot.next(&mut oracle) {
        let is_first = known.insert(evidence.call.clone()) && !evidence.is_leg();
        let late_ms = if is_first { 0 } else { rng.random_range(0..60_000) };
        if rng.random_ratio(1, 10) {
            let again_ms = if is_first { VOICE_AGAIN_MS } else { 60_000 };
            all.push((at_ms + rng.random_range(0..again_ms), evidence.clone()));
        }
        all.push((at_ms + late_ms, evidence));
    }
    // The first word of a call comes before its repeats, whose times may be the same.
    all.sort_by_key(|(at_ms, _)| *at_ms);
    all
}

/// Delivers a small world to one tracker and to shards, which start anew now and then.
fn in_any_order(seed: u64, world: Size, layout: Layout, compare: impl Fn(&Sharded, &Tracker)) {
    let (mut sharded, mut one) = (Sharded::new(layout), Tracker::default());
    for ((at_ms, evidence), n) in delivered(seed, world).into_iter().zip(1..) {
        sharded.apply(Millis(at_ms), &evidence);
        one.apply(Millis(at_ms), &evidence);
        match n % 97 {
            0 => sharded.restart(),
            50 => sharded.turn(),
            _ => {}
        }
        compare(&sharded, &one);
    }
    sharded.check().unwrap();
}

#[test]
fn by_account_any_order_and_repeats_show_the_numbers_of_one_state() {
    for seed in 0..12 {
        let world = Size { length_ms: 400_000, ..size(40, 4, Calling::OneAccount) };
        in_any_order(seed, world, layout(5, ShardBy::Account), |sharded, one| {
            assert_eq!(sharded.total(), one.numbers().users as u64, "seed {seed}");
            for n in 0..4 * AGENTS_OF_ACCOUNT {
                let (agent, _) = super::people::agent(n);
                let of_one = one.breakdown_of_agent(&agent).live.users as u64;
                assert_eq!(sharded.of_agent(&agent), of_one, "seed {seed}: {agent:?}");
            }
        });
    }
}

#[test]
fn by_agent_a_person_who_talks_to_two_agents_is_two_and_nobody_is_missing() {
    let mut larger = 0;
    for seed in 0..12 {
        let world = Size { length_ms: 400_000, ..size(40, 4, Calling::Anybody) };
        let count = std::cell::Cell::new(0);
        in_any_order(seed, world, layout(5, ShardBy::Agent), |sharded, one| {
            let (sum, of_one) = (sharded.total(), one.numbers());
            assert!(
                (of_one.users as u64..=of_one.calls as u64).contains(&sum),
                "seed {seed}: {sum}"
            );
            count.set(count.get() + u64::from(sum > of_one.users as u64));
        });
        larger += count.get();
    }
    assert!(larger > 0, "nobody has talked to two agents");
}

/// The same, and a platform tells of one call in three, too: of neither account nor agent nor caller, under
/// a name of its own, and now and then before the voice request arrives that Twilio has sent.
fn delivered_by_two_sources(seed: u64, world: Size) -> Vec<(u64, Evidence)> {
    let (mut rng, mut told) = (ChaCha8Rng::seed_from_u64(seed), BTreeSet::new());
    let mut all = Vec::new();
    for (at_ms, evidence) in delivered(seed, world) {
        let is_first = evidence.source == Source::Voice && told.insert(evidence.call.clone());
        if is_first && rng.random_ratio(1, 3) {
            let name = CallId::parse(&format!("p/{}", evidence.call)).unwrap();
            let told_ms = at_ms.saturating_sub(3_000) + rng.random_range(0..10_000);
            let event = Evidence::about(name, Source::Event, Said::InProgress);
            all.push((told_ms, Evidence { also: vec![evidence.call.clone()], ..event }));
        }
        all.push((at_ms, evidence));
    }
    all.sort_by_key(|(at_ms, _)| *at_ms);
    all
}

/// Delivers a small world to shards in one process and to the same shards in several, each piece to any of
/// these, which start anew now and then.
fn through_any_process(
    seed: u64,
    story: Vec<(u64, Evidence)>,
    (layout, processes): (Layout, usize),
) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut one, mut spread) = (Sharded::new(layout), Spread::new(layout, processes));
    for ((at_ms, evidence), n) in story.into_iter().zip(1..) {
        one.apply(Millis(at_ms), &evidence);
        spread.apply(Millis(at_ms), &evidence, rng.random_range(0..processes));
        match n % 97 {
            0 => {
                one.restart();
                (0..processes).for_each(|it| spread.restart(Millis(at_ms), it));
            }
            50 => {
                one.turn();
                spread.turn();
            }
            _ => {}
        }
        assert_eq!(spread.total(), one.total(), "{layout}, seed {seed}: {evidence:?}");
        assert_eq!(spread.of_agent(&evidence.agent), one.of_agent(&evidence.agent), "seed {seed}");
    }
    spread.check().unwrap();
}

#[test]
fn whatever_process_a_webhook_comes_to_it_counts_where_one_process_would_count_it() {
    for seed in 0..8 {
        for (by, calling) in [
            (ShardBy::Account, Calling::OneAccount),
            (ShardBy::Agent, Calling::Anybody),
            (ShardBy::Caller, Calling::Anybody),
        ] {
            let world = Size { length_ms: 400_000, ..size(40, 4, calling) };
            through_any_process(seed, delivered(seed, world), (layout(6, by), 3));
            through_any_process(seed, delivered(seed, world), (layout(4, by), 2));
            let of_two = delivered_by_two_sources(seed, world);
            through_any_process(seed, of_two, (layout(6, by), 3));
        }
    }
}

#[test]
fn three_processes_show_each_moment_of_a_world_as_the_oracle_has_it() {
    let world = size(2_000, 20, Calling::OneAccount);
    let (mut plot, mut oracle) = (Plot::new(5, world), Oracle::default());
    let mut spread = Spread::new(layout(6, ShardBy::Account), 3);
    let (mut rng, mut turn_ms) = (ChaCha8Rng::seed_from_u64(5), 0);
    while let Some((at_ms, evidence)) = plot.next(&mut oracle) {
        spread.apply(Millis(at_ms), &evidence, rng.random_range(0..3));
        if rng.random_ratio(1, 500) {
            spread.restart(Millis(at_ms), rng.random_range(0..3));
        }
        if at_ms >= turn_ms {
            turn_ms = at_ms + 20_000;
            spread.turn();
        }
        assert_eq!(spread.total(), oracle.total(), "at {at_ms} ms: {evidence:?}");
        let agent = &evidence.agent;
        assert_eq!(spread.of_agent(agent), oracle.of_agent(agent), "at {at_ms} ms");
    }
    spread.check().unwrap();
}

#[test]
fn a_call_that_begins_is_asked_about_by_nobody_and_one_that_goes_on_at_its_home() {
    for by in ShardBy::ALL {
        let world = size(2_000, 20, Calling::Anybody);
        let (mut plot, mut oracle) = (Plot::new(6, world), Oracle::default());
        let (mut spread, mut rng) = (Spread::new(layout(6, by), 3), ChaCha8Rng::seed_from_u64(6));
        let (mut began, mut of_legs, mut others, mut others_count) = (0, 0, 0, 0);
        while let Some((at_ms, evidence)) = plot.next(&mut oracle) {
            let before = spread.questions();
            spread.apply(Millis(at_ms), &evidence, rng.random_range(0..3));
            let asked = spread.questions() - before;
            match evidence.said {
                _ if at_ms < Router::ASK_ALL_MS => {}
                _ if evidence.is_leg() => of_legs += asked,
                Said::Dialing => began += asked,
                _ => {
                    others += asked;
                    others_count += 1;
                }
            }
        }
        assert_eq!(began, 0, "{by}");
        assert!(of_legs > 0, "{by}: a leg is not where its own words say");
        // Two questions about each call at a process that does not know it would be 0.6.
        let each = others as f64 / others_count as f64;
        assert!(each < 0.4, "{by}: {each} of each piece");
    }
}

#[test]
fn what_is_said_while_processes_are_away_shows_what_the_oracle_has_once_they_are_back() {
    for seed in 0..6 {
        let world = Size { length_ms: 400_000, ..size(150, 10, Calling::OneAccount) };
        let (mut plot, mut oracle) = (Plot::new(seed, world), Oracle::default());
        let mut spread = Spread::new(layout(6, ShardBy::Account), 3);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut away, mut whole, mut waited) = (None, 0, 0);
        while let Some((at_ms, evidence)) = plot.next(&mut oracle) {
            let now = Millis(at_ms);
            let takers: Vec<_> = (0..3).filter(|it| spread.is_there(*it)).collect();
            let taker = takers[rng.random_range(0..takers.len())];
            // Twilio repeats what it was not answered.
            for _ in 0..if rng.random_ratio(1, 10) { 2 } else { 1 } {
                spread.apply(now, &evidence, taker);
            }
            match away {
                None if rng.random_ratio(1, 60) => {
                    let process = rng.random_range(0..3);
                    spread.leave(process);
                    away = Some((process, at_ms + rng.random_range(0..20_000)));
                }
                Some((process, until_ms)) if until_ms <= at_ms => {
                    spread.come_back(now, process);
                    away = None;
                }
                _ => {}
            }
            // A batch at a time, and some twice, since an answer was lost.
            for between in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
                let batch = (rng.random_range(1..30), rng.random_ratio(1, 4));
                spread.send(now, between, batch);
            }
            if spread.is_whole() {
                whole += 1;
                assert_eq!(spread.total(), oracle.total(), "seed {seed} at {at_ms} ms");
                let agent = &evidence.agent;
                assert_eq!(spread.of_agent(agent), oracle.of_agent(agent), "at {at_ms} ms");
            } else {
                waited += 1;
            }
        }
        assert!(whole > 200 && waited > 200, "{whole} {waited}");
        spread.check().unwrap();
    }
}
