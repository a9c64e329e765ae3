//! A bounded table of what was heard of lately.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use live_users_core::CallId;

/// The most names in one generation of a part: whatever goes through a whole part takes well below a
/// millisecond, as does growing its tables.
const PART_NAMES_MAX: usize = 2_048;

/// Values by the names of calls, in two generations. What is heard of moves to the young one. When the
/// generations turn, the old one may be dropped.
///
/// Names are in parts by their hash, and each part turns by itself, so that nobody waits for all of them.
///
/// It takes some 50 bytes for each name, and has no order of its own: a list by age would take as much
/// again.
#[derive(Clone, Debug)]
pub(super) struct Generations<V> {
    parts: Box<[Part<V>]>,
    part_of: RandomState,
    /// The most in one generation of a part.
    part_max: usize,
}

#[derive(Clone, Debug)]
struct Part<V> {
    young: HashMap<CallId, V>,
    old: HashMap<CallId, V>,
}

impl<V: Copy> Generations<V> {
    /// With at most twice so many names.
    pub(super) fn new(max: usize) -> Self {
        Self::in_parts(max, max.div_ceil(PART_NAMES_MAX))
    }

    /// The same in so many parts.
    pub(super) fn in_parts(max: usize, parts: usize) -> Self {
        let parts = parts.max(1);
        let part = Part { young: HashMap::new(), old: HashMap::new() };
        let part_max = (max / parts).max(1);
        Self { parts: vec![part; parts].into(), part_of: RandomState::new(), part_max }
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    pub(super) fn get(&self, name: &CallId) -> Option<V> {
        let part = &self.parts[self.part_of(name)];
        part.young.get(name).or_else(|| part.old.get(name)).copied()
    }

    /// Something was heard of this name: it stands so from now on.
    pub(super) fn hear(&mut self, name: &CallId, value: V) {
        let part = &mut self.parts[self.part_of(name)];
        if let Some(known) = part.young.get_mut(name) {
            *known = value;
            return;
        }
        if part.young.len() >= self.part_max {
            // More than there is room for: the names that nobody heard of for longest go unseen.
            part.old = std::mem::take(&mut part.young);
        }
        part.old.remove(name);
        part.young.insert(name.clone(), value);
    }

    /// The names of the old generation of a part.
    pub(super) fn quiet(&self, part: usize) -> impl Iterator<Item = (&CallId, V)> {
        self.parts[part].old.iter().map(|(name, value)| (name, *value))
    }

    /// Drops these names of the old generation of a part. The others stay, and with the young ones are
    /// the old generation from now on.
    pub(super) fn turn(&mut self, part: usize, is_dropped: impl Fn(&CallId) -> bool) {
        let part = &mut self.parts[part];
        let mut old = std::mem::take(&mut part.young);
        for (name, value) in part.old.drain().filter(|(name, _)| !is_dropped(name)) {
            old.entry(name).or_insert(value);
        }
        part.old = old;
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.young.len() + part.old.len()).sum()
    }

    pub(super) fn part_of(&self, name: &CallId) -> usize {
        let part = self.part_of.hash_one(name) % self.parts.len() as u64;
        usize::try_from(part).expect("below the number of parts")
    }
}
