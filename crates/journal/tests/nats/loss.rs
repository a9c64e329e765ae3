//! What is lost or damaged: noticed and reported, and never taken for something else.

use async_nats::jetstream::stream;
use live_users_journal::{JournalError, PageLimit, Position, open};
use live_users_testkit::{Nats, NatsVersion, on_each_nats_version};

use super::{all, new_name, one, patiently, with_service};

on_each_nats_version! {
    a_log_that_was_wiped_is_another_one,
    a_snapshot_without_its_parts_is_named_as_damaged,
    records_that_only_a_lost_snapshot_had_are_missed_when_it_is_opened,
    what_is_stored_twice_or_late_counts_once,
    a_message_that_nobody_here_wrote_is_named_as_damaged,
    a_log_that_lost_what_was_acknowledged_is_named_as_damaged,
    a_log_that_lost_its_end_and_went_on_is_named_as_damaged,
    a_newer_format_is_left_alone,
}

fn a_log_that_was_wiped_is_another_one(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let mut journal = open(&nats.journal_url(&name)).unwrap();
    let mut other = open(&nats.journal_url(&name)).unwrap();
    let was = journal.append(&one("1")).unwrap();
    journal.snapshots().unwrap().save(was, b"of the old one").unwrap();
    other.refresh().unwrap();
    with_service(&nats.address(0), async |service| {
        service.delete_stream(format!("live-users-{name}-log")).await.unwrap();
    });
    assert!(journal.append(&one("2")).is_err(), "there is nothing to append to");
    let error = journal.recover().unwrap_err();
    let JournalError::Replaced { was: before, is } = error else { panic!("{error}") };
    assert_eq!(before, was.epoch);
    assert_eq!(journal.position(), Position { epoch: is, seq: 0 });
    assert_eq!(journal.snapshots().unwrap().load().unwrap(), None, "it was of the other one");
    assert_eq!(journal.append(&one("new 1")).unwrap(), Position { epoch: is, seq: 1 });
    // The other one has known as many records, and is not deceived.
    patiently(|| other.replication_status().trouble());
    let error = other.append(&one("3")).unwrap_err();
    assert!(matches!(error, JournalError::Replaced { .. }), "{error}");
    let error = other.refresh().unwrap_err();
    assert!(matches!(error, JournalError::Replaced { .. }), "{error}");
    assert_eq!(other.position(), journal.position());
    assert_eq!(other.append(&one("new 2")).unwrap().seq, 2);
    journal.refresh().unwrap();
    assert_eq!(all(&mut *journal), ["new 1", "new 2"]);
}

fn a_snapshot_without_its_parts_is_named_as_damaged(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let mut journal = open(&nats.journal_url(&name)).unwrap();
    let at = journal.append(&one("1")).unwrap();
    let mut snapshots = journal.snapshots().unwrap();
    snapshots.save(at, &[7; 1_000_000]).unwrap();
    with_service(&nats.address(0), async |service| {
        let parts = service.get_stream(format!("live-users-{name}-parts")).await.unwrap();
        parts.purge().keep(2).await.unwrap();
    });
    let error = snapshots.load().unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert_eq!(all(&mut *journal), ["1"], "nothing was trimmed: the records say it all");
    snapshots.save(at, b"again").unwrap();
    assert_eq!(snapshots.load().unwrap(), Some((at, b"again".to_vec())));
}

fn records_that_only_a_lost_snapshot_had_are_missed_when_it_is_opened(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let mut journal = open(&url).unwrap();
    for text in ["1", "2", "3"] {
        journal.append(&one(text)).unwrap();
    }
    journal.snapshots().unwrap().save(journal.position(), b"3").unwrap();
    assert_eq!(journal.trim(3).unwrap(), 3);
    drop(journal);
    assert_eq!(open(&url).unwrap().first_seq(), 3);
    with_service(&nats.address(0), async |service| {
        service.delete_stream(format!("live-users-{name}-state")).await.unwrap();
    });
    let Err(error) = open(&url) else { panic!("what was in the snapshot is missing") };
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
}

fn what_is_stored_twice_or_late_counts_once(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let mut journal = open(&url).unwrap();
    journal.append(&one("1")).unwrap();
    journal.append(&one("2")).unwrap();
    // As if the server had let the first message through again.
    with_service(&nats.address(0), async |service| {
        let log = service.get_stream(format!("live-users-{name}-log")).await.unwrap();
        let first = log.get_raw_message(1).await.unwrap();
        service.publish(first.subject, first.payload).await.unwrap().await.unwrap();
    });
    assert_eq!(journal.refresh().unwrap().seq, 2);
    let mut late = open(&url).unwrap();
    assert_eq!(late.position().seq, 2);
    assert_eq!(late.append(&one("3")).unwrap().seq, 3);
    journal.refresh().unwrap();
    for journal in [&mut journal, &mut late, &mut open(&url).unwrap()] {
        assert_eq!(all(&mut **journal), ["1", "2", "3"]);
    }
    journal.snapshots().unwrap().save(journal.position(), b"3").unwrap();
    assert_eq!(journal.trim(4).unwrap(), 4);
    assert_eq!(open(&url).unwrap().position().seq, 3);
}

fn a_message_that_nobody_here_wrote_is_named_as_damaged(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let mut journal = open(&url).unwrap();
    journal.append(&one("1")).unwrap();
    with_service(&nats.address(0), async |service| {
        let log = service.get_stream(format!("live-users-{name}-log")).await.unwrap();
        let subject = log.get_raw_message(1).await.unwrap().subject;
        service.publish(subject, "garbage".into()).await.unwrap().await.unwrap();
    });
    let refused = |error: JournalError| {
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    };
    refused(journal.refresh().unwrap_err());
    refused(journal.append(&one("2")).unwrap_err());
    refused(journal.recover().unwrap_err());
    assert_eq!(journal.read(1, PageLimit::default()).unwrap().len(), 1, "what is known stays");
    let Err(error) = open(&url) else { panic!("the end of the log is not known") };
    refused(error);
}

fn a_log_that_lost_what_was_acknowledged_is_named_as_damaged(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let mut journal = open(&nats.journal_url(&name)).unwrap();
    for text in ["1", "2", "3"] {
        journal.append(&one(text)).unwrap();
    }
    with_service(&nats.address(0), async |service| {
        let log = service.get_stream(format!("live-users-{name}-log")).await.unwrap();
        log.delete_message(3).await.unwrap();
    });
    let error = journal.recover().unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("record 3"), "{error}");
}

fn a_log_that_lost_its_end_and_went_on_is_named_as_damaged(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let mut journal = open(&url).unwrap();
    for text in ["1", "2", "3"] {
        journal.append(&one(text)).unwrap();
    }
    // As if the service had forgotten the last message.
    with_service(&nats.address(0), async |service| {
        let stream = format!("live-users-{name}-log");
        let log = service.get_stream(&stream).await.unwrap();
        let kept = [log.get_raw_message(1).await.unwrap(), log.get_raw_message(2).await.unwrap()];
        let config = log.cached_info().config.clone();
        service.delete_stream(&stream).await.unwrap();
        service.create_stream(config).await.unwrap();
        for message in kept {
            service.publish(message.subject, message.payload).await.unwrap().await.unwrap();
        }
    });
    let mut other = open(&url).unwrap();
    assert_eq!(other.position().seq, 2, "nobody else knows what is lost");
    for text in ["3 again", "4"] {
        other.append(&one(text)).unwrap();
    }
    let error = patiently(|| match journal.refresh() {
        Err(JournalError::Unreachable { .. }) | Ok(_) => None,
        Err(error) => Some(error),
    });
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    let error = journal.append(&one("5")).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert_eq!(other.append(&one("5")).unwrap().seq, 5);
    assert_eq!(all(&mut *open(&url).unwrap()), ["1", "2", "3 again", "4", "5"]);
}

fn a_newer_format_is_left_alone(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    with_service(&nats.address(0), async |service| {
        let config = stream::Config {
            name: format!("live-users-{name}-log"),
            description: Some("Live Users journal, format 3, epoch 0000000000000007; x".into()),
            ..stream::Config::default()
        };
        service.create_stream(config).await.unwrap();
    });
    let Err(error) = open(&nats.journal_url(&name)) else { panic!("it is of a newer version") };
    assert!(matches!(error, JournalError::NewerFormat { found: 3, known: 2, .. }), "{error}");
}
