//! The servers of the journal fail.

use live_users_testkit::{Nats, NatsLimits, NatsVersion, Twilio, on_each_nats_version};

use super::load::Load;
use super::team::{Replica, await_agreement, await_that};

/// The stream that the journal `live` is.
const LOG: &str = "live-users-live-log";

on_each_nats_version! {
    what_one_is_told_all_show_and_a_repeat_through_another_counts_once,
    the_leader_of_the_journal_is_killed_under_load,
    a_minority_of_the_journal_is_not_missed_and_a_majority_is_waited_for,
    servers_of_the_journal_that_stand_still_hold_no_caller_up,
    a_replica_is_killed_and_another_one_takes_its_place,
    a_journal_that_was_lost_is_told_and_begun_anew,
    a_journal_without_space_is_said_and_goes_on_when_there_is_some,
}

fn team(url: &str, size: usize) -> (Vec<Replica>, Vec<Twilio>) {
    let replicas: Vec<_> = (0..size).map(|_| Replica::start(url)).collect();
    let twilios = replicas.iter().map(|replica| replica.twilio.clone()).collect();
    (replicas, twilios)
}

fn what_one_is_told_all_show_and_a_repeat_through_another_counts_once(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let (replicas, _) = team(&nats.journal_url("live"), 3);
    replicas[0].voice(1);
    await_agreement(&replicas, 1);
    for replica in &replicas {
        replica.voice(1);
        assert_eq!(replica.report(1, "in-progress"), Some(204));
    }
    await_agreement(&replicas, 1);
    assert_eq!(replicas[2].report(1, "completed"), Some(204));
    await_agreement(&replicas, 0);
    assert_eq!(replicas[1].report(1, "in-progress"), Some(204), "it is late");
    await_agreement(&replicas, 0);
    let seqs = replicas.iter().map(|it| it.details("/summary")["epoch"].clone());
    assert!(seqs.clone().all(|epoch| Some(epoch) == seqs.clone().next()), "one journal");
}

fn the_leader_of_the_journal_is_killed_under_load(version: NatsVersion) {
    let mut nats = Nats::cluster_on(version);
    let (replicas, twilios) = team(&nats.journal_url("live"), 3);
    let load = Load::default();
    load.during(&twilios, || {
        load.await_more(60);
        let leader = nats.leader_of(LOG);
        nats.kill(leader);
        load.await_more(60);
        nats.restart(leader);
        load.await_more(60);
    });
    load.check(&replicas);
}

fn a_minority_of_the_journal_is_not_missed_and_a_majority_is_waited_for(version: NatsVersion) {
    let mut nats = Nats::cluster_on(version);
    let (replicas, twilios) = team(&nats.journal_url("live"), 2);
    let load = Load::default();
    load.during(&twilios, || {
        load.await_more(60);
        nats.kill(0);
        load.await_more(60);
    });
    let known = replicas[0].count();
    nats.kill(1);
    for replica in &replicas {
        await_that("it says that it is not ready", || replica.readiness().status == 503);
        await_that("it tells no number", || replica.count().is_err());
        let told = replica.count().expect_err("it may be old");
        assert!(told.body.contains("the number is not known at present"), "{}", told.body);
    }
    // Callers are served all the same, and are counted when it is back.
    load.during(&twilios, || {
        for call in 1_000_000..1_000_003 {
            replicas[0].voice(call);
        }
    });
    nats.start(0);
    nats.start(1);
    for node in 0..2 {
        nats.await_ready(node);
    }
    for replica in &replicas {
        await_that("it is ready again", || replica.readiness().status == 200);
    }
    await_that("who called meanwhile is counted", || {
        replicas[1].details("/calls/CA000000000000000000000000000f4242")["call"]["counted"] == true
    });
    assert!(replicas[1].count().expect("a number") >= known.expect("a number") + 3);
    for call in 1_000_000..1_000_003 {
        assert_eq!(replicas[1].report(call, "completed"), Some(204));
    }
    load.check(&replicas);
}

fn servers_of_the_journal_that_stand_still_hold_no_caller_up(version: NatsVersion) {
    let mut nats = Nats::alone_on(version);
    let (replicas, twilios) = team(&nats.journal_url("live"), 2);
    let load = Load::default();
    load.during(&twilios, || {
        load.await_more(30);
        nats.freeze(0, true);
        for (call, replica) in (1_000_000..1_000_004).zip(replicas.iter().cycle()) {
            replica.voice(call);
        }
        nats.freeze(0, false);
        load.await_more(30);
    });
    for call in 1_000_000..1_000_004 {
        assert_eq!(replicas[1].report(call, "completed"), Some(204));
    }
    load.check(&replicas);
}

fn a_replica_is_killed_and_another_one_takes_its_place(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let url = nats.journal_url("live");
    let (mut replicas, twilios) = team(&url, 3);
    let load = Load::default();
    load.during(&twilios, || {
        load.await_more(30);
        replicas[1].server.kill();
        load.await_more(30);
    });
    replicas[1] = Replica::start(&url);
    load.check(&replicas);
}

fn a_journal_that_was_lost_is_told_and_begun_anew(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let (mut replicas, _) = team(&nats.journal_url("live"), 2);
    (1..4).for_each(|call| replicas[0].voice(call));
    await_agreement(&replicas, 3);
    let before = replicas[0].details("/summary")["epoch"].clone();
    nats.delete_stream(LOG);
    for replica in &mut replicas {
        replica.server.await_log("the journal was lost: it was log");
    }
    await_agreement(&replicas, 0);
    replicas[1].voice(4);
    await_agreement(&replicas, 1);
    let epochs = [&replicas[0], &replicas[1]].map(|it| it.details("/summary")["epoch"].clone());
    assert!(epochs[0] == epochs[1] && epochs[0] != before, "{before} {epochs:?}");
}

fn a_journal_without_space_is_said_and_goes_on_when_there_is_some(version: NatsVersion) {
    let limits = NatsLimits { file_store: Some(8 << 20), ..NatsLimits::on(version) };
    let nats = Nats::with(1, limits);
    let (replicas, _) = team(&nats.journal_url("live"), 2);
    assert_eq!(replicas[0].report(1, "in-progress"), Some(204));
    nats.fill("filler");
    let mut call = 1;
    let mut is_refused = || {
        call += 1;
        replicas[0].report(call, "in-progress") == Some(503)
    };
    assert!((0..50_000).any(|_| is_refused()), "it is full");
    assert_eq!(replicas[0].readiness().status, 503);
    replicas[0].voice(1_000_000);
    nats.delete_stream("filler");
    await_that("it is ready again", || replicas[0].readiness().status == 200);
    // What was refused was kept all the same, and counts.
    await_agreement(&replicas, call as usize + 1);
}
