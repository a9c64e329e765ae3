//! Overdue calls that the clock may not end yet. The clock only guesses, and where there is a
//! reconciler it can ask: a call is timed out when the provider was asked for it by name and did not
//! know it.

use std::collections::BTreeMap;

use live_users_core::{CallId, Millis, Phase, Source};
use live_users_state::record::Change;

use crate::commit::{Commit, Purpose};
use crate::io::Now;
use crate::overdue::QUIET_MS;
use crate::replica::{Replica, Todo};

/// The calls that are held, each with its phase and when it was last heard of. One that has changed
/// since is not overdue any more, or is over.
#[derive(Debug, Default)]
pub(crate) struct Held(BTreeMap<CallId, (Phase, Millis)>);

impl Replica {
    /// Takes the ends out of these changes that have to wait, and keeps their calls.
    pub(crate) fn hold_back(&mut self, now: Now, overdue: Vec<Change>) -> Vec<Change> {
        let (ends, waiting): (Vec<_>, Vec<_>) =
            overdue.into_iter().partition(|change| self.may_be_recorded(change));
        let Self { held, state, .. } = self;
        held.0.retain(|call, known| stands(state.tracker(), call) == Some(*known));
        let calls = waiting.into_iter().filter_map(|change| match change {
            Change::Evidence(evidence) => Some(evidence.call),
            Change::Forget { .. }
            | Change::EndSession(_)
            | Change::Told(_)
            | Change::PassOn(_)
            | Change::PassedOn(_)
            | Change::Forward(_)
            | Change::Forwarded(_)
            | Change::Alert(_)
            | Change::Link(_)
            | Change::Shard(_) => None,
        });
        let mut holds = false;
        for call in calls {
            holds = true;
            let known = stands(state.tracker(), &call);
            held.0.extend(known.map(|known| (call, known)));
        }
        if holds {
            // What is heard of them meanwhile makes them due later.
            self.sweep.look_again(Millis(now.time.0 + QUIET_MS));
        }
        ends
    }

    /// Ends the calls that were held and that the provider does not know, as it says now.
    pub(crate) fn release_unknown(&mut self) {
        let Self { held, reconciliations, state, .. } = self;
        let is_unknown =
            |call: &CallId| reconciliations.iter().any(|it| it.reconciler.is_unknown(call));
        let unknown: Vec<_> = held.0.extract_if(.., |call, _| is_unknown(call)).collect();
        let silent = unknown
            .into_iter()
            .filter(|(call, known)| stands(state.tracker(), call) == Some(*known));
        let ends: Vec<_> = silent.map(|(call, _)| crate::overdue::timed_out(call)).collect();
        if !ends.is_empty() {
            self.todo.push_back(Todo::Commit(Commit::new(Purpose::Overdue, ends)));
        }
    }

    /// Legs on which nothing depends are never asked for.
    fn may_be_recorded(&self, change: &Change) -> bool {
        let Change::Evidence(evidence) = change else { return true };
        let call = &evidence.call;
        debug_assert_eq!(evidence.source, Source::Clock, "only the clock's word has to wait");
        let tracker = self.state.tracker();
        // Twilio knows nothing of what other sources tell of.
        let told = tracker.told_of(call);
        let mut asked = self.reconciliations.iter().map(|it| &it.reconciler);
        let Some(reconciler) = asked.find(|it| it.is_responsible_for(told)) else { return true };
        let is_asked = tracker.is_twilios(call);
        !is_asked || reconciler.is_unknown(call) || tracker.is_loose_leg(call)
    }
}

fn stands(calls: &live_users_core::Tracker, call: &CallId) -> Option<(Phase, Millis)> {
    calls.call(call).map(|call| (call.phase, call.heard))
}
