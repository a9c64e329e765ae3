//! The conformance suite: tests run it against every engine.

mod parts;
mod shared;

use std::thread;

use self::parts::{
    empty_and_many_parts_are_kept, odd_names_are_refused, part, parts_that_stay_are_written_once,
};
pub use self::shared::shared_suite;
use crate::{
    BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Journal, JournalError, PageLimit, Part, Position,
    RECORD_BYTES_MAX, Record, TRIM_RECORDS_MAX,
};

/// Runs all checks on an engine whose logs are of one process. Each check gets a new place: a
/// function that opens the log there, and creates it the first time.
///
/// # Panics
///
/// If the engine does not do what [`Journal`] requires.
pub fn suite<P>(new_place: impl Fn() -> P)
where
    P: Fn() -> Result<Box<dyn Journal>, JournalError>,
{
    of_any_engine(&new_place);
    only_one_has_it_open(&new_place());
    it_is_written_anew(&new_place());
}

/// Runs the checks that every engine has to pass.
///
/// # Panics
///
/// If the engine does not do what [`Journal`] requires.
fn of_any_engine<P>(new_place: &impl Fn() -> P)
where
    P: Fn() -> Result<Box<dyn Journal>, JournalError>,
{
    let checks: [fn(Place<'_>); 17] = [
        a_new_log_is_empty,
        records_come_back_as_they_were_appended,
        an_empty_batch_does_nothing,
        a_batch_that_is_too_large_is_refused_whole,
        large_records_fit,
        pages_are_bounded_and_get_on,
        what_is_not_there_is_reported,
        opening_again_keeps_everything,
        the_newest_snapshot_is_kept,
        large_snapshots_are_saved_while_records_are_appended,
        odd_snapshots_are_refused,
        parts_that_stay_are_written_once,
        empty_and_many_parts_are_kept,
        odd_names_are_refused,
        trimming_keeps_what_no_snapshot_has,
        trimming_goes_in_steps,
        a_reader_sees_what_is_acknowledged_while_more_is_appended,
    ];
    for check in checks {
        check(&new_place());
    }
    let epochs = [new_place(), new_place()].map(|place| open(&place).position().epoch);
    assert_ne!(epochs[0], epochs[1], "two logs have two epochs");
}

/// Checks the latch. `fill` must make the next append fail, and `make_room` must end that.
///
/// # Panics
///
/// If the engine does not do what [`Journal::append`] and [`Journal::recover`] require.
pub fn latches_until_recovered(
    mut journal: Box<dyn Journal>,
    fill: impl FnOnce(),
    make_room: impl FnOnce(),
) {
    let before = ok(journal.append(&numbered(1..=50)));
    fill();
    let large = vec![vec![b'x'; RECORD_BYTES_MAX]];
    let error = journal.append(&large).expect_err("there is no room");
    let is_full = matches!(error, JournalError::Full { .. } | JournalError::ServiceFull { .. });
    assert!(is_full, "{error}");
    assert_eq!(journal.position(), before);
    for batch in [numbered(51..=51), large.clone()] {
        let error = journal.append(&batch).expect_err("it is latched");
        assert!(matches!(error, JournalError::Latched { .. }), "{error}");
    }
    let mut reader = ok(journal.reader());
    assert_eq!(ok(reader.position()), before, "a failed batch is not there");
    let error = journal.trim(2).expect_err("it is latched");
    assert!(matches!(error, JournalError::Latched { .. }), "{error}");
    assert_eq!(all(&mut *journal), numbered(1..=50), "reading goes on");
    make_room();
    ok(journal.recover());
    assert_eq!(journal.position(), before);
    assert_eq!(all(&mut *journal), numbered(1..=50));
    assert_eq!(ok(journal.append(&large)).seq, 51);
    assert_eq!(ok(reader.read(51, PageLimit::default())).len(), 1, "a reader outlives a recovery");
    ok(journal.recover());
    assert_eq!(journal.position().seq, 51, "recovering a sound journal does nothing");
}

fn it_is_written_anew(place: Place<'_>) {
    let mut journal = open(place);
    let old = ok(journal.append(&numbered(1..=50)));
    let mut reader = ok(journal.reader());
    let failing = || Err(JournalError::Refused { why: "no more".to_owned() });
    let whole = [Part::whole(b"state".to_vec())];
    let failed = journal.rewrite(&mut [Ok(numbered(1..=3)), failing()].into_iter(), &whole);
    assert!(failed.is_err() && journal.position() == old, "a failure changes nothing");
    // The records of the old log can be read while the new one is written.
    let kept = (0..10).map(|n| {
        let limit = PageLimit { records_max: 5, ..PageLimit::default() };
        Ok(reader.read(n * 5 + 1, limit)?.into_iter().map(|it| it.bytes).collect())
    });
    let parts = [part("calls", 1, 300_000), part("main", 2, 7)];
    let written = ok(journal.rewrite(&mut { kept }, &parts));
    assert!(written.at.seq == 51 && written.at.epoch != old.epoch, "{}", written.at);
    assert_eq!((journal.position(), journal.first_seq()), (written.at, 2));
    assert_eq!(all(&mut *journal), numbered(1..=50));
    let snapshot = ok(ok(journal.snapshots()).load_parts());
    assert!(snapshot == Some((written.at, parts.to_vec())), "the parts are those that were given");
    assert_eq!(ok(journal.append(&numbered(51..=52))).seq, 53);
    assert_eq!(ok(reader.position()).seq, 53, "a reader goes on with the new log");
}

type Place<'a> = &'a dyn Fn() -> Result<Box<dyn Journal>, JournalError>;

fn a_new_log_is_empty(place: Place<'_>) {
    let mut journal = open(place);
    assert_eq!((journal.position().seq, journal.first_seq()), (0, 1));
    assert_eq!(ok(journal.read(1, PageLimit::default())), []);
    assert_eq!(ok(ok(journal.snapshots()).load()), None);
    assert_eq!(ok(journal.trim(10)), 1);
}

fn records_come_back_as_they_were_appended(place: Place<'_>) {
    let mut journal = open(place);
    let epoch = journal.position().epoch;
    let odd = vec![vec![], vec![0], vec![0; 5000], vec![0xff, 0, b'\n']];
    assert_eq!(ok(journal.append(&odd)), Position { epoch, seq: 4 });
    assert_eq!(ok(journal.append(&numbered(5..=5))), Position { epoch, seq: 5 });
    assert_eq!(ok(journal.append(&numbered(6..=3000))), Position { epoch, seq: 3000 });
    assert_eq!(journal.position(), Position { epoch, seq: 3000 });
    assert_eq!(all(&mut *journal), [odd, numbered(5..=3000)].concat());
    let page = ok(journal.read(2999, PageLimit::default()));
    assert_eq!(page.iter().map(|it| it.seq).collect::<Vec<_>>(), [2999, 3000]);
}

fn an_empty_batch_does_nothing(place: Place<'_>) {
    let mut journal = open(place);
    assert_eq!(ok(journal.append(&[])).seq, 0);
    let position = ok(journal.append(&numbered(1..=3)));
    assert_eq!(ok(journal.append(&[])), position);
    assert_eq!(all(&mut *journal), numbered(1..=3));
}

fn a_batch_that_is_too_large_is_refused_whole(place: Place<'_>) {
    let mut journal = open(place);
    let large_record = vec![b"fits".to_vec(), vec![0; RECORD_BYTES_MAX + 1]];
    let large_batch = vec![vec![0; 1024]; BATCH_BYTES_MAX / 1024 + 1];
    let long_batch = vec![vec![]; BATCH_RECORDS_MAX + 1];
    for batch in [large_record, large_batch, long_batch] {
        let error = journal.append(&batch).expect_err("it is too large");
        assert!(matches!(error, JournalError::Refused { .. }), "{error}");
    }
    assert_eq!((journal.position().seq, all(&mut *journal).len()), (0, 0));
    assert_eq!(ok(journal.append(&numbered(1..=1))).seq, 1, "nothing is latched");
}

fn large_records_fit(place: Place<'_>) {
    let large: Vec<Vec<u8>> = (0..3_u8).map(|it| vec![it; RECORD_BYTES_MAX]).collect();
    let small = vec![vec![7; 1]; BATCH_RECORDS_MAX];
    ok(open(place).append(&large));
    ok(open(place).append(&small));
    let read = all(&mut *open(place));
    assert!(read[..3] == large && read[3..] == small);
}

fn pages_are_bounded_and_get_on(place: Place<'_>) {
    let mut journal = open(place);
    let batch: Vec<Vec<u8>> = [10, 10, 10, 500, 10].map(|bytes| vec![b'x'; bytes]).to_vec();
    ok(journal.append(&batch));
    let mut page = |from, records_max, bytes_max| {
        let page = ok(journal.read(from, PageLimit { records_max, bytes_max }));
        page.iter().map(|it| it.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(1, 2, 1000), [1, 2]);
    assert_eq!(page(2, 100, 25), [2, 3]);
    assert_eq!(page(2, 100, 20), [2, 3]);
    assert_eq!(page(4, 100, 20), [4], "one record, however large");
    assert_eq!(page(4, 0, 0), [4], "one record, whatever is asked");
    assert_eq!(page(3, 100, 520), [3, 4, 5]);
    assert_eq!(page(6, 100, 520), [0_u64; 0]);
}

fn what_is_not_there_is_reported(place: Place<'_>) {
    let mut journal = open(place);
    ok(journal.append(&numbered(1..=3)));
    for wanted in [0, 5, u64::MAX] {
        let error = journal.read(wanted, PageLimit::default()).expect_err("it is not there");
        let expected = format!("record {wanted} is not in the log, which has the records 1 to 3");
        assert!(matches!(error, JournalError::NotThere { .. }), "{error}");
        assert_eq!(error.to_string(), expected);
    }
}

fn opening_again_keeps_everything(place: Place<'_>) {
    let (mut position, mut expected) = (open(place).position(), 0);
    for round in 1..=4 {
        let mut journal = open(place);
        assert_eq!(journal.position(), position);
        position = ok(journal.append(&numbered(expected + 1..=expected + round)));
        expected += round;
        ok(ok(journal.snapshots()).save(position, format!("up to {expected}").as_bytes()));
        ok(journal.trim(expected / 2));
    }
    let mut journal = open(place);
    assert_eq!((journal.position(), journal.first_seq()), (position, 5));
    assert_eq!(all(&mut *journal), numbered(5..=10));
    assert_eq!(ok(ok(journal.snapshots()).load()), Some((position, b"up to 10".to_vec())));
}

fn only_one_has_it_open(place: Place<'_>) {
    let refused = || match place() {
        Err(JournalError::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was opened twice"),
    };
    let journal = open(place);
    refused();
    let snapshots = ok(journal.snapshots());
    let reader = ok(journal.reader());
    drop(journal);
    refused();
    drop(snapshots);
    refused();
    drop(reader);
    open(place);
}

fn the_newest_snapshot_is_kept(place: Place<'_>) {
    let mut journal = open(place);
    let epoch = ok(journal.append(&numbered(1..=20))).epoch;
    let mut snapshots = ok(journal.snapshots());
    for (seq, bytes) in [(0, &b"of nothing"[..]), (5, b"five"), (5, b"five again"), (20, b"")] {
        let at = Position { epoch, seq };
        ok(snapshots.save(at, bytes));
        assert_eq!(ok(snapshots.load()), Some((at, bytes.to_vec())));
        assert_eq!(ok(ok(journal.snapshots()).load()), Some((at, bytes.to_vec())));
    }
}

fn large_snapshots_are_saved_while_records_are_appended(place: Place<'_>) {
    let mut journal = open(place);
    let at = ok(journal.append(&numbered(1..=1)));
    let large: Vec<u8> = (0..3_000_001_u32).map(|it| (it % 251) as u8).collect();
    let mut snapshots = ok(journal.snapshots());
    thread::scope(|scope| {
        let saving = scope.spawn(|| ok(snapshots.save(at, &large)));
        let mut seq = 1;
        while !saving.is_finished() || seq < 100 {
            seq += 1;
            assert_eq!(ok(journal.append(&numbered(seq..=seq))).seq, seq);
        }
    });
    drop(journal);
    let same = ok(snapshots.load()) == Some((at, large));
    assert!(same, "the snapshot is the one that was saved");
    drop(snapshots);
    let mut journal = open(place);
    let last = journal.position().seq;
    assert_eq!(all(&mut *journal), numbered(1..=last));
}

fn odd_snapshots_are_refused(place: Place<'_>) {
    let mut journal = open(place);
    let last = ok(journal.append(&numbered(1..=9)));
    let mut snapshots = ok(journal.snapshots());
    ok(snapshots.save(Position { seq: 4, ..last }, b"four"));
    let odd = [
        Position { epoch: last.epoch.wrapping_add(1), ..last },
        Position { seq: 10, ..last },
        Position { seq: 3, ..last },
    ];
    for at in odd {
        let error = snapshots.save(at, b"odd").expect_err("it does not fit to the log");
        assert!(matches!(error, JournalError::Refused { .. }), "{error}");
    }
    assert_eq!(ok(snapshots.load()), Some((Position { seq: 4, ..last }, b"four".to_vec())));
}

fn trimming_keeps_what_no_snapshot_has(place: Place<'_>) {
    let mut journal = open(place);
    let last = ok(journal.append(&numbered(1..=9)));
    assert_eq!(ok(journal.trim(5)), 1, "there is no snapshot");
    ok(ok(journal.snapshots()).save(Position { seq: 6, ..last }, b"six"));
    assert_eq!(ok(journal.trim(4)), 4);
    assert_eq!(ok(journal.trim(3)), 4, "what is gone is gone");
    assert_eq!(all(&mut *journal), numbered(4..=9));
    let error = journal.read(3, PageLimit::default()).expect_err("it was trimmed");
    assert!(matches!(error, JournalError::NotThere { wanted: 3, first: 4, last: 9 }), "{error}");
    assert_eq!(ok(journal.trim(u64::MAX)), 7, "up to the snapshot and no further");
    ok(ok(journal.snapshots()).save(last, b"nine"));
    assert_eq!(ok(journal.trim(u64::MAX)), 10);
    assert_eq!((journal.position(), all(&mut *journal).len()), (last, 0));
    drop(journal);
    let mut journal = open(place);
    assert_eq!((journal.position(), journal.first_seq()), (last, 10), "an empty log goes on");
    assert_eq!(ok(journal.append(&numbered(10..=10))).seq, 10);
    assert_eq!(all(&mut *journal), numbered(10..=10));
}

fn trimming_goes_in_steps(place: Place<'_>) {
    let mut journal = open(place);
    let end = 2 * TRIM_RECORDS_MAX + 5;
    let last = ok(journal.append(&numbered(1..=end)));
    ok(ok(journal.snapshots()).save(last, b"all"));
    let steps: Vec<u64> = (0..4).map(|_| ok(journal.trim(end))).collect();
    assert_eq!(steps, [1 + TRIM_RECORDS_MAX, 1 + 2 * TRIM_RECORDS_MAX, end, end]);
    assert_eq!(all(&mut *journal), numbered(end..=end));
}

fn a_reader_sees_what_is_acknowledged_while_more_is_appended(place: Place<'_>) {
    let mut journal = open(place);
    let mut reader = ok(journal.reader());
    assert_eq!((ok(reader.position()).seq, ok(reader.first_seq())), (0, 1));
    assert_eq!(ok(reader.read(1, PageLimit::default())), []);
    let count: u64 = 5_000;
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let (mut read, mut next) = (Vec::new(), 1);
            while next <= count {
                for Record { seq, bytes, .. } in ok(reader.read(next, PageLimit::default())) {
                    assert_eq!(seq, next, "the numbers follow each other");
                    read.push(bytes);
                    next += 1;
                }
                thread::yield_now();
            }
            (read, reader)
        });
        for first in (1..=count).step_by(50) {
            ok(journal.append(&numbered(first..=first + 49)));
        }
        let (read, mut reader) = reading.join().expect("the reader ends");
        assert_eq!(read, numbered(1..=count));
        ok(ok(journal.snapshots()).save(journal.position(), b"all"));
        ok(journal.trim(100));
        assert_eq!(ok(reader.first_seq()), 100);
        let error = reader.read(99, PageLimit::default()).expect_err("it is trimmed");
        assert!(matches!(error, JournalError::NotThere { first: 100, .. }), "{error}");
    });
}

/// Records that contain their own number.
fn numbered(range: std::ops::RangeInclusive<u64>) -> Vec<Vec<u8>> {
    range.map(|seq| format!("record {seq}").into_bytes()).collect()
}

/// The bytes of all records that are kept, read in pages.
fn all(journal: &mut dyn Journal) -> Vec<Vec<u8>> {
    let (mut bytes, mut next) = (Vec::new(), journal.first_seq());
    loop {
        let page = ok(journal.read(next, PageLimit { records_max: 1000, bytes_max: 100_000 }));
        if page.is_empty() {
            assert_eq!(next, journal.position().seq + 1);
            return bytes;
        }
        for Record { seq, bytes: record, .. } in page {
            assert_eq!(seq, next, "the numbers follow each other");
            bytes.push(record);
            next += 1;
        }
    }
}

fn open(place: Place<'_>) -> Box<dyn Journal> {
    ok(place())
}

#[track_caller]
fn ok<T>(result: Result<T, JournalError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
