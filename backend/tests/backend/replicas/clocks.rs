//! The clock of a replica is wrong.

use jiff::SignedDuration;
use live_users_testkit::{Nats, NatsVersion, on_each_nats_version, wrong_clock};

use super::team::{Replica, await_agreement, sid};

on_each_nats_version! {
    a_replica_whose_clock_is_an_hour_off_agrees_with_the_others,
}

fn a_replica_whose_clock_is_an_hour_off_agrees_with_the_others(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let url = nats.journal_url("live");
    let wrong = |by| {
        let env = wrong_clock(by);
        let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Replica::start_with(&url, &env)
    };
    let replicas = [Replica::start(&url), wrong("+1h"), wrong("-1h")];
    for (call, replica) in (0..).zip(&replicas) {
        replica.voice(call);
    }
    await_agreement(&replicas, 3);
    for call in 0..3 {
        let path = format!("/calls/{}", sid(call));
        let told = [&replicas[0], &replicas[1], &replicas[2]].map(|it| it.details(&path));
        let of = |field: &'static str| told.each_ref().map(|it| it["call"][field].clone());
        let [first, ..] = of("firstHeardAt");
        assert_eq!(of("firstHeardAt"), [(); 3].map(|()| first.clone()), "the journal's time");
        for live_ms in of("liveMs") {
            let live_ms = live_ms.as_u64().expect("a span");
            assert!(live_ms < 15 * 60_000, "{live_ms} ms by a clock that is an hour off");
        }
    }
    let right = replicas[0].time();
    for replica in &replicas[1..] {
        let off = replica.time().duration_since(right).abs();
        assert!(off < SignedDuration::from_mins(15), "{off:?}");
    }
}
