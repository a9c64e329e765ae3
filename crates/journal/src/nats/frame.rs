//! A batch of records as one message of the log. So the batch is there whole or not at all.
//!
//! There are two formats of messages. Both are read, and one log may have both. A message says which
//! end of the log its writer knew. What counts is decided by [`super::order::Order`].
//!
//! | format | a message counts |
//! |--:|---|
//! | 1 | directly behind the end that its writer knew, and nowhere else |
//! | 2 | wherever the service has put it, if it is the first with this counter of its writer |

mod head;
mod pack;

use bytes::Bytes;
use crc32fast::hash;

use self::head::number;
pub(super) use self::head::{Head, Rule};
#[cfg(test)]
pub(super) use self::pack::pack_following;
pub(super) use self::pack::{Sender, pack};
#[cfg(feature = "testing")]
pub use self::pack::{pack_nats_message, pack_old_nats_log, read_nats_message};
use super::subjects::newer;
use crate::{JournalError, checksum};

/// The format of messages that are written.
pub(super) const FORMAT: u8 = 2;

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

/// A message of the log without its records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    /// The number of the message.
    pub(super) message: u64,
    /// When the service accepted it, in milliseconds since the Unix epoch.
    pub(super) taken_ms: u64,
    /// The checksum of its payload.
    pub(super) crc: u32,
    pub(super) head: Head,
}

/// A message of the log that has no place among the records yet.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) outline: Outline,
    payload: Bytes,
}

/// A message of the log that counts, with the numbers of its records.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The number of its first record.
    pub(super) first_seq: u64,
    /// How many records it has.
    pub(super) count: u64,
    /// The time of its records, in milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
    rule: Rule,
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

impl Message {
    /// Parses the message of this number. `taken_ms` is when the service accepted it.
    pub(super) fn parse(message: u64, taken_ms: u64, payload: &[u8]) -> Result<Self, Unreadable> {
        let head = Head::parse(message, payload)?;
        let outline = Outline { message, taken_ms, crc: hash(payload), head };
        // A copy, because the received bytes are a part of a larger buffer.
        Ok(Self { outline, payload: Bytes::copy_from_slice(payload) })
    }

    /// Gives its records their numbers and their time.
    pub(super) fn place(self, first_seq: u64, at_ms: u64) -> Frame {
        let Head { rule, count, .. } = self.outline.head;
        Frame { first_seq, count, at_ms, rule, payload: self.payload }
    }
}

impl Frame {
    /// One past its last record.
    pub(super) fn end_seq(&self) -> u64 {
        self.first_seq + self.count
    }

    /// Its size, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.payload.len()
    }

    /// The records from this one on, with their numbers. A damaged one appears as `None`, and ends
    /// them.
    pub(super) fn records(&self, from_seq: u64) -> impl Iterator<Item = (u64, Option<&[u8]>)> {
        let mut rest = self.payload.get(self.rule.head_bytes()..).unwrap_or_default();
        let mut is_sound = true;
        // The number in a record's checksum. A writer of format 2 does not know the record's own.
        let first_summed = match self.rule {
            Rule::Following => self.first_seq,
            Rule::Ordered { .. } => 0,
        };
        (self.first_seq..self.end_seq())
            .zip(first_summed..)
            .map_while(move |(seq, summed)| {
                if !is_sound {
                    return None;
                }
                let record = record(&mut rest, summed, seq >= from_seq);
                is_sound = record.is_some();
                Some((seq, record))
            })
            .filter(move |(seq, record)| *seq >= from_seq || record.is_none())
    }
}

fn record<'a>(rest: &mut &'a [u8], summed: u64, is_wanted: bool) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest, 4)?).ok()?;
    let crc = number(rest, 4)?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    (!is_wanted || crc == u64::from(checksum::of_record(summed, bytes))).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const END: End = End { message: 6, crc: 0xabcd, seq: 40, at_ms: 1_000 };
    const SENDER: Sender = Sender { writer: 99, counter: 3, made_ms: 1_200 };

    fn batch() -> Vec<Vec<u8>> {
        vec![b"first".to_vec(), vec![], vec![7; 300]]
    }

    /// Both formats, of the same end and batch.
    fn packed() -> [Bytes; 2] {
        [pack_following(END, 99, &batch()), pack(END, SENDER, &batch())]
    }

    #[test]
    fn a_message_tells_what_was_packed() {
        let ordered = Rule::Ordered { writer: 99, counter: 3, made_ms: 1_200 };
        for (payload, rule) in packed().into_iter().zip([Rule::Following, ordered]) {
            let message = Message::parse(7, 1_500, &payload).unwrap();
            let outline = message.outline;
            assert_eq!((outline.message, outline.taken_ms), (7, 1_500));
            assert_eq!(outline.crc, hash(&payload));
            assert_eq!(outline.head, Head { known: END, rule, count: 3 });
            let frame = message.place(41, 1_500);
            assert_eq!((frame.first_seq, frame.count, frame.end_seq()), (41, 3, 44));
            let records = |from| frame.records(from).map(|(seq, it)| (seq, it.unwrap().to_vec()));
            assert!(records(0).eq((41..).zip(batch())));
            assert!(records(42).eq((42..).zip(batch().split_off(1))));
            assert_eq!(records(44).count(), 0);
        }
    }

    #[test]
    fn the_formats_stay_as_they_are_stored() {
        let crcs = packed().map(|payload| (payload.len(), hash(&payload)));
        assert_eq!(crcs, [(377, 4_111_649_994), (393, 465_592_596)]);
    }

    #[test]
    fn a_newer_format_is_not_taken_for_damage() {
        let mut payload = pack(END, SENDER, &batch()).to_vec();
        payload[3] = 3;
        assert_eq!(Message::parse(7, 0, &payload).unwrap_err(), Unreadable::Newer(3));
        for other in [0, 1] {
            payload[3] = other;
            assert!(matches!(Message::parse(7, 0, &payload), Err(Unreadable::Damaged(_))));
        }
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_never_taken_for_a_record(
            format in 0..2_usize,
            at in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let mut payload = packed()[format].to_vec();
            let at = at.index(payload.len());
            payload[at] ^= 1_u8 << bit;
            if let Ok(message) = Message::parse(7, 0, &payload) {
                let frame = message.place(41, 0);
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
            if let Ok(message) = Message::parse(1, 0, &bytes) {
                message.place(1, 0).records(0).for_each(drop);
            }
        }
    }
}
