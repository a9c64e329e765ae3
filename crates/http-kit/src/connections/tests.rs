//! Tests of which connections go, with a clock that the test sets.

mod agreement;
mod at_once;
mod model;

use std::collections::HashMap;
use std::time::Duration;

use super::connection::TooMany;
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

/// Connections, and what those have that serve them.
struct Server {
    all: Connections,
    served: HashMap<u64, Connection>,
    last: u64,
}

fn server() -> (Server, Instant) {
    let all = Connections::new(limits(), TrustedProxies::default());
    (Server { all, served: HashMap::new(), last: 0 }, Instant::now())
}

impl Server {
    fn take(&mut self, now: Instant, client: Option<ClientKey>) -> Result<u64, Reason> {
        let (taken, _) = self.all.admit_at(now, client);
        self.notice();
        self.last += u64::from(taken.is_ok());
        taken.map(|connection| {
            self.served.insert(self.last, connection);
            self.last
        })
    }

    fn admit(&mut self, now: Instant, n: u8) -> u64 {
        self.take(now, Some(key(n))).unwrap()
    }

    fn begin(
        &mut self,
        now: Instant,
        id: u64,
        has_body: bool,
        forwarded: Option<ClientKey>,
    ) -> Result<(), TooMany> {
        self.with(id, |it| it.begin(now, has_body, forwarded)).unwrap_or(Ok(()))
    }

    fn answer(&mut self, now: Instant, id: u64) {
        self.with(id, |it| it.answer(now));
    }

    fn stream(&mut self, now: Instant, id: u64) -> Result<(), TooMany> {
        self.with(id, |it| it.stream(now)).unwrap_or(Ok(()))
    }

    fn end(&mut self, now: Instant, id: u64, has_rest: bool) {
        self.with(id, |it| it.end(now, has_rest));
    }

    fn remove(&mut self, id: u64) {
        self.with(id, Connection::remove);
    }

    fn sweep(&mut self, now: Instant) {
        self.all.0.table.lock().sweep(now);
        self.notice();
    }

    fn verify(&self, now: Instant, key: ClientKey) {
        self.all.0.table.lock().verify(now, key);
    }

    fn with<T>(&mut self, id: u64, does: impl FnOnce(&Connection) -> T) -> Option<T> {
        let done = self.served.get(&id).map(does);
        self.notice();
        done
    }

    /// Whoever serves a closed connection ends with it.
    fn notice(&mut self) {
        self.served.retain(|_, it| {
            let is_gone = it.slot().is_gone();
            if is_gone {
                it.remove();
            }
            !is_gone
        });
    }

    fn is_open(&self, id: u64) -> bool {
        self.all.0.table.lock().has(id)
    }

    fn open(&self) -> [usize; 3] {
        self.all.0.table.lock().open()
    }

    fn closed(&self) -> [u64; 4] {
        self.all.0.table.lock().closed()
    }

    /// What has to hold at each moment.
    fn check(&self) {
        let table = self.all.0.table.lock();
        table.check();
        assert_eq!(table.len(), self.served.len());
        let mut known: Vec<_> = self.served.values().flat_map(Connection::counted).collect();
        known.sort_unstable_by_key(|(key, _)| format!("{key:?}"));
        known.dedup();
        for (key, _) in known {
            let counted = self.served.values().flat_map(Connection::counted);
            let of_it = counted.filter(|(other, _)| *other == key);
            let has = of_it.fold([0, 0], |[requests, streams], (_, is_stream)| {
                [requests + usize::from(!is_stream), streams + usize::from(is_stream)]
            });
            assert_eq!(self.all.0.shares.has(key), has);
        }
    }
}

#[test]
fn an_address_with_too_many_loses_the_one_that_waits_longest() {
    let (mut server, now) = server();
    let other = server.admit(now, 2);
    let ids: Vec<_> = (0..5).map(|_| server.admit(now, 1)).collect();
    assert_eq!(ids.iter().map(|id| server.is_open(*id)).collect::<Vec<_>>()[..2], [false, true]);
    assert!(server.is_open(other), "another address has nothing to do with it");
    assert_eq!(server.closed(), [1, 0, 0, 0]);
    server.check();
    // One that is at work stays, and goes behind the others when it waits again.
    server.begin(now, ids[1], false, None).unwrap();
    let sixth = server.admit(now, 1);
    assert!(server.is_open(ids[1]) && !server.is_open(ids[2]));
    server.end(now, ids[1], false);
    for expected in [ids[3], ids[4], sixth, ids[1]] {
        assert!(server.is_open(expected));
        server.admit(now, 1);
        assert!(!server.is_open(expected));
    }
    server.check();
}

#[test]
fn an_address_whose_connections_are_all_at_work_gets_no_more_until_one_is_not() {
    let (mut server, now) = server();
    let ids: Vec<_> = (0..4).map(|_| server.admit(now, 1)).collect();
    ids.iter().for_each(|id| server.begin(now, *id, false, None).unwrap());
    assert_eq!(server.take(now, Some(key(1))).unwrap_err(), Reason::Address);
    server.admit(now, 2);
    server.end(now, ids[0], false);
    server.admit(now, 1);
    assert_eq!(server.closed(), [2, 0, 0, 0]);
    server.check();
}

#[test]
fn who_has_proved_who_it_is_has_no_limit_of_its_own_for_an_hour() {
    let (mut server, now) = server();
    server.verify(now, key(1));
    let ids: Vec<_> = (0..6).map(|_| server.admit(now, 1)).collect();
    assert!(ids.iter().all(|id| server.is_open(*id)));
    ids.iter().for_each(|id| server.begin(now, *id, false, None).unwrap());
    assert!(server.take(now + seconds(3_599), Some(key(1))).is_ok());
    let last = server.take(now + seconds(3_601), Some(key(1)));
    assert!(last.is_ok(), "the one before it waits");
    server.begin(now, last.unwrap(), false, None).unwrap();
    assert!(server.take(now + seconds(3_601), Some(key(1))).is_err());
    server.sweep(now + seconds(3_601));
    assert_eq!(server.all.0.table.lock().verified(), 0);
    server.check();
}

#[test]
fn a_connection_vouches_for_its_client_again_after_a_second() {
    let (mut server, now) = server();
    let id = server.admit(now, 1);
    for ms in [0, 500, 999, 1_000, 1_500] {
        let at = now + Duration::from_millis(ms);
        server.with(id, |it| it.vouch_for(at, key(1)));
    }
    let table = server.all.0.table.lock();
    let ends = |ms| now + seconds(3_600) + Duration::from_millis(ms);
    assert!(table.is_verified(key(1), ends(999)) && !table.is_verified(key(1), ends(1_000)));
    drop(table);
    server.with(id, |it| it.vouch_for(now, key(2)));
    assert!(server.all.0.table.lock().is_verified(key(2), now), "another one is told at once");
}

#[test]
fn a_full_table_loses_the_one_that_waits_longest_whoever_has_it() {
    let (mut server, now) = server();
    let first = server.admit(now, 1);
    let ids: Vec<_> = (2..9).map(|n| server.admit(now, n)).collect();
    let ninth = server.admit(now, 99);
    assert!(!server.is_open(first) && ids.iter().all(|id| server.is_open(*id)));
    // Those at work do not count as waiting, and in all there are as many as may be open.
    ids.iter().for_each(|id| server.begin(now, *id, false, None).unwrap());
    let more: Vec<_> = (100..104).map(|n| server.admit(now, n)).collect();
    assert_eq!(server.open(), [5, 7, 0]);
    more.iter().for_each(|id| server.begin(now, *id, false, None).unwrap());
    let last = server.admit(now, 105);
    assert!(!server.is_open(ninth));
    server.begin(now, last, false, None).unwrap();
    assert_eq!(server.take(now, Some(key(106))).unwrap_err(), Reason::Full);
    assert_eq!(server.open(), [0, 12, 0]);
    server.check();
}

#[test]
fn strangers_go_before_trusted_proxies_and_those_who_have_proved_who_they_are() {
    let (mut server, now) = server();
    server.verify(now, key(1));
    let proxy = server.take(now, None).unwrap();
    let known = server.admit(now, 1);
    let ids: Vec<_> = (2..8).map(|n| server.admit(now, n)).collect();
    for id in ids {
        assert!(server.is_open(id));
        server.take(now, None).unwrap();
        assert!(!server.is_open(id));
    }
    assert!(server.is_open(proxy) && server.is_open(known));
    server.take(now, None).unwrap();
    assert!(!server.is_open(proxy), "without strangers whoever waits longest");
    server.check();
}

#[test]
fn as_many_wait_as_may_also_after_an_answer() {
    let (mut server, now) = server();
    let busy = server.admit(now, 1);
    server.begin(now, busy, false, None).unwrap();
    let ids: Vec<_> = (2..10).map(|n| server.admit(now, n)).collect();
    server.end(now, busy, false);
    assert!(!server.is_open(ids[0]) && server.is_open(busy));
    assert_eq!(server.open(), [8, 0, 0]);
    server.check();
}

#[test]
fn each_phase_has_its_time() {
    let (mut server, now) = server();
    let silent = server.admit(now, 1);
    let half = server.admit(now, 2);
    server.begin(now, half, true, None).unwrap();
    let whole = server.admit(now, 3);
    server.begin(now, whole, true, None).unwrap();
    server.answer(now, whole);
    let idle = server.admit(now, 4);
    server.begin(now, idle, false, None).unwrap();
    server.end(now, idle, false);
    let rest = server.admit(now, 5);
    server.begin(now, rest, true, None).unwrap();
    server.end(now, rest, true);
    let stream = server.admit(now, 6);
    server.begin(now, stream, false, None).unwrap();
    server.stream(now, stream).unwrap();
    let each = [(&[rest][..], 2), (&[silent, half], 12), (&[idle], 15), (&[whole], 120)];
    for (ids, lasts_s) in each {
        server.sweep(now + seconds(lasts_s) - Duration::from_millis(1));
        assert!(ids.iter().all(|id| server.is_open(*id)), "{lasts_s}");
        server.sweep(now + seconds(lasts_s));
        assert!(!ids.iter().any(|id| server.is_open(*id)), "{lasts_s}");
    }
    server.sweep(now + seconds(1_000_000));
    assert!(server.is_open(stream), "a stream has no end of its own");
    assert_eq!(server.closed(), [0, 0, 5, 0]);
    server.check();
}

#[test]
fn streams_leave_room_for_other_requests_of_their_address() {
    let (mut server, now) = server();
    let open = |server: &mut Server, n| {
        let id = server.admit(now, n);
        server.begin(now, id, false, None).unwrap();
        (id, server.stream(now, id))
    };
    let streams: Vec<_> = (0..3).map(|_| open(&mut server, 1)).collect();
    assert!(streams.iter().all(|(_, opened)| opened.is_ok()));
    let (fourth, refused) = open(&mut server, 1);
    assert_eq!(refused, Err(TooMany::Streams));
    assert_eq!(open(&mut server, 2).1, Ok(()));
    server.end(now, fourth, false);
    server.remove(streams[0].0);
    assert_eq!(open(&mut server, 1).1, Ok(()));
    server.check();
}

#[test]
fn behind_a_trusted_proxy_requests_are_counted_and_not_connections() {
    let (mut server, now) = server();
    let ids: Vec<_> = (0..7).map(|_| server.take(now, None).unwrap()).collect();
    assert!(ids.iter().all(|id| server.is_open(*id)));
    let begun = ids.iter().map(|id| server.begin(now, *id, false, Some(key(1))));
    let begun: Vec<_> = begun.collect();
    assert_eq!(begun.iter().filter(|it| it.is_ok()).count(), 4);
    server.check();
    ids.iter().for_each(|id| server.end(now, *id, false));
    assert_eq!(server.begin(now, ids[0], false, Some(key(1))), Ok(()));
    assert_eq!(server.stream(now, ids[0]), Ok(()));
    server.check();
    server.remove(ids[0]);
    assert_eq!(server.all.0.shares.len(), 0, "a client without anything is forgotten");
}

#[test]
fn what_a_stream_takes_lasts_until_its_socket_is_closed_on_whichever_thread() {
    let (mut server, now) = server();
    let id = server.take(now, None).unwrap();
    server.begin(now, id, false, Some(key(1))).unwrap();
    server.stream(now, id).unwrap();
    let place = server.with(id, Connection::detach).unwrap();
    // The HTTP server is done with the request and the connection.
    server.end(now, id, false);
    server.remove(id);
    assert_eq!((server.open(), server.all.0.shares.has(key(1))), ([0, 0, 1], [1, 1]));
    std::thread::spawn(move || drop(place)).join().unwrap();
    assert_eq!((server.open(), server.all.0.shares.len()), ([0; 3], 0));
    server.notice();
    server.check();
}
