//! Runs the reconciler while this replica leads: one request to the provider at a time. Evidence from
//! the answers is recorded like a webhook.

use live_users_core::{Evidence, Millis};
use live_users_intake::{Action, Reconciler};
use live_users_state::record::Change;
use live_users_twilio::rest::{Answer, Failure};
use log::{info, warn};

use crate::commit::{Commit, Purpose};
use crate::io::{Effect, Now};
use crate::replica::{Replica, Todo};
use crate::turn::Turn;

/// The reconciler, and its timer.
pub(crate) struct Reconciliation {
    pub(crate) reconciler: Reconciler,
    pub(crate) turn: Turn,
    /// The uptime at which the provider's lists were last read to their end.
    listed: Option<Millis>,
    /// The uptime at which those lists were read that are in the state with all that follows: a second
    /// poll has confirmed what differed in the first, and calls that were missing were asked for.
    pub(crate) answered: Option<Millis>,
    has_told_unlisted: bool,
}

impl Reconciliation {
    pub(crate) fn new(reconciler: Reconciler) -> Self {
        Self {
            reconciler,
            turn: Turn::default(),
            listed: None,
            answered: None,
            has_told_unlisted: false,
        }
    }

    /// Continues if it stopped because this replica did not lead. This replica leads now.
    ///
    /// What was counted so far counts until it has asked as often as it should have, in its turn.
    pub(crate) fn lead(&mut self, now: Now, is_known: bool) {
        if is_known {
            self.answered = Some(now.uptime);
        }
        self.turn.resume(now);
    }

    /// Says once that there are calls which are not counted. The summary has how many there are now.
    fn log_unlisted(&mut self) {
        let unlisted = self.reconciler.unlisted();
        if unlisted > 0 && !self.has_told_unlisted {
            self.has_told_unlisted = true;
            warn!(
                "{unlisted} calls are up on numbers that no agent has, and are not counted: list the \
                 numbers in the agents file"
            );
        }
    }
}

impl Replica {
    pub(crate) fn on_provider(
        &mut self,
        now: Now,
        referee: usize,
        answer: Result<Answer, Failure>,
    ) {
        let Some(reconciliation) = self.reconciliations.get_mut(referee) else { return };
        reconciliation.turn.answered();
        let is_unknown = matches!(answer, Ok(Answer::NotFound));
        let before = reconciliation.reconciler.failure().cloned();
        let was_checking = reconciliation.reconciler.is_checking();
        let found = reconciliation.reconciler.receive(now.time, answer);
        if was_checking && !reconciliation.reconciler.is_in_round() {
            // A call that the provider has trouble with changes nothing of the age of its lists.
            reconciliation.answered = reconciliation.listed;
        }
        log_change(&reconciliation.reconciler, before.as_ref());
        self.record_found(found);
        if is_unknown {
            self.release_unknown();
        }
    }

    pub(crate) fn record_found(&mut self, found: Vec<Evidence>) {
        if !found.is_empty() {
            let changes = found.into_iter().map(Change::Evidence).collect();
            self.todo.push_back(Todo::Commit(Commit::new(Purpose::Found, changes)));
        }
    }

    /// Lets each reconciler take one step. Returns whether there is more to do.
    pub(crate) fn reconcile(&mut self, now: Now) -> bool {
        (0..self.reconciliations.len()).any(|referee| self.reconcile_one(now, referee))
    }

    fn reconcile_one(&mut self, now: Now, referee: usize) -> bool {
        let (leads, is_fresh) = (self.leads(now), self.is_fresh(now));
        let reconciliation = &mut self.reconciliations[referee];
        if !reconciliation.turn.has_come() {
            return false;
        }
        if !leads {
            reconciliation.turn.pause();
            reconciliation.reconciler.restart();
            return false;
        }
        match reconciliation.reconciler.next(now.time) {
            Action::Wait(until) => {
                reconciliation.turn.wait_until(now, until);
                false
            }
            Action::Ask(request) => {
                reconciliation.turn.ask();
                self.effects.push(Effect::Ask(referee, request));
                false
            }
            Action::Compare if is_fresh => {
                let found = reconciliation.reconciler.compare(now.time, self.state.tracker());
                reconciliation.log_unlisted();
                reconciliation.listed = Some(now.uptime);
                if !reconciliation.reconciler.is_in_round() {
                    reconciliation.answered = reconciliation.listed;
                }
                self.record_found(found);
                true
            }
            Action::Compare => {
                reconciliation.turn.wait_for_state(now);
                // The state is fresh at the next try, if the log answers.
                self.todo.push_back(Todo::Refresh(Vec::new()));
                true
            }
        }
    }
}

/// Logs when the provider begins to fail, fails for another reason, or works again.
fn log_change(reconciler: &Reconciler, before: Option<&Failure>) {
    let now = reconciler.failure();
    let of = reconciler.account().map(|it| format!(" for account {it}")).unwrap_or_default();
    match (before, now) {
        (_, Some(failure)) if before != now => {
            warn!("the referee has no answer{of}: {failure}{}", advice(failure, reconciler));
        }
        (Some(_), None) => info!("the referee is answered again{of}"),
        (None | Some(_), _) => {}
    }
}

/// What to do about it, for who has just started this.
fn advice(failure: &Failure, reconciler: &Reconciler) -> &'static str {
    match (failure, reconciler.account()) {
        (Failure::Refused(_), None) => {
            "; check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN (or the API key) against the Twilio Console: `live-users \
             doctor` looks at them"
        }
        (Failure::Refused(_), Some(_)) => {
            "; check its `sid` and the variable of its `auth_token_env` against the Twilio Console: `live-users doctor` \
             looks at them"
        }
        _ => "",
    }
}
