//! Of several replicas one tells of alerts, and all show the same.

use live_users_testkit::{Nats, NatsVersion, on_each_nats_version};

use super::team::{Replica, await_that};
use crate::agents_file;
use crate::hooks::{SECRET, hook, verified};
use crate::receiver::Receiver;

on_each_nats_version! {
    one_replica_tells_of_an_alert_and_when_it_is_gone_another_goes_on,
}

fn one_replica_tells_of_an_alert_and_when_it_is_gone_another_goes_on(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let receiver = Receiver::start();
    let busy = "[[alert]]\nid = \"busy\"\nwhen = \"users\"\nat_least = 1\nfor_seconds = 0\n";
    let tables = hook("ops", &receiver, "events = [\"alert\"]") + busy;
    let (_folder, agents) = agents_file(&tables);
    let env = [("AGENTS_FILE", agents.as_str()), ("HOOK_SECRET", SECRET)];
    let url = nats.journal_url("live");
    let mut replicas: Vec<_> = (0..3).map(|_| Replica::start_with(&url, &env)).collect();
    assert_eq!(replicas[0].report(1, "in-progress"), Some(204));
    let first = receiver.take();
    assert_eq!(verified(&first)["data"]["state"], "firing");
    let since = |replica: &Replica| replica.details("/alerts")["alerts"][0]["since"].clone();
    await_that("all show it", || replicas.iter().all(|it| since(it).is_string()));
    assert!(replicas.iter().all(|it| since(it) == since(&replicas[0])), "since the same moment");
    let tells = |it: &Replica| it.details("/summary")["deliveries"][0]["to"] == "hook ops";
    await_that("one of them tells it", || replicas.iter().filter(|it| tells(it)).count() == 1);
    let leader = replicas.iter().position(tells).expect("one tells it");
    replicas.remove(leader).server.kill();
    assert_eq!(replicas[0].report(1, "completed"), Some(204));
    // How far it was told may have been lost with the leader: then it is the same message.
    let over = loop {
        let next = receiver.take();
        if next.header("webhook-id") != first.header("webhook-id") {
            break verified(&next);
        }
    };
    assert_eq!(over["data"]["state"], "resolved");
    await_that("nobody shows it any more", || replicas.iter().all(|it| since(it).is_null()));
    assert!(receiver.is_idle(), "it is told once");
}
