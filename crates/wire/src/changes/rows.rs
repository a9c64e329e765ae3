//! The lists of a summary as objects whose keys are in the order of the list.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

use serde::Serialize;
use serde_json::{Map, Value};

/// The distance between two keys of a list that is new. So many rows find room between two others, and
/// half as many halvings in one place.
const STEP: u64 = 1 << 20;
/// Keys have so many digits of base 16.
const DIGITS: usize = 10;
const KEYS: u64 = 1 << (4 * DIGITS);

/// A row of a list.
pub(super) trait Row: PartialEq {
    /// What stays the same while the row changes.
    type Id: Eq + Hash + Clone;

    fn id(&self) -> Self::Id;

    /// Its fields, without those that have no value.
    fn fields(&self) -> Value;
}

/// The rows of a list, each with its key.
pub(super) struct Rows<R: Row> {
    rows: Vec<(u64, R)>,
}

impl<R: Row> Rows<R> {
    pub(super) fn new(rows: Vec<R>) -> Self {
        let keys = spread(rows.len());
        Self { rows: keys.into_iter().zip(rows).collect() }
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        self.rows.iter().map(|(key, row)| (text(*key), row.fields())).collect()
    }

    /// Takes the next rows. A row that is there already keeps its key if the order allows it.
    ///
    /// Returns the patch.
    pub(super) fn update(&mut self, next: Vec<R>) -> Map<String, Value> {
        let keys = self.keys_of(&next);
        let next: Vec<(u64, R)> = keys.into_iter().zip(next).collect();
        let before = std::mem::replace(&mut self.rows, next);
        let mut patch = Map::new();
        let mut before: BTreeMap<u64, R> = before.into_iter().collect();
        for (key, row) in &self.rows {
            let change = match before.remove(key) {
                Some(same) if same == *row => None,
                Some(other) => difference(&other.fields(), &row.fields()),
                None => Some(row.fields()),
            };
            patch.extend(change.map(|change| (text(*key), change)));
        }
        patch.extend(before.into_keys().map(|gone| (text(gone), Value::Null)));
        patch
    }

    fn keys_of(&self, next: &[R]) -> Vec<u64> {
        let is_same = |((_, row), other): (&(u64, R), &R)| row.id() == other.id();
        if self.rows.len() == next.len() && self.rows.iter().zip(next).all(is_same) {
            return self.rows.iter().map(|(key, _)| *key).collect();
        }
        let mut known: HashMap<R::Id, VecDeque<u64>> = HashMap::new();
        for (key, row) in &self.rows {
            known.entry(row.id()).or_default().push_back(*key);
        }
        let keys = next.iter().map(|row| known.get_mut(&row.id())?.pop_front());
        between(&rising(&keys.collect::<Vec<_>>())).unwrap_or_else(|| spread(next.len()))
    }
}

fn text(key: u64) -> String {
    format!("{key:0DIGITS$x}")
}

/// Keys for so many rows, with room before, between and behind them.
fn spread(rows: usize) -> Vec<u64> {
    let rows = rows as u64;
    let step = STEP.min(KEYS / (rows + 1)).max(1);
    let first = (KEYS / 2).saturating_sub(rows / 2 * step);
    (0..rows).map(|n| first + n * step).collect()
}

/// As many of these keys as rise, and no others: the rows that have to move are as few as possible.
fn rising(keys: &[Option<u64>]) -> Vec<Option<u64>> {
    // By the length of a rising sequence, where the lowest end of one so long is.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; keys.len()];
    for (at, key) in keys.iter().enumerate().filter(|(_, key)| key.is_some()) {
        let length = ends.partition_point(|end| keys[*end] < *key);
        before[at] = length.checked_sub(1).map(|shorter| ends[shorter]);
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut kept = vec![None; keys.len()];
    let mut last = ends.last().copied();
    while let Some(at) = last {
        kept[at] = keys[at];
        last = before[at];
    }
    kept
}

/// Gives keys to rows that have none; `None` if there is no room for them.
fn between(keys: &[Option<u64>]) -> Option<Vec<u64>> {
    let mut all: Vec<u64> = Vec::with_capacity(keys.len());
    while all.len() < keys.len() {
        let rest = &keys[all.len()..];
        let missing = rest.iter().take_while(|key| key.is_none()).count();
        let count = missing as u64;
        let (low, high) = (all.last().copied(), rest.get(missing).copied().flatten());
        let (first, step) = match (low, high) {
            (None, None) => return Some(spread(keys.len())),
            (Some(low), None) => (low.checked_add(STEP)?, STEP),
            (None, Some(high)) => (high.checked_sub(STEP.checked_mul(count)?)?, STEP),
            (Some(low), Some(high)) => {
                let step = (high - low) / (count + 1);
                (low + step, step)
            }
        };
        if missing > 0 && (step == 0 || first + (count - 1) * step >= KEYS) {
            return None;
        }
        all.extend((0..count).map(|n| first + n * step));
        all.extend(high);
    }
    Some(all)
}

/// The fields of a value, without those that have no value themselves.
pub(super) fn fields(value: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(value).expect("texts and numbers are always JSON");
    prune(&mut value);
    value
}

pub(super) fn prune(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(prune);
    }
}

/// The patch that makes the one the other; `None` if they are equal. Neither has a null in an object.
pub(super) fn difference(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let patch = difference_of(old, new);
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// The same of two objects.
pub(super) fn difference_of(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Map<String, Value> {
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let mut patch: Map<_, _> = gone.map(|name| (name.clone(), Value::Null)).collect();
    for (name, value) in new {
        let change = match old.get(name) {
            Some(old) => difference(old, value),
            None => Some(value.clone()),
        };
        patch.extend(change.map(|change| (name.clone(), change)));
    }
    patch
}
