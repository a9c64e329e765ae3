//! The calls of which a system believes something wrong, and how long that lasts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lossy::oracle::ALLOWANCE_MS;

/// Errors about calls.
#[derive(Debug, Default)]
pub(in crate::lossy) struct Beliefs {
    /// The calls that are believed wrongly, with the time since which they are.
    wrong: BTreeMap<Arc<str>, u64>,
    /// How long each error took to heal, of those longer than the allowance.
    pub(in crate::lossy) healed_ms: Vec<u64>,
}

impl Beliefs {
    /// Whether this call is believed wrongly from now on.
    pub(in crate::lossy) fn believe(&mut self, now_ms: u64, call: &str, is_wrong: bool) {
        match (is_wrong, self.is_wrong(call)) {
            (true, false) => drop(self.wrong.insert(Arc::from(call), now_ms)),
            (false, true) => {
                let took_ms = self.wrong.remove(call).map(|since_ms| now_ms - since_ms);
                self.healed_ms.extend(took_ms.filter(|took_ms| *took_ms > ALLOWANCE_MS));
            }
            (true, true) | (false, false) => {}
        }
    }

    /// Whether it is believed wrongly now.
    pub(in crate::lossy) fn is_wrong(&self, call: &str) -> bool {
        self.wrong.contains_key(call)
    }

    /// The calls that are believed wrongly.
    pub(in crate::lossy) fn wrong(&self) -> impl Iterator<Item = &Arc<str>> {
        self.wrong.keys()
    }

    /// The number of errors that were longer than the allowance at this moment.
    pub(in crate::lossy) fn never_healed(&self, now_ms: u64) -> u64 {
        let lasts = |since_ms: &&u64| now_ms - **since_ms > ALLOWANCE_MS;
        self.wrong.values().filter(lasts).count() as u64
    }
}
