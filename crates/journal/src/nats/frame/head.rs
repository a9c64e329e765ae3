//! What a message says before its records. Numbers have the lowest byte first.
//!
//! | format | layout, in bytes |
//! |--:|---|
//! | 1 | `LUj`, 1, known message (8), its CRC (4), first record (8), known time (8), nonce (8), count (4), CRC (4) |
//! | 2 | `LUj`, 2, known message (8), its CRC (4), known record (8), known time (8), made at (8), writer (8), counter (8), count (4), CRC (4) |

use crc32fast::hash;

use super::{End, FORMAT, Unreadable};

/// The first bytes of a message, which identify it.
pub(super) const MAGIC: &[u8; 3] = b"LUj";

/// The format whose messages count behind one end only.
pub(super) const FOLLOWING: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nats) struct Head {
    /// The end of the log that its writer knew.
    pub(in crate::nats) known: End,
    pub(in crate::nats) rule: Rule,
    /// How many records there are.
    pub(in crate::nats) count: u64,
}

/// What decides whether a message counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nats) enum Rule {
    /// Format 1: it lies directly behind the known end.
    Following,
    /// Format 2: it is the first one with this counter.
    Ordered {
        /// A random number of the process.
        writer: u64,
        /// It rises with each batch of the writer. Copies of a message have one counter, and so has
        /// the message that takes its place.
        counter: u64,
        /// When the message was made, by the service's clock as far as its writer knew it, in
        /// milliseconds since the Unix epoch.
        made_ms: u64,
    },
}

impl Rule {
    pub(in crate::nats) fn head_bytes(self) -> usize {
        match self {
            Self::Following => 48,
            Self::Ordered { .. } => 64,
        }
    }
}

impl Head {
    /// Parses the head of the message of this number.
    pub(super) fn parse(message: u64, payload: &[u8]) -> Result<Self, Unreadable> {
        let damaged = || Unreadable::Damaged(format!("message {message} is not what was written"));
        let mut rest = payload.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let format = rest.split_off_first().copied().ok_or_else(damaged)?;
        match format {
            FOLLOWING => Self::following(payload, rest),
            FORMAT => Self::ordered(payload, rest),
            newer if newer > FORMAT => return Err(Unreadable::Newer(newer)),
            _ => None,
        }
        .ok_or_else(damaged)
    }

    fn following(payload: &[u8], mut rest: &[u8]) -> Option<Self> {
        let (message, crc) = (number(&mut rest, 8)?, number(&mut rest, 4)?);
        let (first_seq, at_ms) = (number(&mut rest, 8)?, number(&mut rest, 8)?);
        let _nonce = number(&mut rest, 8)?;
        let seq = first_seq.checked_sub(1)?;
        let known = End { message, crc: u32::try_from(crc).ok()?, seq, at_ms };
        Self::ending(known, Rule::Following, payload, rest)
    }

    fn ordered(payload: &[u8], mut rest: &[u8]) -> Option<Self> {
        let (message, crc) = (number(&mut rest, 8)?, number(&mut rest, 4)?);
        let (seq, at_ms) = (number(&mut rest, 8)?, number(&mut rest, 8)?);
        let (made_ms, writer) = (number(&mut rest, 8)?, number(&mut rest, 8)?);
        let counter = number(&mut rest, 8)?;
        let known = End { message, crc: u32::try_from(crc).ok()?, seq, at_ms };
        let rule = Rule::Ordered { writer, counter, made_ms };
        Self::ending(known, rule, payload, rest)
    }

    fn ending(known: End, rule: Rule, payload: &[u8], mut rest: &[u8]) -> Option<Self> {
        let (count, crc) = (number(&mut rest, 4)?, number(&mut rest, 4)?);
        let sound = hash(payload.get(..rule.head_bytes() - 4)?);
        let has_end = known.seq.checked_add(count + 1).is_some();
        let is_sound = crc == u64::from(sound) && has_end;
        is_sound.then_some(Self { known, rule, count })
    }
}

/// Reads the next number, with the lowest byte first.
pub(super) fn number(rest: &mut &[u8], bytes: usize) -> Option<u64> {
    let (number, behind) = rest.split_at_checked(bytes)?;
    *rest = behind;
    Some(number.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}
