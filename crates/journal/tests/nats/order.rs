//! The order of the records is that of the service: the same for all, whoever writes and however
//! often a message is stored.

use std::thread;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::{Client, HeaderMap, Message, Subscriber};
use futures_util::StreamExt;
use live_users_journal::{Journal, PageLimit, open};
use live_users_testkit::{Nats, NatsVersion, on_each_nats_version};
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{all, new_name, one, patiently, with_service};

on_each_nats_version! {
    writers_at_once_are_never_refused,
    the_death_of_a_leader_under_load_loses_nothing_acknowledged,
    whatever_is_stored_again_changes_nothing,
    replicas_that_begin_at_other_places_number_alike,
    a_batch_that_comes_back_through_the_log_asks_for_no_answer,
    a_batch_that_no_follower_brings_back_is_in_the_log_all_the_same,
}

/// Each writer appends its batches, of one to three records.
fn write(journals: Vec<Box<dyn Journal>>, batches: usize) -> Vec<Box<dyn Journal>> {
    thread::scope(|scope| {
        let write = |(writer, mut journal): (usize, Box<dyn Journal>)| {
            scope.spawn(move || {
                for n in 0..batches {
                    let records = (0..=n % 3).map(|it| format!("{writer} {n} {it}").into_bytes());
                    journal.append(&records.collect::<Vec<_>>()).unwrap();
                }
                journal
            })
        };
        let threads: Vec<_> = journals.into_iter().enumerate().map(write).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

fn open_all<const N: usize>(url: &str) -> Vec<Box<dyn Journal>> {
    [(); N].map(|()| open(url).unwrap()).into()
}

/// What all of them read, which is the same.
fn read_by_all(journals: &mut [Box<dyn Journal>]) -> Vec<String> {
    let read = |journal: &mut Box<dyn Journal>| {
        journal.refresh().unwrap();
        all(&mut **journal)
    };
    let logs: Vec<_> = journals.iter_mut().map(read).collect();
    assert!(logs.windows(2).all(|pair| pair[0] == pair[1]), "there is one order for all");
    logs[0].clone()
}

/// What was published to the log at each of three servers. To find the end of it, each is given a message
/// of our own that is not stored.
async fn published(nats: &Nats, name: &str, sent: &mut Subscriber) -> Vec<Message> {
    const OURS: &str = "Nats-Expected-Stream";
    let mut published = Vec::new();
    for server in 0..3 {
        let client = async_nats::connect(nats.address(server)).await.unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(OURS, format!("none of server {server}"));
        let mark = || async {
            let (subject, headers) = (format!("live-users.{name}.log.0"), headers.clone());
            client.publish_with_headers(subject, headers, "".into()).await.unwrap();
            client.flush().await.unwrap();
        };
        mark().await;
        loop {
            let Ok(next) = timeout(Duration::from_millis(100), sent.next()).await else {
                // The server did not know yet that somebody listens at another one.
                mark().await;
                continue;
            };
            let message = next.unwrap();
            match message.headers.as_ref().and_then(|it| it.get(OURS)) {
                None => published.push(message),
                Some(of) if Some(of) == headers.get(OURS) => break,
                Some(_of_another) => {}
            }
        }
    }
    published
}

async fn last_number(service: &Context, name: &str) -> u64 {
    let mut log = service.get_stream(format!("live-users-{name}-log")).await.unwrap();
    log.info().await.unwrap().state.last_sequence
}

/// Batches ask for no answer. So whatever is published and is not in the log was refused.
fn writers_at_once_are_never_refused(version: NatsVersion) {
    const BATCHES: usize = 90;
    let (nats, name) = (Nats::cluster_on(version), new_name());
    let url = nats.journal_url(&name);
    let journals = open_all::<3>(&url);
    let mut journals = with_service(&nats.address(0), async |service| {
        let client = async_nats::connect(nats.address(0)).await.unwrap();
        let mut sent = client.subscribe(format!("live-users.{name}.log.>")).await.unwrap();
        client.flush().await.unwrap();
        published(&nats, &name, &mut sent).await;
        let before = last_number(&service, &name).await;
        let writing = spawn_blocking(move || write(journals, BATCHES));
        let journals = writing.await.unwrap();
        let published = published(&nats, &name, &mut sent).await.len() as u64;
        assert!(published >= 3 * BATCHES as u64, "each batch is a message: {published}");
        assert_eq!(last_number(&service, &name).await - before, published);
        journals
    });
    let records = read_by_all(&mut journals);
    assert_eq!(records.len(), 3 * 2 * BATCHES);
    for writer in ["0", "1", "2"] {
        let own = records.iter().filter(|it| it.starts_with(&format!("{writer} ")));
        let expected = (0..BATCHES).flat_map(|n| (0..=n % 3).map(move |it| (n, it)));
        let expected = expected.map(|(n, it)| format!("{writer} {n} {it}"));
        assert!(own.cloned().eq(expected), "in its writer's order, and nothing twice");
    }
    assert_eq!(all(&mut *open(&url).unwrap()), records);
}

fn the_death_of_a_leader_under_load_loses_nothing_acknowledged(version: NatsVersion) {
    const RECORDS: usize = 250;
    let (mut nats, name) = (Nats::cluster_on(version), new_name());
    let url = nats.journal_url(&name);
    let leader = nats.leader_of(&{
        open(&url).unwrap();
        format!("live-users-{name}-log")
    });
    let acknowledged = Mutex::new(Vec::new());
    let mut journals: Vec<_> = thread::scope(|scope| {
        let write = |writer: usize| {
            let (acknowledged, mut journal) = (&acknowledged, open(&url).unwrap());
            scope.spawn(move || {
                for n in 0..RECORDS {
                    let text = format!("{writer} {n}");
                    while journal.append(&one(&text)).is_err() {
                        patiently(|| journal.recover().ok());
                    }
                    acknowledged.lock().push(text);
                }
                journal
            })
        };
        let threads = [0, 1, 2].map(write);
        patiently(|| (acknowledged.lock().len() > 100).then_some(()));
        nats.kill(leader);
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    nats.restart(leader);
    let records = read_by_all(&mut journals);
    let mut last = [None; 3];
    for record in &records {
        let (writer, n) = record.split_once(' ').unwrap();
        let (writer, n) = (writer.parse::<usize>().unwrap(), n.parse::<usize>().unwrap());
        // What failed was appended once more, and it may have been there.
        assert!(last[writer] == n.checked_sub(1) || last[writer] == Some(n), "{record}");
        last[writer] = Some(n);
    }
    assert_eq!(last, [Some(RECORDS - 1); 3]);
    assert_eq!(all(&mut *open(&url).unwrap()), records);
}

/// Stores messages of the log once more.
async fn repeat(client: &Client, name: &str, numbers: &[u64]) {
    let service = async_nats::jetstream::new(client.clone());
    let log = service.get_stream(format!("live-users-{name}-log")).await.unwrap();
    for number in numbers {
        let message = log.get_raw_message(*number).await.unwrap();
        service.publish(message.subject, message.payload).await.unwrap().await.unwrap();
    }
}

fn whatever_is_stored_again_changes_nothing(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let mut journals = write(open_all::<3>(&url), 9);
    let records = read_by_all(&mut journals);
    with_service(&nats.address(0), async |_| {
        let client = async_nats::connect(nats.address(0)).await.unwrap();
        repeat(&client, &name, &(1..=27).rev().collect::<Vec<_>>()).await;
        repeat(&client, &name, &[1, 40, 54, 27, 27]).await;
    });
    assert_eq!(read_by_all(&mut journals), records);
    let more = write(journals, 3).into_iter().chain([open(&url).unwrap()]);
    let more = read_by_all(&mut more.collect::<Vec<_>>());
    assert_eq!(more[..records.len()], records);
    assert_eq!(more.len(), records.len() + 3 * 6);
}

fn replicas_that_begin_at_other_places_number_alike(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let mut journals = write(open_all::<3>(&url), 40);
    // Longer than what is read to begin at the end.
    for round in 0..6 {
        let writers = [open(&url).unwrap(), journals.pop().unwrap(), open(&url).unwrap()];
        journals.extend(write(writers.into(), 120));
        with_service(&nats.address(0), async |_| {
            let client = async_nats::connect(nats.address(0)).await.unwrap();
            let numbers: Vec<u64> = (1..60).map(|n| 50 + n * (round + 1)).collect();
            repeat(&client, &name, &numbers).await;
        });
        journals.truncate(4);
        journals.push(open(&url).unwrap());
    }
    let records = read_by_all(&mut journals);
    let limit = PageLimit { records_max: 3, ..PageLimit::default() };
    let read_some = |journal: &mut dyn Journal| {
        let (first, last) = (journal.first_seq(), journal.position().seq);
        assert_eq!(last, records.len() as u64);
        for part in [0, 7, 3, 9, 5, 1, 10] {
            let seq = first + (last - first) * part / 10;
            for record in journal.read(seq, limit).unwrap() {
                let expected = &records[usize::try_from(record.seq).unwrap() - 1];
                assert_eq!(String::from_utf8(record.bytes).unwrap(), *expected, "{}", record.seq);
            }
        }
    };
    let mut late = open(&url).unwrap();
    read_some(&mut *late);
    late.snapshots().unwrap().save(late.position(), b"all").unwrap();
    for first in [500, 1_999, 2_000, 4_000] {
        while late.trim(first).unwrap() < first {}
        let mut later = open(&url).unwrap();
        assert_eq!(later.first_seq(), first);
        read_some(&mut *later);
        let last = later.position().seq;
        assert_eq!(read_by_all(&mut [later]).len() as u64, last + 1 - first);
    }
    let end = write(vec![late, open(&url).unwrap()], 2);
    assert!(end.iter().any(|it| it.position().seq == records.len() as u64 + 6));
}

fn a_batch_that_comes_back_through_the_log_asks_for_no_answer(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let mut journal = open(&nats.journal_url(&name)).unwrap();
    let appended = with_service(&nats.address(0), async |_| {
        let client = async_nats::connect(nats.address(0)).await.unwrap();
        let mut sent = client.subscribe(format!("live-users.{name}.log.>")).await.unwrap();
        client.flush().await.unwrap();
        let mut appended = 0;
        loop {
            journal.append(&one("x")).unwrap();
            appended += 1;
            // The first ones are asked about, until the follower has delivered something.
            if sent.next().await.unwrap().reply.is_none() {
                return appended;
            }
            assert!(appended < 1_000, "each batch asks for an answer");
        }
    });
    assert!(journal.position().seq == appended && all(&mut *journal).len() as u64 == appended);
}

fn a_batch_that_no_follower_brings_back_is_in_the_log_all_the_same(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let mut journal = open(&nats.journal_url(&name)).unwrap();
    for n in 0..12_u32 {
        if n % 4 == 3 {
            with_service(&nats.address(0), async |service| {
                let log = service.get_stream(format!("live-users-{name}-log")).await.unwrap();
                let mut followers = log.consumer_names();
                while let Some(follower) = followers.next().await {
                    log.delete_consumer(&follower.unwrap()).await.unwrap();
                }
            });
        }
        assert_eq!(journal.append(&one(&n.to_string())).unwrap().seq, u64::from(n) + 1);
    }
    let records = all(&mut *journal);
    assert!(records.iter().eq(&(0..12).map(|n| n.to_string()).collect::<Vec<_>>()));
    assert_eq!(all(&mut *open(&nats.journal_url(&name)).unwrap()), records);
}
