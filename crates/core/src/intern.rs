//! Values that many calls share, kept once for as long as a call has them.

use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// The place of a value in its [`Interner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u32);

/// A list in which each value stands once. What is called may be up to the caller (a SIP address,
/// say), so a value goes with the last call that has it: the list is never longer than the calls
/// that are known.
#[derive(Clone, Debug)]
pub(crate) struct Interner<T> {
    values: Vec<Shared<T>>,
    index: HashTable<u32>,
    free: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Shared<T> {
    value: T,
    calls: u32,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { values: Vec::new(), index: HashTable::new(), free: Vec::new() }
    }
}

impl<T: Clone + Default + Eq + Hash> Interner<T> {
    /// The key of a value that one more call has.
    pub(crate) fn acquire(&mut self, value: &T) -> Key {
        let hash = HASHER.hash_one(value);
        let values = &self.values;
        if let Some(&at) = self.index.find(hash, |&at| values[at as usize].value == *value) {
            self.values[at as usize].calls += 1;
            return Key(at);
        }
        let shared = Shared { value: value.clone(), calls: 1 };
        let at = match self.free.pop() {
            Some(at) => {
                self.values[at as usize] = shared;
                at
            }
            None => {
                self.values.push(shared);
                u32::try_from(self.values.len() - 1).expect("fewer than 2^32 calls are known")
            }
        };
        let values = &self.values;
        self.index.insert_unique(hash, at, |&at| HASHER.hash_one(&values[at as usize].value));
        Key(at)
    }

    /// The key of a value, if any call has it.
    pub(crate) fn key(&self, value: &T) -> Option<Key> {
        let is_it = |&at: &u32| self.values[at as usize].value == *value;
        self.index.find(HASHER.hash_one(value), is_it).map(|&at| Key(at))
    }

    /// One call less has the value behind this key.
    pub(crate) fn release(&mut self, Key(at): Key) {
        let shared = &mut self.values[at as usize];
        shared.calls -= 1;
        if shared.calls == 0 {
            let value = core::mem::take(&mut shared.value);
            if let Ok(found) = self.index.find_entry(HASHER.hash_one(&value), |&other| other == at)
            {
                found.remove();
            }
            self.free.push(at);
        }
    }

    /// The value behind a key that a call has.
    pub(crate) fn value(&self, key: Key) -> &T {
        &self.values[key.0 as usize].value
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }
}

/// One fixed hash for all tables. It needs no secret: only requests that the provider signed get
/// here, and no order of a table is ever shown.
pub(crate) const HASHER: FixedState = FixedState::with_seed(0);
