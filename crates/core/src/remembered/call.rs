//! A call of which only a fingerprint is left.

use crate::fingerprint::Fingerprint;
use crate::{HOUR_MS, Millis};

/// The bytes of a [`RememberedCall`].
pub const REMEMBERED_BYTES: usize = 19;

/// A call that is long over, as a snapshot keeps it. In their order they are sorted by fingerprint.
///
/// The first 16 bytes are the fingerprint of its id, or of another of its names. The last three are a
/// number, the most significant byte first. Its highest bit says that this name is no CallSid, the next
/// one that the call has a CallSid. The other 22 are the milliseconds from the beginning of the hour to
/// the end of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RememberedCall(pub [u8; REMEMBERED_BYTES]);

const TEXT_BIT: u32 = 1 << 23;
const SIDS_BIT: u32 = 1 << 22;
const OFFSET_BITS: u32 = (1 << 22) - 1;
const _: () = assert!(HOUR_MS <= OFFSET_BITS as u64);

/// What is known of a call under one of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// When it ended.
    pub(crate) at: Millis,
    /// Whether it has a CallSid, under whichever name it is found.
    pub(crate) is_sids: bool,
}

impl Ended {
    pub(super) fn hour(self) -> u64 {
        self.at.0 / HOUR_MS
    }
}

impl RememberedCall {
    pub(super) fn new(print: Fingerprint, ended: Ended) -> Self {
        let offset = u32::try_from(ended.at.0 % HOUR_MS).expect("an hour has fewer milliseconds");
        let bit = |is_set: bool, bit: u32| if is_set { bit } else { 0 };
        let last = offset | bit(print.is_text, TEXT_BIT) | bit(ended.is_sids, SIDS_BIT);
        let mut bytes = [0; REMEMBERED_BYTES];
        bytes[..16].copy_from_slice(&print.bits.to_be_bytes());
        bytes[16..].copy_from_slice(&last.to_be_bytes()[1..]);
        Self(bytes)
    }

    fn last(&self) -> u32 {
        let [high, middle, low] = [self.0[16], self.0[17], self.0[18]];
        u32::from_be_bytes([0, high, middle, low])
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut bits = [0; 16];
        bits.copy_from_slice(&self.0[..16]);
        Fingerprint { bits: u128::from_be_bytes(bits), is_text: self.last() & TEXT_BIT != 0 }
    }

    /// When it ended, if that was in this hour.
    pub fn end(&self, hour: u64) -> Millis {
        Millis(hour.saturating_mul(HOUR_MS).saturating_add(u64::from(self.last() & OFFSET_BITS)))
    }

    pub(super) fn ended(&self, hour: u64) -> Ended {
        Ended { at: self.end(hour), is_sids: self.is_sids() }
    }

    pub(super) fn is_sids(&self) -> bool {
        self.last() & SIDS_BIT != 0
    }

    /// The same of a call that has a CallSid.
    pub(super) fn as_sids(mut self) -> Self {
        let last = self.last() | SIDS_BIT;
        self.0[16..].copy_from_slice(&last.to_be_bytes()[1..]);
        self
    }

    /// The highest bits of the fingerprint.
    pub(super) fn prefix(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }
}
