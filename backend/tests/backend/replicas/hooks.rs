//! Of several replicas one tells the hooks.

use std::time::{SystemTime, UNIX_EPOCH};

use live_users_testkit::{Nats, NatsVersion, on_each_nats_version, wrong_clock};
use serde_json::json;

use super::team::{Replica, await_that, sid};
use crate::agents_file;
use crate::hooks::{SECRET, hook, verified};
use crate::receiver::{OK, Receiver, answer};

on_each_nats_version! {
    one_replica_tells_a_hook_and_when_it_is_gone_another_goes_on_with_the_same_message,
    a_replica_whose_clock_is_wrong_signs_what_it_tells_by_the_time_of_the_journal,
}

fn tells(replica: &Replica) -> bool {
    replica.details("/summary")["deliveries"][0]["to"] == "hook crm"
}

fn one_replica_tells_a_hook_and_when_it_is_gone_another_goes_on_with_the_same_message(
    version: NatsVersion,
) {
    let nats = Nats::alone_on(version);
    let receiver = Receiver::start();
    let calls = "events = [\"live_users.changed\", \"call.started\", \"call.ended\"]";
    let (_folder, agents) = agents_file(&hook("crm", &receiver, calls));
    let env = [("AGENTS_FILE", agents.as_str()), ("HOOK_SECRET", SECRET)];
    let url = nats.journal_url("live");
    let mut replicas: Vec<_> = (0..3).map(|_| Replica::start_with(&url, &env)).collect();
    assert_eq!(verified(&receiver.take())["data"], json!({ "liveUsers": 0 }));
    let telling = |replicas: &[Replica]| {
        (0..replicas.len()).filter(|n| tells(&replicas[*n])).collect::<Vec<_>>()
    };
    await_that("one of them tells it", || telling(&replicas).len() == 1);
    let leader = telling(&replicas)[0];
    // Whoever takes the webhook, the leader tells of it.
    let other = (leader + 1) % 3;
    assert_eq!(replicas[other].report(1, "in-progress"), Some(204));
    let (held, _no_answer) = loop {
        let (request, stream) = receiver.next();
        if verified(&request)["type"] == "call.started" {
            break (request, stream);
        }
        answer(stream, OK);
    };
    assert_eq!(verified(&held)["data"]["callSid"], sid(1));
    assert_eq!(replicas[other].report(1, "completed"), Some(204));
    replicas.remove(leader).server.kill();
    let mut calls = Vec::new();
    while calls.len() < 2 {
        let request = receiver.take();
        if verified(&request)["type"] != "live_users.changed" {
            calls.push(request);
        }
    }
    let id = "webhook-id";
    assert_eq!((calls[0].header(id), &calls[0].body), (held.header(id), &held.body));
    assert_eq!(verified(&calls[1])["type"], "call.ended");
    await_that("another one tells it", || telling(&replicas).len() == 1);
}

fn a_replica_whose_clock_is_wrong_signs_what_it_tells_by_the_time_of_the_journal(
    version: NatsVersion,
) {
    let nats = Nats::alone_on(version);
    let receiver = Receiver::start();
    let (_folder, agents) =
        agents_file(&hook("crm", &receiver, "events = [\"live_users.changed\"]"));
    let clock = wrong_clock("-3h");
    let clock: Vec<_> = clock.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let own = [("AGENTS_FILE", agents.as_str()), ("HOOK_SECRET", SECRET)];
    let env = [&clock[..], &own].concat();
    let _replica = Replica::start_with(&nats.journal_url("live"), &env);
    let told = receiver.take();
    assert_eq!(verified(&told)["type"], "live_users.changed");
    let signed_s: u64 = told.header("webhook-timestamp").parse().expect("seconds");
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(now_s.abs_diff(signed_s) < 15 * 60, "{signed_s}, and it is {now_s}");
}
