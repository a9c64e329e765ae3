//! Services that cannot keep a journal: the error says what to do, and repeats no secret.

use std::net::TcpListener;

use live_users_journal::{JournalError, open};
use live_users_testkit::{Nats, NatsLimits};

use super::with_service;

pub(super) fn refusal(url: &str) -> JournalError {
    match open(url) {
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("JOURNAL_URL") && !message.contains("hunter2"), "{message}");
            error
        }
        Ok(_) => panic!("{url} cannot be opened"),
    }
}

#[test]
fn a_service_that_is_not_there_is_not_waited_for_for_ever() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = refusal(&format!("nats://user:hunter2@127.0.0.1:{port}/x"));
    assert!(matches!(error, JournalError::Unreachable { .. }), "{error}");
}

#[test]
fn a_password_is_needed_where_the_service_asks_for_one() {
    let limits = NatsLimits { login: Some(("user", "right")), ..NatsLimits::default() };
    let nats = Nats::with(1, limits);
    let server = nats.address(0);
    for login in ["user:hunter2@", "hunter2@", ""] {
        let error = refusal(&format!("nats://{login}{server}/x"));
        assert!(matches!(error, JournalError::Unsuitable { .. }), "{login}: {error}");
    }
    open(&format!("nats://user:right@{server}/x")).unwrap();
}

#[test]
fn credentials_that_cannot_be_read_are_named() {
    let error = refusal("nats://127.0.0.1:1/x?credentials=/no/such/file");
    assert!(error.to_string().contains("/no/such/file"), "{error}");
}

#[test]
fn a_service_that_keeps_nothing_is_refused() {
    let nats = Nats::with(1, NatsLimits { keeps_nothing: true, ..NatsLimits::default() });
    let error = refusal(&nats.journal_url("x"));
    assert!(error.to_string().contains("JetStream is not enabled"), "{error}");
}

#[test]
fn a_service_that_takes_only_small_messages_is_refused() {
    let nats = Nats::with(1, NatsLimits { payload: Some(100_000), ..NatsLimits::default() });
    let error = refusal(&nats.journal_url("x"));
    assert!(error.to_string().contains("max_payload"), "{error}");
}

#[test]
fn a_stream_of_somebody_else_is_left_alone() {
    let nats = Nats::alone();
    with_service(&nats.address(0), async |service| {
        service.create_stream("live-users-x-log").await.unwrap();
    });
    let error = refusal(&nats.journal_url("x"));
    assert!(error.to_string().contains("not a journal"), "{error}");
}

#[test]
fn more_replicas_than_there_are_servers_are_refused() {
    let nats = Nats::alone();
    let error = refusal(&format!("{}?replicas=3", nats.journal_url("x")));
    assert!(error.to_string().contains("replicas=1"), "{error}");
}
