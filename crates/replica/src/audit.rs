//! Recounts the calls now and then, and compares: the invariants of the core, in production.
//!
//! A recount takes time in proportion to the calls that are known. So it is rare, it waits while
//! much is being recorded, and of many calls it is made on a copy, by another thread.

use std::fmt;

use live_users_core::{Millis, Tracker};

use crate::io::{Effect, Now};
use crate::replica::{RETRY_EVERY_MS, Replica, Todo};

/// The interval between two recounts, in milliseconds.
pub const AUDIT_EVERY_MS: u64 = 60_000;

/// The most known calls that are recounted within a step. More are copied, because a copy takes a
/// small part of the time.
pub const AUDIT_CALLS_MAX: usize = 5_000;

/// The most known calls that are recounted so often.
pub const AUDIT_OFTEN_CALLS_MAX: usize = 50_000;

/// The interval between two recounts of more calls, in milliseconds. A recount that has to wait
/// waits for so long at most.
pub const AUDIT_RARELY_MS: u64 = 600_000;

/// The most known calls that are copied. More would take too much memory at once.
pub const AUDIT_COPY_CALLS_MAX: usize = 500_000;

/// A batch of so many pieces of evidence means that much is being recorded.
const BUSY_BATCH: usize = 64;

/// Recounts a tracker. An error names the invariant that does not hold.
pub type Check = fn(&Tracker) -> Result<(), String>;

/// Recounts everything that the core promises. The error has no number of a caller or an agent.
///
/// # Errors
/// The name of the invariant that does not hold.
pub fn check_invariants(tracker: &Tracker) -> Result<(), String> {
    // What was kept and what was recounted may name addresses.
    let name = |violation: String| violation.split(": kept ").next().unwrap_or("").to_owned();
    tracker.check().map_err(|violation| name(violation.to_string()))
}

/// What the recounts have found since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// The number of recounts.
    pub checks: u64,
    /// Of these, those that found another number.
    pub violations: u64,
    /// The first invariant that did not hold. From then on the numbers may be wrong.
    pub violated: Option<String>,
}

/// A copy of the calls to recount, beside the replica. [`crate::Input::Audited`] takes the result.
pub struct AuditTask {
    tracker: Box<Tracker>,
    check: Check,
}

impl AuditTask {
    /// Recounts it.
    ///
    /// # Errors
    /// The name of the invariant that does not hold.
    pub fn perform(self) -> Result<(), String> {
        (self.check)(&self.tracker)
    }
}

impl fmt::Debug for AuditTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditTask").field("known", &self.tracker.known()).finish()
    }
}

/// When the next recount is due. Times are uptimes.
#[derive(Debug)]
pub(crate) struct Audit {
    check: Check,
    due: Millis,
    /// When it was due before it had to wait.
    waits_since: Option<Millis>,
    /// The last moment at which much was being recorded.
    busy_at: Option<Millis>,
    is_outstanding: bool,
    report: AuditReport,
}

impl Audit {
    fn new(check: Check) -> Self {
        Self {
            check,
            due: Millis(0),
            waits_since: None,
            busy_at: None,
            is_outstanding: false,
            report: AuditReport::default(),
        }
    }

    fn note(&mut self, result: Result<(), String>) {
        self.report.checks += 1;
        let Err(violated) = result else { return };
        log::error!(
            "the numbers do not agree with the calls ({violated}): they may be wrong until a restart"
        );
        self.report.violations += 1;
        self.report.violated.get_or_insert(violated);
    }
}

impl Replica {
    /// The same replica, which recounts its calls with this function now and then.
    #[must_use]
    pub fn auditing(mut self, check: Check) -> Self {
        self.audit = Some(Audit::new(check));
        self
    }

    /// What the recounts have found since the start, if there are any.
    pub fn audit_report(&self) -> Option<&AuditReport> {
        self.audit.as_ref().map(|audit| &audit.report)
    }

    /// Notes a batch of so many pieces of evidence.
    pub(crate) fn note_batch(&mut self, now: Now, size: usize) {
        if let Some(audit) = self.audit.as_mut().filter(|_| size >= BUSY_BATCH) {
            audit.busy_at = Some(now.uptime);
        }
    }

    /// The uptime at which the next recount is due.
    pub(crate) fn audit_due(&self) -> Option<Millis> {
        self.audit.as_ref().map(|audit| audit.due)
    }

    pub(crate) fn tick_audit(&mut self, now: Now) {
        if let Some(audit) = self.audit.as_mut().filter(|audit| audit.due <= now.uptime) {
            audit.due = Millis(now.uptime.0 + RETRY_EVERY_MS);
            self.todo.push_back(Todo::Audit);
        }
    }

    /// Recounts, or lets another thread do it, or waits for a quiet moment.
    pub(crate) fn begin_audit(&mut self, now: Now) {
        let Some(audit) = &mut self.audit else { return };
        let tracker = self.state.tracker();
        let since = *audit.waits_since.get_or_insert(now.uptime);
        let is_busy = audit.busy_at.is_some_and(|at| now.uptime.since(at) < RETRY_EVERY_MS);
        let has_waited_long = now.uptime.since(since) >= AUDIT_RARELY_MS;
        if audit.is_outstanding || (is_busy && !has_waited_long) {
            return;
        }
        audit.waits_since = None;
        let is_often = tracker.known() <= AUDIT_OFTEN_CALLS_MAX;
        audit.due = Millis(now.uptime.0 + if is_often { AUDIT_EVERY_MS } else { AUDIT_RARELY_MS });
        if tracker.known() <= AUDIT_CALLS_MAX && !is_busy {
            let result = (audit.check)(tracker);
            return audit.note(result);
        }
        if tracker.known() <= AUDIT_COPY_CALLS_MAX {
            audit.is_outstanding = true;
            let (tracker, check) = (Box::new(tracker.clone()), audit.check);
            self.effects.push(Effect::Audit(AuditTask { tracker, check }));
        }
    }

    pub(crate) fn on_audited(&mut self, result: Result<(), String>) {
        if let Some(audit) = &mut self.audit {
            audit.is_outstanding = false;
            audit.note(result);
        }
    }
}
