//! Many threads at once, each with connections of its own, as the workers of a server have them.

use std::thread;

use super::*;

const THREADS: u8 = 4;
const ROUNDS: u64 = 4_000;

/// What one worker does: connections of a few addresses open, serve, stream and end.
fn work(all: &Connections, worker: u8) {
    let (start, mut served) = (Instant::now(), Vec::<Connection>::new());
    for round in 0..ROUNDS {
        let now = start + Duration::from_millis(round);
        let n = u8::try_from(round % 3).unwrap();
        // A trusted proxy now and then.
        let client = (round % 7 != 0).then(|| key(n));
        if let (Ok(connection), _) = all.admit_at(now, client) {
            served.push(connection);
        }
        for (place, connection) in served.iter().enumerate() {
            let forwarded = (place % 2 == 0).then(|| key(100 + worker));
            let begun = connection.begin(now, round % 5 == 0, forwarded);
            if round % 5 == 0 {
                connection.answer(now);
            }
            if begun.is_ok() && round % 11 == 0 {
                let _too_many = connection.stream(now);
            }
            connection.end(now, false);
        }
        let table = all.0.table.lock();
        assert!(table.len() <= limits().open);
        (0..3).for_each(|n| assert!(table.connections_of(key(n)) <= limits().per_address));
        drop(table);
        served.retain(|connection| {
            let is_open = !connection.slot().is_gone() && round % 13 != 0;
            if !is_open {
                connection.remove();
            }
            is_open
        });
    }
    served.iter().for_each(Connection::remove);
}

#[test]
fn nothing_is_left_when_all_connections_of_all_threads_are_gone() {
    let all = Connections::new(limits(), TrustedProxies::default());
    thread::scope(|scope| {
        let work = |worker| {
            let all = all.clone();
            scope.spawn(move || work(&all, worker))
        };
        let workers: Vec<_> = (0..THREADS).map(work).collect();
        let mut round = 0_u64;
        while !workers.iter().all(|worker| worker.is_finished()) {
            round += 1;
            // Now and then everything that is not a stream has taken too long.
            let late = if round.is_multiple_of(10) { seconds(1_000_000) } else { seconds(0) };
            all.0.table.lock().sweep(Instant::now() + late);
        }
    });
    let table = all.0.table.lock();
    table.check();
    assert_eq!((table.len(), table.open(), all.0.turns.waiting()), (0, [0; 3], 0));
    assert!((0..3).all(|n| table.connections_of(key(n)) == 0));
    assert_eq!(all.0.shares.len(), 0);
    let [address, full, _, head] = table.closed();
    assert!(address + full > 0 && head == 0, "{address} {full} {head}");
}
