//! A batch of records as one message of the log. So the batch is there whole or not at all.
//!
//! A frame names the message that it was made to follow, and counts only directly behind that one.
//! A frame that was sent twice, or came late, is void wherever else it lies, even if the server let
//! it through. A frame also has the checksum of that message. So every replica that knew the old
//! end notices a log that lost its end and went on.

use bytes::{BufMut, Bytes, BytesMut};
use crc32fast::hash;

use super::subjects::newer;
use crate::{JournalError, checksum};

/// The format of frames, and of everything else that is stored beside the log.
pub(super) const FORMAT: u8 = 1;

/// The bytes before the records.
const HEAD_BYTES: usize = 48;

/// The first bytes of a frame, which identify it.
const MAGIC: &[u8; 3] = b"LUj";

/// The bytes before each record: its length and its checksum.
const RECORD_HEAD_BYTES: usize = 8;

/// The last message of a log, and the last record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    /// The number of the message; 0 if there is none.
    pub(super) message: u64,
    /// The checksum of its payload.
    pub(super) crc: u32,
    /// The number of the last record.
    pub(super) seq: u64,
    /// The time of the last record, in milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
}

/// A message of the log, parsed except for its records.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The number of the message.
    pub(super) message: u64,
    /// The message that it was made to follow.
    follows: u64,
    /// The checksum of that one's payload.
    pub(super) previous_crc: u32,
    /// The number of its first record.
    pub(super) first_seq: u64,
    /// How many records it has.
    pub(super) count: u64,
    /// When the service accepted it, in milliseconds since the Unix epoch. It is never earlier than
    /// the record before: a new leader's clock may be behind.
    pub(super) at_ms: u64,
    /// A random number, by which its replica recognizes it.
    pub(super) nonce: u64,
    payload: Bytes,
}

/// Why a message cannot be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Newer(u8),
    Damaged(String),
}

impl Unreadable {
    pub(super) fn to_error(&self, stream: &str) -> JournalError {
        match self {
            Self::Newer(found) => newer(stream, (*found).into()),
            Self::Damaged(what) => {
                JournalError::Damaged { what: format!("stream {stream}: {what}") }
            }
        }
    }
}

/// Packs a batch to follow this end.
pub(super) fn pack(end: End, nonce: u64, batch: &[Vec<u8>]) -> Bytes {
    let body: usize = batch.iter().map(|it| RECORD_HEAD_BYTES + it.len()).sum();
    let mut frame = BytesMut::with_capacity(HEAD_BYTES + body);
    frame.put_slice(MAGIC);
    frame.put_u8(FORMAT);
    frame.put_u64_le(end.message);
    frame.put_u32_le(end.crc);
    frame.put_u64_le(end.seq + 1);
    frame.put_u64_le(end.at_ms);
    frame.put_u64_le(nonce);
    frame.put_u32_le(u32::try_from(batch.len()).expect("a batch has a bound"));
    frame.put_u32_le(hash(&frame));
    for (seq, bytes) in (end.seq + 1..).zip(batch) {
        frame.put_u32_le(u32::try_from(bytes.len()).expect("a record has a bound"));
        frame.put_u32_le(checksum::of_record(seq, bytes));
        frame.put_slice(bytes);
    }
    frame.freeze()
}

/// The first message of a log with these records: for fuzz targets.
#[cfg(feature = "testing")]
pub fn pack_nats_message(batch: &[Vec<u8>]) -> Bytes {
    pack(End::default(), 7, batch)
}

/// Reads a message whole, as far as it can be read: for fuzz targets.
#[cfg(feature = "testing")]
pub fn read_nats_message(payload: &[u8]) {
    let mut sealed = payload.to_vec();
    seal(&mut sealed);
    for payload in [payload, &sealed] {
        if let Ok(frame) = Frame::parse(1, 0, payload) {
            let _sums = (frame.counts(), frame.end_seq(), frame.end(), frame.bytes());
            frame.records(frame.first_seq).take(payload.len()).for_each(drop);
        }
    }
}

/// Puts the right checksums into a message that has others, as far as its lengths allow. Otherwise
/// hardly an input would get past them.
#[cfg(feature = "testing")]
fn seal(payload: &mut [u8]) -> Option<()> {
    let (head, mut rest) = payload.split_at_mut_checked(HEAD_BYTES)?;
    let crc = hash(&head[..HEAD_BYTES - 4]);
    head[HEAD_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    let mut seq = number(&mut &head[MAGIC.len() + 1 + 8 + 4..], 8)?;
    loop {
        let (head, behind) = rest.split_at_mut_checked(RECORD_HEAD_BYTES)?;
        let length = usize::try_from(number(&mut &*head, 4)?).ok()?;
        let (bytes, behind) = behind.split_at_mut_checked(length)?;
        head[4..].copy_from_slice(&checksum::of_record(seq, bytes).to_le_bytes());
        (seq, rest) = (seq.checked_add(1)?, behind);
    }
}

impl Frame {
    /// Parses the message of this number. `taken_ms` is when the service accepted it.
    pub(super) fn parse(message: u64, taken_ms: u64, payload: &[u8]) -> Result<Self, Unreadable> {
        let damaged = || Unreadable::Damaged(format!("message {message} is not what was written"));
        let mut head = payload.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let version = head.split_off_first().copied().ok_or_else(damaged)?;
        if version > FORMAT {
            return Err(Unreadable::Newer(version));
        }
        let mut next = |bytes| number(&mut head, bytes).ok_or_else(damaged);
        let (follows, previous_crc, first_seq) = (next(8)?, next(4)?, next(8)?);
        let (not_before_ms, nonce, count, crc) = (next(8)?, next(8)?, next(4)?, next(4)?);
        let sound = hash(&payload[..HEAD_BYTES - 4]);
        let has_end = first_seq.checked_add(count).is_some();
        if version != FORMAT || crc != u64::from(sound) || first_seq == 0 || !has_end {
            return Err(damaged());
        }
        Ok(Self {
            message,
            follows,
            previous_crc: u32::try_from(previous_crc).map_err(|_| damaged())?,
            first_seq,
            count,
            at_ms: taken_ms.max(not_before_ms),
            nonce,
            // A copy, because the received bytes are a part of a larger buffer.
            payload: Bytes::copy_from_slice(payload),
        })
    }

    /// Whether it lies in the place it was made for. Otherwise it is void.
    pub(super) fn counts(&self) -> bool {
        self.follows.checked_add(1) == Some(self.message)
    }

    /// One past its last record.
    pub(super) fn end_seq(&self) -> u64 {
        self.first_seq + self.count
    }

    /// Its size, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.payload.len()
    }

    pub(super) fn crc(&self) -> u32 {
        hash(&self.payload)
    }

    /// The end of the log if this is its last message.
    pub(super) fn end(&self) -> End {
        let seq = self.end_seq() - 1;
        End { message: self.message, crc: self.crc(), seq, at_ms: self.at_ms }
    }

    /// The records from this one on, with their numbers. A damaged one appears as `None`, and ends
    /// them.
    pub(super) fn records(&self, from_seq: u64) -> impl Iterator<Item = (u64, Option<&[u8]>)> {
        let mut rest = self.payload.get(HEAD_BYTES..).unwrap_or_default();
        let mut is_sound = true;
        (self.first_seq..self.end_seq())
            .map_while(move |seq| {
                if !is_sound {
                    return None;
                }
                let record = record(&mut rest, seq, seq >= from_seq);
                is_sound = record.is_some();
                Some((seq, record))
            })
            .filter(move |(seq, record)| *seq >= from_seq || record.is_none())
    }
}

fn record<'a>(rest: &mut &'a [u8], seq: u64, is_wanted: bool) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest, 4)?).ok()?;
    let crc = number(rest, 4)?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    (!is_wanted || crc == u64::from(checksum::of_record(seq, bytes))).then_some(bytes)
}

/// Reads the next number, with the lowest byte first.
fn number(rest: &mut &[u8], bytes: usize) -> Option<u64> {
    let (number, behind) = rest.split_at_checked(bytes)?;
    *rest = behind;
    Some(number.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const END: End = End { message: 6, crc: 0xabcd, seq: 40, at_ms: 1_000 };

    fn batch() -> Vec<Vec<u8>> {
        vec![b"first".to_vec(), vec![], vec![7; 300]]
    }

    #[test]
    fn a_frame_tells_what_was_packed() {
        let payload = pack(END, 99, &batch());
        let frame = Frame::parse(7, 1_500, &payload).unwrap();
        assert!(frame.counts());
        assert_eq!((frame.first_seq, frame.count, frame.end_seq()), (41, 3, 44));
        assert_eq!((frame.previous_crc, frame.nonce, frame.at_ms), (0xabcd, 99, 1_500));
        assert_eq!(frame.end(), End { message: 7, crc: hash(&payload), seq: 43, at_ms: 1_500 });
        let records = |from| frame.records(from).map(|(seq, it)| (seq, it.unwrap().to_vec()));
        assert!(records(0).eq((41..).zip(batch())));
        assert!(records(42).eq((42..).zip(batch().split_off(1))));
        assert_eq!(records(44).count(), 0);
    }

    #[test]
    fn a_frame_counts_in_one_place_only() {
        let payload = pack(END, 99, &batch());
        for (message, expected) in [(6, false), (7, true), (8, false)] {
            assert_eq!(Frame::parse(message, 0, &payload).unwrap().counts(), expected);
        }
    }

    #[test]
    fn time_does_not_go_back_with_the_clock_of_another_server() {
        let payload = pack(END, 99, &batch());
        assert_eq!(Frame::parse(7, 400, &payload).unwrap().at_ms, 1_000);
    }

    #[test]
    fn a_newer_format_is_not_taken_for_damage() {
        let mut payload = pack(END, 99, &batch()).to_vec();
        payload[3] = 2;
        assert_eq!(Frame::parse(7, 0, &payload).unwrap_err(), Unreadable::Newer(2));
        payload[3] = 0;
        assert!(matches!(Frame::parse(7, 0, &payload), Err(Unreadable::Damaged(_))));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_never_taken_for_a_record(
            at in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let mut payload = pack(END, 99, &batch()).to_vec();
            let at = at.index(payload.len());
            payload[at] ^= 1_u8 << bit;
            if let Ok(frame) = Frame::parse(7, 0, &payload) {
                let sound = frame.records(0).filter_map(|(seq, it)| Some((seq, it?.to_vec())));
                let all: Vec<_> = (41..).zip(batch()).collect();
                let sound: Vec<_> = sound.collect();
                prop_assert!(sound.len() < all.len() && all.starts_with(&sound));
            }
        }

        #[test]
        fn any_bytes_are_taken_apart_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Ok(frame) = Frame::parse(1, 0, &bytes) {
                frame.records(0).for_each(drop);
            }
        }
    }
}
