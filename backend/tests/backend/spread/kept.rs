//! Evidence for a backend that is away is kept by who took it, and counts once that backend is back.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use live_users_testkit::{Twilio, get, send};
use serde_json::{Value, json};

use super::{Team, any};
use crate::TOKEN;
use crate::honest::{API_TOKEN, sid};
use crate::metrics::scrape;
use crate::replicas::team::{await_look, await_that};
use crate::shards::leg_of;

/// What a backend tells of a shard first, when it is back.
fn first_told(team: &Team, shard: usize) -> u64 {
    let (server, _) = &team.servers[shard / 2];
    let url = format!("{}/shards/{shard}/api/live-users", server.url);
    await_that("it tells its number", || match get(&url) {
        answer if answer.status == 200 => true,
        answer => {
            assert!(answer.body.contains("still have evidence"), "{}", answer.body);
            false
        }
    });
    team.of_shard(shard)
}

/// How many pieces wait at a backend for the shards of the second one.
fn waiting(team: &Team, at: usize) -> f64 {
    let figures = scrape(&team.servers[at].0);
    let of = |shard| format!("live_users_evidence_waiting{{shard=\"{shard}\"}}");
    [2, 3].map(|shard| figures.get(of(shard).as_str()).expect("a figure")).iter().sum()
}

/// What happens while the second backend is away, through the two others: calls begin and end, and callbacks
/// come twice. Returns the calls that are up, of which the first twelve have begun before.
fn while_away(team: &Team) -> BTreeSet<u8> {
    let mut up: BTreeSet<u8> = (0..12).collect();
    let other = |n: u8, step: u8| if any(n, step).is_multiple_of(2) { 0 } else { 2 };
    for n in 12..30 {
        team.call(other(n, 0), n, u32::from(n) % 12);
        up.insert(n);
        for step in [1, 2] {
            let fields = [("CallStatus", "in-progress")];
            assert_eq!(team.post(other(n, step), "/call-status", n, &fields).status, 204);
        }
    }
    for n in (0..4).chain(12..18) {
        for step in [0, 1] {
            assert_eq!(team.end(other(n, step), n), 204);
        }
        up.remove(&n);
    }
    up
}

#[test]
fn what_is_said_while_a_backend_is_away_counts_when_it_is_back_without_a_further_word() {
    let mut team = Team::start("agent");
    for n in 0..12 {
        team.call(any(n, 0), n, n.into());
    }
    team.servers[1].0.kill();
    let up = while_away(&team);
    assert!(waiting(&team, 0) > 0.0 && waiting(&team, 2) > 0.0);
    let ready = get(&format!("{}/readyz", team.servers[0].0.url));
    let warns = ready.status == 200 && ready.body.contains("pieces of evidence wait for shard 2,");
    assert!(warns, "{}", ready.body);
    let kept = r#"live_users_evidence_sent_total{reason="kept"}"#;
    assert!(scrape(&team.servers[0].0).get(kept).is_some_and(|n| n > 0.0));

    // Who has taken some of it is killed, too, and is back first.
    let before = waiting(&team, 0);
    team.servers[0].0.kill();
    team.start_again(0);
    assert_eq!(waiting(&team, 0), before);
    // It goes behind what waits.
    team.call(0, 40, 0);

    team.start_again(1);
    let each: Vec<_> = (0..6).map(|shard| first_told(&team, shard)).collect();
    assert_eq!(each.iter().sum::<u64>(), up.len() as u64 + 1, "{each:?}");
    await_that("nothing waits", || [0, 2].iter().all(|at| waiting(&team, *at) == 0.0));
    assert_eq!(team.of_each(), each);
    for n in up.into_iter().chain([40]) {
        assert_eq!(team.end(any(n, 2), n), 204);
    }
    assert_eq!(team.total(), 0);
}

#[test]
fn what_was_kept_by_a_backend_that_is_killed_counts_when_that_is_back() {
    let mut team = Team::start("agent");
    for n in 0..12 {
        team.call(any(n, 0), n, n.into());
    }
    team.servers[1].0.kill();
    let up = while_away(&team);
    team.servers[0].0.kill();
    // Who cannot be reached holds nothing back.
    team.start_again(1);
    assert!(first_told(&team, 2) + first_told(&team, 3) > 0);
    // It tells no number while what it has kept is on its way.
    team.ways[1].mute(true);
    let begun = Instant::now();
    team.start_again(0);
    let early = get(&format!("{}/shards/0/api/live-users", team.servers[0].0.url));
    // It looks for 1 s, sends for 2 s, and then says that the other one is away.
    let is_early = begun.elapsed() < Duration::from_secs(3);
    let is_held = early.status == 503 && early.body.contains("still have to get evidence");
    assert!(is_held || !is_early, "{}", early.body);
    team.ways[1].mute(false);
    await_look("all is counted", || team.told(), |n| *n == Some(up.len() as u64));
}

#[test]
fn a_backend_that_is_there_and_says_nothing_is_one_that_is_away() {
    let team = Team::start("agent");
    team.ways[1].mute(true);
    for n in 0..12 {
        team.call(if n % 2 == 0 { 0 } else { 2 }, n, n.into());
    }
    for n in 0..6 {
        assert_eq!(team.end(2, n), 204);
    }
    // Who adds up hears of it from those that have what it lacks, even if it can be asked itself.
    let lacking = |at: usize| {
        let (server, _) = &team.servers[at];
        let told = get(&format!("{}/shards/{}/api/live-users", server.url, 2 * at));
        (told.status, told.header("lacking-shards").to_owned())
    };
    assert_eq!(lacking(1), (200, String::new()));
    for at in [0, 2] {
        await_that("it names them", || lacking(at) == (200, "2, 3".to_owned()));
    }
    team.ways[1].mute(false);
    await_look("all is counted", || team.told(), |n| *n == Some(6));
    await_that("it names none", || [0, 2].iter().all(|at| lacking(*at).1.is_empty()));
    await_that("nothing waits", || [0, 2].iter().all(|at| waiting(&team, *at) == 0.0));
}

#[test]
fn what_was_kept_for_a_shard_that_moves_here_is_recorded_here() {
    let mut team = Team::start("agent");
    team.servers[1].0.kill();
    for n in 0..12 {
        team.call(0, n, n.into());
    }
    assert!(waiting(&team, 0) > 0.0);
    team.servers[0].0.kill();
    for shard in ["shard-2", "shard-3"] {
        let [from, to] = [1, 0].map(|n| team.folders[n].path().join(shard));
        std::fs::rename(from, to).expect("it moves");
    }
    let places = format!("0-3={},4-5={}", team.ways[0].url, team.ways[2].url);
    let moved = [("SHARDS_HERE", "0-3"), ("SHARD_BACKENDS", places.as_str())];
    team.servers[0] = team.start_one(0, &moved);
    let here = |shard| {
        let answer = get(&format!("{}/shards/{shard}/api/live-users", team.servers[0].0.url));
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        body["liveUsers"].as_u64().unwrap_or_default()
    };
    let told = (0..4).map(here).sum::<u64>() + team.of_shard(4) + team.of_shard(5);
    assert_eq!(told, 12, "no number that is too small");
}

#[test]
fn a_later_word_goes_behind_what_waited_before_a_start() {
    let mut team = Team::start("caller");
    let parent = (0..100).find(|n| {
        team.call(0, *n, 0);
        team.of_shard(2) + team.of_shard(3) > 0
    });
    let parent = sid(parent.expect("a caller of these shards"));
    team.servers[1].0.kill();
    let legs = 100..112;
    for n in legs.clone() {
        assert_eq!(team.post(0, "/call-status", n, &leg_of(&parent)).status, 204);
    }
    let legs_n = legs.len() as f64;
    assert_eq!(waiting(&team, 0), legs_n);
    team.servers[0].0.kill();
    team.start_again(0);
    // It says nothing by which the hash would find the same shard.
    for n in legs {
        assert_eq!(team.post(0, "/call-status", n, &[("CallStatus", "in-progress")]).status, 204);
    }
    assert_eq!(waiting(&team, 0), 2.0 * legs_n);
}

#[test]
fn what_has_waited_for_longer_than_silence_lasts_starts_no_call() {
    const LONGEST_MS: u64 = 4 * 3_600_000;
    let team = Team::start("agent");
    let record = |n: u8, said: &str, silent_ms: u64| {
        let from = json!({"shards": 6, "by": "agent", "here": [4, 5]});
        let head = json!({"from": from, "evidence": [{"shard": 0, "silentMs": silent_ms}]});
        let evidence = json!({"call": sid(n), "source": "voice", "said": said, "about": {}});
        let body = format!("{head}\n{}", json!({"v": 2, "at": 0, "evidence": evidence}));
        let url = format!("{}/shards/record", team.servers[0].0.url);
        let bearer = format!("Bearer {API_TOKEN}");
        let answer = send("POST", &url, &[("Authorization", &bearer)], body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        team.of_shard(0)
    };
    assert_eq!(record(1, "in-progress", LONGEST_MS + 1), 0);
    assert_eq!(record(2, "in-progress", LONGEST_MS), 1);
    assert_eq!(record(2, "in-progress", LONGEST_MS + 1), 1, "it is up");
    assert_eq!(record(2, "completed", LONGEST_MS + 1), 0, "an end is one");
}

#[test]
fn an_end_that_does_not_say_where_its_call_is_waits_for_the_one_that_may_have_it() {
    let mut team = Team::start("caller");
    for n in 0..24 {
        team.call(1, n, n.into());
    }
    team.servers[1].0.kill();
    for n in 0..24 {
        assert_eq!(team.end(if n % 2 == 0 { 0 } else { 2 }, n), 204);
    }
    team.start_again(1);
    let each: Vec<_> = (0..6).map(|shard| first_told(&team, shard)).collect();
    assert_eq!(each, [0; 6]);
}

#[test]
fn an_end_reaches_its_call_whoever_of_several_does_not_answer() {
    let mut team = Team::start("caller");
    for n in 0..24 {
        team.call(1, n, n.into());
    }
    // One hangs, and another one is gone: nobody can say where the calls are.
    team.ways[1].mute(true);
    team.servers[2].0.kill();
    for n in 0..24 {
        assert_eq!(team.end(0, n), 204);
    }
    team.ways[1].mute(false);
    team.start_again(2);
    await_look("all are over", || team.told(), |n| *n == Some(0));
    await_that("nothing waits", || waiting(&team, 0) == 0.0);
}

/// Ends what goes on until this is set.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_backend_that_is_back_tells_its_number_while_its_calls_go_on_being_told_of() {
    let mut team = Team::start("agent");
    for n in 0..12 {
        team.call(0, n, n.into());
    }
    team.servers[1].0.kill();
    let twilio: Vec<_> = (0..64).map(|_| Twilio::new(&team.servers[0].0.url, TOKEN)).collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Also if something below fails.
        let _at_the_end = End(&is_over);
        for (twilio, n) in twilio.iter().zip(0_u8..) {
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let fields = [("CallSid", &*sid(n % 12)), ("CallStatus", "in-progress")];
                    assert_eq!(twilio.post("/call-status", &fields).status, 204);
                }
            });
        }
        await_that("something waits", || waiting(&team, 0) > 0.0);
        team.start_again(1);
        let told: u64 = (0..6).map(|shard| first_told(&team, shard)).sum();
        await_that("nothing waits", || waiting(&team, 0) == 0.0);
        assert_eq!(told, 12);
    });
    assert_eq!(team.total(), 12);
}
