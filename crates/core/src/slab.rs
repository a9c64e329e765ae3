//! The entries of a tracker by their slots.
//!
//! They lie in blocks that never move. A list that doubles would copy a million entries for the sake of
//! one call, and have room for another million.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

use crate::call::Entry;

/// So many entries are in a block.
const BLOCK: usize = 1 << 10;

#[derive(Clone, Debug, Default)]
pub(crate) struct Slab {
    /// All of them are full but the last one.
    blocks: Vec<Vec<Option<Entry>>>,
}

impl Slab {
    /// How many slots there are, the free ones among them.
    pub(crate) fn len(&self) -> usize {
        let last = self.blocks.last().map_or(0, Vec::len);
        self.blocks.len().saturating_sub(1) * BLOCK + last
    }

    /// Adds a free slot.
    pub(crate) fn push(&mut self) -> u32 {
        let slot = u32::try_from(self.len()).expect("fewer than 2^32 calls are known");
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
            self.blocks.push(Vec::new());
        }
        self.blocks.last_mut().expect("one was added if there was none").push(None);
        slot
    }

    /// The entries that there are, in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let all = (0..).zip(self.blocks.iter().flatten());
        all.filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }

    /// Those in this many slots from one on.
    pub(crate) fn some(&self, from: usize, slots: usize) -> impl Iterator<Item = (u32, &Entry)> {
        let first = from / BLOCK;
        let at = u32::try_from(first * BLOCK).expect("fewer than 2^32 calls are known");
        let all = (at..).zip(self.blocks.get(first..).unwrap_or_default().iter().flatten());
        let all = all.skip(from % BLOCK).take(slots);
        all.filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }
}

impl Index<u32> for Slab {
    type Output = Option<Entry>;

    fn index(&self, slot: u32) -> &Self::Output {
        let slot = slot as usize;
        &self.blocks[slot / BLOCK][slot % BLOCK]
    }
}

impl IndexMut<u32> for Slab {
    fn index_mut(&mut self, slot: u32) -> &mut Self::Output {
        let slot = slot as usize;
        &mut self.blocks[slot / BLOCK][slot % BLOCK]
    }
}
