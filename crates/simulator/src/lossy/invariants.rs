//! The invariants of every state, for every system.

use std::collections::HashSet;

use live_users_core::{CallId, Phase};
use live_users_state::State;

/// With at most this many known calls, everything is recounted after every change.
const RECOUNT_ALWAYS_CALLS: usize = 24;
/// With more, a recount comes after this many changes for each known call.
const RECOUNT_CALLS_FACTOR: usize = 4;

/// The calls that have ended by the word of the provider or of an operator. An end by our own guess
/// (a goodbye, the clock) may be taken back.
#[derive(Debug, Default)]
pub(super) struct Endings(HashSet<CallId>);

impl Endings {
    /// Checks this call after new evidence about it.
    ///
    /// # Errors
    /// I2, if the call had ended for good and is live.
    pub(super) fn check(&mut self, state: &State, id: CallId) -> Result<(), String> {
        let Some(call) = state.tracker().call(&id) else { return Ok(()) };
        match call.phase {
            Phase::Ended(reason) if call.details.is_firm || !reason.is_guess() => {
                self.0.insert(id);
            }
            Phase::Live if self.0.contains(&id) => {
                return Err(format!("I2: {id} had ended and is live again"));
            }
            Phase::Dialing | Phase::Live | Phase::Ended(_) => {}
        }
        Ok(())
    }
}

/// Counts the changes since the last recount.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recount {
    unchecked: usize,
}

impl Recount {
    /// Adds this many changes.
    pub(super) fn note(&mut self, changes: usize) {
        self.unchecked += changes;
    }

    /// Compares the numbers with each other, and sometimes with a recount. Then it returns `true`.
    ///
    /// # Errors
    /// The violated invariant.
    pub(super) fn check(&mut self, state: &State) -> Result<bool, String> {
        let tracker = state.tracker();
        let numbers = tracker.numbers();
        if numbers.users > numbers.calls {
            return Err(format!("I5: {} users of {} calls", numbers.users, numbers.calls));
        }
        let known = tracker.known();
        let is_often = known <= RECOUNT_ALWAYS_CALLS;
        let is_due = is_often || self.unchecked > known * RECOUNT_CALLS_FACTOR;
        if self.unchecked == 0 || !is_due {
            return Ok(false);
        }
        self.unchecked = 0;
        tracker.check().map_err(|broken| broken.to_string())?;
        Ok(true)
    }
}
