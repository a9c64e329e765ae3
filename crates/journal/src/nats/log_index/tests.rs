//! What the index makes of messages.

use super::super::frame::{Sender, pack, pack_following};
use super::*;

fn batch(records: usize) -> Vec<Vec<u8>> {
    vec![vec![b'x'; 1_000]; records]
}

fn index() -> LogIndex {
    LogIndex::new(7, Order::default(), 1)
}

fn packed(known: End, writer: u64, counter: u64, batch: &[Vec<u8>]) -> bytes::Bytes {
    pack(known, Sender { writer, counter, made_ms: 5 }, batch)
}

/// Takes in the next message, by another replica.
fn ingest_next(index: &mut LogIndex, records: usize) -> Ingested {
    let message = index.end().message + 1;
    let payload = packed(index.end(), 2, message, &batch(records));
    index.ingest(message, 5, &payload)
}

#[test]
fn messages_are_taken_in_once_and_in_their_order() {
    let mut index = index();
    let first = packed(index.end(), 2, 1, &batch(2));
    assert_eq!(index.ingest(1, 5, &first), Ingested::Grown);
    assert_eq!((index.end().seq, index.end().message), (2, 1));
    assert_eq!(index.ingest(1, 5, &first), Ingested::Old);
    let second = packed(index.end(), 2, 2, &batch(1));
    assert_eq!(index.ingest(3, 5, &second), Ingested::Gap);
    assert_eq!(index.ingest(2, 5, &second), Ingested::Grown);
    assert_eq!(index.end().seq, 3);
}

#[test]
fn what_was_sent_twice_counts_once() {
    let mut index = index();
    assert_eq!((index.begin(), index.outcome()), (1, None));
    let payload = packed(index.end(), 1, 1, &batch(2));
    assert_eq!(index.ingest(1, 5, &payload), Ingested::Own);
    let outcome = index.outcome().unwrap();
    assert_eq!(outcome.commit, Some(Commit { seq: 2, at_ms: 5 }));
    assert_eq!(index.ingest(2, 6, &payload), Ingested::Void);
    assert_eq!((index.end().seq, index.end().message), (2, 2));
    assert_eq!(index.outcome(), Some(outcome), "the first copy decides");
    assert_eq!(ingest_next(&mut index, 1), Ingested::Grown, "and the log goes on");
    assert_eq!(index.end().seq, 3);
}

#[test]
fn what_takes_the_place_of_a_batch_has_its_counter_until_that_is_known() {
    let mut index = index();
    assert_eq!((index.begin_instead(), index.begin_instead()), (1, 1));
    let instead = packed(index.end(), 1, 1, &[]);
    let batch = packed(index.end(), 1, 1, &batch(2));
    assert_eq!(index.ingest(1, 5, &instead), Ingested::Own);
    assert_eq!(index.outcome().unwrap().commit, Some(Commit { seq: 0, at_ms: 0 }));
    assert_eq!(index.ingest(2, 5, &batch), Ingested::Void, "the batch came too late");
    assert_eq!((index.begin_instead(), index.end().seq), (2, 0));
}

#[test]
fn own_messages_that_come_late_are_known_to_be_void() {
    let mut index = index();
    index.begin();
    let payload = packed(index.end(), 1, 1, &batch(2));
    assert_eq!(index.ingest(1, 60_000, &payload), Ingested::Void);
    let outcome = index.outcome().unwrap();
    assert_eq!((outcome.commit, outcome.taken_ms), (None, 60_000));
}

/// Two replicas of a log that lost its end after one of them has read that.
fn of_a_lost_end() -> [LogIndex; 2] {
    let (mut ours, mut theirs) = (index(), index());
    let common = packed(ours.end(), 2, 1, &batch(1));
    for index in [&mut ours, &mut theirs] {
        assert_eq!(index.ingest(1, 5, &common), Ingested::Grown);
    }
    assert_eq!(ingest_next(&mut ours, 2), Ingested::Grown);
    let instead = packed(theirs.end(), 3, 2, &[b"other".to_vec(), b"records".to_vec()]);
    assert_eq!(theirs.ingest(2, 5, &instead), Ingested::Grown);
    assert_eq!(ours.end().seq, theirs.end().seq, "by the numbers alone nobody could tell");
    [ours, theirs]
}

#[test]
fn a_log_that_lost_its_end_and_went_on_is_noticed() {
    for by_following in [false, true] {
        let [mut ours, mut theirs] = of_a_lost_end();
        let follows = match by_following {
            true => pack_following(theirs.end(), 3, &batch(1)),
            false => packed(theirs.end(), 3, 3, &batch(1)),
        };
        assert_eq!(ours.ingest(3, 5, &follows), Ingested::Broken);
        assert!(matches!(ours.broken, Some(Unreadable::Damaged(_))));
        assert_eq!(theirs.ingest(3, 5, &follows), Ingested::Grown);
    }
}

#[test]
fn a_writer_that_knows_more_than_the_log_has_shows_that_the_end_is_lost() {
    let [_, mut theirs] = of_a_lost_end();
    let more = End { message: 3, crc: 9, seq: 5, at_ms: 5 };
    let payload = packed(more, 4, 1, &batch(1));
    assert_eq!(theirs.ingest(3, 5, &payload), Ingested::Broken);
}

#[test]
fn memory_is_bounded_however_slowly_records_are_read() {
    let mut index = index();
    for _ in 0..60 {
        assert_eq!(ingest_next(&mut index, 500), Ingested::Grown);
    }
    assert!(index.recent_bytes <= RECENT_BYTES_MAX);
    assert_eq!(index.recent.iter().map(Frame::bytes).sum::<usize>(), index.recent_bytes);
    assert!(index.recent(1).is_none(), "it has to be fetched");
    let newest = index.recent(index.end().seq - 700).unwrap();
    assert_eq!(newest.map(|it| it.first_seq).collect::<Vec<_>>(), [29_001, 29_501]);
}
