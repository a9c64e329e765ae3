//! Calls that ended within one hour, in a table that does not change: 18 to 19 bytes each.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::fingerprint::Fingerprint;
use crate::remembered::{REMEMBERED_BYTES, RememberedCall};

/// The bytes of a fingerprint.
const PRINT: usize = 16;

/// Bits of the filter for each call. Of 100 calls that are not in a table it lets about two pass.
const FILTER_BITS: usize = 10;

/// From so many calls on the directory is by the first byte of a fingerprint, and by the first two.
/// Those bytes need not stand in the rows, and the directory takes less than they would.
const DIRECTORY_MIN: [usize; 2] = [1 << 11, 1 << 19];

/// Rows in the order of their fingerprints.
///
/// Nearly every question is about a call that is not here: a new one, in each of the 25 hours. So a
/// filter is asked first, which costs one access to memory. It is a Bloom filter whose bits of one
/// call lie in one word (Putze, Sanders and Singler 2007).
#[derive(Clone)]
pub(super) struct Table {
    pub(super) hour: u64,
    pub(super) len: usize,
    /// So many of the first bytes of a fingerprint are its place in the directory.
    stripped: usize,
    /// Where the rows with each of these beginnings begin, and where the last of them end.
    directory: Box<[u32]>,
    /// What is left of each row, one behind the other.
    rows: Box<[u8]>,
    filter: Box<[u64]>,
}

/// What of a fingerprint the filters are asked with.
#[derive(Clone, Copy)]
pub(super) struct Probe {
    place: u64,
    bits: u64,
}

impl Probe {
    pub(super) fn of(bits: u128) -> Self {
        let [high, place] = halves(bits);
        let bit = |at: u32| 1u64 << (high >> (6 * at) & 63);
        Self { place, bits: bit(0) | bit(1) | bit(2) | bit(3) }
    }

    fn word(self, words: usize) -> usize {
        // Spreads evenly over any number of words (Lemire 2019).
        let [at, _] = halves(u128::from(self.place) * words as u128);
        usize::try_from(at).expect("it is less than the number of words")
    }
}

impl Table {
    /// Of calls of this hour, in their order and each once.
    pub(super) fn of(hour: u64, calls: impl ExactSizeIterator<Item = RememberedCall>) -> Self {
        let len = calls.len();
        let stripped = DIRECTORY_MIN.iter().filter(|least| len >= **least).count();
        let beginnings = 1usize << (8 * stripped);
        let mut directory = Vec::with_capacity(beginnings + 1);
        let mut rows = Vec::with_capacity(len * (REMEMBERED_BYTES - stripped));
        let mut filter = alloc::vec![0; (len * FILTER_BITS).div_ceil(64).max(1)];
        for (call, at) in calls.zip(0..) {
            let bytes = &call.0;
            let beginning = beginning(&bytes[..stripped]);
            directory.resize(directory.len().max(beginning + 1), at);
            rows.extend_from_slice(&bytes[stripped..]);
            let probe = Probe::of(call.fingerprint().bits);
            let word = probe.word(filter.len());
            filter[word] |= probe.bits;
        }
        let end = u32::try_from(len).expect("fewer than 2^32 calls end within an hour");
        directory.resize(beginnings + 1, end);
        let (directory, rows) = (directory.into_boxed_slice(), rows.into_boxed_slice());
        Self { hour, len, stripped, directory, rows, filter: filter.into_boxed_slice() }
    }

    /// Whether a call may be here. Without a branch, so that a processor asks several tables side by
    /// side.
    pub(super) fn may_have(&self, probe: Probe) -> bool {
        self.filter[probe.word(self.filter.len())] & probe.bits == probe.bits
    }

    /// Those with this fingerprint: one, or more if it was forgotten and began again in the same hour.
    pub(super) fn find(&self, print: Fingerprint) -> impl Iterator<Item = RememberedCall> {
        let whole = print.bits.to_be_bytes();
        let at = beginning(&whole[..self.stripped]);
        let [from, to] = [self.directory[at], self.directory[at + 1]].map(|it| it as usize);
        let width = REMEMBERED_BYTES - self.stripped;
        let rest = PRINT - self.stripped;
        let (mut low, mut high) = (from, to);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.rows[middle * width..middle * width + rest] < whole[self.stripped..] {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let rows = (low..to).map(move |at| self.row(at, &whole));
        rows.take_while(move |row| row.0[..PRINT] == whole)
            .filter(move |row| row.fingerprint() == print)
    }

    /// All, in their order.
    pub(super) fn calls(&self) -> impl ExactSizeIterator<Item = RememberedCall> {
        let mut beginning = 0usize;
        (0..self.len).map(move |at| {
            while self.directory[beginning + 1] as usize <= at {
                beginning += 1;
            }
            let mut whole = [0; PRINT];
            let digits = beginning.to_be_bytes();
            let digits = &digits[digits.len() - self.stripped..];
            whole[..self.stripped].copy_from_slice(digits);
            self.row(at, &whole)
        })
    }

    /// The row at this place, whose fingerprint begins as this one does.
    fn row(&self, at: usize, begins: &[u8; PRINT]) -> RememberedCall {
        let width = REMEMBERED_BYTES - self.stripped;
        let mut bytes = [0; REMEMBERED_BYTES];
        bytes[..self.stripped].copy_from_slice(&begins[..self.stripped]);
        bytes[self.stripped..].copy_from_slice(&self.rows[at * width..(at + 1) * width]);
        RememberedCall(bytes)
    }

    /// Whether the rows are in their order.
    pub(super) fn is_sound(&self) -> bool {
        self.calls().is_sorted_by(|a, b| a < b)
    }
}

/// The upper and the lower half.
fn halves(bits: u128) -> [u64; 2] {
    let low = bits & u128::from(u64::MAX);
    [bits >> 64, low].map(|half| u64::try_from(half).expect("a half has 64 bits"))
}

/// The number that these bytes are.
fn beginning(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}
