//! Values that many calls share, kept once.

use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// The place of a value in its [`Interner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u32);

/// A list in which each value stands once. It only grows: the agents and the regions of the world
/// are few, and only signed webhooks can name one.
#[derive(Clone, Debug)]
pub(crate) struct Interner<T> {
    values: Vec<T>,
    index: HashTable<u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { values: Vec::new(), index: HashTable::new() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// The key of a value, which is new to the list or not.
    pub(crate) fn key(&mut self, value: &T) -> Key {
        let hash = HASHER.hash_one(value);
        let values = &self.values;
        if let Some(&found) = self.index.find(hash, |&at| values[at as usize] == *value) {
            return Key(found);
        }
        let next = u32::try_from(self.values.len()).expect("fewer than 2^32 agents and places");
        self.values.push(value.clone());
        let values = &self.values;
        self.index.insert_unique(hash, next, |&at| HASHER.hash_one(&values[at as usize]));
        Key(next)
    }

    /// The value behind a key of this list.
    pub(crate) fn value(&self, key: Key) -> &T {
        &self.values[key.0 as usize]
    }
}

/// One fixed hash for all tables. It needs no secret: only requests that the provider signed get
/// here, and no order of a table is ever shown.
pub(crate) const HASHER: FixedState = FixedState::with_seed(0);
