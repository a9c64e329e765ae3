//! The reconciler, shared by the task that runs it and the parts that show its status.

use std::sync::Arc;

use live_users_core::Millis;
use live_users_intake::agents::Agents;
use live_users_intake::{Reconciler, Status};
use parking_lot::Mutex;

/// The reconciler, if there are credentials for one. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ReconcilerHandle(pub(crate) Option<Arc<Mutex<Reconciler>>>);

impl ReconcilerHandle {
    /// Its status; `None` if there is no reconciler.
    pub(crate) fn status(&self, now: Millis) -> Option<Status> {
        self.0.as_ref().map(|reconciler| reconciler.lock().status(now))
    }

    /// Replaces the agents.
    pub(crate) fn learn(&self, agents: &Agents) {
        if let Some(reconciler) = &self.0 {
            reconciler.lock().learn(agents.clone());
        }
    }
}
