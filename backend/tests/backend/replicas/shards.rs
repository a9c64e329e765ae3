//! Several shards, each a stream of its own that two backends share.

use live_users_testkit::{Nats, NatsVersion, on_each_nats_version};
use serde_json::Value;

use super::team::{Replica, await_that, sid};

on_each_nats_version! {
    what_one_backend_is_told_of_a_call_finds_its_shard_at_the_other_one,
}

const SHARDS: [(&str, &str); 2] = [("SHARDS", "3"), ("SHARD_BY", "agent")];

/// How many are with a person, of all shards.
fn with_person(replica: &Replica) -> Value {
    replica.details("/summary")["withPerson"].clone()
}

fn what_one_backend_is_told_of_a_call_finds_its_shard_at_the_other_one(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let url = nats.journal_url("live");
    let start = || Replica::start_with(&url, &SHARDS);
    let (mut one, other) = (start(), start());
    for call in 0..9 {
        let (sid, number) = (sid(call), format!("+1500555{call:04}"));
        let fields = [
            ("CallSid", sid.as_str()),
            ("CallStatus", "in-progress"),
            ("Direction", "inbound"),
            ("To", number.as_str()),
        ];
        assert_eq!(one.twilio.post("/voice", &fields).status, 200);
    }
    await_that("the other one has all", || other.count().ok() == Some(9));
    // A leg names its call, which this backend was never told of.
    for call in 0..9 {
        let (parent, sid) = (sid(call), sid(100 + call));
        let fields = [
            ("CallSid", sid.as_str()),
            ("ParentCallSid", parent.as_str()),
            ("CallStatus", "in-progress"),
            ("Direction", "outbound-dial"),
            ("To", "+12065550177"),
        ];
        assert_eq!(other.twilio.post("/call-status", &fields).status, 204);
    }
    await_that("all are with a person", || {
        [&one, &other].iter().all(|it| it.count().ok() == Some(0) && with_person(it) == 9)
    });
    one.server.kill();
    for call in 0..9 {
        assert_eq!(other.report(100 + call, "completed"), Some(204));
    }
    assert_eq!(other.count().ok(), Some(9));
    let again = start();
    assert_eq!(again.count().ok(), Some(9));
    for call in 0..9 {
        assert_eq!(again.report(call, "completed"), Some(204));
    }
    await_that("all have hung up", || other.count().ok() == Some(0));
}
