//! Slots by the hash of what they are found by, for a million of them.
//!
//! A search mostly reads one cache line: the slots lie in lines of twelve, each with a byte of its hash in
//! the same line. Tables that keep these bytes apart wait for memory twice. A slot whose line is full goes
//! to one of the next lines, and the full one counts that (as in F14, Bronson and Shi 2019).
//!
//! When it gets full, there is a second table of twice the size, into which each insert moves some lines.
//! So no insert takes long.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

/// So many slots are in a line.
const SLOTS: usize = 12;

/// Of 16 places so many are in use at most before there are twice as many lines. With more, many slots
/// would be in other lines than their own.
const FULL_16THS: usize = 13;

/// So many lines are moved with each insert while there are two tables.
const MOVED_AT_ONCE: usize = 2;

/// The place in a line's head where it says how many slots were put behind it.
const PASSED: usize = 15;

/// The tag of a free place.
const FREE: u8 = 0;

/// A cache line of slots.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Line {
    /// A byte of the hash of each slot, or [`FREE`]. The last one counts the slots that were put into a
    /// line behind this one since it was full; at 255 that is not known any more.
    head: [u8; 16],
    slots: [u32; SLOTS],
}

const _: () = assert!(size_of::<Line>() == 64);

/// Slots by a hash. Of two equal ones each is found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    table: Table,
    /// The one before, and how many of its lines are empty by now, if it is not wholly moved.
    old: Option<(Table, usize)>,
    len: usize,
}

#[derive(Clone, Debug, Default)]
struct Table {
    /// A power of two of them, or none.
    lines: Vec<Line>,
}

impl Index {
    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The slot with this hash that is the right one.
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let place = |table: &Table, is_it: &mut dyn FnMut(u32) -> bool| {
            table.find(hash, is_it).map(|(line, at)| table.lines[line].slots[at])
        };
        match &self.old {
            None => self.table.find(hash, is_it).map(|(line, at)| self.table.lines[line].slots[at]),
            Some((old, _)) => place(&self.table, &mut is_it).or_else(|| place(old, &mut is_it)),
        }
    }

    /// Adds a slot that is not there. `hash_of` is the hash of one that is.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        if self.old.is_some() {
            self.move_lines(&hash_of);
        } else if (self.len + 1) * 16 > self.table.places() * FULL_16THS {
            let lines = (self.table.lines.len() * 2).max(1);
            let old = core::mem::replace(&mut self.table, Table::with_lines(lines));
            self.old = Some((old, 0));
            self.move_lines(&hash_of);
        }
        self.table.put(hash, slot);
        self.len += 1;
    }

    /// Drops a slot with this hash, if it is there.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let old = self.old.as_mut().map(|(old, _)| old);
        let was_there =
            self.table.remove(hash, slot) || old.is_some_and(|it| it.remove(hash, slot));
        self.len -= usize::from(was_there);
    }

    /// Makes room for so many slots, if there is none yet.
    pub(crate) fn reserve(&mut self, slots: usize) {
        if self.len == 0 {
            let lines = (slots * 16).div_ceil(SLOTS * FULL_16THS).max(1);
            *self = Self { table: Table::with_lines(lines.next_power_of_two()), ..Self::default() };
        }
    }

    /// The line that slots with this hash are in, or in one behind it.
    pub(crate) fn line(&self, hash: u64) -> usize {
        self.table.search(hash).next().unwrap_or_default()
    }

    fn move_lines(&mut self, hash_of: &impl Fn(u32) -> u64) {
        let Some((old, moved)) = &mut self.old else { return };
        let to = (*moved + MOVED_AT_ONCE).min(old.lines.len());
        for line in &mut old.lines[*moved..to] {
            for at in 0..SLOTS {
                if line.head[at] != FREE {
                    line.head[at] = FREE;
                    self.table.put(hash_of(line.slots[at]), line.slots[at]);
                }
            }
        }
        *moved = to;
        if to == old.lines.len() {
            self.old = None;
        }
    }
}

impl Table {
    fn with_lines(lines: usize) -> Self {
        let empty = Line { head: [FREE; 16], slots: [0; SLOTS] };
        Self { lines: alloc::vec![empty; lines] }
    }

    fn places(&self) -> usize {
        self.lines.len() * SLOTS
    }

    /// The line and the place in it of the slot with this hash that is the right one.
    fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<(usize, usize)> {
        let tag = tag(hash);
        for at in self.search(hash) {
            let line = &self.lines[at];
            let mut maybe = line.with(tag);
            while maybe != 0 {
                let place = (maybe.trailing_zeros() / 8) as usize;
                if is_it(line.slots[place]) {
                    return Some((at, place));
                }
                maybe &= maybe - 1;
            }
            if line.head[PASSED] == 0 {
                return None;
            }
        }
        None
    }

    fn put(&mut self, hash: u64, slot: u32) {
        for at in self.search(hash) {
            let line = &mut self.lines[at];
            let free = line.with(FREE);
            if free != 0 {
                let place = (free.trailing_zeros() / 8) as usize;
                (line.head[place], line.slots[place]) = (tag(hash), slot);
                return;
            }
            line.head[PASSED] = line.head[PASSED].saturating_add(1);
        }
        debug_assert!(false, "there are free places");
    }

    /// Returns whether it was there.
    fn remove(&mut self, hash: u64, slot: u32) -> bool {
        let Some((found, place)) = self.find(hash, |it| it == slot) else { return false };
        self.lines[found].head[place] = FREE;
        for at in self.search(hash).take_while(|at| *at != found) {
            let passed = &mut self.lines[at].head[PASSED];
            *passed -= u8::from(*passed < u8::MAX);
        }
        true
    }

    /// The lines in which a slot with this hash may be, in the order in which it is searched for.
    fn search(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let lines = self.lines.len();
        let mask = (lines as u64).wrapping_sub(1);
        // Without the bits of the tag.
        let first = hash >> 8;
        let at = move |n: u64| usize::try_from(first.wrapping_add(n) & mask).unwrap_or_default();
        (0..lines as u64).map(at)
    }
}

impl Line {
    /// The places that have this tag: of each the highest bit of its byte, the first one lowest.
    fn with(&self, tag: u8) -> u128 {
        const PLACES: u128 = (1 << (8 * SLOTS)) - 1;
        const LOWER: u128 = u128::from_ne_bytes([0x7f; 16]);
        let other = u128::from_le_bytes(self.head) ^ u128::from_ne_bytes([tag; 16]);
        // In a byte that is not 0, either the highest bit is set, or the others carry into it.
        !(((other & LOWER) + LOWER) | other | LOWER) & PLACES
    }
}

/// A byte of a hash. Other bits of it say where a search begins.
fn tag(hash: u64) -> u8 {
    let [.., last] = hash.to_be_bytes();
    last.max(FREE + 1)
}
