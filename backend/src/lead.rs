//! Of several replicas one leads: it asks the provider, and gives calls up that are too old. All of
//! them count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use live_users_journal::{LEASE_MS, Lease};
use log::{debug, info};

/// Whoever leads stops so long before the lease is over, in milliseconds: what was begun by then is
/// to be done before another one takes it.
const MARGIN_MS: u64 = 2_000;

/// How often the lease is renewed, or tried to be had, in milliseconds.
const TRY_EVERY_MS: u64 = LEASE_MS / 4;

const _: () = assert!(MARGIN_MS + 2 * TRY_EVERY_MS < LEASE_MS);

/// Whether this replica leads. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Lead {
    start: Instant,
    /// In milliseconds after `start`.
    until_ms: Arc<AtomicU64>,
}

impl Lead {
    /// It does not, yet.
    pub(crate) fn none() -> Self {
        Self { start: Instant::now(), until_ms: Arc::default() }
    }

    /// Whether it leads now.
    pub(crate) fn is_held(&self) -> bool {
        self.after(Instant::now()) < self.until_ms.load(Ordering::Relaxed)
    }

    fn after(&self, moment: Instant) -> u64 {
        let after = moment.saturating_duration_since(self.start).as_millis();
        u64::try_from(after).unwrap_or(u64::MAX)
    }

    /// Tries once, and says whether the lease is held.
    fn hold(&self, lease: &mut dyn Lease) -> bool {
        let asked = self.after(Instant::now());
        let was_held = self.is_held();
        match lease.hold() {
            Ok(true) => {
                self.until_ms.store(asked + LEASE_MS - MARGIN_MS, Ordering::Relaxed);
                if !was_held {
                    debug!("this replica leads: it asks the provider, and gives old calls up");
                }
            }
            Ok(false) => {
                self.until_ms.store(0, Ordering::Relaxed);
                if was_held {
                    info!("another replica leads now");
                }
            }
            // What was held is held until its time is over.
            Err(error) => debug!("the lease cannot be asked for: {error}"),
        }
        self.is_held()
    }
}

/// Holds the lease whenever it can be had, until this is dropped or aborted. The lease itself is
/// given back when the thread that asks for it notices.
pub(crate) async fn run(lead: Lead, lease: Box<dyn Lease>) {
    let mut lease = Held(lease);
    loop {
        let asking = lead.clone();
        // It blocks for as long as the journal's servers do not answer.
        let asked = tokio::task::spawn_blocking(move || {
            asking.hold(&mut *lease.0);
            lease
        });
        match asked.await {
            Ok(held) => lease = held,
            Err(_) => return,
        }
        tokio::time::sleep(Duration::from_millis(TRY_EVERY_MS)).await;
    }
}

/// Given back when it is dropped, so that another replica need not wait.
struct Held(Box<dyn Lease>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use live_users_journal::{Journal, JournalError, Memory};

    use super::*;

    struct Failing;

    impl Lease for Failing {
        fn hold(&mut self) -> Result<bool, JournalError> {
            Err(JournalError::Latched { why: "it is cut off".to_owned() })
        }
    }

    #[test]
    fn whoever_has_the_journal_alone_leads() {
        let journal = Memory::with_epoch(1).open().unwrap();
        let (lead, mut lease) = (Lead::none(), journal.lease("lead").unwrap());
        assert!(!lead.is_held());
        assert!(lead.hold(&mut *lease) && lead.clone().is_held());
    }

    #[test]
    fn one_of_two_leads_and_the_other_one_when_it_is_given_back() {
        let log = Memory::with_epoch(1);
        let replica = || {
            let journal: Box<dyn Journal> = log.open_shared().unwrap().0;
            (Lead::none(), Held(journal.lease("lead").unwrap()))
        };
        let ((a, mut of_a), (b, mut of_b)) = (replica(), replica());
        assert!(a.hold(&mut *of_a.0) && !b.hold(&mut *of_b.0));
        drop(of_a);
        assert!(b.hold(&mut *of_b.0));
    }

    #[test]
    fn a_lease_that_cannot_be_renewed_is_held_until_its_time_is_over() {
        let journal = Memory::with_epoch(1).open().unwrap();
        let (lead, mut lease) = (Lead::none(), journal.lease("lead").unwrap());
        assert!(!lead.hold(&mut Failing));
        lead.hold(&mut *lease);
        assert!(lead.hold(&mut Failing));
        lead.until_ms.store(0, Ordering::Relaxed);
        assert!(!lead.hold(&mut Failing));
    }
}
