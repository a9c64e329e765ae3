//! A bounded table of what was heard of lately.

use std::collections::HashMap;

use live_users_core::CallId;

/// Values by the names of calls, in two generations. What is heard of moves to the young one. When the
/// generations turn, the old one may be dropped.
///
/// It takes some 50 bytes for each name, and has no order of its own: a list by age would take as much
/// again.
#[derive(Clone, Debug)]
pub(super) struct Generations<V> {
    young: HashMap<CallId, V>,
    old: HashMap<CallId, V>,
    /// The most in one generation.
    max: usize,
}

impl<V: Copy> Generations<V> {
    /// With at most twice so many names.
    pub(super) fn new(max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), max: max.max(1) }
    }

    pub(super) fn get(&self, name: &CallId) -> Option<V> {
        self.young.get(name).or_else(|| self.old.get(name)).copied()
    }

    /// Something was heard of this name: it stands so from now on.
    pub(super) fn hear(&mut self, name: &CallId, value: V) {
        if let Some(known) = self.young.get_mut(name) {
            *known = value;
            return;
        }
        if self.young.len() >= self.max {
            // More than there is room for: the names that nobody heard of for longest go unseen.
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(name);
        self.young.insert(name.clone(), value);
    }

    /// The names of the old generation.
    pub(super) fn quiet(&self) -> impl Iterator<Item = (&CallId, V)> {
        self.old.iter().map(|(name, value)| (name, *value))
    }

    /// Drops these names of the old generation. The others stay, and with the young ones are the old
    /// generation from now on.
    pub(super) fn turn(&mut self, is_dropped: impl Fn(&CallId) -> bool) {
        let mut old = std::mem::take(&mut self.young);
        for (name, value) in self.old.drain().filter(|(name, _)| !is_dropped(name)) {
            old.entry(name).or_insert(value);
        }
        self.old = old;
    }

    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}
