//! What a replica knows of the log: where it ends, and its newest batches.

use std::collections::VecDeque;

use super::frame::{End, Frame, Unreadable};

/// How much of the newest batches is kept, in bytes. What is older is fetched when it is read.
const RECENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Fed with every message, by whoever has it first.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) epoch: u64,
    pub(super) end: End,
    /// The oldest record that is kept.
    pub(super) first_seq: u64,
    /// The oldest message that is kept, as of when it was last heard.
    pub(super) first_message: u64,
    /// What makes this replica's knowledge and the log two different things.
    pub(super) broken: Option<Unreadable>,
    recent: VecDeque<Frame>,
    recent_bytes: usize,
    /// The nonce of a frame that was sent, and the number and time of its last record if it came.
    sent: Option<(u64, Option<(u64, u64)>)>,
}

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// It was known.
    Old,
    /// The log is longer by now.
    Grown,
    /// As before, but by our own records.
    Own,
    /// It lies where it was not made for, and says nothing.
    Void,
    /// There is something before it that is not known.
    Gap,
    /// It does not fit to what is known; see [`Known::broken`].
    Broken,
}

impl Known {
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

    /// Takes in the message of this number.
    pub(super) fn feed(&mut self, message: u64, taken_ms: u64, payload: &[u8]) -> Fed {
        if self.broken.is_some() {
            return Fed::Broken;
        }
        if message <= self.end.message {
            return Fed::Old;
        }
        if message > self.end.message + 1 {
            return Fed::Gap;
        }
        match Frame::parse(message, taken_ms, payload) {
            Ok(frame) => self.add(frame),
            Err(unreadable) => {
                self.broken = Some(unreadable);
                Fed::Broken
            }
        }
    }

    fn add(&mut self, frame: Frame) -> Fed {
        if !frame.counts() {
            (self.end.message, self.end.crc) = (frame.message, frame.crc());
            return Fed::Void;
        }
        if frame.previous_crc != self.end.crc || frame.first_seq != self.end.seq + 1 {
            let what = format!(
                "message {} follows another end of the log than record {}, which was there",
                frame.message, self.end.seq
            );
            self.broken = Some(Unreadable::Damaged(what));
            return Fed::Broken;
        }
        self.end = frame.end();
        let fed = match &mut self.sent {
            Some((nonce, landed)) if *nonce == frame.nonce => {
                *landed = Some((self.end.seq, frame.at_ms));
                Fed::Own
            }
            _ => Fed::Grown,
        };
        self.recent_bytes += frame.bytes();
        self.recent.push_back(frame);
        while self.recent_bytes > RECENT_BYTES_MAX && self.recent.len() > 1 {
            self.recent_bytes -= self.recent.pop_front().map_or(0, |it| it.bytes());
        }
        fed
    }

    /// Goes on behind messages that were trimmed before they were known here.
    pub(super) fn skip_to(&mut self, end: End) {
        self.end = end;
        self.recent.clear();
        self.recent_bytes = 0;
    }

    /// A frame with this nonce is going to be sent.
    pub(super) fn expect(&mut self, nonce: u64) {
        self.sent = Some((nonce, None));
    }

    /// The number and time of the last record of the frame that was sent, once it is known to be in
    /// the log.
    pub(super) fn landed(&self) -> Option<(u64, u64)> {
        self.sent.and_then(|(_, landed)| landed)
    }

    /// The batches from the one with this record on, if they are still here.
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

    fn known() -> Known {
        Known::new(7, End::default(), 1, 1)
    }

    fn feed_next(known: &mut Known, records: usize) -> Fed {
        let payload = pack(known.end, 1, &batch(records));
        known.feed(known.end.message + 1, 5, &payload)
    }

    #[test]
    fn messages_are_taken_in_once_and_in_their_order() {
        let mut known = known();
        let first = pack(known.end, 1, &batch(2));
        assert_eq!(known.feed(1, 5, &first), Fed::Grown);
        assert_eq!((known.end.seq, known.end.message), (2, 1));
        assert_eq!(known.feed(1, 5, &first), Fed::Old);
        let second = pack(known.end, 1, &batch(1));
        assert_eq!(known.feed(3, 5, &second), Fed::Gap);
        assert_eq!(known.feed(2, 5, &second), Fed::Grown);
        assert_eq!(known.end.seq, 3);
    }

    #[test]
    fn what_was_sent_twice_counts_once() {
        let mut known = known();
        known.expect(9);
        let payload = pack(known.end, 9, &batch(2));
        assert_eq!((known.feed(1, 5, &payload), known.landed()), (Fed::Own, Some((2, 5))));
        assert_eq!(known.feed(2, 5, &payload), Fed::Void);
        assert_eq!((known.end.seq, known.end.message), (2, 2));
        assert_eq!(feed_next(&mut known, 1), Fed::Grown, "whoever knew of it goes on behind it");
        assert_eq!(known.end.seq, 3);
    }

    #[test]
    fn a_log_that_lost_its_end_and_went_on_is_noticed() {
        let (mut ours, mut theirs) = (known(), known());
        let common = pack(ours.end, 1, &batch(1));
        for known in [&mut ours, &mut theirs] {
            assert_eq!(known.feed(1, 5, &common), Fed::Grown);
        }
        assert_eq!(feed_next(&mut ours, 2), Fed::Grown);
        let instead = pack(theirs.end, 2, &[b"other".to_vec(), b"records".to_vec()]);
        assert_eq!(theirs.feed(2, 5, &instead), Fed::Grown);
        assert_eq!(ours.end.seq, theirs.end.seq, "by the numbers alone nobody could tell");
        let follows = pack(theirs.end, 3, &batch(1));
        assert_eq!(ours.feed(3, 5, &follows), Fed::Broken);
        assert!(matches!(ours.broken, Some(Unreadable::Damaged(_))));
        assert_eq!(theirs.feed(3, 5, &follows), Fed::Grown);
    }

    #[test]
    fn memory_is_bounded_whoever_reads_how_slowly() {
        let mut known = known();
        for _ in 0..60 {
            assert_eq!(feed_next(&mut known, 500), Fed::Grown);
        }
        assert!(known.recent_bytes <= RECENT_BYTES_MAX);
        assert_eq!(known.recent.iter().map(Frame::bytes).sum::<usize>(), known.recent_bytes);
        assert!(known.recent(1).is_none(), "it has to be fetched");
        let newest = known.recent(known.end.seq - 700).unwrap();
        assert_eq!(newest.map(|it| it.first_seq).collect::<Vec<_>>(), [29_001, 29_501]);
    }
}
