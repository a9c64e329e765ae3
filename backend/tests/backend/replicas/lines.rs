//! A replica cannot reach the journal, or was asleep.

use jiff::SignedDuration;
use live_users_testkit::{Nats, NatsVersion, Relay, on_each_nats_version};

use super::load::Load;
use super::team::{Replica, await_agreement, await_look, await_that};

/// What was heard of the journal so long ago is not told as if it were true now.
const OLD: SignedDuration = SignedDuration::from_secs(3);

on_each_nats_version! {
    a_replica_that_is_cut_off_says_so_keeps_what_it_hears_and_catches_up,
    servers_that_are_heard_no_more_over_an_open_line_are_noticed_too,
    a_replica_that_was_asleep_tells_what_has_happened_meanwhile_or_nothing,
}

/// One replica beside the journal, and one whose line to it can be cut.
fn near_and_far(nats: &Nats) -> ([Replica; 2], Relay) {
    let relay = Relay::start(&nats.address(0));
    let near = Replica::start(&nats.journal_url("live"));
    let far = Replica::start(&format!("nats://{}/live", relay.address));
    ([near, far], relay)
}

fn a_replica_that_is_cut_off_says_so_keeps_what_it_hears_and_catches_up(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let (replicas, relay) = near_and_far(&nats);
    let [near, far] = &replicas;
    let load = Load::default();
    let twilios = [near.twilio.clone(), far.twilio.clone()];
    load.during(&twilios, || {
        load.await_more(30);
        relay.cut(true);
        await_that("it says that it is not ready", || far.readiness().status == 503);
        assert_eq!(near.readiness().status, 200, "the other one goes on");
        far.voice(1_000_000);
        load.await_more(30);
    });
    await_that("others may have changed it", || far.count().is_err_and(|told| told.status == 503));
    relay.cut(false);
    await_that("it is ready again", || far.readiness().status == 200);
    await_that("its caller is counted by both", || {
        near.details(&format!("/calls/{}", super::team::sid(1_000_000)))["call"]["counted"] == true
    });
    assert_eq!(near.report(1_000_000, "completed"), Some(204));
    load.check(&replicas);
}

fn servers_that_are_heard_no_more_over_an_open_line_are_noticed_too(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let (replicas, relay) = near_and_far(&nats);
    let [near, far] = &replicas;
    near.voice(1);
    await_agreement(&replicas, 1);
    relay.mute(true);
    await_that("no number is told", || far.count().is_err());
    assert_eq!(far.readiness().status, 503);
    near.voice(2);
    relay.mute(false);
    await_agreement(&replicas, 2);
}

/// As Cloud Run lets an instance sleep between two requests.
fn a_replica_that_was_asleep_tells_what_has_happened_meanwhile_or_nothing(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let replicas = [(); 2].map(|()| Replica::start(&nats.journal_url("live")));
    let [awake, sleeper] = &replicas;
    awake.voice(0);
    await_agreement(&replicas, 1);
    for round in 1..=3 {
        sleeper.server.freeze(true);
        awake.voice(round);
        let asleep_since = awake.time();
        await_that("what it knew is old", || awake.time().duration_since(asleep_since) > OLD);
        sleeper.server.freeze(false);
        let told = await_look(
            "it tells a number",
            || sleeper.count(),
            |told| {
                assert!(told.as_ref().map_or_else(|it| it.status == 503, |_| true), "{told:?}");
                told.is_ok()
            },
        );
        assert_eq!(told.ok(), Some(round as usize + 1), "an old number was told for a new one");
    }
}
