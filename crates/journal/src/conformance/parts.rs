//! What a snapshot in parts has to do.

use super::{Place, numbered, ok, open};
use crate::{Journal, JournalError, PART_NAME_BYTES_MAX, Part, Position, SavedParts};

/// A part of this name, with as many of this byte.
pub(super) fn part(name: &str, byte: u8, bytes: usize) -> Part {
    Part { name: name.to_owned(), bytes: vec![byte; bytes] }
}

#[track_caller]
fn save(journal: &dyn Journal, at: Position, parts: &[Part]) -> SavedParts {
    let saved = ok(ok(journal.snapshots()).save_parts(at, &mut parts.iter().cloned()));
    let all: usize = parts.iter().map(|part| part.bytes.len()).sum();
    assert_eq!(saved.bytes, all as u64);
    assert_loaded(journal, at, parts);
    saved
}

#[track_caller]
fn assert_loaded(journal: &dyn Journal, at: Position, parts: &[Part]) {
    let Some((found_at, found)) = ok(ok(journal.snapshots()).load_parts()) else {
        panic!("there is no snapshot");
    };
    assert_eq!(found_at, at);
    let names = |parts: &[Part]| -> Vec<_> {
        parts.iter().map(|part| (part.name.clone(), part.bytes.len())).collect()
    };
    assert_eq!(names(&found), names(parts));
    assert!(found == parts, "the parts are those that were saved");
}

pub(super) fn parts_that_stay_are_written_once(place: Place<'_>) {
    let mut journal = open(place);
    let mut at = ok(journal.append(&numbered(1..=1)));
    let (hour, day) = (part("hour/1", 1, 700_001), part("day/1", 2, 300_000));
    let main = |byte| part("main", byte, 100_000);
    let saved = save(&*journal, at, &[hour.clone(), main(1), day.clone()]);
    assert_eq!(saved.written, 1_100_001);
    // In another order, and with one more.
    at = ok(journal.append(&numbered(2..=2)));
    let next = part("hour/2", 1, 700_001);
    let saved = save(&*journal, at, &[day.clone(), hour.clone(), next.clone(), main(2)]);
    assert_eq!(saved.written, 800_001, "what has changed, and what is new");
    drop(journal);
    let mut journal = open(place);
    assert_loaded(&*journal, at, &[day.clone(), hour, next.clone(), main(2)]);
    at = ok(journal.append(&numbered(3..=3)));
    let saved = save(&*journal, at, &[next.clone(), day.clone(), main(2)]);
    assert_eq!(saved.written, 0, "one is left out");
    let again = part("hour/1", 1, 700_001);
    let saved = save(&*journal, at, &[next.clone(), day, again, main(2)]);
    assert_eq!(saved.written, 700_001, "what the snapshot before did not have is written anew");
    // A name may get other bytes: all of them count, not only their number.
    let mut other = next;
    other.bytes[350_000] ^= 1;
    let saved = save(&*journal, at, &[other, main(3)]);
    assert_eq!(saved.written, 800_001);
    assert_eq!(save(&*journal, at, &[]).bytes, 0);
}

pub(super) fn empty_and_many_parts_are_kept(place: Place<'_>) {
    let mut journal = open(place);
    let mut at = ok(journal.append(&numbered(1..=1)));
    let long = "n".repeat(PART_NAME_BYTES_MAX);
    let mut parts: Vec<_> = (0..200).map(|n| part(&format!("part/{n}"), 7, n % 3)).collect();
    parts.extend([part("", 1, 5), part(&long, 2, 5), part("'quoted\" und üblich", 3, 5)]);
    save(&*journal, at, &parts);
    at = ok(journal.append(&numbered(2..=2)));
    parts.reverse();
    assert_eq!(save(&*journal, at, &parts).written, 0);
}

pub(super) fn odd_names_are_refused(place: Place<'_>) {
    let mut journal = open(place);
    let at = ok(journal.append(&numbered(1..=1)));
    let good = [part("a", 1, 300_000)];
    save(&*journal, at, &good);
    let long = "n".repeat(PART_NAME_BYTES_MAX + 1);
    for odd in [[part("a", 1, 3), part("a", 2, 3)], [part("b", 1, 3), part(&long, 2, 3)]] {
        let error = ok(journal.snapshots()).save_parts(at, &mut odd.into_iter());
        let error = error.expect_err("the names are odd");
        assert!(matches!(error, JournalError::Refused { .. }), "{error}");
    }
    assert_loaded(&*journal, at, &good);
    assert_eq!(save(&*journal, at, &good).written, 0);
}
