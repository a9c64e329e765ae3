//! A crash at any moment: the files are copied after every commit of a run, and the copy is cut at
//! arbitrary bytes of the next one. What opens is all that was acknowledged, and of the batch
//! that was being written all or nothing.

use std::fs;
use std::ops::Range;
use std::path::Path;

use proptest::prelude::*;

use crate::{all, database, numbered, opened, snapshot, wal};

/// A page in the write-ahead log, with its header.
const FRAME_BYTES: usize = 24 + 4096;

/// The files after a commit.
struct Moment {
    database: Vec<u8>,
    wal: Vec<u8>,
    /// How many records were acknowledged.
    acknowledged: usize,
}

/// Appends these batches one after the other, and copies the files before the first and after
/// each, while the journal is open. After every so many of them the write-ahead log is moved into
/// the database, as a commit does when it has grown long; that is a moment of its own.
fn run(batches: &[Vec<Vec<u8>>], commits_in_wal: usize) -> Vec<Moment> {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = opened(directory.path()).unwrap();
    let moment = |acknowledged| Moment {
        database: fs::read(database(directory.path())).unwrap(),
        wal: fs::read(wal(directory.path())).unwrap_or_default(),
        acknowledged,
    };
    let other = rusqlite::Connection::open(database(directory.path())).unwrap();
    let mut moments = vec![moment(0)];
    for (index, batch) in batches.iter().enumerate() {
        let position = journal.append(batch).unwrap();
        let acknowledged = usize::try_from(position.seq).unwrap();
        moments.push(moment(acknowledged));
        if (index + 1) % commits_in_wal == 0 {
            other.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(())).unwrap();
            moments.push(moment(acknowledged));
        }
    }
    moments
}

/// Opens what a crash left and returns its records, after it has seen that it can be used.
fn survivors(database_bytes: &[u8], wal_bytes: &[u8]) -> Vec<Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(database(directory.path()), database_bytes).unwrap();
    fs::write(wal(directory.path()), wal_bytes).unwrap();
    let mut journal = opened(directory.path()).unwrap();
    let found = all(&mut *journal).unwrap();
    let last = journal.append(&[b"after the crash".to_vec()]).unwrap();
    assert_eq!(usize::try_from(last.seq).unwrap(), found.len() + 1);
    drop(journal);
    assert_eq!(opened(directory.path()).unwrap().position(), last);
    found
}

/// The bytes that a commit wrote to the write-ahead log.
fn written(before: &[u8], after: &[u8]) -> Range<usize> {
    let differ = |index: &usize| before.get(*index) != after.get(*index);
    let first = (0..after.len()).find(differ).unwrap_or(after.len());
    let end = (first..after.len()).rev().find(differ).map_or(first, |last| last + 1);
    first..end
}

/// The write-ahead log when the next commit had written its bytes up to this one.
fn torn(before: &[u8], after: &[u8], cut: usize) -> Vec<u8> {
    [&after[..cut], before.get(cut..).unwrap_or_default()].concat()
}

fn assert_survived(found: &[Vec<u8>], all: &[Vec<u8>], before: &Moment, after: &Moment) {
    let counts = [before.acknowledged, after.acknowledged];
    assert!(counts.contains(&found.len()), "{} records, not one of {counts:?}", found.len());
    assert!(found == &all[..found.len()], "they are not those that were appended");
}

/// Batches of many shapes.
fn many_batches() -> Vec<Vec<Vec<u8>>> {
    let sizes = [(1, 300), (7, 300), (1, 20_000), (64, 300), (1, 1), (2, 5000), (3, 30_000)];
    let mut seq = 0;
    let turns = sizes.into_iter().cycle().take(35);
    let batches = turns.map(|(count, bytes)| {
        seq += count;
        numbered(seq - count + 1..=seq, bytes)
    });
    batches.collect()
}

#[test]
fn a_crash_at_any_byte_of_any_commit_loses_nothing_acknowledged() {
    let batches = many_batches();
    let (moments, records) = (run(&batches, 8), batches.concat());
    let mut restarts = 0;
    for (before, after) in moments.iter().zip(&moments[1..]) {
        let written = written(&before.wal, &after.wal);
        restarts += usize::from(written.start < 32 && !before.wal.is_empty());
        let length = written.len();
        for cut in [0, 20, 40, length / 2, length.saturating_sub(1), length] {
            let cut = written.start + cut.min(length);
            let found = survivors(&before.database, &torn(&before.wal, &after.wal, cut));
            assert_survived(&found, &records, before, after);
            if cut == written.end {
                assert_eq!(found.len(), after.acknowledged, "whole is whole");
            }
        }
    }
    assert_eq!(restarts, 4, "how often the write-ahead log began anew");
}

#[test]
fn a_crash_while_the_database_is_written_loses_nothing_acknowledged() {
    let batches = many_batches();
    let (moments, records) = (run(&batches, 8), batches.concat());
    let mut written = 0;
    for (before, after) in moments.iter().zip(&moments[1..]) {
        if before.database == after.database {
            continue;
        }
        written += 1;
        // Sectors reach the disk in any order.
        for every in [2, 3, 5] {
            let mut mixed = after.database.clone();
            for (index, old) in before.database.chunks(512).enumerate() {
                if index % every == 0 {
                    mixed[index * 512..index * 512 + old.len()].copy_from_slice(old);
                }
            }
            let found = survivors(&mixed, &after.wal);
            assert_eq!(found.len(), after.acknowledged);
            assert_survived(&found, &records, before, after);
        }
    }
    assert_eq!(written, 4, "how often the database was written");
}

#[test]
fn a_crash_while_a_snapshot_is_saved_leaves_the_one_before_or_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = opened(directory.path()).unwrap();
    let old_at = journal.append(&numbered(1..=5, 100)).unwrap();
    let old = vec![b'o'; 600_000];
    journal.snapshots().unwrap().save(old_at, &old).unwrap();
    let new_at = journal.append(&numbered(6..=9, 100)).unwrap();
    let before = fs::read(wal(directory.path())).unwrap();
    let new = vec![b'n'; 1_200_000];
    journal.snapshots().unwrap().save(new_at, &new).unwrap();
    let after = fs::read(wal(directory.path())).unwrap();
    let database_bytes = fs::read(database(directory.path())).unwrap();

    let (mut olds, mut news) = (0, 0);
    for cut in (before.len()..=after.len()).step_by(15 * FRAME_BYTES).chain([after.len()]) {
        let copy = tempfile::tempdir().unwrap();
        fs::write(database(copy.path()), &database_bytes).unwrap();
        fs::write(wal(copy.path()), &after[..cut]).unwrap();
        let mut journal = opened(copy.path()).unwrap();
        assert_eq!(all(&mut *journal).unwrap(), numbered(1..=9, 100));
        match snapshot(&*journal).unwrap() {
            Some((at, bytes)) if at == old_at && bytes == old => olds += 1,
            Some((at, bytes)) if at == new_at && bytes == new => news += 1,
            other => panic!("neither of the two: {:?}", other.map(|(at, it)| (at, it.len()))),
        }
        journal.snapshots().unwrap().save(new_at, b"the next one").unwrap();
        assert_eq!(parts(copy.path()), 1, "nothing is left of the one that was not completed");
    }
    assert!(olds > 10 && news > 0, "{olds} of the old one, {news} of the new one");
}

/// How many parts of snapshots are in the file, of whatever snapshot.
fn parts(directory: &Path) -> u32 {
    let connection = rusqlite::Connection::open(database(directory)).unwrap();
    connection.query_row("SELECT count(*) FROM part", (), |row| row.get(0)).unwrap()
}

/// Were it believed, the frames behind it would be a whole transaction, and the log be damaged.
#[test]
fn a_torn_frame_that_seems_to_end_a_transaction_is_torn_all_the_same() {
    let batches = [numbered(1..=3, 300), numbered(4..=200, 300)];
    let moments = run(&batches, 9);
    let (before, after) = (&moments[1], &moments[2]);
    let frame = before.wal.len();
    assert!(after.wal.len() > frame + 10 * FRAME_BYTES);
    for (place, at) in [("first", frame), ("third", frame + 2 * FRAME_BYTES)] {
        let mut wal_bytes = after.wal.clone();
        let mark = at + 4..at + 8;
        assert_eq!(wal_bytes[mark.clone()], [0; 4]);
        wal_bytes[mark].copy_from_slice(&[0, 0, 0, 9]);
        let found = survivors(&before.database, &wal_bytes);
        assert_eq!(found.len(), before.acknowledged, "the {place} frame of the batch is torn");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_run_survives_any_cut_and_any_flip_in_what_was_torn(
        shapes in prop::collection::vec((1_u64..20, 1_usize..3000), 2..7),
        commits_in_wal in 1_usize..4,
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        flip in prop::option::of((any::<prop::sample::Index>(), 1_u8..)),
    ) {
        let mut seq = 0;
        let batches: Vec<_> = shapes.into_iter().map(|(count, bytes)| {
            seq += count;
            numbered(seq - count + 1..=seq, bytes)
        }).collect();
        let moments = run(&batches, commits_in_wal);
        let which = which.index(moments.len() - 1);
        let (before, after) = (&moments[which], &moments[which + 1]);
        let written = written(&before.wal, &after.wal);
        let cut = written.start + cut.index(written.len() + 1);
        let mut wal_bytes = torn(&before.wal, &after.wal, cut);
        // The header of the file is synced before anything follows it.
        let torn = written.start.max(32)..cut;
        if let (Some((place, bits)), false) = (flip, torn.is_empty()) {
            wal_bytes[torn.start + place.index(torn.len())] ^= bits;
        }
        let found = survivors(&before.database, &wal_bytes);
        assert_survived(&found, &batches.concat(), before, after);
    }
}
