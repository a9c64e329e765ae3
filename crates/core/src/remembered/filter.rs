//! Tells of nearly all calls that are not remembered that they are not.

/// Bits for each call. Of 100 calls that are not there it lets about two pass.
const BITS: usize = 10;

/// A Bloom filter whose bits of one call lie in one word (Putze, Sanders and Singler 2007). So a
/// question costs one access to memory.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    words: alloc::vec::Vec<u64>,
    /// For so many more calls it has bits enough.
    room: usize,
}

/// What of a fingerprint a filter is asked with.
#[derive(Clone, Copy)]
pub(super) struct Probe {
    place: u64,
    bits: u64,
}

impl Probe {
    /// Of the bits of a fingerprint, without the highest ones: those are alike in one bucket.
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

impl Filter {
    /// An empty one for so many calls.
    pub(super) fn for_calls(calls: usize) -> Self {
        Self { words: alloc::vec![0; (calls * BITS).div_ceil(64).max(1)], room: calls }
    }

    pub(super) fn is_full(&self) -> bool {
        self.room == 0
    }

    pub(super) fn add(&mut self, probe: Probe) {
        let word = probe.word(self.words.len());
        self.words[word] |= probe.bits;
        self.room = self.room.saturating_sub(1);
    }

    /// Whether a call may have been added.
    pub(super) fn may_have(&self, probe: Probe) -> bool {
        self.words[probe.word(self.words.len())] & probe.bits == probe.bits
    }
}

/// The upper and the lower half.
fn halves(bits: u128) -> [u64; 2] {
    let low = bits & u128::from(u64::MAX);
    [bits >> 64, low].map(|half| u64::try_from(half).expect("a half has 64 bits"))
}
