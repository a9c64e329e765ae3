//! The histories of agents, and those of accounts: each of a bounded number of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_core::{Breakdown, Millis};

use super::Retention;
use super::lines::Lines;

/// So many of a kind have a history of their own; the others count in all.
pub const SUBJECTS_MAX: usize = 1_000;

/// The histories of all subjects of one kind, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subjects {
    pub(super) lines: BTreeMap<Arc<str>, Lines>,
    /// When there was last no room for one: since then one without a history of its own has had no
    /// users, if it has none now.
    pub(super) refused: Option<Millis>,
}

/// The moment of a step.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Millis,
    pub(super) retention: Retention,
    /// The time of the retention.
    pub(super) kept_by: Millis,
    /// Since when there is a history at all.
    pub(super) all_since: Option<Millis>,
}

impl Subjects {
    /// Sets the numbers of one from now on.
    pub(super) fn step(
        &mut self,
        at: Moment,
        id: &Arc<str>,
        before: &Breakdown,
        after: &Breakdown,
    ) {
        let Moment { now, retention, kept_by, all_since } = at;
        if let Some(series) = self.lines.get_mut(id) {
            return series.step(now, after);
        }
        let is_empty = |numbers: &Breakdown| numbers.on_the_line().calls == 0;
        if is_empty(before) && is_empty(after) {
            return;
        }
        if self.lines.len() >= SUBJECTS_MAX {
            self.lines.retain(|_, series| !series.is_forgotten(retention, kept_by));
        }
        if self.lines.len() >= SUBJECTS_MAX {
            self.refused = Some(now);
            return;
        }
        // With users whom nobody has noted, there was no room for it before.
        let series = match (is_empty(before), self.zero_since(all_since)) {
            (true, Some(since)) => {
                let mut series = Lines::new(since, &Breakdown::default());
                series.step(now, after);
                series
            }
            _ => Lines::new(now, after),
        };
        self.lines.insert(id.clone(), series);
    }

    /// The numbers of all of them from now on, where they are counted otherwise.
    pub(super) fn restate(&mut self, now: Millis, of: impl Fn(&Arc<str>) -> Breakdown) {
        for (id, lines) in &mut self.lines {
            lines.step(now, &of(id));
        }
    }

    /// Since when one without a history of its own, and without users, has had none.
    pub(super) fn zero_since(&self, all_since: Option<Millis>) -> Option<Millis> {
        all_since.max(self.refused)
    }

    /// Drops everything older than the retention.
    pub(super) fn trim(&mut self, retention: Retention, now: Millis) {
        self.lines.retain(|_, series| !series.is_forgotten(retention, now));
        self.lines.values_mut().for_each(|series| series.trim(retention, now));
    }
}
