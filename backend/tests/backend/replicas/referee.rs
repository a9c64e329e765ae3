//! Of several replicas one asks the provider.

use live_users_testkit::{Nats, NatsVersion, on_each_nats_version};

use super::team::{Replica, await_agreement, await_that};
use crate::referee::{A, ACCOUNT, note, stand_in};
use crate::{AGENTS, TOKEN, agents_file};
use live_users_twilio::CallStatus;

on_each_nats_version! {
    one_replica_asks_for_all_and_another_one_when_it_is_gone,
}

fn state(replica: &Replica) -> String {
    replica.details("/summary")["referee"]["state"].as_str().unwrap_or_default().to_owned()
}

fn one_replica_asks_for_all_and_another_one_when_it_is_gone(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let twilio = stand_in(TOKEN);
    note(&twilio, A, CallStatus::InProgress);
    let api_url = twilio.url();
    let (_folder, agents) = agents_file(AGENTS);
    let env = [
        ("AGENTS_FILE", agents.as_str()),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_URL", api_url.as_str()),
        ("REFEREE_LOOK_SECONDS", "1"),
        ("REFEREE_REQUESTS_PER_MINUTE", "6000"),
    ];
    let url = nats.journal_url("live");
    let mut replicas: Vec<_> = (0..3).map(|_| Replica::start_with(&url, &env)).collect();
    await_agreement(&replicas, 1);
    let asking = |replicas: &[Replica]| {
        (0..replicas.len()).filter(|n| state(&replicas[*n]) == "watching").collect::<Vec<_>>()
    };
    await_that("one of them asks", || asking(&replicas).len() == 1);
    let leader = asking(&replicas)[0];
    for (n, replica) in replicas.iter().enumerate().filter(|(n, _)| *n != leader) {
        assert_eq!(state(replica), "elsewhere", "replica {n}");
        assert_eq!(replica.details("/summary")["referee"]["requests"], 0, "replica {n}");
    }
    replicas.remove(leader).server.kill();
    note(&twilio, A, CallStatus::Completed);
    await_agreement(&replicas, 0);
    await_that("another one asks", || asking(&replicas).len() == 1);
    let drift = replicas[0].details("/summary")["drift"].clone();
    assert_eq!(drift["healed"], 2, "each was healed once: {drift}");
}
