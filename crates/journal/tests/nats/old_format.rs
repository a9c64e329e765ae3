//! Journals of versions before format 2: they are read, and go on.

use async_nats::jetstream::stream::Config;
use live_users_journal::{open, pack_old_nats_log};
use live_users_testkit::{Nats, NatsVersion, on_each_nats_version};

use super::{all, new_name, one, with_service};

on_each_nats_version! {
    an_old_log_goes_on_where_it_ended,
}

fn an_old_log_goes_on_where_it_ended(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let batches: Vec<_> = (1..=40).map(|n| [one(&format!("old {n}")), one("x")].concat()).collect();
    with_service(&nats.address(0), async |service| {
        let subject = format!("live-users.{name}.log.0000000000000007");
        let description =
            "Live Users journal, format 1, epoch 0000000000000007; see docs/JOURNAL.md";
        let config = Config {
            name: format!("live-users-{name}-log"),
            description: Some(description.into()),
            subjects: vec![subject.clone()],
            allow_direct: true,
            ..Config::default()
        };
        service.create_stream(config).await.unwrap();
        let messages = pack_old_nats_log(&batches);
        // One of them is there twice, as it was when an acknowledgement was lost.
        for message in messages[..30].iter().chain(&messages[29..]) {
            service.publish(subject.clone(), message.clone()).await.unwrap().await.unwrap();
        }
    });
    // What was made to follow message 30 lies behind message 31, and so does not count.
    let mut expected: Vec<_> = (1..=30).flat_map(|n| [format!("old {n}"), "x".into()]).collect();
    let url = nats.journal_url(&name);
    let mut journal = open(&url).unwrap();
    assert_eq!((journal.position().epoch, journal.position().seq), (7, 60));
    assert_eq!(all(&mut *journal), expected);
    let mut other = open(&url).unwrap();
    for n in 1..=5 {
        assert_eq!(journal.append(&one(&format!("new {n}"))).unwrap().seq, 59 + 2 * n);
        assert_eq!(other.append(&one("y")).unwrap().seq, 60 + 2 * n);
        expected.extend([format!("new {n}"), "y".into()]);
    }
    for journal in [&mut journal, &mut other, &mut open(&url).unwrap()] {
        journal.refresh().unwrap();
        assert_eq!(all(&mut **journal), expected);
    }
    journal.snapshots().unwrap().save(journal.position(), b"all").unwrap();
    for first in [50, 63, 71] {
        assert_eq!(journal.trim(first).unwrap(), first);
        let mut late = open(&url).unwrap();
        assert_eq!((late.first_seq(), late.position().seq), (first, 70));
        assert_eq!(all(&mut *late), expected[usize::try_from(first).unwrap() - 1..]);
    }
}
