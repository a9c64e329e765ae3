//! Snapshots in parts at a service, and those of the version before.

use live_users_journal::{JournalError, Part, open};
use live_users_testkit::{Nats, NatsVersion, on_each_nats_version};

use super::{new_name, one, patiently, with_service};

on_each_nats_version! {
    parts_that_stay_are_not_stored_again_and_all_others_are_removed,
    a_snapshot_of_the_version_before_is_read_and_replaced,
}

fn part(name: &str, byte: u8, bytes: usize) -> Part {
    Part { name: name.to_owned(), bytes: vec![byte; bytes] }
}

fn parts_that_stay_are_not_stored_again_and_all_others_are_removed(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let messages = || {
        with_service(&nats.address(0), async |service| {
            let parts = service.get_stream(format!("live-users-{name}-parts")).await.unwrap();
            parts.cached_info().state.messages
        })
    };
    let parts = |version| [part("hour", 9, 600_000), part("main", version, 300_000)];
    let (mut near, far) = (open(&url).unwrap(), open(&url).unwrap());
    let mut at = near.append(&one("1")).unwrap();
    near.snapshots().unwrap().save(at, &[7; 600_000]).unwrap();
    assert_eq!(messages(), 3);
    for version in 1..=4 {
        at = near.append(&one("next")).unwrap();
        let saver = if version % 2 == 0 { &far } else { &near };
        patiently(|| (saver.position() == at).then_some(()));
        let mut snapshots = saver.snapshots().unwrap();
        let saved = snapshots.save_parts(at, &mut parts(version).into_iter()).unwrap();
        let written = if version == 1 { 900_000 } else { 300_000 };
        assert_eq!((saved.bytes, saved.written), (900_000, written));
        assert_eq!(messages(), 5, "what no snapshot names is removed");
    }
    let loaded = far.snapshots().unwrap().load_parts().unwrap();
    assert!(loaded == Some((at, parts(4).to_vec())));
    // A part that lost a message is stored anew, and named as damaged until then.
    with_service(&nats.address(0), async |service| {
        let parts = service.get_stream(format!("live-users-{name}-parts")).await.unwrap();
        let first = parts.cached_info().state.first_sequence;
        parts.delete_message(first).await.unwrap();
    });
    let error = near.snapshots().unwrap().load_parts().unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    let saved = near.snapshots().unwrap().save_parts(at, &mut parts(4).into_iter()).unwrap();
    assert_eq!(saved.written, 600_000);
    assert!(near.snapshots().unwrap().load_parts().unwrap() == Some((at, parts(4).to_vec())));
    assert_eq!(messages(), 5);
}

fn a_snapshot_of_the_version_before_is_read_and_replaced(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let mut journal = open(&nats.journal_url(&name)).unwrap();
    let at = journal.append(&one("1")).unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let mut hasher = crc32fast::Hasher::new();
    [at.epoch, at.seq].iter().for_each(|number| hasher.update(&number.to_le_bytes()));
    hasher.update(&bytes);
    let crc = hasher.finalize();
    // As version 0.1.0 has stored it.
    with_service(&nats.address(0), async |service| {
        let id = format!("{:016x}-{}-{:016x}", at.epoch, at.seq, 7);
        let mut stored = Vec::new();
        for block in bytes.chunks(256 * 1024) {
            let subject = format!("live-users.{name}.parts.{id}");
            let ack = service.publish(subject, block.to_vec().into()).await.unwrap();
            stored.push(ack.await.unwrap().sequence);
        }
        let manifest = format!(
            r#"{{"format":1,"seq":1,"id":"{id}","parts":{stored:?},"length":300000,"crc":{crc}}}"#
        );
        let subject = format!("live-users.{name}.state.{:016x}.snapshot", at.epoch);
        service.publish(subject, manifest.into()).await.unwrap().await.unwrap();
    });
    let mut snapshots = journal.snapshots().unwrap();
    assert!(snapshots.load_parts().unwrap() == Some((at, vec![Part::whole(bytes.clone())])));
    // The same bytes under the same name: they are written all the same, as the old list has none.
    let saved = snapshots.save_parts(at, &mut [Part::whole(bytes.clone())].into_iter()).unwrap();
    assert_eq!(saved.written, 300_000);
    assert!(snapshots.load_parts().unwrap() == Some((at, vec![Part::whole(bytes)])));
    with_service(&nats.address(0), async |service| {
        let parts = service.get_stream(format!("live-users-{name}-parts")).await.unwrap();
        assert_eq!(parts.cached_info().state.messages, 2, "the old ones are removed");
    });
    // What a later version stores is left alone.
    with_service(&nats.address(0), async |service| {
        let subject = format!("live-users.{name}.state.{:016x}.snapshot", at.epoch);
        service.publish(subject, r#"{"format":3}"#.into()).await.unwrap().await.unwrap();
    });
    for error in [snapshots.load_parts().unwrap_err(), snapshots.save(at, b"state").unwrap_err()] {
        assert!(matches!(error, JournalError::NewerFormat { found: 3, known: 2, .. }), "{error}");
    }
}
