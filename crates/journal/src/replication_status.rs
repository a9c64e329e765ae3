//! The status of a shared log at one replica, for any thread: the service's time, the age of the
//! replica's knowledge, and the trouble between the two. It also calls a function after appends of
//! other replicas.
//!
//! Each of these is a part of its own. This type only holds them together.

mod append_hook;
mod clock_offset;
mod freshness;
mod warnings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use self::append_hook::AppendHook;
use self::clock_offset::ClockOffset;
use self::freshness::Freshness;
pub use self::warnings::WarningKind;
use self::warnings::Warnings;

/// Cheap to clone; clones have the same status. The default is that of a log of one process, which
/// is always up to date and has the time of this machine.
#[derive(Clone, Debug, Default)]
pub struct ReplicationStatus(Option<Arc<Parts>>);

/// Present for a shared log only.
#[derive(Debug)]
struct Parts {
    clock_offset: ClockOffset,
    freshness: Freshness,
    append_hook: AppendHook,
    trouble: Mutex<Option<String>>,
    warnings: Warnings,
}

impl ReplicationStatus {
    /// The status of a shared log that is completely known now.
    #[must_use]
    pub fn with_service() -> Self {
        Self::of(Freshness::new())
    }

    /// As [`ReplicationStatus::with_service`], but the last news of the service is this old.
    #[must_use]
    pub fn with_service_unheard_for(age: Duration) -> Self {
        Self::of(Freshness::of_age(age))
    }

    fn of(freshness: Freshness) -> Self {
        Self(Some(Arc::new(Parts {
            clock_offset: ClockOffset::default(),
            freshness,
            append_hook: AppendHook::default(),
            trouble: Mutex::default(),
            warnings: Warnings::default(),
        })))
    }

    /// The log's time at this time of the machine's clock, both in milliseconds since the Unix
    /// epoch.
    #[must_use]
    pub fn log_time_ms(&self, machine_ms: u64) -> u64 {
        self.0.as_ref().map_or(machine_ms, |it| it.clock_offset.service_ms(machine_ms))
    }

    /// The age of what can be read here: this long ago, it was the whole log. Zero for a log of one
    /// process.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |it| it.freshness.age())
    }

    /// The trouble between this replica and the service, as a text for operators.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.as_ref().and_then(|it| it.trouble.lock().clone())
    }

    /// What an operator should look into although the log can be used, at most one of each kind.
    #[must_use]
    pub fn warnings(&self) -> Vec<(WarningKind, String)> {
        self.0.as_ref().map_or_else(Vec::new, |it| it.warnings.all())
    }

    /// Calls this function soon after other replicas have appended records. It is called from any
    /// thread and has to be short. Only the first function counts.
    pub fn on_append(&self, hook: impl Fn() + Send + Sync + 'static) {
        if let Some(parts) = &self.0 {
            parts.append_hook.set(hook);
        }
    }

    /// For engines: sets the trouble, or that there is none.
    pub fn set_trouble(&self, trouble: Option<String>) {
        if let Some(parts) = &self.0 {
            *parts.trouble.lock() = trouble;
        }
    }

    /// For engines: sets the warning of this kind, or that there is none.
    pub fn set_warning(&self, kind: WarningKind, text: Option<String>) {
        if let Some(parts) = &self.0 {
            parts.warnings.set(kind, text);
        }
    }

    /// For engines: everything that was in the log at this moment can be read here.
    pub fn known_at(&self, moment: Instant) {
        if let Some(parts) = &self.0 {
            parts.freshness.known_at(moment);
        }
    }

    /// For engines: the clocks of the service and of the machine at the same moment, in
    /// milliseconds since the Unix epoch.
    pub fn set_clock_offset(&self, service_ms: u64, machine_ms: u64) {
        if let Some(parts) = &self.0 {
            parts.clock_offset.set(service_ms, machine_ms);
        }
    }

    /// For engines: more can be read than before.
    pub fn notify_append(&self) {
        if let Some(parts) = &self.0 {
            parts.append_hook.call();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_one_process_is_up_to_date_and_has_the_time_of_the_machine() {
        let status = ReplicationStatus::default();
        status.set_clock_offset(5, 3);
        status.notify_append();
        status.set_trouble(Some("none".to_owned()));
        status.set_warning(WarningKind::OldServers, Some("none".to_owned()));
        assert_eq!(status.warnings(), []);
        assert_eq!(
            (status.age(), status.log_time_ms(7), status.trouble()),
            (Duration::ZERO, 7, None)
        );
    }

    #[test]
    fn clones_show_the_same_status() {
        let status = ReplicationStatus::with_service_unheard_for(Duration::from_secs(3_600));
        let clone = status.clone();
        status.set_clock_offset(3_600_007, 7);
        status.set_trouble(Some("no answer".to_owned()));
        assert_eq!(
            (clone.log_time_ms(10), clone.trouble().as_deref()),
            (3_600_010, Some("no answer"))
        );
        let warning = |text: &str| Some(text.to_owned());
        status.set_warning(WarningKind::LostStream, warning("the first"));
        status.set_warning(WarningKind::LostStream, warning("the second"));
        assert_eq!(clone.warnings(), [(WarningKind::LostStream, "the second".to_owned())]);
        status.set_warning(WarningKind::LostStream, None);
        assert_eq!(clone.warnings(), []);
        assert!(clone.age() >= Duration::from_secs(3_600));
        status.known_at(Instant::now());
        assert!(clone.age() < Duration::from_secs(3_600));
    }
}
