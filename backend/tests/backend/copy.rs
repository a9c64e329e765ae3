//! A journal moves from a disk to a NATS service and back, with the real command.

use std::path::Path;

use live_users_testkit::{Nats, NatsVersion, exit_of};

use crate::{BINARY, start};

/// Runs `journal copy`: whether it succeeded, and all that it said.
fn copy(options: &[&str], from: &str, to: &str) -> (bool, String) {
    let args = [&["journal", "copy", "--from", from, "--to", to], options].concat();
    let ended = exit_of(BINARY, &args, &[]);
    let told = [ended.stdout, ended.stderr].concat();
    (ended.status.success(), String::from_utf8(told).expect("text"))
}

fn url_of(folder: &Path) -> String {
    format!("file:{}", folder.display())
}

#[test]
fn a_journal_moves_into_a_service_and_back_and_several_backends_count_on_it_meanwhile() {
    let nats = Nats::alone();
    let [old, backup, back] = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let [old, backup, back] = [&old, &backup, &back].map(|folder| url_of(folder.path()));
    let shared = nats.journal_url("copied");

    let (server, twilio) = start(&[("JOURNAL_URL", &old)]);
    (1..=3).for_each(|call| drop(twilio.start(call)));
    twilio.end(3);
    assert!(server.terminate().0.success());
    let (copied, told) = copy(&[], &old, &shared);
    assert!(copied && told.contains("2 users on 2 calls; it is at record 1 of log"), "{told}");
    let (copied, told) = copy(&[], &old, &shared);
    assert!(!copied && told.contains("is not empty, it is at record 1"), "{told}");

    let (mut a, at_a) = start(&[("JOURNAL_URL", &shared), ("RUST_LOG", "debug")]);
    a.await_log("this replica leads");
    let (b, at_b) = start(&[("JOURNAL_URL", &shared)]);
    assert_eq!(at_b.count(), r#"{"liveUsers":2}"#);
    // A late webhook of a call that was over before does not revive it.
    at_b.start(3);
    at_b.start(4);
    assert_eq!(at_b.count(), r#"{"liveUsers":3}"#);
    let (copied, told) = copy(&[], &shared, &back);
    assert!(!copied && told.contains("in use"), "{told}");
    let (copied, told) = copy(&["--in-use"], &shared, &backup);
    assert!(copied && told.contains("3 users on 3 calls"), "{told}");
    at_a.end(4);
    assert!(a.terminate().0.success() && b.terminate().0.success());

    let (copied, told) = copy(&[], &shared, &back);
    assert!(copied && told.contains("2 users on 2 calls"), "{told}");
    for (journal, count) in [(&back, r#"{"liveUsers":2}"#), (&backup, r#"{"liveUsers":3}"#)] {
        let (_server, twilio) = start(&[("JOURNAL_URL", journal)]);
        twilio.start(3);
        assert_eq!(twilio.count(), count);
    }
}

/// The way back of an upgrade, as docs/SCALING.md has it.
#[test]
fn a_journal_moves_to_older_servers_and_to_newer_ones() {
    let services = [NatsVersion::Current, NatsVersion::Packaged].map(Nats::alone_on);
    let [newer, older] = services.each_ref().map(|it| it.journal_url("live"));
    let (server, twilio) = start(&[("JOURNAL_URL", &newer)]);
    (1..=2).for_each(|call| drop(twilio.start(call)));
    assert!(server.terminate().0.success());
    let (copied, told) = copy(&[], &newer, &older);
    assert!(copied && told.contains("2 users on 2 calls"), "{told}");
    let (server, twilio) = start(&[("JOURNAL_URL", &older)]);
    twilio.start(3);
    assert_eq!(twilio.count(), r#"{"liveUsers":3}"#);
    assert!(server.terminate().0.success());
    let (copied, told) = copy(&[], &older, &services[0].journal_url("again"));
    assert!(copied && told.contains("3 users on 3 calls"), "{told}");
}

#[test]
fn a_service_that_is_not_there_is_named_without_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    // A port that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let (server, _) = start(&[("JOURNAL_URL", &url_of(folder.path()))]);
    assert!(server.terminate().0.success());
    let to = format!("nats://user:hunter2@127.0.0.1:{port}/copied");
    let (copied, told) = copy(&[], &url_of(folder.path()), &to);
    assert!(!copied && told.contains("--to: ") && !told.contains("hunter2"), "{told}");
}
