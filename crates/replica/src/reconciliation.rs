//! Runs the reconciler: asks the provider, one request at a time and only while this replica leads,
//! and records what follows from the answers.

use live_users_core::{Evidence, Millis};
use live_users_intake::{Action, Reconciler};
use live_users_state::record::Change;
use live_users_twilio::rest::{Answer, Failure};

use crate::commit::{Commit, Purpose};
use crate::io::{Effect, Now};
use crate::replica::{Replica, Todo, is_fresh};

/// How long to wait when what is known is too old to be compared, in milliseconds.
const BUSY_MS: u64 = 1_000;

/// The longest wait at once, in milliseconds: the log's time may be set.
const WAIT_MS_MAX: u64 = 60_000;

/// The reconciler, and what it waits for.
pub(crate) struct Reconciliation {
    pub(crate) reconciler: Reconciler,
    /// A request is on its way.
    is_asking: bool,
    /// When it goes on. An uptime; `None` while it need not be woken.
    wake_at: Option<Millis>,
    /// It is to go on now.
    is_due: bool,
}

impl Reconciliation {
    pub(crate) fn new(reconciler: Reconciler) -> Self {
        Self { reconciler, is_asking: false, wake_at: Some(Millis(0)), is_due: false }
    }

    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.wake_at.filter(|_| !self.is_asking)
    }

    /// Time has come.
    pub(crate) fn wake(&mut self, now: Now) {
        self.is_due |= self.deadline().is_some_and(|at| at <= now.uptime);
    }

    /// This replica leads from now on.
    pub(crate) fn lead(&mut self, now: Now) {
        self.wake_at = Some(now.uptime);
    }

    fn wait(&mut self, now: Now, ms: u64) {
        self.is_due = false;
        self.wake_at = Some(Millis(now.uptime.0 + ms));
    }
}

impl Replica {
    pub(crate) fn on_provider(&mut self, now: Now, answer: Result<Answer, Failure>) {
        let Some(reconciliation) = &mut self.reconciliation else { return };
        reconciliation.is_asking = false;
        reconciliation.is_due = true;
        let found = reconciliation.reconciler.receive(now.time, answer);
        self.record_found(found);
    }

    fn record_found(&mut self, found: Vec<Evidence>) {
        if !found.is_empty() {
            let changes = found.into_iter().map(Change::Evidence).collect();
            self.todo.push_back(Todo::Commit(Commit::new(Purpose::Found, changes)));
        }
    }

    /// Lets the reconciler go on by one step. Returns whether there is more to do.
    pub(crate) fn reconcile(&mut self, now: Now) -> bool {
        let leads = self.leads(now);
        let Some(reconciliation) = &mut self.reconciliation else { return false };
        if !reconciliation.is_due || reconciliation.is_asking {
            return false;
        }
        if !leads {
            // The lease wakes it.
            (reconciliation.is_due, reconciliation.wake_at) = (false, None);
            return false;
        }
        match reconciliation.reconciler.next(now.time) {
            Action::Wait(until) => {
                reconciliation.wait(now, until.since(now.time).clamp(1, WAIT_MS_MAX));
                false
            }
            Action::Ask(request) => {
                (reconciliation.is_due, reconciliation.is_asking) = (false, true);
                self.effects.push(Effect::Ask(request));
                false
            }
            Action::Compare if is_fresh(now.log_age_ms) => {
                let found = reconciliation.reconciler.compare(now.time, self.state.tracker());
                self.record_found(found);
                true
            }
            Action::Compare => {
                reconciliation.wait(now, BUSY_MS);
                // So that it is fresh by then, if it can be.
                self.todo.push_back(Todo::Refresh(Vec::new()));
                true
            }
        }
    }
}
