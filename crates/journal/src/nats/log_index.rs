//! The index of a log at one replica: where the log ends, and its newest batches.
//!
//! It takes in each message of the log exactly once and in the order of their numbers. So every
//! replica derives the same from the same messages. What holds between two calls:
//!
//! - The end never goes back while the epoch is the same: neither its message, nor its record, nor
//!   its time.
//! - A void frame moves the end's message, but not its record.
//! - The newest batches follow each other without a gap, and the last one ends at the end's record.

use std::collections::VecDeque;

use super::frame::{End, Frame, Unreadable};

/// How much of the newest batches is kept, in bytes. Older batches are fetched when they are read.
const RECENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Filled by the follower and by fetches, whichever is faster.
#[derive(Debug)]
pub(super) struct LogIndex {
    pub(super) epoch: u64,
    pub(super) end: End,
    /// The oldest record that is kept.
    pub(super) first_seq: u64,
    /// The oldest message that is kept, by the latest answer of the service.
    pub(super) first_message: u64,
    /// How the index and the log contradict each other. Nothing is taken in after that.
    pub(super) broken: Option<Unreadable>,
    recent: VecDeque<Frame>,
    recent_bytes: usize,
    /// The last frame that was sent.
    sent: Option<Sent>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    nonce: u64,
    /// Set once the frame is in the log and counts there.
    commit: Option<Commit>,
}

/// An own frame in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// The number of its last record.
    pub(super) seq: u64,
    /// When the service accepted it, in milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
}

/// The result of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ingested {
    /// The index had it already.
    Old,
    /// The log has grown.
    Grown,
    /// The log has grown by own records.
    Own,
    /// It is not in the place it was made for, so it has no effect.
    Void,
    /// A message before it is missing in the index.
    Gap,
    /// It contradicts the index: see [`LogIndex::broken`].
    Broken,
}

impl LogIndex {
    pub(super) fn new(epoch: u64, end: End, first_seq: u64, first_message: u64) -> Self {
        Self {
            epoch,
            end,
            first_seq,
            first_message,
            broken: None,
            recent: VecDeque::new(),
            recent_bytes: 0,
            sent: None,
        }
    }

    /// Takes in the message of this number. A gap changes nothing: the caller fetches what is
    /// missing, and then this message again.
    pub(super) fn ingest(&mut self, message: u64, taken_ms: u64, payload: &[u8]) -> Ingested {
        if self.broken.is_some() {
            return Ingested::Broken;
        }
        if message <= self.end.message {
            return Ingested::Old;
        }
        if message > self.end.message + 1 {
            return Ingested::Gap;
        }
        match Frame::parse(message, taken_ms, payload) {
            Ok(frame) => self.add(frame),
            Err(unreadable) => {
                self.broken = Some(unreadable);
                Ingested::Broken
            }
        }
    }

    fn add(&mut self, frame: Frame) -> Ingested {
        debug_assert_eq!(frame.message, self.end.message + 1, "each message once, and in order");
        if !frame.counts() {
            // The next frame was made to follow this message, whatever it is. So its number and
            // checksum move the end on, and the record stays.
            (self.end.message, self.end.crc) = (frame.message, frame.crc());
            return Ingested::Void;
        }
        // It was made for this place. If it was made to follow another message than the one in the
        // index, the log has lost its end and went on without it. The numbers alone may fit. The
        // checksum shows the difference.
        if frame.previous_crc != self.end.crc || frame.first_seq != self.end.seq + 1 {
            let what = format!(
                "message {} follows another end of the log than record {}, which was there",
                frame.message, self.end.seq
            );
            self.broken = Some(Unreadable::Damaged(what));
            return Ingested::Broken;
        }
        let (before, end) = (self.end, frame.end());
        debug_assert!(before.seq <= end.seq && before.at_ms <= end.at_ms, "it never goes back");
        self.end = end;
        let ingested = match &mut self.sent {
            Some(sent) if sent.nonce == frame.nonce => {
                sent.commit = Some(Commit { seq: end.seq, at_ms: end.at_ms });
                Ingested::Own
            }
            _ => Ingested::Grown,
        };
        self.recent_bytes += frame.bytes();
        self.recent.push_back(frame);
        while self.recent_bytes > RECENT_BYTES_MAX && self.recent.len() > 1 {
            self.recent_bytes -= self.recent.pop_front().map_or(0, |it| it.bytes());
        }
        ingested
    }

    /// Moves past messages that were trimmed before they were taken in. The kept batches are
    /// dropped, because they must not have a gap.
    pub(super) fn skip_to(&mut self, end: End) {
        debug_assert!(self.end.message < end.message, "the end never goes back");
        self.end = end;
        self.recent.clear();
        self.recent_bytes = 0;
    }

    /// Notes that a frame with this nonce will be sent. The one before is forgotten: if it still
    /// gets into the log, its records count as those of another replica.
    pub(super) fn expect(&mut self, nonce: u64) {
        self.sent = Some(Sent { nonce, commit: None });
    }

    /// The last frame that was sent, once it is known to be in the log.
    pub(super) fn confirm_commit(&self) -> Option<Commit> {
        self.sent.and_then(|sent| sent.commit)
    }

    /// The batches from the one with this record on, if they are still in memory.
    pub(super) fn recent(&self, seq: u64) -> Option<impl Iterator<Item = &Frame>> {
        if self.recent.front().is_none_or(|it| it.first_seq > seq) {
            return None;
        }
        let at = self.recent.partition_point(|it| it.end_seq() <= seq);
        Some(self.recent.range(at..))
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::pack;
    use super::*;

    fn batch(records: usize) -> Vec<Vec<u8>> {
        vec![vec![b'x'; 1_000]; records]
    }

    fn index() -> LogIndex {
        LogIndex::new(7, End::default(), 1, 1)
    }

    fn ingest_next(index: &mut LogIndex, records: usize) -> Ingested {
        let payload = pack(index.end, 1, &batch(records));
        index.ingest(index.end.message + 1, 5, &payload)
    }

    #[test]
    fn messages_are_taken_in_once_and_in_their_order() {
        let mut index = index();
        let first = pack(index.end, 1, &batch(2));
        assert_eq!(index.ingest(1, 5, &first), Ingested::Grown);
        assert_eq!((index.end.seq, index.end.message), (2, 1));
        assert_eq!(index.ingest(1, 5, &first), Ingested::Old);
        let second = pack(index.end, 1, &batch(1));
        assert_eq!(index.ingest(3, 5, &second), Ingested::Gap);
        assert_eq!(index.ingest(2, 5, &second), Ingested::Grown);
        assert_eq!(index.end.seq, 3);
    }

    #[test]
    fn what_was_sent_twice_counts_once() {
        let mut index = index();
        index.expect(9);
        let payload = pack(index.end, 9, &batch(2));
        assert_eq!(
            (index.ingest(1, 5, &payload), index.confirm_commit()),
            (Ingested::Own, Some(Commit { seq: 2, at_ms: 5 }))
        );
        assert_eq!(index.ingest(2, 5, &payload), Ingested::Void);
        assert_eq!((index.end.seq, index.end.message), (2, 2));
        assert_eq!(
            ingest_next(&mut index, 1),
            Ingested::Grown,
            "the next frame follows the void one"
        );
        assert_eq!(index.end.seq, 3);
    }

    #[test]
    fn a_log_that_lost_its_end_and_went_on_is_noticed() {
        let (mut ours, mut theirs) = (index(), index());
        let common = pack(ours.end, 1, &batch(1));
        for index in [&mut ours, &mut theirs] {
            assert_eq!(index.ingest(1, 5, &common), Ingested::Grown);
        }
        assert_eq!(ingest_next(&mut ours, 2), Ingested::Grown);
        let instead = pack(theirs.end, 2, &[b"other".to_vec(), b"records".to_vec()]);
        assert_eq!(theirs.ingest(2, 5, &instead), Ingested::Grown);
        assert_eq!(ours.end.seq, theirs.end.seq, "by the numbers alone nobody could tell");
        let follows = pack(theirs.end, 3, &batch(1));
        assert_eq!(ours.ingest(3, 5, &follows), Ingested::Broken);
        assert!(matches!(ours.broken, Some(Unreadable::Damaged(_))));
        assert_eq!(theirs.ingest(3, 5, &follows), Ingested::Grown);
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
        let newest = index.recent(index.end.seq - 700).unwrap();
        assert_eq!(newest.map(|it| it.first_seq).collect::<Vec<_>>(), [29_001, 29_501]);
    }
}
