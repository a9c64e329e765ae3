//! Replicas of one log: what they receive from each other, and which time they have.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use live_users_journal::{LEASE_MS, PageLimit, Position, open, open_with_clock};
use live_users_testkit::{Nats, NatsVersion, Relay, on_each_nats_version};

use super::{all, new_name, one, patiently};

const HOUR_MS: i64 = 3_600_000;

on_each_nats_version! {
    a_replica_receives_by_itself_what_another_one_appends,
    a_replica_whose_clock_is_wrong_has_the_time_of_the_log,
    a_clock_that_is_set_stops_no_append,
    a_lease_that_is_not_renewed_ends_by_itself,
    a_replica_that_was_away_while_the_log_was_trimmed_goes_on_at_its_end,
    what_is_not_at_hand_any_more_is_fetched,
    large_snapshots_of_two_savers_leave_the_newer_one_and_nothing_else,
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    since.as_millis().try_into().expect("it fits")
}

fn a_replica_receives_by_itself_what_another_one_appends(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let (mut a, mut b) = (open(&url).unwrap(), open(&url).unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    b.replication_status().on_append(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    for n in 1..=20 {
        a.append(&one(&n.to_string())).unwrap();
    }
    patiently(|| (b.position().seq == 20 && calls.load(Ordering::Relaxed) > 0).then_some(()));
    assert_eq!(all(&mut *b).len(), 20);
    let asked = Instant::now();
    patiently(|| (b.replication_status().age() < asked.elapsed()).then_some(()));
}

fn a_replica_whose_clock_is_wrong_has_the_time_of_the_log(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    for ahead_ms in [-HOUR_MS, HOUR_MS] {
        let clock = move || now_ms().saturating_add_signed(ahead_ms);
        let mut journal = open_with_clock(&url, clock).unwrap();
        let is_right = |it: u64| it.abs_diff(now_ms()) < HOUR_MS.unsigned_abs() / 2;
        assert!(
            is_right(journal.replication_status().log_time_ms(clock())),
            "before anything was appended"
        );
        let seq = journal.append(&one("x")).unwrap().seq;
        let record = journal.read(seq, PageLimit::default()).unwrap().remove(0);
        assert!(is_right(record.at_ms.unwrap()));
        assert!(is_right(journal.replication_status().log_time_ms(clock())));
    }
}

fn a_clock_that_is_set_stops_no_append(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let ahead_ms = Arc::new(AtomicI64::new(0));
    let set = ahead_ms.clone();
    let clock = move || now_ms().saturating_add_signed(ahead_ms.load(Ordering::Relaxed));
    let mut journal = open_with_clock(&nats.journal_url(&name), clock).unwrap();
    for (n, ahead_ms) in [0, -HOUR_MS, 0, HOUR_MS, 2 * HOUR_MS, -HOUR_MS].into_iter().enumerate() {
        set.store(ahead_ms, Ordering::Relaxed);
        // A machine that stands still for a second may need a second attempt.
        patiently(|| {
            if journal.append(&one(&n.to_string())).is_ok() {
                return Some(());
            }
            journal.recover().unwrap();
            None
        });
    }
    assert_eq!(all(&mut *journal), ["0", "1", "2", "3", "4", "5"]);
}

fn a_lease_that_is_not_renewed_ends_by_itself(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let (a, b) = (open(&url).unwrap(), open(&url).unwrap());
    let (mut of_a, mut of_b) = (a.lease("referee").unwrap(), b.lease("referee").unwrap());
    let taken = Instant::now();
    assert!(of_a.hold().unwrap());
    patiently(|| of_b.hold().unwrap().then_some(()));
    assert!(taken.elapsed() >= Duration::from_millis(LEASE_MS), "not before its time is over");
    assert!(!of_a.hold().unwrap());
}

fn a_replica_that_was_away_while_the_log_was_trimmed_goes_on_at_its_end(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let relay = Relay::start(&nats.address(0));
    let mut near = open(&nats.journal_url(&name)).unwrap();
    let mut far = open(&format!("nats://{}/{name}", relay.address)).unwrap();
    near.append(&one("1")).unwrap();
    assert_eq!(far.refresh().unwrap().seq, 1);
    relay.cut(true);
    for n in 2..=30 {
        near.append(&one(&n.to_string())).unwrap();
    }
    near.snapshots().unwrap().save(near.position(), b"30").unwrap();
    assert_eq!(near.trim(29).unwrap(), 29);
    relay.cut(false);
    patiently(|| (far.position().seq == 30 && far.first_seq() == 29).then_some(()));
    assert!(far.read(2, PageLimit::default()).is_err(), "it has to begin with the snapshot");
    assert_eq!(far.snapshots().unwrap().load().unwrap().unwrap().1, b"30");
    assert_eq!(all(&mut *far), ["29", "30"]);
    far.append(&one("31")).unwrap();
}

fn what_is_not_at_hand_any_more_is_fetched(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let mut journal = open(&url).unwrap();
    for n in 0..150_u32 {
        let batch: Vec<Vec<u8>> = (0..n % 4 + 1)
            .map(|it| {
                [n, it]
                    .repeat(6_000 + n as usize * 90)
                    .iter()
                    .flat_map(|it| it.to_le_bytes())
                    .collect()
            })
            .collect();
        journal.append(&batch).unwrap();
    }
    let last = journal.position().seq;
    let mut late = open(&url).unwrap();
    let mut reader = late.reader().unwrap();
    let limit = PageLimit { records_max: 7, bytes_max: 300_000 };
    let (mut next, mut batches) = (1, 0);
    while next <= last {
        let page = reader.read(next, limit).unwrap();
        assert!(!page.is_empty() && page.len() <= 7);
        for record in page {
            assert_eq!(record.seq, next);
            batches += u32::from(record.bytes[4..8] == [0; 4]);
            assert_eq!(record.bytes[..4], (batches - 1).to_le_bytes());
            next += 1;
        }
    }
    assert_eq!(batches, 150);
    for wanted in [1, last / 3, last / 2, last - 1, last] {
        assert_eq!(late.read(wanted, limit).unwrap()[0].seq, wanted, "in any order");
    }
}

fn large_snapshots_of_two_savers_leave_the_newer_one_and_nothing_else(version: NatsVersion) {
    const BYTES: usize = 20_000_000;
    let (nats, name) = (Nats::alone_on(version), new_name());
    let url = nats.journal_url(&name);
    let mut a = open(&url).unwrap();
    let at = a.append(&vec![vec![1]; 9]).unwrap();
    let savers: Vec<_> = [3, 9]
        .map(|seq| {
            let journal = open(&url).unwrap();
            thread::spawn(move || {
                let bytes = vec![u8::try_from(seq).unwrap(); BYTES];
                journal.snapshots().unwrap().save(Position { seq, ..at }, &bytes).is_ok()
            })
        })
        .into_iter()
        .map(|it| it.join().unwrap())
        .collect();
    assert!(savers[1], "the newer one is saved, whatever became of the other");
    let (found, bytes) = a.snapshots().unwrap().load().unwrap().unwrap();
    assert_eq!(found, at);
    assert!(bytes == vec![9; BYTES]);
    a.snapshots().unwrap().save(at, b"small").unwrap();
    super::with_service(&nats.address(0), async |service| {
        let parts = service.get_stream(format!("live-users-{name}-parts")).await.unwrap();
        assert_eq!(parts.cached_info().state.messages, 1, "the parts of the others are removed");
    });
}
