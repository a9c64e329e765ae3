//! Accounts with limits, and logs with a size of their own.

use live_users_journal::{JournalError, RECORD_BYTES_MAX, open};
use live_users_testkit::{Nats, NatsLimits, NatsVersion, on_each_nats_version};

use super::refusal::refusal;
use super::{all, new_name, one, with_service};

on_each_nats_version! {
    an_account_that_asks_for_sizes_gets_them,
    the_limits_of_an_account_are_named,
    a_log_that_has_reached_its_size_goes_on_when_it_is_raised,
}

/// A server with one account, which has these limits of JetStream.
fn service(version: NatsVersion, limits: &str) -> Nats {
    let more = format!(
        "accounts {{ A: {{ users: [{{ user: u, password: p }}], jetstream: {{ {limits} }} }} }}\n"
    );
    Nats::with(1, NatsLimits { more, ..NatsLimits::on(version) })
}

fn url(nats: &Nats, parameters: &str) -> String {
    format!("nats://u:p@{}/{}{parameters}", nats.address(0), new_name())
}

fn an_account_that_asks_for_sizes_gets_them(version: NatsVersion) {
    let nats = service(version, "max_file: 100MB, max_bytes_required: true");
    let error = refusal(&url(&nats, ""));
    assert!(matches!(error, JournalError::Unsuitable { .. }), "{error}");
    assert!(error.to_string().contains("add ?max_bytes="), "{error}");
    let url = url(&nats, "?max_bytes=64MiB");
    let mut journal = open(&url).unwrap();
    let at = journal.append(&one("1")).unwrap();
    journal.snapshots().unwrap().save(at, &[7; 1_000_000]).unwrap();
    assert_eq!(all(&mut *open(&url).unwrap()), ["1"]);
}

fn the_limits_of_an_account_are_named(version: NatsVersion) {
    let few = service(version, "max_file: 100MB, max_streams: 4");
    open(&url(&few, "")).unwrap();
    let error = refusal(&url(&few, ""));
    assert!(error.to_string().contains("a journal has four streams"), "{error}");
    let small = service(version, "max_file: 100MB");
    let error = refusal(&url(&small, "?max_bytes=1GiB"));
    assert!(matches!(error, JournalError::ServiceFull { .. }), "{error}");
    assert!(error.to_string().contains("max_bytes"), "{error}");
}

fn a_log_that_has_reached_its_size_goes_on_when_it_is_raised(version: NatsVersion) {
    let nats = Nats::alone_on(version);
    let name = new_name();
    let mut journal = open(&format!("{}?max_bytes=16MiB", nats.journal_url(&name))).unwrap();
    let large = vec![vec![b'x'; RECORD_BYTES_MAX]];
    let error = loop {
        match journal.append(&large) {
            Ok(at) => assert!(at.seq < 1_000, "it takes more than its size"),
            Err(error) => break error,
        }
    };
    let kept = journal.position().seq;
    assert!(matches!(error, JournalError::ServiceFull { .. }), "{error}");
    assert!(error.to_string().contains("nats stream edit"), "{error}");
    with_service(&nats.address(0), async |service| {
        let log = service.get_stream(format!("live-users-{name}-log")).await.unwrap();
        let mut config = log.cached_info().config.clone();
        config.max_bytes *= 2;
        service.update_stream(config).await.unwrap();
    });
    journal.recover().unwrap();
    assert_eq!(journal.append(&large).unwrap().seq, kept + 1);
}
