//! When it is the turn of somebody who asks a provider: one question at a time.

use live_users_core::Millis;

use crate::io::Now;

/// The pause before the next try when the state is too old to be compared, in milliseconds.
const BUSY_MS: u64 = 1_000;

/// The longest single wait, in milliseconds. The log's time may jump.
const WAIT_MS_MAX: u64 = 60_000;

/// Whose turn it is, and when.
pub(crate) struct Turn {
    /// A question to the provider is outstanding.
    is_asking: bool,
    /// The uptime of the next step. `None` while another event wakes it.
    wake_at: Option<Millis>,
    /// The next step is due now.
    is_due: bool,
}

impl Default for Turn {
    fn default() -> Self {
        Self { is_asking: false, wake_at: Some(Millis(0)), is_due: false }
    }
}

impl Turn {
    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.wake_at.filter(|_| !self.is_asking)
    }

    /// Marks the next step as due if its time has come.
    pub(crate) fn wake(&mut self, now: Now) {
        self.is_due |= self.deadline().is_some_and(|at| at <= now.uptime);
    }

    /// Whether the next step is due and may be taken.
    pub(crate) fn has_come(&self) -> bool {
        self.is_due && !self.is_asking
    }

    /// A question is sent.
    pub(crate) fn ask(&mut self) {
        (self.is_due, self.is_asking) = (false, true);
    }

    /// It is answered.
    pub(crate) fn answered(&mut self) {
        (self.is_due, self.is_asking) = (true, false);
    }

    /// Stops, since this replica does not lead.
    pub(crate) fn pause(&mut self) {
        (self.is_due, self.wake_at) = (false, None);
    }

    /// Goes on if it had stopped: this replica leads now.
    pub(crate) fn resume(&mut self, now: Now) {
        if self.wake_at.is_none() && !self.is_due && !self.is_asking {
            self.wake_at = Some(now.uptime);
        }
    }

    /// Waits until this moment of the log's time.
    pub(crate) fn wait_until(&mut self, now: Now, until: Millis) {
        self.wait(now, until.since(now.time).clamp(1, WAIT_MS_MAX));
    }

    /// Waits for a state that can be compared.
    pub(crate) fn wait_for_state(&mut self, now: Now) {
        self.wait(now, BUSY_MS);
    }

    fn wait(&mut self, now: Now, ms: u64) {
        self.is_due = false;
        self.wake_at = Some(Millis(now.uptime.0 + ms));
    }
}
