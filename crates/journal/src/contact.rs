//! What is known of the service that keeps a shared log: what time it is there, and since when all
//! that it has is known here.

use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// For other threads than the journal's; cheap to clone. That of a log of one process, which is the
/// default, is always up to date and has the time of this machine.
#[derive(Clone, Debug, Default)]
pub struct Contact(Option<Arc<Service>>);

struct Service {
    start: Instant,
    /// In milliseconds after `start`: all that the log had at this moment is known here.
    known_ms: AtomicU64,
    /// The service's clock less that of this machine, in milliseconds.
    ahead_ms: AtomicI64,
    grown: OnceLock<Box<dyn Fn() + Send + Sync>>,
    trouble: Mutex<Option<String>>,
}

impl Contact {
    /// With the service of a shared log, all of which is known here as of now.
    #[must_use]
    pub fn with_service() -> Self {
        let (known_ms, ahead_ms) = (AtomicU64::new(0), AtomicI64::new(0));
        Self(Some(Arc::new(Service {
            start: Instant::now(),
            known_ms,
            ahead_ms,
            grown: OnceLock::new(),
            trouble: Mutex::default(),
        })))
    }

    /// As [`Contact::with_service`], but nothing was heard of the service for so long: for tests of
    /// what follows from that.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_service_unheard_for(age: Duration) -> Self {
        let mut contact = Self::with_service();
        if let Some(service) = contact.0.as_mut().and_then(Arc::get_mut) {
            service.start = service.start.checked_sub(age).unwrap_or(service.start);
        }
        contact
    }

    /// The time of the log at this time of the machine's clock, both in milliseconds since the Unix
    /// epoch.
    #[must_use]
    pub fn ms(&self, machine_ms: u64) -> u64 {
        let ahead_ms = self.0.as_ref().map_or(0, |it| it.ahead_ms.load(Ordering::Relaxed));
        machine_ms.saturating_add_signed(ahead_ms)
    }

    /// How long ago it was last known that all that the log has can be read here. Zero for a log of
    /// one process.
    #[must_use]
    pub fn age(&self) -> Duration {
        let Some(service) = &self.0 else { return Duration::ZERO };
        let known = Duration::from_millis(service.known_ms.load(Ordering::Acquire));
        service.start.elapsed().saturating_sub(known)
    }

    /// What is wrong between here and the service, as an operator can be told it.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.as_ref().and_then(|it| it.trouble.lock().clone())
    }

    /// For engines: this is wrong, or nothing is.
    pub fn set_trouble(&self, trouble: Option<String>) {
        if let Some(service) = &self.0 {
            *service.trouble.lock() = trouble;
        }
    }

    /// Has this called whenever others have appended something, from any thread and soon; it is to
    /// be short. Only the first such call counts.
    pub fn on_growth(&self, tell: impl Fn() + Send + Sync + 'static) {
        if let Some(service) = &self.0 {
            let _only_the_first = service.grown.set(Box::new(tell));
        }
    }

    /// For engines: all that the log had at this moment is known here.
    pub fn known_at(&self, moment: Instant) {
        if let Some(service) = &self.0 {
            let after = moment.saturating_duration_since(service.start).as_millis();
            let after = u64::try_from(after).unwrap_or(u64::MAX);
            service.known_ms.fetch_max(after, Ordering::AcqRel);
        }
    }

    /// For engines: the service's clock showed this, just when the machine's showed that, in
    /// milliseconds since the Unix epoch.
    pub fn compared(&self, service_ms: u64, machine_ms: u64) {
        if let Some(service) = &self.0 {
            let ahead_ms = i128::from(service_ms) - i128::from(machine_ms);
            let ahead_ms = i64::try_from(ahead_ms).unwrap_or(0);
            service.ahead_ms.store(ahead_ms, Ordering::Relaxed);
        }
    }

    /// For engines: there is more to read than there was.
    pub fn has_grown(&self) {
        if let Some(tell) = self.0.as_ref().and_then(|it| it.grown.get()) {
            tell();
        }
    }
}

impl Debug for Service {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("ahead_ms", &self.ahead_ms).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_one_process_is_up_to_date_and_has_the_time_of_the_machine() {
        let contact = Contact::default();
        contact.compared(5, 3);
        contact.has_grown();
        assert_eq!((contact.age(), contact.ms(7)), (Duration::ZERO, 7));
    }

    #[test]
    fn a_shared_log_has_the_time_of_its_service() {
        let contact = Contact::with_service();
        for (service_ms, machine_ms, at, expected) in
            [(3_600_007, 7, 10, 3_600_010), (7, 3_600_007, 3_600_010, 10), (7, 9, 1, 0)]
        {
            contact.compared(service_ms, machine_ms);
            assert_eq!(contact.clone().ms(at), expected);
        }
    }

    #[test]
    fn what_was_known_later_is_not_forgotten_for_what_was_known_before() {
        let contact = Contact::with_service();
        let Some(service) = &contact.0 else { panic!("there is one") };
        for (after_ms, known_ms) in [(90, 90), (30, 90), (120, 120)] {
            contact.known_at(service.start + Duration::from_millis(after_ms));
            assert_eq!(service.known_ms.load(Ordering::Relaxed), known_ms);
        }
    }

    #[test]
    fn growth_is_told_to_the_first_who_asked() {
        let contact = Contact::with_service();
        contact.has_grown();
        let told = Arc::new(AtomicU64::new(0));
        for weight in [1, 100] {
            let told = told.clone();
            contact.on_growth(move || {
                told.fetch_add(weight, Ordering::Relaxed);
            });
        }
        contact.has_grown();
        contact.clone().has_grown();
        assert_eq!(told.load(Ordering::Relaxed), 2);
    }
}
