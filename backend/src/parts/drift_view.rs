//! What had to be healed because webhooks did not come, as far as a scope has it.

use std::collections::BTreeMap;

use live_users_core::Agent;
use live_users_state::{Cause, Correction, State, words};
use live_users_wire::{DriftView, HealedView};

use super::clock::moment;
use super::scope::Scope;

/// The most corrected calls that a summary shows.
const HEALED_SHOWN_MAX: usize = 50;

/// What was corrected of the calls in scope.
pub(crate) fn drift_view(state: &State, scope: &Scope) -> DriftView {
    let (tracker, drift) = (state.tracker(), state.corrections());
    let mut totals = BTreeMap::<_, u64>::new();
    let mut add = |cause, n| *totals.entry(cause).or_default() += n;
    let in_scope = |it: &&Correction| {
        // Older programs did not keep it.
        let agent = Some(&it.agent).filter(|agent| **agent != Agent::Unknown);
        scope.has_listed(tracker, &it.call, (it.account.as_ref(), agent))
    };
    match scope.accounts() {
        // Of an agent there are no totals: those of its calls that are still listed are added up.
        None if scope.agent().is_some() => {
            drift.recent().filter(in_scope).for_each(|it| add(it.cause, 1));
        }
        None => drift.totals().for_each(|(cause, n)| add(cause, n)),
        Some(accounts) => {
            let of_accounts = drift.by_account().filter(|(of, ..)| accounts.contains(*of));
            of_accounts.for_each(|(_, cause, n)| add(cause, n));
        }
    }
    let recent = drift.recent().rev().filter(in_scope).take(HEALED_SHOWN_MAX);
    let recent = recent.map(|healed| HealedView {
        at: moment(healed.at),
        call_sid: healed.call.to_string(),
        cause: words::of_cause(healed.cause).into_owned(),
    });
    let named = |(cause, n): (&Cause, &u64)| (words::of_cause(*cause).into_owned(), *n);
    DriftView {
        healed: totals.values().sum(),
        by_cause: totals.iter().map(named).collect(),
        recent: recent.collect(),
    }
}
