//! The conformance suite of engines whose logs are shared by replicas.

use std::thread;

use super::{Place, all, numbered, of_any_engine, ok, open};
use crate::{Journal, JournalError, LEASE_MS, PageLimit, Position};

/// Runs all checks on an engine whose logs are shared. Each new place comes with a function that
/// lets the leases there end unless they are renewed.
///
/// # Panics
///
/// If the engine does not do what [`Journal`] requires.
pub fn shared_suite<P, E>(new_place: impl Fn() -> (P, E))
where
    P: Fn() -> Result<Box<dyn Journal>, JournalError>,
    E: Fn(),
{
    of_any_engine(&|| new_place().0);
    let checks: [fn(Place<'_>); 3] = [
        replicas_see_what_each_of_them_appends,
        replicas_append_at_once_and_all_read_the_same,
        of_two_snapshots_the_newer_one_is_kept_by_any_replica,
    ];
    for check in checks {
        check(&new_place().0);
    }
    let (place, let_leases_end) = new_place();
    one_replica_has_a_lease_until_it_is_over(&place, let_leases_end);
}

fn replicas_see_what_each_of_them_appends(place: Place<'_>) {
    let (mut a, mut b) = (open(place), open(place));
    assert!(a.is_shared() && b.is_shared());
    assert_eq!(ok(a.append(&numbered(1..=3))).seq, 3);
    assert_eq!(ok(b.refresh()), a.position(), "a refresh shows it at once");
    assert_eq!(ok(b.append(&numbered(4..=5))).seq, 5, "the numbers go on");
    assert_eq!(ok(a.append(&numbered(6..=6))).seq, 6, "behind what others have appended meanwhile");
    assert_eq!(ok(b.refresh()).seq, 6);
    for journal in [&mut a, &mut b] {
        let page = ok(journal.read(1, PageLimit::default()));
        assert!(page.iter().all(|it| it.at_ms.is_some()), "the log has the time");
        assert!(page.is_sorted_by_key(|it| it.at_ms), "which goes on");
        assert_eq!(all(&mut **journal), numbered(1..=6));
    }
    assert_eq!(ok(ok(b.reader()).position()).seq, 6);
    let mut late = open(place);
    assert_eq!(late.position().seq, 6);
    assert_eq!(all(&mut *late), numbered(1..=6));
}

fn replicas_append_at_once_and_all_read_the_same(place: Place<'_>) {
    const BATCHES: u64 = 60;
    let start = |name: &str| (name.to_owned(), open(place));
    let replicas = ["a", "b", "c"].map(start);
    let mut journals = thread::scope(|scope| {
        let replica = |(name, mut journal): (String, Box<dyn Journal>)| {
            scope.spawn(move || {
                for n in 0..BATCHES {
                    let batch: Vec<_> =
                        (0..n % 3 + 1).map(|it| format!("{name} {n} {it}").into_bytes()).collect();
                    let before = journal.position().seq;
                    let last = ok(journal.append(&batch)).seq;
                    let first = last + 1 - batch.len() as u64;
                    assert!(first > before);
                    let own = ok(journal.read(first, PageLimit::default()));
                    let own: Vec<_> = own.into_iter().map(|it| it.bytes).collect();
                    assert_eq!(own[..batch.len()], batch, "a batch is whole, at its position");
                }
                journal
            })
        };
        replicas.map(replica).map(|it| it.join().expect("the replica ends"))
    });
    let logs: Vec<_> = journals
        .iter_mut()
        .map(|journal| {
            ok(journal.refresh());
            all(&mut **journal)
        })
        .collect();
    assert!(logs[0] == logs[1] && logs[1] == logs[2], "there is one order for all");
    assert_eq!(logs[0].len() as u64, 3 * 2 * BATCHES, "and nothing twice or not at all");
}

fn of_two_snapshots_the_newer_one_is_kept_by_any_replica(place: Place<'_>) {
    let (mut a, mut b) = (open(place), open(place));
    let at = ok(a.append(&numbered(1..=9)));
    ok(b.refresh());
    let (mut of_a, mut of_b) = (ok(a.snapshots()), ok(b.snapshots()));
    ok(of_a.save(Position { seq: 5, ..at }, b"five"));
    ok(of_b.save(Position { seq: 7, ..at }, b"seven"));
    let error = of_a.save(Position { seq: 6, ..at }, b"six").expect_err("there is a newer one");
    assert!(matches!(error, JournalError::Refused { .. }), "{error}");
    for snapshots in [&mut of_a, &mut of_b] {
        let newest = Some((Position { seq: 7, ..at }, b"seven".to_vec()));
        assert_eq!(ok(snapshots.load()), newest);
    }
    assert_eq!(ok(b.trim(8)), 8, "up to the snapshot");
    let mut late = open(place);
    assert_eq!((late.first_seq(), all(&mut *late)), (8, numbered(8..=9)));
}

fn one_replica_has_a_lease_until_it_is_over(place: Place<'_>, let_it_end: impl Fn()) {
    const { assert!(LEASE_MS >= 3_000) };
    let (a, b) = (open(place), open(place));
    let (mut of_a, mut of_b) = (ok(a.lease("referee")), ok(b.lease("referee")));
    assert!(ok(of_a.hold()) && !ok(of_b.hold()) && ok(of_a.hold()), "the first one has it");
    let mut other = ok(b.lease("other"));
    assert!(ok(other.hold()), "each name is a lease of its own");
    of_a.release();
    assert!(ok(of_b.hold()) && !ok(of_a.hold()), "what is given back can be taken");
    let_it_end();
    assert!(ok(of_a.hold()) && !ok(of_b.hold()), "and what was not renewed in time");
    of_b.release();
    assert!(ok(of_a.hold()), "a release leaves the lease of another holder");
}
