//! Tests of which connections go, with a clock that the test sets.

use std::net::IpAddr;

use super::*;
use crate::{Env, SettingsReader, StreamsMax};

fn limits() -> ClientLimits {
    let env = Env::of([
        ("CONNECTIONS_MAX", "12"),
        ("CONNECTIONS_WAITING_MAX", "8"),
        ("CONNECTIONS_PER_ADDRESS", "4"),
    ]);
    let mut reader = SettingsReader::new(&env);
    let limits = ClientLimits::read(&mut reader, StreamsMax { public: 10, reserved: 0 });
    reader.finish(limits).unwrap()
}

fn key(n: u8) -> ClientKey {
    IpAddr::from([192, 0, 2, n]).into()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A table, and takes a connection of an address.
fn table() -> (Table, Instant) {
    (Table::new(limits()), Instant::now())
}

fn admit(table: &mut Table, now: Instant, n: u8) -> u64 {
    table.admit(now, Some(key(n))).unwrap().0
}

fn is_open(table: &Table, id: u64) -> bool {
    table.entries.contains_key(&id)
}

/// What has to hold at each moment: the numbers of the addresses are those of the entries.
fn check(table: &Table) {
    let waits = |entry: &&Entry| matches!(entry.phase, Phase::Waiting { .. });
    assert_eq!(table.waiting.len(), table.entries.values().filter(waits).count());
    let of = |key: &ClientKey, has: fn(&Entry) -> Option<ClientKey>| {
        table.entries.values().filter(|entry| has(entry).as_ref() == Some(key)).count()
    };
    for (key, its) in &table.clients {
        assert_eq!(its.connections, of(key, |entry| entry.client));
        assert_eq!(its.requests, of(key, |entry| entry.forwarded));
        let streamed = |entry: &Entry| match entry.phase {
            Phase::Streaming(key) => key,
            _ => None,
        };
        assert_eq!(its.streams, of(key, streamed));
        assert!(its.waiting.iter().all(|turn| table.waiting.contains_key(turn)));
        assert!(*its != Client::default(), "an address without anything is forgotten");
    }
}

#[test]
fn an_address_with_too_many_loses_the_one_that_waits_longest() {
    let (mut table, now) = table();
    let other = admit(&mut table, now, 2);
    let ids: Vec<_> = (0..5).map(|_| admit(&mut table, now, 1)).collect();
    assert_eq!(ids.iter().map(|id| is_open(&table, *id)).collect::<Vec<_>>()[..2], [false, true]);
    assert!(is_open(&table, other), "another address has nothing to do with it");
    assert_eq!(table.closed(), [1, 0, 0, 0]);
    check(&table);
    // One that is at work stays, and goes behind the others when it waits again.
    table.begin(now, ids[1], false, None).unwrap();
    let sixth = admit(&mut table, now, 1);
    assert!(is_open(&table, ids[1]) && !is_open(&table, ids[2]));
    table.end(now, ids[1], false);
    for expected in [ids[3], ids[4], sixth, ids[1]] {
        assert!(is_open(&table, expected));
        admit(&mut table, now, 1);
        assert!(!is_open(&table, expected));
    }
    check(&table);
}

#[test]
fn an_address_whose_connections_are_all_at_work_gets_no_more_until_one_is_not() {
    let (mut table, now) = table();
    let ids: Vec<_> = (0..4).map(|_| admit(&mut table, now, 1)).collect();
    ids.iter().for_each(|id| table.begin(now, *id, false, None).unwrap());
    assert_eq!(table.admit(now, Some(key(1))).unwrap_err(), Reason::Address);
    admit(&mut table, now, 2);
    table.end(now, ids[0], false);
    admit(&mut table, now, 1);
    assert_eq!(table.closed(), [2, 0, 0, 0]);
    check(&table);
}

#[test]
fn who_has_proved_who_it_is_has_no_limit_of_its_own_for_an_hour() {
    let (mut table, now) = table();
    table.verify(now, key(1));
    let ids: Vec<_> = (0..6).map(|_| admit(&mut table, now, 1)).collect();
    assert!(ids.iter().all(|id| is_open(&table, *id)));
    ids.iter().for_each(|id| table.begin(now, *id, false, None).unwrap());
    assert!(table.admit(now + seconds(3_599), Some(key(1))).is_ok());
    assert!(table.admit(now + seconds(3_601), Some(key(1))).is_ok(), "the last one waits");
    let last = table.last;
    table.begin(now, last - 1, false, None).unwrap();
    assert!(table.admit(now + seconds(3_601), Some(key(1))).is_err());
    table.sweep(now + seconds(3_601));
    assert!(table.verified.is_empty());
    check(&table);
}

#[test]
fn a_full_table_loses_the_one_that_waits_longest_whoever_has_it() {
    let (mut table, now) = table();
    let first = admit(&mut table, now, 1);
    let ids: Vec<_> = (2..9).map(|n| admit(&mut table, now, n)).collect();
    admit(&mut table, now, 99);
    assert!(!is_open(&table, first) && ids.iter().all(|id| is_open(&table, *id)));
    // Those at work do not count as waiting, and in all there are as many as may be open.
    ids.iter().for_each(|id| table.begin(now, *id, false, None).unwrap());
    let more: Vec<_> = (100..104).map(|n| admit(&mut table, now, n)).collect();
    assert_eq!(table.entries.len(), 12);
    more.iter().for_each(|id| table.begin(now, *id, false, None).unwrap());
    admit(&mut table, now, 105);
    let (last, _) = table.waiting.first_key_value().unwrap();
    let last = table.waiting[last];
    table.begin(now, last, false, None).unwrap();
    assert_eq!(table.admit(now, Some(key(106))).unwrap_err(), Reason::Full);
    assert_eq!(table.open(), [0, 12, 0]);
    check(&table);
}

#[test]
fn strangers_go_before_trusted_proxies_and_those_who_have_proved_who_they_are() {
    let (mut table, now) = table();
    table.verify(now, key(1));
    let proxy = table.admit(now, None).unwrap().0;
    let known = admit(&mut table, now, 1);
    let ids: Vec<_> = (2..8).map(|n| admit(&mut table, now, n)).collect();
    for id in ids {
        assert!(is_open(&table, id));
        table.admit(now, None).unwrap();
        assert!(!is_open(&table, id));
    }
    assert!(is_open(&table, proxy) && is_open(&table, known));
    table.admit(now, None).unwrap();
    assert!(!is_open(&table, proxy), "without strangers whoever waits longest");
    check(&table);
}

#[test]
fn as_many_wait_as_may_also_after_an_answer() {
    let (mut table, now) = table();
    let busy = admit(&mut table, now, 1);
    table.begin(now, busy, false, None).unwrap();
    let ids: Vec<_> = (2..10).map(|n| admit(&mut table, now, n)).collect();
    table.end(now, busy, false);
    assert!(!is_open(&table, ids[0]) && is_open(&table, busy));
    assert_eq!(table.open(), [8, 0, 0]);
    check(&table);
}

#[test]
fn each_phase_has_its_time() {
    let (mut table, now) = table();
    let silent = admit(&mut table, now, 1);
    let half = admit(&mut table, now, 2);
    table.begin(now, half, true, None).unwrap();
    let whole = admit(&mut table, now, 3);
    table.begin(now, whole, true, None).unwrap();
    table.answer(now, whole);
    let idle = admit(&mut table, now, 4);
    table.begin(now, idle, false, None).unwrap();
    table.end(now, idle, false);
    let rest = admit(&mut table, now, 5);
    table.begin(now, rest, true, None).unwrap();
    table.end(now, rest, true);
    let stream = admit(&mut table, now, 6);
    table.begin(now, stream, false, None).unwrap();
    table.stream(now, stream).unwrap();
    let each = [(&[rest][..], 2), (&[silent, half], 12), (&[idle], 15), (&[whole], 120)];
    for (ids, lasts_s) in each {
        table.sweep(now + seconds(lasts_s) - Duration::from_millis(1));
        assert!(ids.iter().all(|id| is_open(&table, *id)), "{lasts_s}");
        table.sweep(now + seconds(lasts_s));
        assert!(!ids.iter().any(|id| is_open(&table, *id)), "{lasts_s}");
    }
    table.sweep(now + seconds(1_000_000));
    assert!(is_open(&table, stream), "a stream has no end of its own");
    assert_eq!(table.closed(), [0, 0, 5, 0]);
    check(&table);
}

#[test]
fn streams_leave_room_for_other_requests_of_their_address() {
    let (mut table, now) = table();
    let open = |table: &mut Table, n| {
        let id = admit(table, now, n);
        table.begin(now, id, false, None).unwrap();
        (id, table.stream(now, id))
    };
    let streams: Vec<_> = (0..3).map(|_| open(&mut table, 1)).collect();
    assert!(streams.iter().all(|(_, opened)| opened.is_ok()));
    let (fourth, refused) = open(&mut table, 1);
    assert_eq!(refused, Err(TooMany::Streams));
    assert_eq!(open(&mut table, 2).1, Ok(()));
    table.end(now, fourth, false);
    table.remove(streams[0].0);
    assert_eq!(open(&mut table, 1).1, Ok(()));
    check(&table);
}

#[test]
fn behind_a_trusted_proxy_requests_are_counted_and_not_connections() {
    let (mut table, now) = table();
    let ids: Vec<_> = (0..7).map(|_| table.admit(now, None).unwrap().0).collect();
    assert!(ids.iter().all(|id| is_open(&table, *id)));
    let begun = ids.iter().map(|id| table.begin(now, *id, false, Some(key(1))));
    let begun: Vec<_> = begun.collect();
    assert_eq!(begun.iter().filter(|it| it.is_ok()).count(), 4);
    check(&table);
    ids.iter().for_each(|id| table.end(now, *id, false));
    assert_eq!(table.begin(now, ids[0], false, Some(key(1))), Ok(()));
    assert_eq!(table.stream(now, ids[0]), Ok(()));
    check(&table);
    table.remove(ids[0]);
    assert!(table.clients.is_empty());
}
