//! The index against a plain map.

use std::collections::BTreeMap;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::intern::HASHER;
use core::hash::BuildHasher;

/// Some share all of their hash, or where their search begins.
fn hash_of(slot: u32) -> u64 {
    match slot % 8 {
        0 => 7 << 8 | u64::from(slot % 3),
        1 => 9 << 8,
        _ => HASHER.hash_one(slot),
    }
}

proptest! {
    #[test]
    fn it_has_what_was_put_in_and_not_dropped(
        steps in prop::collection::vec((0..400u32, 0..5u8), 0..600),
    ) {
        let (mut index, mut model) = (Index::default(), BTreeMap::new());
        for (slot, what) in steps {
            if what == 0 || model.contains_key(&slot) {
                index.remove(hash_of(slot), slot);
                model.remove(&slot);
            } else {
                index.insert(hash_of(slot), slot, hash_of);
                model.insert(slot, ());
            }
            prop_assert_eq!(index.len(), model.len());
            let found = index.find(hash_of(slot), |it| it == slot);
            prop_assert_eq!(found, model.contains_key(&slot).then_some(slot));
        }
        for slot in 0..400 {
            let found = index.find(hash_of(slot), |it| it == slot);
            prop_assert_eq!(found, model.contains_key(&slot).then_some(slot));
        }
    }
}

/// Counted in slots that are looked at again: each of them costs a read of its entry.
#[test]
fn no_insert_moves_more_than_some_lines() {
    let mut index = Index::default();
    let moved = core::cell::Cell::new(0);
    let counted = |slot: u32| {
        moved.set(moved.get() + 1);
        HASHER.hash_one(slot)
    };
    let mut longest = 0;
    for slot in 0..100_000u32 {
        moved.set(0);
        index.insert(HASHER.hash_one(slot), slot, counted);
        longest = longest.max(moved.get());
    }
    assert!(longest <= MOVED_AT_ONCE * SLOTS, "{longest} at once");
    let find = |slot| index.find(HASHER.hash_one(slot), |it| it == slot);
    assert!((0..100_000).all(|slot| find(slot) == Some(slot)));
    assert!((100_000..200_000).all(|slot| find(slot).is_none()));
    let far: Vec<_> = index.table.lines.iter().filter(|line| line.head[PASSED] > 0).collect();
    assert!(far.len() * 5 < index.table.lines.len(), "few slots are in other lines than theirs");
}
