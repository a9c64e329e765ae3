//! The servers of the journal are upgraded as docs/SCALING.md says.

use live_users_testkit::{Nats, NatsVersion};

use super::load::Load;
use super::team::{Replica, await_look, await_that};
use crate::metrics::scrape;

const LOG: &str = "live-users-live-log";

/// The metric of one kind of warning.
fn warns(replica: &Replica, kind: &str) -> Option<f64> {
    scrape(&replica.server).get(&format!("live_users_journal_warnings{{kind=\"{kind}\"}}"))
}

#[test]
fn servers_are_upgraded_one_by_one_while_no_backend_appends() {
    let mut nats = Nats::cluster_on(NatsVersion::Packaged);
    let url = nats.journal_url("live");
    let mut backend = Replica::start(&url);
    await_that("it warns of the version", || warns(&backend, "old_servers") == Some(1.0));
    backend.server.await_log("servers of the journal are older than 2.12.3");
    let readiness = backend.readiness();
    assert_eq!(readiness.status, 200, "a warning is no failure");
    assert!(readiness.body.contains("older than 2.12.3"), "{}", readiness.body);
    let load = Load::default();
    load.during(std::slice::from_ref(&backend.twilio), || load.await_more(200));
    backend.server.terminate();
    for node in 0..nats.count() {
        nats.stop(node);
        nats.set_version(node, NatsVersion::Current);
        nats.restart(node);
    }
    let backend = Replica::start(&url);
    load.during(std::slice::from_ref(&backend.twilio), || load.await_more(200));
    // Nobody calls any more, so what they are at the end lasts, and the failure says what each has.
    await_look(
        "the copies are equal",
        || nats.copies_of(LOG),
        |copies| copies.iter().all(|it| it.is_some() && *it == copies[0]),
    );
    let replicas = [backend, Replica::start(&url)];
    await_that("all servers are new", || {
        ["old_servers", "mixed_servers"].iter().all(|it| warns(&replicas[0], it) == Some(0.0))
    });
    load.check(&replicas);
}

/// Nobody is advised to do this. It shows that no message of the log is refused, which a follower
/// of another version would store.
#[test]
fn servers_that_are_upgraded_under_load_of_several_backends_have_equal_copies() {
    let mut nats = Nats::cluster_on(NatsVersion::Packaged);
    let url = nats.journal_url("live");
    let replicas: Vec<_> = (0..3).map(|_| Replica::start(&url)).collect();
    let twilios: Vec<_> = replicas.iter().map(|it| it.twilio.clone()).collect();
    let load = Load::default();
    load.during(&twilios, || {
        load.await_more(200);
        for node in 0..nats.count() {
            nats.stop(node);
            nats.set_version(node, NatsVersion::Current);
            nats.restart(node);
            load.await_more(200);
        }
    });
    await_look(
        "the copies are equal",
        || nats.copies_of(LOG),
        |copies| copies.iter().all(|it| it.is_some() && *it == copies[0]),
    );
    load.check(&replicas);
}
