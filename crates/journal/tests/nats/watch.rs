//! What the engine says of the service beside the log: lost streams, old and mixed servers.

use live_users_journal::{Journal, WarningKind, open};
use live_users_testkit::{Nats, NatsLimits, NatsVersion, on_each_nats_version};

use super::{new_name, one, patiently, with_service};

on_each_nats_version! {
    lost_streams_beside_the_log_are_told_and_made_again,
    an_account_without_consumers_is_told,
}

fn warning(journal: &dyn Journal, kind: WarningKind) -> Option<String> {
    let warnings = journal.replication_status().warnings();
    warnings.into_iter().find(|(it, _)| *it == kind).map(|(_, text)| text)
}

fn lost_streams_beside_the_log_are_told_and_made_again(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let mut journal = open(&nats.journal_url(&name)).unwrap();
    let mut lease = journal.lease("lead").unwrap();
    assert!(lease.hold().unwrap());
    let at = journal.append(&one("1")).unwrap();
    journal.snapshots().unwrap().save(at, b"of 1").unwrap();
    let streams = ["leases", "state", "parts"].map(|it| format!("live-users-{name}-{it}"));
    with_service(&nats.address(0), async |service| {
        for stream in &streams {
            service.delete_stream(stream).await.unwrap();
        }
    });
    assert!(lease.hold().is_err(), "its entry is gone");
    let told = patiently(|| warning(&*journal, WarningKind::LostStream));
    assert!(streams.iter().any(|it| told.contains(it)), "{told}");
    patiently(|| lease.hold().ok().filter(|is_held| *is_held));
    patiently(|| warning(&*journal, WarningKind::LostStream).is_none().then_some(()));
    let at = journal.append(&one("2")).unwrap();
    journal.snapshots().unwrap().save(at, b"of 2").unwrap();
    let other = open(&nats.journal_url(&name)).unwrap();
    assert_eq!(other.snapshots().unwrap().load().unwrap(), Some((at, b"of 2".to_vec())));
}

fn an_account_without_consumers_is_told(version: NatsVersion) {
    let more = "accounts { A: { users: [{ user: u, password: p }], \
                jetstream: { max_file: 100MB, max_consumers: 1 } } }\n";
    let limits = NatsLimits { more: more.to_owned(), ..NatsLimits::on(version) };
    let nats = Nats::with(1, limits);
    let url = format!("nats://u:p@{}/{}", nats.address(0), new_name());
    let journals = [open(&url).unwrap(), open(&url).unwrap()];
    // Whichever asks second.
    let told = patiently(|| journals.iter().find_map(|it| warning(&**it, WarningKind::NoConsumer)));
    assert!(told.contains("limit of consumers"), "{told}");
    let [mut a, mut b] = journals;
    assert_eq!(a.append(&one("1")).unwrap().seq, 1);
    assert_eq!(b.append(&one("2")).unwrap().seq, 2);
    patiently(|| (a.position().seq == 2).then_some(()));
}

#[test]
fn servers_of_mixed_versions_are_told_until_they_have_one() {
    let mut nats = Nats::cluster_on(NatsVersion::Packaged);
    let url = nats.journal_url(&new_name());
    let journal = open(&url).unwrap();
    let old = patiently(|| warning(&*journal, WarningKind::OldServers));
    assert!(old.contains("n0 has 2."), "{old}");
    assert_eq!(warning(&*journal, WarningKind::MixedServers), None);
    drop(journal);
    nats.kill(0);
    nats.set_version(0, NatsVersion::Current);
    nats.restart(0);
    let journal = patiently(|| open(&url).ok());
    let mixed = patiently(|| warning(&*journal, WarningKind::MixedServers));
    assert!(mixed.contains("n1 has 2.") && mixed.contains("stop all backends but one"), "{mixed}");
    let reached = warning(&*journal, WarningKind::UnreachableServers);
    assert_eq!(reached, None);
    drop(journal);
    for node in [1, 2] {
        nats.kill(node);
        nats.set_version(node, NatsVersion::Current);
        nats.restart(node);
    }
    nats.kill(0);
    let journal = patiently(|| open(&url).ok());
    let silent = patiently(|| warning(&*journal, WarningKind::UnreachableServers));
    assert!(silent.contains(&nats.address(0)), "{silent}");
    for kind in [WarningKind::OldServers, WarningKind::MixedServers] {
        assert_eq!(warning(&*journal, kind), None);
    }
}
