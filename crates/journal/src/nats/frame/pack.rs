//! Packs a batch into a message.

use bytes::{BufMut, Bytes, BytesMut};
use crc32fast::hash;

#[cfg(any(test, feature = "testing"))]
use super::head::FOLLOWING;
use super::head::{MAGIC, Rule};
use super::{End, FORMAT, RECORD_HEAD_BYTES};
use crate::checksum;

/// Who sends a message, and when: see [`Rule::Ordered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nats) struct Sender {
    pub(in crate::nats) writer: u64,
    pub(in crate::nats) counter: u64,
    pub(in crate::nats) made_ms: u64,
}

/// Packs a batch of a writer that knows this end.
pub(in crate::nats) fn pack(known: End, sender: Sender, batch: &[Vec<u8>]) -> Bytes {
    let Sender { writer, counter, made_ms } = sender;
    let rule = Rule::Ordered { writer, counter, made_ms };
    let mut head = BytesMut::with_capacity(rule.head_bytes() + body_bytes(batch));
    put_known(&mut head, FORMAT, known, known.seq);
    for number in [made_ms, writer, counter] {
        head.put_u64_le(number);
    }
    put_records(head, 0, batch)
}

/// Packs a batch as older versions did.
#[cfg(any(test, feature = "testing"))]
pub(in crate::nats) fn pack_following(end: End, nonce: u64, batch: &[Vec<u8>]) -> Bytes {
    let mut head = BytesMut::new();
    put_known(&mut head, FOLLOWING, end, end.seq + 1);
    head.put_u64_le(nonce);
    put_records(head, end.seq + 1, batch)
}

fn put_known(head: &mut BytesMut, format: u8, known: End, seq: u64) {
    head.put_slice(MAGIC);
    head.put_u8(format);
    head.put_u64_le(known.message);
    head.put_u32_le(known.crc);
    head.put_u64_le(seq);
    head.put_u64_le(known.at_ms);
}

fn put_records(mut message: BytesMut, first_summed: u64, batch: &[Vec<u8>]) -> Bytes {
    message.put_u32_le(u32::try_from(batch.len()).expect("a batch has a bound"));
    message.put_u32_le(hash(&message));
    for (summed, bytes) in (first_summed..).zip(batch) {
        message.put_u32_le(u32::try_from(bytes.len()).expect("a record has a bound"));
        message.put_u32_le(checksum::of_record(summed, bytes));
        message.put_slice(bytes);
    }
    message.freeze()
}

fn body_bytes(batch: &[Vec<u8>]) -> usize {
    batch.iter().map(|it| RECORD_HEAD_BYTES + it.len()).sum()
}

#[cfg(feature = "testing")]
mod fuzzed {
    use super::super::head::number;
    use super::super::{Head, Message};
    use super::*;

    /// The first message of a log with these records: for fuzz targets.
    pub fn pack_nats_message(batch: &[Vec<u8>]) -> Bytes {
        pack(End::default(), Sender { writer: 7, counter: 1, made_ms: 0 }, batch)
    }

    /// The messages of a log with these batches, as versions before format 2 have written them.
    pub fn pack_old_nats_log(batches: &[Vec<Vec<u8>>]) -> Vec<Bytes> {
        let mut end = End::default();
        let pack = |(batch, message): (&Vec<Vec<u8>>, u64)| {
            let payload = pack_following(end, message, batch);
            let seq = end.seq + batch.len() as u64;
            end = End { message, crc: hash(&payload), seq, ..end };
            payload
        };
        batches.iter().zip(1..).map(pack).collect()
    }

    /// Reads a message whole, as far as it can be read: for fuzz targets.
    pub fn read_nats_message(payload: &[u8]) {
        let mut sealed = payload.to_vec();
        seal(&mut sealed);
        for payload in [payload, &sealed] {
            if let Ok(message) = Message::parse(1, 0, payload) {
                let Head { known, .. } = message.outline.head;
                let frame = message.place(known.seq + 1, 0);
                let _sums = (frame.end_seq(), frame.bytes());
                frame.records(frame.first_seq).take(payload.len()).for_each(drop);
            }
        }
    }

    /// Puts the right checksums into a message that has others, as far as its lengths allow.
    /// Otherwise hardly an input would get past them.
    fn seal(payload: &mut [u8]) -> Option<()> {
        let is_following = payload.get(MAGIC.len()) == Some(&FOLLOWING);
        let rule = match is_following {
            true => Rule::Following,
            false => Rule::Ordered { writer: 0, counter: 0, made_ms: 0 },
        };
        let bytes = rule.head_bytes();
        let (head, mut rest) = payload.split_at_mut_checked(bytes)?;
        let crc = hash(&head[..bytes - 4]);
        head[bytes - 4..].copy_from_slice(&crc.to_le_bytes());
        let first_seq = number(&mut &head[MAGIC.len() + 1 + 8 + 4..], 8)?;
        let mut summed = if is_following { first_seq } else { 0 };
        loop {
            let (head, behind) = rest.split_at_mut_checked(RECORD_HEAD_BYTES)?;
            let length = usize::try_from(number(&mut &*head, 4)?).ok()?;
            let (bytes, behind) = behind.split_at_mut_checked(length)?;
            head[4..].copy_from_slice(&checksum::of_record(summed, bytes).to_le_bytes());
            (summed, rest) = (summed.checked_add(1)?, behind);
        }
    }
}

#[cfg(feature = "testing")]
pub use self::fuzzed::{pack_nats_message, pack_old_nats_log, read_nats_message};
