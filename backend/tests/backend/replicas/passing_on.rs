//! Of several replicas one passes status callbacks on, whoever has taken them.

use live_users_testkit::{Nats, NatsVersion, on_each_nats_version};

use super::team::{Replica, await_that};
use crate::TOKEN;
use crate::honest::WITH_TOKEN;
use crate::metrics::scrape;
use crate::passing_on::kept::{PUBLIC_URL, attempt};
use crate::passing_on::{ENDED, agents, body_of};
use crate::receiver::Receiver;

on_each_nats_version! {
    when_the_one_that_passes_on_is_gone_another_goes_on_and_no_repeat_is_passed_on,
}

fn figure(replica: &Replica, name: &str) -> f64 {
    scrape(&replica.server).get(name).expect("a figure")
}

fn when_the_one_that_passes_on_is_gone_another_goes_on_and_no_repeat_is_passed_on(
    version: NatsVersion,
) {
    let nats = Nats::alone_on(version);
    let receiver = Receiver::start();
    let (_folder, file) = agents(&format!("{}/old", receiver.base), "");
    let env = [WITH_TOKEN, ("AGENTS_FILE", file.as_str()), ("PUBLIC_URL", PUBLIC_URL)];
    let url = nats.journal_url("live");
    let mut replicas: Vec<_> = (0..3).map(|_| Replica::start_with(&url, &env)).collect();
    let leads = |replica: &Replica| figure(replica, "live_users_leads") == 1.0;
    await_that("one of them leads", || replicas.iter().any(leads));
    let leader = replicas.iter().position(leads).expect("one that leads");
    let other = (leader + 1) % 3;
    assert_eq!(attempt(&replicas[other].server, "one").status, 204);
    let (held, _no_answer) = receiver.next();
    assert_eq!(held.body, body_of(&ENDED));
    for replica in &replicas {
        let waiting = || figure(replica, "live_users_status_callbacks_waiting") == 1.0;
        await_that("each knows that it waits", waiting);
    }
    replicas.remove(leader).server.kill();
    let again = receiver.take();
    assert_eq!((&again.head, &again.body), (&held.head, &held.body));
    assert!(again.is_signed(&receiver, TOKEN));
    for replica in &replicas {
        let waiting = || figure(replica, "live_users_status_callbacks_waiting") == 0.0;
        await_that("each knows that it is done", waiting);
        assert_eq!(attempt(&replica.server, "one").status, 204, "a repeat");
    }
    assert_eq!(attempt(&replicas[0].server, "two").status, 204);
    assert_eq!(receiver.take().header("I-Twilio-Idempotency-Token"), "two");
    assert!(receiver.is_idle());
}
